//! `ecr-push` against the strict emulator.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod auto_traits;
mod events;
mod faults;
mod image;
mod image_archive;
mod image_compression;
mod image_docker;
mod image_memory;
mod image_platform;
mod image_random;
mod layout;
mod push;
mod refused;
mod tarball;
mod world;
