//! Tests of the public interface, in one binary.

// `clippy.toml` allows it in the tests themselves, not in what they call.
#![allow(clippy::unwrap_used)]

mod api;
mod causes;
mod differential;
mod event_bridge;
mod files;
mod hostile;
mod messages;
mod promotion;
mod repair;
mod round_trip;
mod rules;
mod serialized;
