//! Tests of the public interface, in one binary.

// `clippy.toml` allows it in the tests themselves, not in what they call.
#![allow(clippy::unwrap_used)]

mod api;
mod event_bridge;
mod files;
mod messages;
mod round_trip;
mod rules;
