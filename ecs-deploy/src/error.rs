//! [`Error`]: what failed, on which resource, and what to do about it.

pub(crate) mod answer;
mod call;
pub(crate) mod kind;
pub(crate) mod missing_statement;
pub(crate) mod outcome;
mod report;
pub(crate) mod repr;
pub(crate) mod rollout;
mod stranger;
pub(crate) mod task;

use std::error::Error as StdError;
use std::fmt;

pub use self::kind::ErrorKind;
use self::outcome::Outcome;
use self::repr::Repr;
use crate::model::finding::Finding;
use crate::model::handle::Handle;
use crate::model::logs::Logs;
use crate::model::pause::{Pause, RollbackCause};
use crate::model::progress::Progress;
use crate::model::task_failure::TaskFailure;
use crate::names::invalid::{InvalidName, Subject};
use crate::names::service::Service;
use crate::outside::quoted;

/// The error of this crate: an invalid name, a refused request, or a revision that doesn't run.
///
/// `Display` is one clause that names the subject. AWS's own message is in
/// [`source`](std::error::Error::source), so log the whole chain. Text from AWS and from files is
/// quoted in every message: it has no control characters, no line breaks and no commands of a CI
/// system, and is cut after 2 KiB. The methods that return such text return it unquoted.
#[derive(Debug)]
pub struct Error(Box<Repr>);

impl Error {
    /// Returns the kind of this failure.
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Repr::Api { source, .. } => source.kind,
            Repr::DefinitionRegion { .. } | Repr::Region { .. } => ErrorKind::RegionMismatch,
            Repr::Draining { .. } => ErrorKind::Draining,
            Repr::FailedAfterCompletion { .. } => ErrorKind::FailedAfterCompletion,
            Repr::File { .. } => ErrorKind::File,
            Repr::Fleet { .. } => ErrorKind::FleetFailed,
            Repr::Gone { source, .. }
            | Repr::Lost { source, .. }
            | Repr::NotPruned { source, .. }
            | Repr::PartlyPruned { source, .. } => source.kind(),
            Repr::InvalidName(name) => match name.subject() {
                Subject::Service => ErrorKind::InvalidService,
                Subject::TaskDefinition => ErrorKind::InvalidReference,
            },
            Repr::InvalidTaskDefinition { .. }
            | Repr::NoLogDriver { .. }
            | Repr::NotTyped { .. } => ErrorKind::InvalidTaskDefinition,
            Repr::MemberDropped { .. } => ErrorKind::MemberDropped,
            Repr::NoCluster { .. } => ErrorKind::ClusterNotFound,
            Repr::NoDefinition { .. } => ErrorKind::TaskDefinitionNotFound,
            Repr::NoService { .. } => ErrorKind::ServiceNotFound,
            Repr::NotReady { .. } => ErrorKind::NotReady,
            Repr::NothingToRollBackTo { .. } => ErrorKind::NothingToRollBackTo,
            Repr::Outdated { .. } => ErrorKind::Outdated,
            Repr::Paused { .. } => ErrorKind::PausedAtHook,
            Repr::Protocol { .. } => ErrorKind::Protocol,
            Repr::RolledBack { .. } => ErrorKind::RolledBack,
            Repr::RolloutFailed { .. } => ErrorKind::RolloutFailed,
            Repr::ServiceInactive { .. } => ErrorKind::ServiceInactive,
            Repr::Stopped { .. } => ErrorKind::Stopped,
            Repr::Superseded { .. } => ErrorKind::Superseded,
            Repr::Task(task) => task.kind(),
            Repr::NotBegun { .. } | Repr::TimedOut { .. } => ErrorKind::TimedOut,
            Repr::Unanswered { .. } => ErrorKind::Network,
            Repr::UnknownContainer { .. } => ErrorKind::UnknownContainer,
            Repr::UnsupportedController { .. } => ErrorKind::UnsupportedController,
        }
    }

    /// Returns whether the same call may succeed later with nothing changed. The SDK has already
    /// tried each request several times. A rollout that failed or was rolled back isn't retryable,
    /// because the same revision would most likely fail again. A superseded one isn't either,
    /// because a retry would undo the other deployment. A one-off task is retryable only if ECS had
    /// no capacity for it.
    pub fn is_retryable(&self) -> bool {
        match &*self.0 {
            Repr::Api { source, .. } => source.is_passing(),
            Repr::NotPruned { source, .. } | Repr::PartlyPruned { source, .. } => {
                source.is_retryable()
            }
            Repr::Task(task) => task.is_retryable(),
            Repr::Unanswered { .. } => true,
            _ => false,
        }
    }

    /// Returns the API operation that failed or timed out, such as `UpdateService`; `None` if the
    /// error isn't about a call.
    pub fn operation(&self) -> Option<&'static str> {
        match &*self.0 {
            Repr::Api { operation, .. }
            | Repr::NotBegun { operation, .. }
            | Repr::Protocol { operation, .. }
            | Repr::Unanswered { operation, .. } => Some(operation),
            Repr::Task(task) => task.operation(),
            repr => repr.inner()?.operation(),
        }
    }

    /// Returns the IAM statement that the caller's policy lacks, in JSON, for
    /// [`AccessDenied`](ErrorKind::AccessDenied). It names an action that the call needs, on the
    /// resource of the call. AWS's message only selects the action and completes the account. The
    /// result is `None` for every other kind, and if no statement for the caller helps: a policy
    /// denies the action explicitly, or another policy (a permissions boundary, a service control
    /// policy, a VPC endpoint policy, a resource-based policy) doesn't allow it.
    ///
    /// [`DeployPolicy`](crate::policy::DeployPolicy) prints all the statements at once.
    pub fn missing_statement(&self) -> Option<String> {
        match &*self.0 {
            Repr::Api { operation, needs, source, .. }
                if source.kind == ErrorKind::AccessDenied =>
            {
                source.missing_statement(operation, needs)
            }
            Repr::Fleet { outcomes } => outcomes.iter().find_map(|(_, outcome)| match outcome {
                Outcome::Failed(error) => error.missing_statement(),
                Outcome::NotTakenBack { failure, rollback } => {
                    let failure = failure.as_ref().and_then(Error::missing_statement);
                    rollback.missing_statement().or(failure)
                }
                _ => None,
            }),
            repr => repr.inner()?.missing_statement(),
        }
    }

    /// Returns AWS's id of the failed request, unquoted. AWS Support asks for it.
    pub fn request_id(&self) -> Option<&str> {
        match &*self.0 {
            Repr::Api { source, .. }
            | Repr::NoCluster { source, .. }
            | Repr::NoDefinition { source, .. } => source.request_id.as_deref(),
            repr => repr.inner()?.request_id(),
        }
    }

    /// Returns the id of the deployment that didn't succeed or has an unknown outcome, such as
    /// `ecs-svc/1234567890123456789`; `None` if no deployment was started or watched.
    pub fn deployment(&self) -> Option<&str> {
        self.handle().map(Handle::deployment)
    }

    /// Returns the handle of that deployment, to follow it further. After
    /// [`PausedAtHook`](ErrorKind::PausedAtHook) and [`TimedOut`](ErrorKind::TimedOut) the
    /// deployment continues.
    pub fn handle(&self) -> Option<&Handle> {
        self.0.rollout().map(|rollout| &rollout.handle)
    }

    /// Returns the task counts (desired, running, pending, failed) that ECS last reported for that
    /// deployment.
    pub fn progress(&self) -> Option<Progress> {
        self.0.rollout()?.last
    }

    /// Returns the failed tasks of this deployment, or the failed one-off task; empty if neither
    /// failed. A deployment's tasks are listed as far as ECS still knows them and `ecs:ListTasks`
    /// and `ecs:DescribeTasks` are allowed.
    pub fn task_failures(&self) -> &[TaskFailure] {
        match &*self.0 {
            Repr::Task(task) => task.failure().map_or(&[], std::slice::from_ref),
            repr => repr.rollout().map_or(&[], |rollout| &rollout.failures),
        }
    }

    /// Returns the hook at which the deployment is paused, for
    /// [`PausedAtHook`](ErrorKind::PausedAtHook).
    pub fn pause(&self) -> Option<&Pause> {
        match &*self.0 {
            Repr::Paused { pause, .. } => Some(pause),
            _ => None,
        }
    }

    /// Returns the `FAMILY:REVISION` that ECS rolled back to, for
    /// [`RolledBack`](ErrorKind::RolledBack) and [`Stopped`](ErrorKind::Stopped).
    pub fn rolled_back_to(&self) -> Option<&str> {
        match &*self.0 {
            Repr::RolledBack { to, .. } | Repr::Stopped { to, .. } => to.as_deref(),
            _ => None,
        }
    }

    /// Returns the cause of that rollback, for the same kinds.
    pub fn rollback_cause(&self) -> Option<RollbackCause> {
        match &*self.0 {
            Repr::RolledBack { cause, .. } => Some(*cause),
            Repr::Stopped { .. } => Some(RollbackCause::StopRequest),
            _ => None,
        }
    }

    /// Returns the id and the `FAMILY:REVISION` of the deployment that replaced this one, for
    /// [`Superseded`](ErrorKind::Superseded).
    pub fn superseded_by(&self) -> Option<(&str, &str)> {
        match &*self.0 {
            Repr::Superseded { by, by_revision, .. } => Some((by, by_revision)),
            _ => None,
        }
    }

    /// Returns the findings that prevented the rollout, for [`NotReady`](ErrorKind::NotReady) and
    /// [`MemberDropped`](ErrorKind::MemberDropped).
    pub fn findings(&self) -> &[Finding] {
        match &*self.0 {
            Repr::MemberDropped { findings, .. } | Repr::NotReady { findings, .. } => findings,
            _ => &[],
        }
    }

    /// Returns each service with its outcome, in the order in which the services were added, for
    /// [`FleetFailed`](ErrorKind::FleetFailed).
    pub fn outcomes(&self) -> &[(Service, Outcome)] {
        match &*self.0 {
            Repr::Fleet { outcomes } => outcomes,
            _ => &[],
        }
    }

    /// Returns the ARN of the one-off task that failed, timed out or has an unknown outcome; `None`
    /// if no task was started.
    pub fn task(&self) -> Option<&str> {
        match &*self.0 {
            Repr::Task(task) => task.task().map(|task| task.task.as_str()),
            _ => None,
        }
    }

    /// Returns the exit codes of the one-off task's containers, in the order of ECS's list, for
    /// [`TaskFailed`](ErrorKind::TaskFailed) and [`TaskNotStarted`](ErrorKind::TaskNotStarted);
    /// `None` for a container that never ran or still runs.
    pub fn exit_codes(&self) -> impl Iterator<Item = (&str, Option<i32>)> {
        let task = match &*self.0 {
            Repr::Task(task) => task.task(),
            _ => None,
        };
        let codes = task.into_iter().flat_map(|task| &task.exit_codes);
        codes.map(|(name, code)| (name.as_str(), *code))
    }

    /// Returns the ARNs of the revisions that were deregistered before
    /// [`Prune`](crate::prune::Prune) failed; empty for every other error.
    pub fn deregistered(&self) -> &[String] {
        match &*self.0 {
            Repr::PartlyPruned { deregistered, .. } => deregistered,
            _ => &[],
        }
    }

    /// Returns the locations of the logs of the one-off task's containers, as far as known.
    pub fn logs(&self) -> &[Logs] {
        match &*self.0 {
            Repr::Task(task) => task.task().map_or(&[], |task| &task.logs),
            _ => &[],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.0.to_string()))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

impl From<Repr> for Error {
    fn from(repr: Repr) -> Self {
        Self(Box::new(repr))
    }
}

impl From<InvalidName> for Error {
    fn from(name: InvalidName) -> Self {
        Repr::InvalidName(name).into()
    }
}

#[cfg(test)]
mod tests;
