//! [`Error`]: what failed, where, and what to do about it.

pub(crate) mod answer;
mod call;
pub(crate) mod kind;
mod missing_statement;
pub(crate) mod outcome;
mod report;
pub(crate) mod repr;
pub(crate) mod rollout;
pub(crate) mod task;

pub use self::kind::ErrorKind;
pub(crate) use self::missing_statement::PASSED_TO;
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

/// Why a name was refused, or a revision doesn't run.
///
/// `Display` is one clause that names the subject; what AWS said is in
/// [`source`](std::error::Error::source). A program's log wants the whole chain.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Repr>);

impl Error {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Repr::Api { source, .. } => source.kind,
            Repr::DefinitionRegion { .. } | Repr::Region { .. } => ErrorKind::RegionMismatch,
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

    /// Whether the same call may succeed later with nothing changed. The SDK has already tried
    /// each request several times. A rollout that failed, was rolled back or superseded isn't
    /// retryable: the same revision would most likely meet the same end. Of one-off tasks, only one
    /// that there was no capacity for is.
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

    /// The API operation that failed or wasn't answered in time, such as `UpdateService`; `None`
    /// where it wasn't a call that failed.
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

    /// The IAM statement, in JSON, whose lack [`AccessDenied`](ErrorKind::AccessDenied) is about, as
    /// far as AWS says; `None` for every other kind, and where a policy denies the action
    /// explicitly, so that no statement helps.
    ///
    /// [`DeployPolicy`](crate::policy::DeployPolicy) prints all the statements at once.
    pub fn missing_statement(&self) -> Option<String> {
        match &*self.0 {
            Repr::Api { operation, resource, source, .. }
                if source.kind == ErrorKind::AccessDenied =>
            {
                source.missing_statement(operation, resource).map(|it| it.statement)
            }
            Repr::Fleet { outcomes } => outcomes.iter().find_map(|(_, outcome)| match outcome {
                Outcome::Failed(error) | Outcome::NotTakenBack(error) => error.missing_statement(),
                _ => None,
            }),
            repr => repr.inner()?.missing_statement(),
        }
    }

    /// AWS's id of the failed request, which its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        match &*self.0 {
            Repr::Api { source, .. }
            | Repr::NoCluster { source, .. }
            | Repr::NoDefinition { source, .. } => source.request_id.as_deref(),
            repr => repr.inner()?.request_id(),
        }
    }

    /// The id of the deployment that didn't succeed, or whose outcome is unknown, such as
    /// `ecs-svc/1234567890123456789`; `None` where none was started or watched.
    pub fn deployment(&self) -> Option<&str> {
        self.handle().map(Handle::deployment)
    }

    /// That deployment, to be followed further: after
    /// [`PausedAtHook`](ErrorKind::PausedAtHook) and [`TimedOut`](ErrorKind::TimedOut) it goes on.
    pub fn handle(&self) -> Option<&Handle> {
        self.0.rollout().map(|rollout| &rollout.handle)
    }

    /// How many tasks that deployment had when it was last seen.
    pub fn progress(&self) -> Option<Progress> {
        self.0.rollout()?.last
    }

    /// The tasks of this deployment that failed, as far as ECS still knows them and `ecs:ListTasks`
    /// and `ecs:DescribeTasks` are allowed, or the one-off task; empty where none of the two is
    /// what failed.
    pub fn task_failures(&self) -> &[TaskFailure] {
        match &*self.0 {
            Repr::Task(task) => task.failure().map_or(&[], std::slice::from_ref),
            repr => repr.rollout().map_or(&[], |rollout| &rollout.failures),
        }
    }

    /// Where it stands still, for [`PausedAtHook`](ErrorKind::PausedAtHook).
    pub fn pause(&self) -> Option<&Pause> {
        match &*self.0 {
            Repr::Paused { pause, .. } => Some(pause),
            _ => None,
        }
    }

    /// The `FAMILY:REVISION` that ECS went back to, for [`RolledBack`](ErrorKind::RolledBack) and
    /// [`Stopped`](ErrorKind::Stopped).
    pub fn rolled_back_to(&self) -> Option<&str> {
        match &*self.0 {
            Repr::RolledBack { to, .. } | Repr::Stopped { to, .. } => to.as_deref(),
            _ => None,
        }
    }

    /// Why it did, for the same kinds.
    pub fn rollback_cause(&self) -> Option<RollbackCause> {
        match &*self.0 {
            Repr::RolledBack { cause, .. } => Some(*cause),
            Repr::Stopped { .. } => Some(RollbackCause::StopRequest),
            _ => None,
        }
    }

    /// The id of the deployment that took the service over, and its `FAMILY:REVISION`, for
    /// [`Superseded`](ErrorKind::Superseded).
    pub fn superseded_by(&self) -> Option<(&str, &str)> {
        match &*self.0 {
            Repr::Superseded { by, by_revision, .. } => Some((by, by_revision)),
            _ => None,
        }
    }

    /// What kept the rollout from beginning, for [`NotReady`](ErrorKind::NotReady).
    pub fn findings(&self) -> &[Finding] {
        match &*self.0 {
            Repr::NotReady { findings, .. } => findings,
            _ => &[],
        }
    }

    /// What became of each service, in the order in which they were added, for
    /// [`FleetFailed`](ErrorKind::FleetFailed).
    pub fn outcomes(&self) -> &[(Service, Outcome)] {
        match &*self.0 {
            Repr::Fleet { outcomes } => outcomes,
            _ => &[],
        }
    }

    /// The ARN of the one-off task that failed, wasn't done in time, or whose outcome is unknown;
    /// `None` where none was started.
    pub fn task(&self) -> Option<&str> {
        match &*self.0 {
            Repr::Task(task) => task.task().map(|task| task.task.as_str()),
            _ => None,
        }
    }

    /// The ARNs of the revisions that were deregistered before [`Prune`](crate::prune::Prune) failed; empty
    /// for everything else.
    pub fn deregistered(&self) -> &[String] {
        match &*self.0 {
            Repr::PartlyPruned { deregistered, .. } => deregistered,
            _ => &[],
        }
    }

    /// Where the logs of the one-off task's containers are, as far as that is known.
    pub fn logs(&self) -> &[Logs] {
        match &*self.0 {
            Repr::Task(task) => task.task().map_or(&[], |task| &task.logs),
            _ => &[],
        }
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
