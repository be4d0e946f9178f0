//! The emulator through AWS's own clients.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod ecr;
mod ecr_deletes;
mod ecr_downloads;
mod ecr_images;
mod ecr_layers;
mod ecr_lookups;
mod ecr_manifests;
mod ecr_mutability;
mod ecr_scripts;
mod ecs;
mod ecs_calls;
mod ecs_demo;
mod ecs_failures;
mod ecs_model;
mod ecs_normal;
mod ecs_property;
mod ecs_protection;
mod ecs_raw;
mod ecs_registration;
mod ecs_requirements;
mod ecs_rollout;
mod ecs_scenarios;
mod ecs_strategies;
mod ecs_tasks;
mod faults;
mod iam;
mod middlebox;
mod property;
mod sts;
mod v2;
mod v2_access;
mod v2_images;
mod v2_uploads;
mod v2_wire;
mod wire;
mod wire_guard;
mod wire_serve;
