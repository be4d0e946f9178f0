//! The part of an error's message that describes the rollout.

use std::fmt;

use crate::model::cause::FailureCause;
use crate::model::handle::Handle;
use crate::model::pause::Pause;
use crate::model::progress::Progress;
use crate::model::task_failure::TaskFailure;
use crate::names::service::Service;
use crate::outside::Outside;

/// The rollout that an error is about, with its failed tasks.
#[derive(Debug)]
pub(crate) struct RolloutReport {
    pub(crate) handle: Handle,
    /// The last progress that ECS reported; `None` before the first report.
    pub(crate) last: Option<Progress>,
    /// ECS's own reason; may be empty.
    pub(crate) reason: String,
    pub(crate) failures: Vec<TaskFailure>,
    /// The reaction to the failure.
    pub(crate) remedy: Remedy,
}

impl RolloutReport {
    pub(super) fn service(&self) -> &Service {
        self.handle.service()
    }

    /// Returns `FAMILY:REVISION`.
    pub(super) fn revision(&self) -> Outside<&str> {
        Outside::new(self.handle.record().short())
    }

    pub(super) fn deployment(&self) -> Outside<&str> {
        Outside::new(self.handle.deployment())
    }

    /// Returns the number of old tasks that remain, as a part of a message.
    pub(super) fn old(&self) -> String {
        match self.last.map_or(0, |it| it.old) {
            0 => String::new(),
            old => format!(", {old} old"),
        }
    }

    /// Returns the cause of the failure, as the end of a message; empty if it is unknown.
    pub(super) fn cause(&self) -> String {
        let failures = self.failures.as_slice();
        // A task that a user stopped explains the failure least.
        let by_itself = failures.iter().find(|it| it.cause() != FailureCause::StoppedByUser);
        match (by_itself.or(failures.first()), failures.len()) {
            (None, _) if self.reason.is_empty() => String::new(),
            (None, _) => format!(": {}", Outside::new(self.reason.trim_end_matches('.'))),
            (Some(only), 1) => format!(": {}", only.explanation()),
            (Some(first), all) => {
                format!(": {} ({} other tasks also stopped)", first.explanation(), all - 1)
            }
        }
    }
}

/// The result of [`OnFailure::RollBack`](crate::OnFailure::RollBack).
#[derive(Debug)]
pub(crate) enum Remedy {
    /// The caller didn't ask for a rollback, and ECS still tries.
    GoesOn,
    /// The caller didn't ask for a rollback.
    NotAsked,
    /// ECS rolls back to this `FAMILY:REVISION`.
    RollingBack(String),
    /// ECS didn't answer the request to roll back to this `FAMILY:REVISION`.
    Unanswered(String),
    /// The service has no earlier revision, the state of the deployment is unknown, or ECS refused;
    /// holds the reason.
    Unavailable(String),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::GoesOn => f.write_str("; ECS continues it"),
            Remedy::NotAsked => Ok(()),
            Remedy::RollingBack(to) => {
                write!(f, "; it is being rolled back to {}", Outside::new(to))
            }
            Remedy::Unanswered(to) => {
                write!(f, "; ECS didn't answer the request to roll back to {}", Outside::new(to))
            }
            Remedy::Unavailable(why) => {
                write!(f, "; it couldn't be rolled back: {}", Outside::new(why))
            }
        }
    }
}

/// Returns ECS's action if the pause is never resolved, as the end of a message.
pub(super) fn by_itself(pause: &Pause) -> String {
    match pause.on_timeout() {
        None => String::new(),
        Some(action) => {
            format!("; without a decision, ECS applies {action} when the hook times out")
        }
    }
}

pub(super) fn back_to(revision: Option<&str>) -> String {
    revision.map(|it| format!(" to {}", Outside::new(it))).unwrap_or_default()
}

pub(super) fn going_back(revision: Option<&str>) -> String {
    revision.map(|it| format!("; ECS rolls back to {}", Outside::new(it))).unwrap_or_default()
}
