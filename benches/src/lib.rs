//! What the benchmarks share: see README.md.

pub mod layout;
pub mod process;
pub mod sink;
