//! What an error says of the rollout that it is about.

use std::fmt;

use crate::model::cause::FailureCause;
use crate::model::handle::Handle;
use crate::model::pause::Pause;
use crate::model::progress::Progress;
use crate::model::task_failure::TaskFailure;
use crate::names::service::Service;

/// Which rollout an error is about, and what became of its tasks.
#[derive(Debug)]
pub(crate) struct RolloutReport {
    pub(crate) handle: Handle,
    /// When it was last seen; none where it never was.
    pub(crate) last: Option<Progress>,
    /// ECS's own words; may be empty.
    pub(crate) reason: String,
    pub(crate) failures: Vec<TaskFailure>,
    /// What was done about it.
    pub(crate) remedy: Remedy,
}

impl RolloutReport {
    pub(super) fn service(&self) -> &Service {
        self.handle.service()
    }

    /// `FAMILY:REVISION`
    pub(super) fn revision(&self) -> &str {
        self.handle.record().short()
    }

    /// Why the rollout failed, to follow what failed; empty if nothing is known.
    pub(super) fn cause(&self) -> String {
        let failures = self.failures.as_slice();
        // What somebody stopped explains least.
        let by_itself = failures.iter().find(|it| it.cause() != FailureCause::StoppedByUser);
        match (by_itself.or(failures.first()), failures.len()) {
            (None, _) if self.reason.is_empty() => String::new(),
            (None, _) => format!(": {}", self.reason.trim_end_matches('.')),
            (Some(only), 1) => format!(": {}", only.explanation()),
            (Some(first), all) => {
                format!(": {} ({} more stopped too)", first.explanation(), all - 1)
            }
        }
    }
}

/// What became of [`OnFailure::RollBack`](crate::OnFailure::RollBack).
#[derive(Debug)]
pub(crate) enum Remedy {
    /// It wasn't asked for, and ECS hasn't given up yet.
    GoesOn,
    /// It wasn't asked for.
    NotAsked,
    /// ECS was told to go back to this `FAMILY:REVISION`.
    RollingBack(String),
    /// The same, but it didn't answer.
    Unanswered(String),
    /// There is nothing to go back to, it isn't known whether to, or ECS refused.
    Unavailable(String),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::GoesOn => f.write_str("; ECS goes on with it"),
            Remedy::NotAsked => Ok(()),
            Remedy::RollingBack(to) => write!(f, "; it is being rolled back to {to}"),
            Remedy::Unanswered(to) => {
                write!(f, "; it was to be rolled back to {to}, but ECS didn't answer")
            }
            Remedy::Unavailable(why) => write!(f, "; it couldn't be rolled back: {why}"),
        }
    }
}

/// What ECS does about a pause that is never decided.
pub(super) fn by_itself(pause: &Pause) -> String {
    match pause.on_timeout() {
        None => String::new(),
        Some(action) => format!("; when the hook's time is up, ECS does {action}"),
    }
}

pub(super) fn back_to(revision: Option<&str>) -> String {
    revision.map(|it| format!(" to {it}")).unwrap_or_default()
}

pub(super) fn going_back(revision: Option<&str>) -> String {
    revision.map(|it| format!("; it goes back to {it}")).unwrap_or_default()
}
