//! What the example programs share: a session with AWS or with the emulator, a demonstration
//! image, the story of a push on the screen, and how a program ends.

mod demo;
mod ending;
mod progress;
mod session;
mod story;
mod traffic;

pub use crate::demo::DemoImage;
pub use crate::ending::{BoxError, end};
pub use crate::progress::show_push;
pub use crate::session::Session;
pub use crate::story::Story;
pub use crate::traffic::Traffic;

/// Compiles the code in the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
