//! The emulator through AWS's own clients.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod ecr;
mod ecr_layers;
mod ecs;
mod ecs_rollout;
