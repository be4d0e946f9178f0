//! `ecr-push` against the strict emulator.

mod auto_traits;
mod events;
mod faults;
mod image;
mod layout;
mod push;
mod world;
