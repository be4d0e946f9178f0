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
    /// The running and pending tasks of earlier deployments.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) old: u32,
    /// Whether only old tasks keep the deployment from being complete.
    #[serde(rename = "draining", skip_serializing_if = "is_false")]
    pub(crate) is_draining: bool,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn is_false(value: &bool) -> bool {
    !value
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

    /// Returns whether all tasks run and none has failed.
    pub(crate) fn all_run(&self) -> bool {
        self.desired > 0 && self.running >= self.desired && (self.pending, self.failed) == (0, 0)
    }

    /// Returns whether the numbers of the deployment's own tasks are the same.
    pub(crate) fn has_same_numbers(&self, other: &Self) -> bool {
        let own = |it: &Self| (it.desired, it.running, it.pending, it.failed);
        own(self) == own(other)
    }

    /// Returns the number of running and pending tasks of earlier deployments. A task that is
    /// stopping isn't counted.
    pub fn old(&self) -> u32 {
        self.old
    }

    /// Returns whether the deployment only waits for the tasks of earlier ones to stop: all its own
    /// tasks run, and none has failed. Long connections and the scale-in protection of tasks can
    /// keep old tasks for hours. Always `false` for a deployment with stages, which keeps the old
    /// tasks on purpose.
    pub fn is_draining(&self) -> bool {
        self.is_draining
    }
}

/// Prints `1 of 2 running, 1 pending, 3 failed`.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { desired, running, pending, failed, .. } = self;
        write!(f, "{running} of {desired} running")?;
        for (count, what) in [(pending, "pending"), (failed, "failed")] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}
