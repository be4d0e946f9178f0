//! The kind of each SDK error, and AWS's explanation of it.

use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecr::operation::RequestId as _;
use serde_json::Value;

use crate::aws::bounded::Exceeded;
use crate::aws::foreign::describe_foreign;
use crate::error::answer::{Cause, Origin};
use crate::error::kind::ErrorKind;
use crate::outside::{Outside, Quoted};

/// Returns the kind of failure and AWS's explanation.
pub(crate) fn explain<E>(error: SdkError<E, HttpResponse>) -> (ErrorKind, Cause)
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    explain_of("ECR", error)
}

/// Does the same as [`explain`] for another service.
pub(crate) fn explain_of<E>(service: &str, error: SdkError<E, HttpResponse>) -> (ErrorKind, Cause)
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match foreign(&error) {
        Some(response) => {
            let text = format!("{}, not an answer of {service}'s", describe_foreign(response));
            let kind = if response.status().as_u16() == 429 {
                ErrorKind::Throttled
            } else {
                ErrorKind::Network
            };
            let (_, cause) = explain_as(Some((kind, Origin::Elsewhere)), error);
            (kind, Cause { text: Outside::new(text), source: None, ..cause })
        }
        None => explain_as(None, error),
    }
}

/// Does the same as [`explain`], with a kind and an origin that the caller may already know.
pub(crate) fn explain_as<E>(
    known: Option<(ErrorKind, Origin)>,
    error: SdkError<E, HttpResponse>,
) -> (ErrorKind, Cause)
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let (kind, origin) = known.unwrap_or_else(|| (kind(&error), Origin::Aws));
    let cause = Cause {
        text: Outside::new(describe(&error)),
        origin,
        status: error.raw_response().map(|response| response.status().as_u16()),
        request_id: error.request_id().map(str::to_owned),
        // A service error's own text adds nothing to its code and message.
        source: match error {
            SdkError::ServiceError(_) => None,
            other => other.into_source().ok().map(|source| Quoted::new(&*source)),
        },
    };
    (kind, cause)
}

/// Returns the kind of failure, from the error's code.
fn kind<E>(error: &SdkError<E, HttpResponse>) -> ErrorKind
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            // `other` with a kind means that the transport considers the error retryable.
            Some(error) if error.is_io() || error.is_timeout() || error.as_other().is_some() => {
                ErrorKind::Network
            }
            // The SDK resolves credentials before it sends anything.
            _ => ErrorKind::Configuration,
        },
        SdkError::ConstructionFailure(_) => ErrorKind::Configuration,
        SdkError::ResponseError(_) if exceeded(error).is_some() => ErrorKind::Protocol,
        SdkError::ResponseError(_) | SdkError::TimeoutError(_) => ErrorKind::Network,
        _ => match error.code() {
            Some("AccessDeniedException" | "AccessDenied") => ErrorKind::AccessDenied,
            Some(
                // STS's name for the same error.
                "ExpiredToken"
                | "ExpiredTokenException"
                | "IncompleteSignatureException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "MissingAuthenticationTokenException"
                | "SignatureDoesNotMatch"
                | "UnrecognizedClientException",
            ) => ErrorKind::Credentials,
            Some("KmsException") => ErrorKind::EncryptionKey,
            Some("LimitExceededException") => ErrorKind::LimitExceeded,
            Some("RepositoryNotFoundException") => ErrorKind::RepositoryNotFound,
            Some("Throttling" | "ThrottlingException" | "TooManyRequestsException") => {
                ErrorKind::Throttled
            }
            _ if error.raw_response().is_some_and(|it| it.status().as_u16() == 429) => {
                ErrorKind::Throttled
            }
            _ => ErrorKind::Service,
        },
    }
}

/// Returns the response if AWS didn't send it: each of its errors has a code, and each other answer
/// can be parsed.
fn foreign<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&HttpResponse> {
    let is_unknown = match error {
        SdkError::ResponseError(_) => true,
        SdkError::ServiceError(_) => error.code().is_none(),
        _ => false,
    };
    // An answer that broke off has no bytes.
    error.raw_response().filter(|response| is_unknown && response.body().bytes().is_some())
}

/// Returns the limit that the answer exceeds.
fn exceeded<E>(error: &SdkError<E, HttpResponse>) -> Option<&Exceeded>
where
    E: std::error::Error + 'static,
{
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        if let Some(exceeded) = error.downcast_ref() {
            return Some(exceeded);
        }
        next = error.source();
    }
    None
}

/// Returns AWS's code and message for a failure.
pub(crate) fn describe<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let text = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => match (exceeded(error), error.raw_response()) {
            (Some(limit), Some(response)) => {
                format!("HTTP {}: {limit}", response.status().as_u16())
            }
            _ => error.to_string(),
        },
    };
    match kms_error(error) {
        Some(kms) => format!("{text} (KMS: {kms})"),
        None => text,
    }
}

/// Returns KMS's own code, a member of KmsException beside its message.
fn kms_error<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    if error.code() != Some("KmsException") {
        return None;
    }
    let body: Value = serde_json::from_slice(error.raw_response()?.body().bytes()?).ok()?;
    Some(body.get("kmsError")?.as_str()?.to_owned())
}
