//! Integration tests of `ecr-push` against the strict emulator.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod answers;
mod auto_traits;
mod caller;
mod client;
mod compressed_push;
mod docker_config;
mod events;
mod faults;
mod gaps;
mod image;
mod image_archive;
mod image_compression;
mod image_docker;
mod image_index_json;
mod image_kinds;
mod image_memory;
mod image_platform;
mod image_random;
mod image_stream;
mod image_tables;
mod layout;
mod panics;
mod plan;
mod policy;
mod property;
mod push;
mod recovery;
mod refused;
mod registry;
mod registry_answers;
mod reported;
mod reports;
mod resume;
mod several;
mod shutdown;
mod signature;
mod special_files;
mod tarball;
mod token;
mod token_clocks;
mod transports;
mod v2;
mod world;
