//! What the example programs share: a session with AWS or with the emulator, a demonstration
//! image and services, images as arguments, the story of a push and of a rollout on the screen, what
//! one process saves for another, and how a program ends.

mod demo;
mod demo_services;
mod ending;
mod images;
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
