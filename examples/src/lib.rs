//! Shared parts of the example programs: a session with AWS or the emulator, a demonstration image
//! and services, image arguments, the output of a push and a rollout, saved files and exit codes.

mod demo;
mod demo_services;
mod ending;
mod images;
mod output;
mod progress;
mod rollout;
mod saved;
mod session;
mod story;
mod traffic;

pub use crate::demo::DemoImage;
pub use crate::demo_services::create_services;
pub use crate::ending::{BoxError, run};
pub use crate::images::Images;
pub use crate::output::check_writable;
pub use crate::progress::show_push;
pub use crate::rollout::{plan_text, show_diff, show_events, show_roll_out};
pub use crate::saved::{load, save};
pub use crate::session::Session;
pub use crate::story::Story;
pub use crate::traffic::Traffic;

/// Compiles the code in the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
