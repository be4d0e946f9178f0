//! The emulator through AWS's own clients.

mod ecs;
mod ecs_rollout;
