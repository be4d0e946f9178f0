//! The failure of an API call: AWS's refusal, or the reason for a missing response.

use std::fmt;
use std::sync::Arc;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::RequestId;

use crate::error::kind::ErrorKind;
use crate::error::missing_statement::{CROSS_ACCOUNT, MissingStatement};

/// The failure of an API call.
#[derive(Clone)]
pub(crate) struct ApiFailure {
    pub(super) kind: ErrorKind,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
    /// The HTTP status; `None` without a response.
    status: Option<u16>,
    source: Arc<dyn std::error::Error + Send + Sync>,
}

impl ApiFailure {
    pub(crate) fn new<E>(error: SdkError<E, HttpResponse>) -> Self
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
                // The transport marks the error as transient or throttling.
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
            status,
            source: Arc::new(error),
        }
    }

    /// Returns the missing statement; `None` if no statement helps, because a policy denies the
    /// action.
    pub(super) fn missing_statement(
        &self,
        operation: &str,
        resource: &str,
    ) -> Option<MissingStatement> {
        let message = self.message.as_deref().unwrap_or_default();
        MissingStatement::from_refusal(operation, resource, message)
    }

    /// Returns whether the caller passes a role of another account.
    fn is_about_another_account(&self) -> bool {
        self.message.as_deref().is_some_and(|it| it.contains(CROSS_ACCOUNT))
    }

    pub(super) fn is_passing(&self) -> bool {
        self.status.is_some_and(|status| status >= 500)
            || matches!(self.kind, ErrorKind::Network | ErrorKind::Throttled)
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

/// Leaves out the SDK's error, which has the whole response: a task definition with the values of
/// its environment variables may be in it.
impl fmt::Debug for ApiFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiFailure")
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("text", &self.to_string())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ApiFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // If there is a code, the SDK's chain only repeats it at length.
        match &self.code {
            Some(_) => None,
            None => self.source.source(),
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

pub(super) fn api_failed(
    operation: &str,
    subject: &str,
    resource: &str,
    source: &ApiFailure,
) -> String {
    match source.kind {
        ErrorKind::AccessDenied => match source.missing_statement(operation, resource) {
            Some(MissingStatement { statement, policy }) => {
                format!("{operation} on {subject} isn't allowed: add {statement} to the {policy}")
            }
            None if source.is_about_another_account() => format!(
                "{operation} on {subject} isn't allowed: ECS can't use the role of another account, \
                 and no policy can allow it"
            ),
            None => format!(
                "{operation} on {subject} isn't allowed: a policy denies it explicitly, and no \
                 other policy can override that"
            ),
        },
        ErrorKind::Configuration => format!("{operation} on {subject} couldn't be sent"),
        ErrorKind::Credentials => format!("invalid or expired credentials for {operation}"),
        ErrorKind::Network => match source.status {
            // The response was cut off, or comes from a proxy instead of AWS.
            Some(status) => {
                format!("unreadable response to {operation} on {subject} (HTTP {status})")
            }
            None => format!("no response to {operation} on {subject}"),
        },
        ErrorKind::ServiceInactive => format!("the service {subject} has been deleted"),
        ErrorKind::Throttled => format!("{operation} on {subject} was throttled"),
        _ => format!("{operation} on {subject} was refused"),
    }
}
