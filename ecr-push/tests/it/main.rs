//! `ecr-push` against the strict emulator.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod auto_traits;
mod events;
mod faults;
mod image;
mod layout;
mod push;
mod refused;
mod world;
