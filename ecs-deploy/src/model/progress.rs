//! [`Progress`]: the numbers of a deployment's tasks.

use std::fmt;

use serde::Serialize;

/// The numbers of a deployment's tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub(crate) desired: u32,
    pub(crate) running: u32,
    pub(crate) pending: u32,
    pub(crate) failed: u32,
}

impl Progress {
    /// Returns the desired number of tasks.
    pub fn desired(&self) -> u32 {
        self.desired
    }

    /// Returns the number of running tasks.
    pub fn running(&self) -> u32 {
        self.running
    }

    /// Returns the number of pending tasks.
    pub fn pending(&self) -> u32 {
        self.pending
    }

    /// Returns the number of consecutive failures, as ECS counts them: a healthy task resets it.
    pub fn failed(&self) -> u32 {
        self.failed
    }
}

/// Prints `1 of 2 running, 1 pending, 3 failed`.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { desired, running, pending, failed } = self;
        write!(f, "{running} of {desired} running")?;
        for (count, what) in [(pending, "pending"), (failed, "failed")] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}
