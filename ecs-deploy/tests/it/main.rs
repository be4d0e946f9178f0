//! Rollouts on the emulator, on a clock that costs no time.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod calls;
mod demo;
mod faults;
mod outcome;
mod policy;
mod prune;
mod refused;
mod remedy;
mod revision;
mod task;
mod traits;
