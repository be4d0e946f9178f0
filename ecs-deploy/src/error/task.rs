//! Errors about a one-off task, each with its message in one clause.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::error::repr::Repr;
use crate::model::logs::Logs;
use crate::model::task_failure::TaskFailure;
use crate::names::service::Service;
use crate::outside::Outside;

/// The one-off task that an error is about.
#[derive(Debug)]
pub(crate) struct OneOffTask {
    pub(crate) service: Service,
    /// `FAMILY:REVISION`
    pub(crate) revision: String,
    /// The ARN.
    pub(crate) task: String,
    pub(crate) logs: Vec<Logs>,
    /// Each container's exit code, once the task has ended.
    pub(crate) exit_codes: Vec<(String, Option<i32>)>,
    pub(crate) is_stopped: bool,
}

/// The reason why ECS didn't place a task, in its own words.
#[derive(Debug, Clone)]
pub(crate) struct Placement(String);

impl Placement {
    pub(crate) fn new(reason: String) -> Self {
        Self(reason)
    }

    /// Returns whether ECS lacked capacity. The developer guide documents the reasons ("API failure
    /// reasons"); the one on Fargate is reported.
    pub(crate) fn is_passing(&self) -> bool {
        ["AGENT", "RESOURCE:", "Capacity is unavailable"].iter().any(|it| self.0.starts_with(it))
    }

    /// Explains a reason that is a single word.
    fn explanation(&self) -> Option<&'static str> {
        let word = self.0.split([' ', ';']).next().unwrap_or_default();
        Some(match word {
            "AGENT" => "the agent of the container instance isn't connected",
            "ATTRIBUTE" => "no container instance has an attribute that the task needs",
            "RESOURCE:CPU" => "no container instance has enough free CPU units",
            "RESOURCE:ENI" => "no container instance has a free network interface",
            "RESOURCE:GPU" => "no container instance has enough free GPUs",
            "RESOURCE:MEMORY" => "no container instance has enough free memory",
            "RESOURCE:PORTS" => "a host port of the task is in use on every container instance",
            word if word.starts_with("RESOURCE:") => "no container instance has the resource free",
            _ => return None,
        })
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)?;
        self.explanation().map_or(Ok(()), |it| write!(f, ": {it}"))
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskRepr {
    #[error("{task} failed: {}{}{}", failure.explanation(), others(task, failure), log(task, failure))]
    Failed { task: OneOffTask, failure: TaskFailure },

    #[error("{task} continues, but its outcome is unknown")]
    Lost { task: OneOffTask, source: Error },

    #[error(
        "couldn't start a task of {} for {service}: {}{}",
        Outside::new(revision),
        Outside::new(placement.to_string()),
        in_vain(*attempts, within.as_secs())
    )]
    NotPlaced {
        service: Service,
        revision: String,
        placement: Placement,
        attempts: u32,
        within: Duration,
    },

    #[error("{task} didn't start: {}{}", failure.explanation(), log(task, failure))]
    NotStarted { task: OneOffTask, failure: TaskFailure },

    #[error(
        "{task} timed out after {} s{}; {}",
        after.as_secs(),
        status.as_ref().map(|it| format!(": {}", Outside::new(it))).unwrap_or_default(),
        Outside::new(remedy)
    )]
    TimedOut { task: OneOffTask, after: Duration, status: Option<String>, remedy: String },

    #[error(
        "the command and the variables of the task for {service} have {length} characters in JSON, \
         but ECS accepts {longest}: put the command into the image, or its input into a file"
    )]
    TooLong { service: Service, length: usize, longest: usize },
}

impl TaskRepr {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            TaskRepr::Failed { .. } => ErrorKind::TaskFailed,
            TaskRepr::Lost { source, .. } => source.kind(),
            TaskRepr::NotPlaced { .. } | TaskRepr::NotStarted { .. } => ErrorKind::TaskNotStarted,
            TaskRepr::TimedOut { .. } => ErrorKind::TimedOut,
            TaskRepr::TooLong { .. } => ErrorKind::CommandTooLong,
        }
    }

    /// Returns whether ECS lacked capacity.
    pub(super) fn is_retryable(&self) -> bool {
        matches!(self, TaskRepr::NotPlaced { placement, .. } if placement.is_passing())
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
            TaskRepr::NotPlaced { .. } | TaskRepr::TooLong { .. } => None,
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
        let (task, revision) = (Outside::new(task), Outside::new(revision));
        write!(f, "task {task} of {revision} for {service}")
    }
}

/// Returns the number of attempts, if there were several.
fn in_vain(attempts: u32, seconds: u64) -> String {
    match attempts {
        0 | 1 => String::new(),
        attempts => format!(" ({attempts} attempts in {seconds} s)"),
    }
}

/// Returns the exit codes of the other containers that didn't exit with 0, as a part of a message.
fn others(task: &OneOffTask, failure: &TaskFailure) -> String {
    let others =
        task.exit_codes.iter().filter(|(name, _)| Some(name.as_str()) != failure.container());
    let others = others.filter(|(_, code)| *code != Some(0)).map(|(name, code)| match code {
        Some(code) => format!("; {name} exited with code {code}"),
        None if task.is_stopped => format!("; {name} never ran"),
        None => format!("; {name} still runs"),
    });
    others.collect()
}

/// Returns the log of the failed container, as the end of a message.
fn log(task: &OneOffTask, failure: &TaskFailure) -> String {
    // A container that never ran has no log.
    let container = failure.container().filter(|_| failure.exit_code().is_some());
    let logs = task.logs.iter().find(|logs| Some(logs.container()) == container);
    logs.map(|logs| format!("; its log: {logs}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
