//! What the registry answers, and how ECR's refusals look there.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::core::Reply;
use crate::error::AwsError;
use crate::faults::Middlebox;

/// An answer that is being put together.
#[derive(Debug)]
pub(super) struct Answer(Response<Bytes>);

/// Why something isn't answered as it was asked for.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The connection breaks.
    Dropped,
    /// A device on the way answers.
    Middlebox(Middlebox),
    Problem(Problem),
}

/// A refusal in the form of the OCI distribution specification: an HTTP status, a code, a message.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// The code of the API's refusal, if it is one.
    pub(super) source: Option<&'static str>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// A text, and how to get a token of this host.
    Challenge(String),
    Json,
    Text,
}

impl Answer {
    pub(super) fn new(status: StatusCode) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        // Users report it of every answer.
        response.headers_mut().insert(
            HeaderName::from_static("docker-distribution-api-version"),
            HeaderValue::from_static("registry/2.0"),
        );
        Self(response)
    }

    /// What no header can carry, and no name that the registry has holds, is left out.
    pub(super) fn header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.0.body_mut() = body.into();
        self
    }

    /// Drops the body, for the answer to a HEAD.
    pub(super) fn without_body(self) -> Self {
        self.body(Bytes::new())
    }

    pub(super) fn after(self, delay: Duration) -> Reply {
        Reply::Answer(self.0, delay)
    }
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), source: None, form: Form::Json }
    }

    /// The answer to a request without a token: users report the status, the words and the scheme;
    /// the realm and the service are from the answers that they show.
    pub(super) fn unauthorized(host: &str) -> Self {
        let mut problem = Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Not Authorized\n");
        problem.form = Form::Challenge(host.to_owned());
        problem
    }

    /// No path of the protocol: users report Go's own page.
    pub(super) fn no_page() -> Self {
        let mut problem = Self::new(StatusCode::NOT_FOUND, "UNKNOWN", "404 page not found\n");
        problem.form = Form::Text;
        problem
    }

    /// Users report a 403 with these words, not the 401 that would make a client get another one.
    pub(super) fn expired() -> Self {
        let message = "Your authorization token has expired. Reauthenticate and try again.";
        Self::new(StatusCode::FORBIDDEN, "DENIED", message)
    }

    /// Users report a 400 for a password that isn't one, and for a token of another region; the
    /// words are inferred.
    pub(super) fn invalid_token() -> Self {
        let message = "Your Authorization Token is invalid.";
        Self::new(StatusCode::BAD_REQUEST, "DENIED", message)
    }

    /// What the API's refusal is in the registry, which shows its words. Users report of ECR:
    /// NAME_UNKNOWN, DENIED for a permission and for a quota of the account, UNSUPPORTED for every
    /// parameter that is invalid, TAG_INVALID for a tag that may not move, the 416 for bytes that
    /// are out of order, BLOB_UPLOAD_INVALID for a digest, MANIFEST_BLOB_UNKNOWN for the manifests
    /// of an index; ECR's user guide has TOOMANYREQUESTS. The others, and the statuses that users
    /// don't show, are inferred from the specification.
    pub(super) fn of(error: AwsError) -> Self {
        let (status, code) = match error.code {
            "AccessDeniedException" | "KmsException" | "LimitExceededException" => {
                (StatusCode::FORBIDDEN, "DENIED")
            }
            "EmptyUploadException" | "InvalidLayerException" | "LayerPartTooSmallException" => {
                (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID")
            }
            "ImageDigestDoesNotMatchException" => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            "ImageTagAlreadyExistsException" => (StatusCode::BAD_REQUEST, "TAG_INVALID"),
            "InvalidLayerPartException" => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID")
            }
            "InvalidParameterException" => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            "LayerInaccessibleException" => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            "LayersNotFoundException" | "ReferencedImagesNotFoundException" => {
                (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN")
            }
            "RepositoryNotFoundException" => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            "ServiceUnavailable" => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            "ThrottlingException" => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
            "UploadNotFoundException" => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            _ => (error.status, "UNKNOWN"),
        };
        Self { source: Some(error.code), ..Self::new(status, code, error.message) }
    }

    pub(super) fn into_answer(self) -> Answer {
        let answer = Answer::new(self.status);
        let answer = match &self.form {
            Form::Challenge(host) => answer.header(
                WWW_AUTHENTICATE,
                format!("Basic realm=\"https://{host}/\",service=\"ecr.amazonaws.com\""),
            ),
            Form::Json | Form::Text => answer,
        };
        match self.form {
            Form::Challenge(_) | Form::Text => {
                answer.header(CONTENT_TYPE, "text/plain; charset=utf-8").body(self.message)
            }
            Form::Json => {
                let body = json!({ "errors": [{ "code": self.code, "message": self.message }] });
                answer
                    .header(CONTENT_TYPE, "application/json; charset=utf-8")
                    // Users show the line's end.
                    .body(format!("{body}\n"))
            }
        }
    }
}

/// An answer that isn't the registry's own.
impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        Self(response)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<AwsError> for Refusal {
    fn from(error: AwsError) -> Self {
        Self::Problem(Problem::of(error))
    }
}
