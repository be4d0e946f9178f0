//! The example programs, as a shell runs them.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod codebuild;
mod deploy;
mod doctor;
mod ecr_event;
mod ecr_hosts;
mod ecr_push;
mod login;
mod multi_arch;
mod pipeline;
mod program;
mod promote;
mod push;
