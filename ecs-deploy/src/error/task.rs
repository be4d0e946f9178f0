//! Errors about a one-off task, each with its message in one clause.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::error::repr::Repr;
use crate::model::logs::Logs;
use crate::model::task_failure::TaskFailure;
use crate::names::service::Service;

/// The one-off task that an error is about.
#[derive(Debug)]
pub(crate) struct OneOffTask {
    pub(crate) service: Service,
    /// `FAMILY:REVISION`
    pub(crate) revision: String,
    /// The ARN.
    pub(crate) task: String,
    pub(crate) logs: Vec<Logs>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskRepr {
    #[error("{task} failed: {}{}", failure.explanation(), log(task, failure))]
    Failed { task: OneOffTask, failure: TaskFailure },

    #[error("{task} continues, but its outcome is unknown")]
    Lost { task: OneOffTask, source: Error },

    #[error("couldn't start a task of {revision} for {service}: {reason}")]
    NotPlaced { service: Service, revision: String, reason: String },

    #[error("{task} didn't start: {}{}", failure.explanation(), log(task, failure))]
    NotStarted { task: OneOffTask, failure: TaskFailure },

    #[error(
        "{task} timed out after {} s{}; {remedy}",
        after.as_secs(), status.as_ref().map(|it| format!(": {it}")).unwrap_or_default()
    )]
    TimedOut { task: OneOffTask, after: Duration, status: Option<String>, remedy: String },
}

impl TaskRepr {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            TaskRepr::Failed { .. } => ErrorKind::TaskFailed,
            TaskRepr::Lost { source, .. } => source.kind(),
            TaskRepr::NotPlaced { .. } | TaskRepr::NotStarted { .. } => ErrorKind::TaskNotStarted,
            TaskRepr::TimedOut { .. } => ErrorKind::TimedOut,
        }
    }

    /// Returns whether ECS lacked capacity. The developer guide documents the reasons ("API failure
    /// reasons"); the one on Fargate is reported.
    pub(super) fn is_retryable(&self) -> bool {
        let TaskRepr::NotPlaced { reason, .. } = self else { return false };
        ["AGENT", "RESOURCE:", "Capacity is unavailable"].iter().any(|it| reason.starts_with(it))
    }

    pub(super) fn operation(&self) -> Option<&'static str> {
        match self {
            TaskRepr::Lost { source, .. } => source.operation(),
            TaskRepr::NotPlaced { .. } => Some("RunTask"),
            _ => None,
        }
    }

    /// Returns the error of the call that failed.
    pub(super) fn call(&self) -> Option<&Error> {
        match self {
            TaskRepr::Lost { source, .. } => Some(source),
            _ => None,
        }
    }

    pub(super) fn task(&self) -> Option<&OneOffTask> {
        match self {
            TaskRepr::Failed { task, .. }
            | TaskRepr::Lost { task, .. }
            | TaskRepr::NotStarted { task, .. }
            | TaskRepr::TimedOut { task, .. } => Some(task),
            TaskRepr::NotPlaced { .. } => None,
        }
    }

    pub(super) fn failure(&self) -> Option<&TaskFailure> {
        match self {
            TaskRepr::Failed { failure, .. } | TaskRepr::NotStarted { failure, .. } => {
                Some(failure)
            }
            _ => None,
        }
    }
}

impl From<TaskRepr> for Error {
    fn from(repr: TaskRepr) -> Self {
        Repr::Task(repr).into()
    }
}

impl fmt::Display for OneOffTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, revision, task, .. } = self;
        write!(f, "task {task} of {revision} for {service}")
    }
}

/// Returns the log of the failed container, as the end of a message.
fn log(task: &OneOffTask, failure: &TaskFailure) -> String {
    // A container that never ran has no log.
    let container = failure.container().filter(|_| failure.exit_code().is_some());
    let logs = task.logs.iter().find(|logs| Some(logs.container()) == container);
    logs.map(|logs| format!("; its log: {logs}")).unwrap_or_default()
}
