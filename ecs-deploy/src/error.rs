//! [`Error`]: what failed, where, and what to do about it.

mod answer;
mod repr;

use std::fmt;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

use self::answer::ApiFailure;
pub(crate) use self::repr::{Remedy, Repr, Rollout};
use crate::diagnose::TaskFailure;
use crate::service::Service;

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
    /// The credentials are valid, but their policy lacks the action. Allow it; the source has the
    /// principal, the action and the resource in AWS's words. For RegisterTaskDefinition it is
    /// often `iam:PassRole` on the task's roles.
    AccessDenied,
    /// There is no such cluster in the region and account. Correct the name or the region.
    ClusterNotFound,
    /// The request couldn't be sent as configured: no credentials, no region, no HTTP client.
    Configuration,
    /// Expired credentials, or ones that AWS doesn't know. Renew them.
    Credentials,
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
    /// Somebody else deployed to the service after the revision was copied from it. The new one
    /// would undo that, and isn't deployed. Copy again, and make the same changes.
    Outdated,
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
    /// Another deployment of the same service took over before this one was complete. Look at
    /// who else deploys.
    Superseded,
    /// There is no such task definition in the region and account: no such revision, or a family
    /// without an active one. Correct the name or the region.
    TaskDefinitionNotFound,
    /// More requests than the account may make. Try again later.
    Throttled,
    /// The rollout was still going on when the time was up, and goes on. Look at
    /// [`task_failures`](Error::task_failures), or allow more time. Without a
    /// [`deployment`](Error::deployment), the calls that begin it weren't answered in time.
    TimedOut,
    /// The task definition has no container of that name. Correct the name.
    UnknownContainer,
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
            Repr::InvalidReference { .. } => ErrorKind::InvalidReference,
            Repr::InvalidService { .. } => ErrorKind::InvalidService,
            Repr::InvalidTaskDefinition { .. }
            | Repr::NoLogDriver { .. }
            | Repr::NotTyped { .. } => ErrorKind::InvalidTaskDefinition,
            Repr::Lost { source, .. } => source.kind(),
            Repr::NoCluster { .. } => ErrorKind::ClusterNotFound,
            Repr::NoDefinition { .. } => ErrorKind::TaskDefinitionNotFound,
            Repr::NoService { .. } => ErrorKind::ServiceNotFound,
            Repr::Outdated { .. } => ErrorKind::Outdated,
            Repr::Protocol { .. } => ErrorKind::Protocol,
            Repr::RolledBack { .. } => ErrorKind::RolledBack,
            Repr::RolloutFailed { .. } => ErrorKind::RolloutFailed,
            Repr::ServiceInactive { .. } => ErrorKind::ServiceInactive,
            Repr::Superseded { .. } => ErrorKind::Superseded,
            Repr::NotBegun { .. } | Repr::TimedOut { .. } => ErrorKind::TimedOut,
            Repr::UnknownContainer { .. } => ErrorKind::UnknownContainer,
            Repr::UnsupportedController { .. } => ErrorKind::UnsupportedController,
        }
    }

    /// Whether the same call may succeed later with nothing changed. The SDK has already tried
    /// each request several times. A rollout that failed, was rolled back or superseded isn't
    /// retryable: the same revision would most likely meet the same end.
    pub fn is_retryable(&self) -> bool {
        match &*self.0 {
            Repr::Api { source, .. } => source.is_passing(),
            _ => false,
        }
    }

    /// The API operation that failed or wasn't answered in time, such as `UpdateService`; `None`
    /// where it wasn't a call that failed.
    pub fn operation(&self) -> Option<&'static str> {
        match &*self.0 {
            Repr::Api { operation, .. }
            | Repr::NotBegun { operation, .. }
            | Repr::Protocol { operation, .. } => Some(operation),
            Repr::Lost { source, .. } => source.operation(),
            _ => None,
        }
    }

    /// AWS's id of the failed request, which its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        match &*self.0 {
            Repr::Api { source, .. }
            | Repr::NoCluster { source, .. }
            | Repr::NoDefinition { source, .. } => source.request_id.as_deref(),
            Repr::Lost { source, .. } => source.request_id(),
            _ => None,
        }
    }

    /// The id of the deployment that didn't succeed, or whose outcome is unknown, such as
    /// `ecs-svc/1234567890123456789`; `None` where none was started or watched.
    pub fn deployment(&self) -> Option<&str> {
        match &*self.0 {
            Repr::Lost { rollout, .. }
            | Repr::RolledBack { rollout, .. }
            | Repr::RolloutFailed { rollout, .. }
            | Repr::Superseded { rollout, .. }
            | Repr::TimedOut { rollout, .. } => Some(&rollout.deployment),
            _ => None,
        }
    }

    /// The tasks of this deployment that failed, as far as ECS still knows them and `ecs:ListTasks`
    /// and `ecs:DescribeTasks` are allowed; empty where the rollout isn't what failed.
    pub fn task_failures(&self) -> &[TaskFailure] {
        match &*self.0 {
            Repr::Lost { rollout, .. }
            | Repr::RolledBack { rollout, .. }
            | Repr::RolloutFailed { rollout, .. }
            | Repr::Superseded { rollout, .. }
            | Repr::TimedOut { rollout, .. } => &rollout.failures,
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
        Repr::Api { operation, subject: subject.to_string(), source: ApiFailure::new(error) }.into()
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
        let source = ApiFailure::new(error);
        let region = region.to_owned();
        match source.kind {
            ErrorKind::ClusterNotFound => {
                Repr::NoCluster { cluster: service.cluster().to_owned(), region, source }.into()
            }
            ErrorKind::ServiceNotFound => {
                Repr::NoService { service: service.clone(), region }.into()
            }
            _ => Repr::Api { operation, subject: service.to_string(), source }.into(),
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
            _ => Repr::Api { operation, subject: reference, source }.into(),
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
