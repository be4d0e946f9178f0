//! The emulator through AWS's own clients.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod ecr;
mod ecr_images;
mod ecr_layers;
mod ecr_lookups;
mod ecs;
mod ecs_rollout;
mod faults;
mod iam;
mod property;
mod sts;
mod wire;
mod wire_serve;
