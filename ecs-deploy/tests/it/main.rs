//! Rollouts on the emulator, with a paused clock.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod calls;
mod causes;
mod course;
mod demo;
mod draining;
mod every_member;
mod faults;
mod first_look;
mod fleet;
mod hostile;
#[cfg(feature = "ecr")]
mod image_check;
mod inactive;
mod kept;
mod lists;
mod no_end;
mod outcome;
#[path = "../../../ecr-push/tests/it/panics.rs"]
mod panics;
mod plan;
mod policy;
mod pressure;
mod prune;
mod races;
mod refused;
mod register;
mod remedy;
mod revision;
mod rollback;
mod scenarios;
mod soak;
mod sources;
mod stages;
mod task;
mod task_end;
mod task_start;
mod traits;
mod waiter;
