//! What the example programs share: a session with AWS or with the emulator, a demonstration
//! image, the story of a push and of a rollout on the screen, and how a program ends.

mod demo;
mod ending;
mod progress;
mod rollout;
mod session;
mod story;
mod traffic;

pub use crate::demo::DemoImage;
pub use crate::ending::{BoxError, run};
pub use crate::progress::show_push;
pub use crate::rollout::show_roll_out;
pub use crate::session::Session;
pub use crate::story::Story;
pub use crate::traffic::Traffic;

/// Compiles the code in the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
