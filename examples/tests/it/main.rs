//! The example programs, as a shell runs them.

mod deploy;
mod pipeline;
mod program;
mod push;
