//! [`Error`]: what failed, where, and what to do about it.

mod answer;
mod repr;
mod task;

use std::fmt;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

pub(crate) use self::answer::ApiFailure;
use self::answer::Missing;
pub(crate) use self::repr::{Remedy, Repr, Rollout};
pub(crate) use self::task::{OneOff, TaskRepr};
use crate::fleet::Outcome;
use crate::model::handle::Handle;
use crate::names::service::Service;
use crate::report::Progress;
use crate::rollout::preflight::Finding;
use crate::task::Logs;
use crate::watch::diagnosis::TaskFailure;
use crate::watch::staged::{Pause, RollbackCause};

/// Why a name was refused, or a revision doesn't run.
///
/// `Display` is one clause that names the subject; what AWS said is in
/// [`source`](std::error::Error::source). A program's log wants the whole chain.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Repr>);

/// What kind of failure an [`Error`] is, for a program that acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credentials are valid, but their policy lacks the action. Add
    /// [`missing_statement`](Error::missing_statement); the source has the principal, the action
    /// and the resource in AWS's words. For RegisterTaskDefinition it is often `iam:PassRole` on
    /// the task's roles.
    AccessDenied,
    /// There is no such cluster in the region and account. Correct the name or the region.
    ClusterNotFound,
    /// The request couldn't be sent as configured: no credentials, no region, no HTTP client.
    Configuration,
    /// Expired credentials, or ones that AWS doesn't know. Renew them.
    Credentials,
    /// Not every service of a fleet runs its new revision: see [`Error::outcomes`].
    FleetFailed,
    /// A file couldn't be read or written; the source says why.
    File,
    /// A text that was to name a task definition is neither a family, `FAMILY:REVISION`, nor a
    /// revision's ARN.
    InvalidReference,
    /// A text that was to be a service is none.
    InvalidService,
    /// A text that was to be a task definition is none, or an edit isn't possible or leaves none.
    /// The message says what is wrong and where.
    InvalidTaskDefinition,
    /// No answer: no route, no name, no connection, or the time-out ran out. Try again later.
    Network,
    /// What a look at the service showed makes a rollout pointless: [`Error::findings`] says what.
    /// Nothing was registered. Put it right, or tolerate it by
    /// [`RollOut::tolerate`](crate::RollOut::tolerate).
    NotReady,
    /// There is no revision to go back to that ran on the service before, as far as ECS knows.
    /// Deploy one by its name.
    NothingToRollBackTo,
    /// Somebody else deployed to the service after the revision was copied from it. The new one
    /// would undo that, and isn't deployed. Copy again, and make the same changes.
    Outdated,
    /// The deployment stands still at a lifecycle hook until somebody decides: see
    /// [`Error::pause`].
    PausedAtHook,
    /// ECS accepted the call, but its answer makes no sense. Report it.
    Protocol,
    /// The service or the task definition was given by an ARN of one region, the configuration is
    /// of another. Correct either.
    RegionMismatch,
    /// ECS rolled this deployment back: the old revision runs. Look at
    /// [`task_failures`](Error::task_failures) and at the service's events.
    RolledBack,
    /// The deployment failed, and nobody rolled it back. Look at
    /// [`task_failures`](Error::task_failures), and deploy a revision that works.
    RolloutFailed,
    /// ECS refused the request for another reason; the source says which.
    Service,
    /// The service has been deleted. Create it again, or correct the name.
    ServiceInactive,
    /// The cluster has no such service. Correct the name, the cluster or the region.
    ServiceNotFound,
    /// Somebody stopped the deployment by StopServiceDeployment. Ask who, and why.
    Stopped,
    /// Another deployment of the same service took over before this one was complete. Look at
    /// who else deploys.
    Superseded,
    /// A one-off task ran and failed: [`task_failures`](Error::task_failures) has the container, its
    /// exit code and the reason, and [`logs`](Error::logs) say where to read on.
    TaskFailed,
    /// A one-off task never ran: there is no capacity for it, or its image, its secrets or the like
    /// couldn't be had. The text says which.
    TaskNotStarted,
    /// There is no such task definition in the region and account: no such revision, or a family
    /// without an active one. Correct the name or the region.
    TaskDefinitionNotFound,
    /// More requests than the account may make. Try again later.
    Throttled,
    /// The rollout was still going on when the time was up, and goes on. Look at
    /// [`task_failures`](Error::task_failures), or allow more time. Without a
    /// [`deployment`](Error::deployment), the calls that begin it weren't answered in time; or it
    /// was a one-off task, and the text says what became of it.
    TimedOut,
    /// The task definition has no container of that name. Correct the name.
    UnknownContainer,
    /// A saved text isn't what this version of the crate saved. Save it again.
    Unreadable,
    /// CodeDeploy or another program controls the service's deployments. Deploy through it.
    UnsupportedController,
}

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
            Repr::InvalidReference { .. } => ErrorKind::InvalidReference,
            Repr::InvalidService { .. } => ErrorKind::InvalidService,
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
            Repr::Unreadable { .. } => ErrorKind::Unreadable,
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
    /// [`DeployPolicy`](crate::DeployPolicy) prints all the statements at once.
    pub fn missing_statement(&self) -> Option<String> {
        match &*self.0 {
            Repr::Api { operation, resource, source, .. }
                if source.kind == ErrorKind::AccessDenied =>
            {
                Missing::of(operation, resource, source).map(|missing| missing.statement)
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
            Repr::RolledBack { to, .. } | Repr::Stopped { to, .. } => {
                Some(to.as_str()).filter(|to| !to.is_empty())
            }
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

    /// The ARNs of the revisions that were deregistered before [`Prune`](crate::Prune) failed; empty
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

    pub(crate) fn protocol(operation: &'static str, problem: String) -> Self {
        Repr::Protocol { operation, problem }.into()
    }

    /// The one place where the SDK's errors become ours. `subject` is what the call was about.
    pub(crate) fn api<E>(
        operation: &'static str,
        subject: impl fmt::Display,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (subject, resource) = (subject.to_string(), "*".to_owned());
        Repr::Api { operation, subject, resource, source: ApiFailure::new(error) }.into()
    }

    /// The same, for a call about a service: what is missing is named.
    pub(crate) fn service_api<E>(
        operation: &'static str,
        service: &Service,
        region: &str,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Self::about_service(operation, service, region, ApiFailure::new(error))
    }

    /// The same, where one answer is about several services.
    pub(crate) fn about_service(
        operation: &'static str,
        service: &Service,
        region: &str,
        source: ApiFailure,
    ) -> Self {
        let region = region.to_owned();
        match source.kind {
            ErrorKind::ClusterNotFound => {
                Repr::NoCluster { cluster: service.cluster().to_owned(), region, source }.into()
            }
            ErrorKind::ServiceNotFound => {
                Repr::NoService { service: service.clone(), region }.into()
            }
            _ => {
                let subject = service.to_string();
                let resource = match operation {
                    // It takes leave for the task definition.
                    "RunTask" => "*".to_owned(),
                    _ => service.pattern(&region),
                };
                Repr::Api { operation, subject, resource, source }.into()
            }
        }
    }

    /// The same, for a call about a task definition. That one is missing has no code of its own;
    /// reported with this text.
    pub(crate) fn definition_api<E>(
        operation: &'static str,
        reference: &str,
        region: &str,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let source = ApiFailure::new(error);
        let reference = reference.to_owned();
        match source.message.as_deref() {
            Some(message) if message.contains("Unable to describe task definition") => {
                Repr::NoDefinition { reference, region: region.to_owned(), source }.into()
            }
            _ => {
                let resource = "*".to_owned();
                Repr::Api { operation, subject: reference, resource, source }.into()
            }
        }
    }

    /// ECS refuses a second registration of a family while it works on the first, with an error
    /// that has no code of its own; reported with this text. The SDK doesn't retry it.
    pub(crate) fn is_concurrent_registration(&self) -> bool {
        match &*self.0 {
            Repr::Api { source, .. } => source
                .message
                .as_deref()
                .is_some_and(|message| message.contains("Too many concurrent attempts")),
            _ => false,
        }
    }

    /// Names the whole text that was parsed instead of a part of it.
    pub(crate) fn about(mut self, whole: &str) -> Self {
        if let Repr::InvalidService { text, .. } = &mut *self.0 {
            whole.clone_into(text);
        }
        self
    }
}

impl From<Repr> for Error {
    fn from(repr: Repr) -> Self {
        Self(Box::new(repr))
    }
}

#[cfg(test)]
mod tests;
