//! Rollouts on the emulator, on a clock that costs no time.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod calls;
mod demo;
mod every_member;
mod faults;
mod outcome;
mod refused;
mod register;
mod remedy;
mod revision;
mod sources;
mod traits;
