//! Tests that run the example programs like a shell.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod check_taskdef;
mod codebuild;
mod definitions;
mod deploy;
mod deploy_events;
mod deploy_from_git;
mod deploy_plan;
mod doctor;
mod doctor_formats;
mod ecr_event;
mod ecr_event_lambda;
mod ecr_hosts;
mod ecr_push;
mod endings;
mod fleet;
mod images;
mod imports;
mod login;
mod migrate;
mod multi_arch;
mod pipeline;
mod policy;
mod policy_roles;
mod program;
mod promote;
mod proxy;
mod prune;
mod push;
mod rollback;
mod saved;
mod secrets;
mod streams;
