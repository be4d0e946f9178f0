//! The kind of each SDK error, and AWS's explanation of it.

use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecr::operation::RequestId as _;
use serde_json::Value;

use crate::error::answer::Cause;
use crate::error::kind::ErrorKind;
use crate::outside::{Outside, Quoted};

/// Returns the kind of failure and AWS's explanation.
pub(crate) fn explain<E>(error: SdkError<E, HttpResponse>) -> (ErrorKind, Cause)
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    explain_as(None, error)
}

/// Does the same as [`explain`], with a kind that the caller may already know.
pub(crate) fn explain_as<E>(
    known: Option<ErrorKind>,
    error: SdkError<E, HttpResponse>,
) -> (ErrorKind, Cause)
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let kind = known.unwrap_or_else(|| kind(&error));
    let cause = Cause {
        text: Outside::new(describe(&error)),
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
fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> ErrorKind {
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

/// Returns AWS's code and message for a failure.
pub(crate) fn describe<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    let text = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => error.to_string(),
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
