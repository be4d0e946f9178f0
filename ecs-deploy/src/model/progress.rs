//! [`Progress`]: how many tasks a deployment has.

use std::fmt;

use serde::Serialize;

/// How many tasks of a deployment there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub(crate) desired: u32,
    pub(crate) running: u32,
    pub(crate) pending: u32,
    pub(crate) failed: u32,
}

impl Progress {
    /// How many the service wants.
    pub fn desired(&self) -> u32 {
        self.desired
    }

    /// How many run.
    pub fn running(&self) -> u32 {
        self.running
    }

    /// How many are on their way.
    pub fn pending(&self) -> u32 {
        self.pending
    }

    /// How many failed in a row, as ECS counts: a healthy task sets it back.
    pub fn failed(&self) -> u32 {
        self.failed
    }
}

/// `1 of 2 running, 1 pending, 3 failed`
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
