//! The failure of an API call: AWS's refusal, or the reason for a missing response.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::RequestId;

use crate::error::kind::ErrorKind;
use crate::error::missing_statement::{Advice, Need};
use crate::error::stranger::{describe, is_page};
use crate::outside::{Outside, Quoted};

/// The failure of an API call. It doesn't keep the SDK's error, which has the whole response: a
/// task definition with the values of its environment variables may be in it.
#[derive(Debug, Clone)]
pub(crate) struct ApiFailure {
    pub(super) kind: ErrorKind,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
    /// The HTTP status; `None` without a response.
    status: Option<u16>,
    /// The message in one clause, quoted.
    text: String,
    source: Option<Quoted>,
}

/// The error of a body that is longer than its limit in bytes.
#[derive(Debug, thiserror::Error)]
#[error("the body has more than {limit} bytes")]
pub(crate) struct TooLarge {
    pub(crate) limit: usize,
}

impl ApiFailure {
    pub(crate) fn new<E>(operation: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let response = error.raw_response();
        let status = response.map(|response| response.status().as_u16());
        let message = error.message().map(str::to_owned);
        let failure = Self { kind: ErrorKind::Service, message, status, ..Self::without(&error) };
        match (error.code(), response) {
            (Some(code), response) if !response.is_some_and(is_page) => {
                let code = Outside::new(code);
                let text = match &failure.message {
                    Some(message) if !message.is_empty() => {
                        format!("{} ({code})", Outside::new(message))
                    }
                    _ => code.to_string(),
                };
                Self { kind: kind_of(code.raw()), text, ..failure }
            }
            (_, Some(response)) => {
                let is_unread = matches!(error, SdkError::ResponseError(_));
                let source = error.source().filter(|_| is_unread);
                let (kind, text) = match too_large(&error) {
                    Some(limit) => {
                        let status = response.status().as_u16();
                        (ErrorKind::Protocol, format!("HTTP {status} with more than {limit} bytes"))
                    }
                    None => (ErrorKind::Network, describe(operation, response)),
                };
                let source = source.filter(|_| kind == ErrorKind::Network).map(Quoted::new);
                Self { kind, text, source, message: None, ..failure }
            }
            (_, None) => {
                let source = error.source().map(Quoted::new);
                Self { kind: kind_without_response(&error), source, ..failure }
            }
        }
    }

    fn without<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        Self {
            kind: ErrorKind::Service,
            message: None,
            request_id: error.request_id().map(str::to_owned),
            status: None,
            text: Outside::new(error.to_string()).to_string(),
            source: None,
        }
    }

    /// Returns the advice for a refusal.
    fn advice(&self, operation: &str, needs: &[Need]) -> Advice {
        let message = self.message.as_deref().unwrap_or_default();
        Advice::from_refusal(operation, needs, message)
    }

    /// Returns the missing statement; `None` if no statement helps.
    pub(super) fn missing_statement(&self, operation: &str, needs: &[Need]) -> Option<String> {
        match self.advice(operation, needs) {
            Advice::Add { statement, .. } => Some(statement),
            _ => None,
        }
    }

    pub(super) fn is_passing(&self) -> bool {
        match (self.kind, self.status) {
            (ErrorKind::Throttled, _) | (ErrorKind::Network, None) => true,
            (_, Some(500..)) => true,
            // A proxy that refuses or redirects a request does so each time.
            (ErrorKind::Network, Some(status)) => matches!(status, 200..300 | 408 | 429),
            _ => false,
        }
    }
}

impl fmt::Display for ApiFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for ApiFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

fn kind_without_response<E>(error: &SdkError<E, HttpResponse>) -> ErrorKind {
    match error {
        SdkError::TimeoutError(_) => ErrorKind::Network,
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) if error.is_timeout() || error.is_io() => ErrorKind::Network,
            // The transport marks the error as transient or throttling.
            Some(error) if error.as_other().is_some() => ErrorKind::Network,
            Some(error) if is_of_connection(error) => ErrorKind::Network,
            _ => ErrorKind::Configuration,
        },
        SdkError::ConstructionFailure(_) => ErrorKind::Configuration,
        _ => ErrorKind::Service,
    }
}

/// Returns whether the HTTP client failed after the request was complete, for example because the
/// response isn't HTTP. The SDK reports that like missing credentials, but the client's own error
/// (of hyper-util) begins with these words.
fn is_of_connection(error: &ConnectorError) -> bool {
    !error.is_user()
        && error.source().is_some_and(|source| source.to_string().starts_with("client error ("))
}

/// Returns the limit that a body exceeded, if that is the reason of an error.
fn too_large(error: &(dyn StdError + 'static)) -> Option<usize> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(TooLarge { limit }) = error.downcast_ref() {
            return Some(*limit);
        }
        cause = error.source();
    }
    None
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

/// Returns the text of a failed API call.
pub(super) fn api_failed(
    operation: &str,
    subject: &str,
    needs: &[Need],
    source: &ApiFailure,
) -> String {
    let subject = Outside::new(subject);
    match source.kind {
        ErrorKind::AccessDenied => {
            let denied = format!("{operation} on {subject} isn't allowed");
            match source.advice(operation, needs) {
                Advice::Add { statement, policy } => {
                    format!("{denied}: add {statement} to the {policy}")
                }
                Advice::Allow { action, policy } => {
                    format!("{denied}: {policy} has to allow {action} too")
                }
                Advice::Denied { policy } => {
                    format!(
                        "{denied}: {policy} denies it explicitly, and no other policy can override that"
                    )
                }
                Advice::OtherAccount => format!(
                    "{denied}: ECS can't use the role of another account, and no policy can allow it"
                ),
                Advice::Unknown => {
                    format!("{denied}: AWS names an action that the call doesn't need")
                }
            }
        }
        ErrorKind::Configuration => format!("{operation} on {subject} couldn't be sent"),
        ErrorKind::Credentials => format!("invalid or expired credentials for {operation}"),
        ErrorKind::Network => match source.status {
            // The response was cut off, or comes from a proxy instead of AWS.
            Some(_) => format!("unreadable response to {operation} on {subject}"),
            None => format!("no response to {operation} on {subject}"),
        },
        ErrorKind::Protocol => format!("invalid response to {operation} on {subject}"),
        ErrorKind::ServiceInactive => format!("the service {subject} has been deleted"),
        ErrorKind::Throttled => format!("{operation} on {subject} was throttled"),
        _ => format!("{operation} on {subject} was refused"),
    }
}
