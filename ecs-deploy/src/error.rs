//! [`Error`]: what failed, where, and what to do about it.

use std::fmt;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::RequestId;

use crate::diagnose::TaskFailure;
use crate::events::Progress;
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
    /// A text that was to be a service is none.
    InvalidService,
    /// No answer: no route, no name, no connection, or the time-out ran out. Try again later.
    Network,
    /// Somebody else deployed to the service after the revision was copied from it. The new one
    /// would undo that, and isn't deployed. Copy again, and make the same changes.
    Outdated,
    /// ECS accepted the call, but its answer makes no sense. Report it.
    Protocol,
    /// The service was given by an ARN of one region, the configuration is of another. Correct
    /// either.
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
            Repr::InvalidService { .. } => ErrorKind::InvalidService,
            Repr::Lost { source, .. } => source.kind(),
            Repr::NoCluster { .. } => ErrorKind::ClusterNotFound,
            Repr::NoService { .. } => ErrorKind::ServiceNotFound,
            Repr::Outdated { .. } => ErrorKind::Outdated,
            Repr::Protocol { .. } => ErrorKind::Protocol,
            Repr::Region { .. } => ErrorKind::RegionMismatch,
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
            Repr::Api { source, .. } | Repr::NoCluster { source, .. } => {
                source.request_id.as_deref()
            }
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

/// Which rollout an error is about, and what became of its tasks.
#[derive(Debug)]
pub(crate) struct Rollout {
    pub(crate) service: Service,
    /// `FAMILY:REVISION`
    pub(crate) revision: String,
    pub(crate) deployment: String,
    /// ECS's own words; may be empty.
    pub(crate) reason: String,
    pub(crate) failures: Vec<TaskFailure>,
    /// What was done about it.
    pub(crate) remedy: Remedy,
}

/// What became of [`OnFailure::RollBack`](crate::OnFailure::RollBack).
#[derive(Debug)]
pub(crate) enum Remedy {
    /// It wasn't asked for.
    NotAsked,
    /// ECS was told to go back to this `FAMILY:REVISION`.
    RollingBack(String),
    /// The same, but it didn't answer.
    Unanswered(String),
    /// There is nothing to go back to, it isn't known whether to, or ECS refused.
    Unavailable(String),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("{}", api_failed(operation, subject, source))]
    Api { operation: &'static str, subject: String, source: ApiFailure },

    #[error("`{}` is no ECS service: {problem}", text.escape_debug())]
    InvalidService { text: String, problem: String },

    #[error(
        "the deployment {} of {} to {} goes on, but its outcome is unknown",
        rollout.deployment, rollout.revision, rollout.service
    )]
    Lost { rollout: Rollout, source: Error },

    #[error("there is no cluster `{cluster}` in {region}")]
    NoCluster { cluster: String, region: String, source: ApiFailure },

    #[error("the cluster `{}` in {region} has no service `{}`", service.cluster(), service.name())]
    NoService { service: Service, region: String },

    #[error("{}", not_begun(service, operation, after.as_secs()))]
    NotBegun { service: Service, operation: &'static str, after: std::time::Duration },

    #[error("{service} runs {running} by now, and {revision} is based on {base}")]
    Outdated { service: Service, revision: String, base: String, running: String },

    #[error("the response to {operation} can't be used: {problem}")]
    Protocol { operation: &'static str, problem: String },

    #[error("{service} isn't in {region}, the region of the configuration")]
    Region { service: Service, region: String },

    #[error(
        "{} rolled {} back to {to}{}", rollout.service, rollout.revision, because(rollout)
    )]
    RolledBack { rollout: Rollout, to: String },

    #[error(
        "the rollout of {} to {} failed{}{}",
        rollout.revision, rollout.service, because(rollout), rollout.remedy
    )]
    RolloutFailed { rollout: Rollout },

    #[error("the service {service} is {status}, so that nothing can be deployed to it")]
    ServiceInactive { service: Service, status: String },

    #[error(
        "{by} with {by_revision} took {} over before the rollout of {} was complete",
        rollout.service, rollout.revision
    )]
    Superseded { rollout: Rollout, by: String, by_revision: String },

    #[error(
        "the rollout of {} to {} wasn't complete after {} s: {last}{}{}",
        rollout.revision, rollout.service, after.as_secs(), because(rollout), rollout.remedy
    )]
    TimedOut { rollout: Rollout, after: std::time::Duration, last: Progress },

    #[error("{}", unknown_containers(revision, unknown, known))]
    UnknownContainer { revision: String, unknown: Vec<String>, known: Vec<String> },

    #[error(
        "the deployments of {service} are controlled by {controller}, and only those of ECS itself \
         can be made here"
    )]
    UnsupportedController { service: Service, controller: String },
}

/// What came back instead of an output.
#[derive(Debug)]
pub(crate) struct ApiFailure {
    kind: ErrorKind,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    is_server_fault: bool,
    source: BoxError,
}

impl ApiFailure {
    fn new<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let status = error.raw_response().map(|response| response.status().as_u16());
        let kind = match (&code, &error) {
            (Some(code), _) => kind_of(code),
            (None, SdkError::TimeoutError(_) | SdkError::ResponseError(_)) => ErrorKind::Network,
            (None, SdkError::DispatchFailure(failure)) => match failure.as_connector_error() {
                Some(error) if error.is_timeout() || error.is_io() => ErrorKind::Network,
                // A transport that knows it's worth another try.
                Some(error) if error.as_other().is_some() => ErrorKind::Network,
                _ => ErrorKind::Configuration,
            },
            (None, SdkError::ConstructionFailure(_)) => ErrorKind::Configuration,
            (None, _) => ErrorKind::Service,
        };
        Self {
            kind,
            code,
            message: error.message().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
            is_server_fault: status.is_some_and(|status| status >= 500),
            source: error.into(),
        }
    }

    fn is_passing(&self) -> bool {
        self.is_server_fault || matches!(self.kind, ErrorKind::Network | ErrorKind::Throttled)
    }
}

impl fmt::Display for ApiFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) if !message.is_empty() => write!(f, "{message} ({code})"),
            (Some(code), _) => f.write_str(code),
            (None, _) => self.source.fmt(f),
        }
    }
}

impl std::error::Error for ApiFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // With a code all is said: the SDK's chain repeats it at length.
        match &self.code {
            Some(_) => None,
            None => self.source.source(),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::NotAsked => Ok(()),
            Remedy::RollingBack(to) => write!(f, "; it is being rolled back to {to}"),
            Remedy::Unanswered(to) => {
                write!(f, "; it was to be rolled back to {to}, but ECS didn't answer")
            }
            Remedy::Unavailable(why) => write!(f, "; it couldn't be rolled back: {why}"),
        }
    }
}

fn kind_of(code: &str) -> ErrorKind {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            ErrorKind::AccessDenied
        }
        "ClusterNotFoundException" => ErrorKind::ClusterNotFound,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "UnrecognizedClientException" => ErrorKind::Credentials,
        "ServiceNotActiveException" => ErrorKind::ServiceInactive,
        "ServiceNotFoundException" => ErrorKind::ServiceNotFound,
        "RequestLimitExceeded"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => ErrorKind::Throttled,
        _ => ErrorKind::Service,
    }
}

fn api_failed(operation: &str, subject: &str, source: &ApiFailure) -> String {
    match source.kind {
        ErrorKind::AccessDenied => format!("{operation} on {subject} isn't allowed"),
        ErrorKind::Configuration => format!("{operation} on {subject} couldn't be sent"),
        ErrorKind::Credentials => format!("the credentials for {operation} aren't valid"),
        ErrorKind::Network => format!("there was no answer to {operation} on {subject}"),
        ErrorKind::ServiceInactive => format!("the service {subject} has been deleted"),
        ErrorKind::Throttled => format!("{operation} on {subject} was throttled"),
        _ => format!("{operation} on {subject} was refused"),
    }
}

fn not_begun(service: &Service, operation: &str, seconds: u64) -> String {
    let doubt = match operation {
        "UpdateService" => ", so that the rollout may go on",
        _ => "",
    };
    format!("{operation} for the rollout to {service} wasn't done after {seconds} s{doubt}")
}

fn because(rollout: &Rollout) -> String {
    match rollout.failures.as_slice() {
        [] if rollout.reason.is_empty() => String::new(),
        [] => format!(": {}", rollout.reason.trim_end_matches('.')),
        [only] => format!(": {}", only.cause()),
        [first, others @ ..] => format!(": {} ({} more stopped too)", first.cause(), others.len()),
    }
}

fn unknown_containers(revision: &str, unknown: &[String], known: &[String]) -> String {
    let join = |names: &[String], before: &str| {
        let quote = |name: &String| format!("{before}`{}`", name.escape_debug());
        let quoted: Vec<String> = names.iter().map(quote).collect();
        quoted.join(" and ")
    };
    format!("{revision} has {}, only {}", join(unknown, "no container "), join(known, ""))
}

#[cfg(test)]
mod tests;
