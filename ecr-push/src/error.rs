//! [`Error`]: what failed, on what, and what to do about it.

pub(crate) mod answer;
mod construction;
pub(crate) mod kind;
pub(crate) mod login;
mod repr;

use std::error::Error as _;
use std::sync::Arc;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::answer::{Cause, missing_statement};
use crate::error::kind::ErrorKind;
use crate::error::repr::Repr;
use crate::names::text::NameKind;

/// Why a name was refused, an image could not be read, or a push or a login did not succeed.
///
/// `Display` is one clause that names the subject and, where there is one, the cure; what AWS or
/// the operating system said is in [`source`](std::error::Error::source). A program's log wants
/// the whole chain.
///
/// It serialises for a program's report: `kind`, `message`, `causes` (the chain of sources, outermost
/// first) and `retryable`, and `operation`, `requestId` and `missingStatement` if there are any.
///
/// A clone is the same error: several callers may have waited for one token.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct Error(Arc<Repr>);

impl Error {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Repr::Api { kind, .. } => *kind,
            Repr::BlobMismatch { .. } | Repr::BlobSize { .. } => ErrorKind::BlobMismatch,
            Repr::Image { .. } => ErrorKind::InvalidImage,
            Repr::Dropped { .. } => ErrorKind::Network,
            Repr::InvalidEndpoint { .. } => ErrorKind::InvalidEndpoint,
            Repr::InvalidName(invalid) => match invalid.name() {
                NameKind::Digest => ErrorKind::InvalidDigest,
                NameKind::Repository => ErrorKind::InvalidRepository,
                NameKind::Tag => ErrorKind::InvalidTag,
            },
            Repr::InvalidOptions { .. } => ErrorKind::InvalidOptions,
            Repr::InvalidPlatform { .. } => ErrorKind::InvalidPlatform,
            Repr::Io { .. } | Repr::Temporary { .. } | Repr::Unreadable { .. } => ErrorKind::Io,
            Repr::Login(login) => login.kind(),
            Repr::Protocol { .. } => ErrorKind::Protocol,
            Repr::TagImmutable { .. } => ErrorKind::TagImmutable,
            Repr::Unsupported { .. } => ErrorKind::Unsupported,
        }
    }

    /// Whether the same push may succeed later with nothing changed. The SDK has already tried
    /// each request several times.
    pub fn is_retryable(&self) -> bool {
        match self.kind() {
            ErrorKind::Network | ErrorKind::Protocol | ErrorKind::Throttled => true,
            ErrorKind::Service => self.cause().is_some_and(Cause::is_server_fault),
            _ => false,
        }
    }

    /// The API operation that failed, such as `PutImage`; `None` where no operation
    /// failed, or only because of a file: what a [`BlobMismatch`](ErrorKind::BlobMismatch) is about.
    /// Of the registry's own protocol, that to which the request corresponds, and whose action the
    /// policy has to allow.
    pub fn operation(&self) -> Option<&'static str> {
        match &*self.0 {
            Repr::Api { operation, .. }
            | Repr::Dropped { operation, .. }
            | Repr::Protocol { operation, .. } => Some(operation),
            Repr::Login(login) => login.operation(),
            Repr::TagImmutable { .. } => Some("PutImage"),
            _ => None,
        }
    }

    /// The IAM statement, in JSON, whose lack [`AccessDenied`](ErrorKind::AccessDenied) is about;
    /// `None` for every other kind.
    pub fn missing_statement(&self) -> Option<String> {
        match &*self.0 {
            Repr::Api { kind: ErrorKind::AccessDenied, operation, repository, source, .. } => {
                missing_statement(operation, repository, source)
            }
            Repr::Login(login) => login.missing_statement(),
            _ => None,
        }
    }

    /// AWS's id of the failed request, which its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.cause()?.request_id.as_deref()
    }

    /// What AWS answered, where it did.
    fn cause(&self) -> Option<&Cause> {
        match &*self.0 {
            Repr::Api { source, .. } | Repr::Dropped { source, .. } => Some(source),
            Repr::Login(login) => login.cause(),
            _ => None,
        }
    }

    /// Says what it may mean that the connection broke.
    pub(crate) fn dropped(self) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(Repr::Api { kind: ErrorKind::Network, operation, subject, repository, source }) => {
                Repr::Dropped { operation, subject, repository, source }.into()
            }
            Ok(other) => other.into(),
            Err(shared) => Self(shared),
        }
    }

    /// Names what an operation was about, such as one of the many layers of an image.
    pub(crate) fn about(mut self, what: impl ToString) -> Self {
        // Nobody else has it yet: it is on its way out of the call.
        if let Some(Repr::Api { subject, .. } | Repr::Dropped { subject, .. }) =
            Arc::get_mut(&mut self.0)
            && subject.is_none()
        {
            *subject = Some(what.to_string());
        }
        self
    }

    /// Whether AWS has understood the request, and doesn't carry it out for a reason that isn't
    /// known by its code.
    pub(crate) fn is_refusal(&self) -> bool {
        self.kind() == ErrorKind::Service && !self.is_retryable()
    }
}

impl From<Repr> for Error {
    fn from(repr: Repr) -> Self {
        Self(Arc::new(repr))
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut causes = Vec::new();
        let mut cause = self.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", &self.kind())?;
        map.serialize_entry("message", &self.to_string())?;
        map.serialize_entry("causes", &causes)?;
        map.serialize_entry("retryable", &self.is_retryable())?;
        if let Some(operation) = self.operation() {
            map.serialize_entry("operation", operation)?;
        }
        if let Some(id) = self.request_id() {
            map.serialize_entry("requestId", id)?;
        }
        if let Some(statement) = self.missing_statement() {
            // It is JSON: a report has it as an object.
            let statement: Option<Value> = serde_json::from_str(&statement).ok();
            map.serialize_entry("missingStatement", &statement)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
