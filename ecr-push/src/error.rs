//! [`Error`]: what failed, on which subject, and how to fix it.

pub(crate) mod answer;
mod construction;
mod denial;
pub(crate) mod kind;
pub(crate) mod login;
pub(crate) mod repr;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::answer::{Cause, Origin};
use crate::error::denial::advice;
use crate::error::kind::ErrorKind;
use crate::error::repr::Repr;
use crate::names::text::NameKind;
use crate::outside::quoted;

/// A failure to parse a name, to read an image, to push, or to log in.
///
/// `Display` names what failed, and the fix if one is known, in one clause.
/// [`source`](std::error::Error::source) holds the message of AWS or of the operating system. A
/// program should log the whole chain. Text from servers and files is quoted in every message: it
/// has no control characters, no line breaks and no commands of a CI system, and is cut at 2 KiB.
///
/// serde writes it for a program's report, with the members `kind`, `message`, `causes` (the chain
/// of sources, outermost first) and `retryable`, and with `operation`, `requestId` and
/// `missingStatement` if the error has them.
///
/// Clones are cheap: concurrent callers that wait for one token receive the same error.
#[derive(Debug, Clone)]
pub struct Error(Arc<Repr>);

impl Error {
    /// Returns the kind of this failure.
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
            Repr::Io { .. }
            | Repr::NotRegular(_)
            | Repr::Temporary { .. }
            | Repr::Unreadable { .. } => ErrorKind::Io,
            Repr::Login(login) => login.kind(),
            Repr::Protocol { .. } => ErrorKind::Protocol,
            Repr::ShutDown => ErrorKind::Cancelled,
            Repr::TagImmutable { .. } => ErrorKind::TagImmutable,
            Repr::Unsupported { .. } => ErrorKind::Unsupported,
        }
    }

    /// Returns whether the same push may succeed later without any change. The SDK has already
    /// tried each request several times.
    pub fn is_retryable(&self) -> bool {
        match self.kind() {
            // A proxy or a portal on the way answers the same again, unless it has no connection.
            ErrorKind::Network if self.is_from_elsewhere() => {
                self.cause().is_some_and(Cause::is_server_fault)
            }
            ErrorKind::Network | ErrorKind::Protocol | ErrorKind::Throttled => true,
            ErrorKind::Service => self.cause().is_some_and(Cause::is_server_fault),
            _ => false,
        }
    }

    /// Returns the API operation that failed, such as `PutImage`.
    ///
    /// `None` if no operation failed, or if one failed only because of a local file: then the kind
    /// is [`BlobMismatch`](ErrorKind::BlobMismatch). A push through the registry's own protocol
    /// names the API operation that corresponds to the request; the policy has to allow that
    /// action.
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

    /// Returns the IAM statement, in JSON, that is missing if the kind is
    /// [`AccessDenied`](ErrorKind::AccessDenied); `None` for every other kind, and if no statement
    /// in the caller's policy helps: a policy denies the action explicitly, or another policy, such
    /// as that of a VPC endpoint, doesn't allow it.
    ///
    /// The statement names only an action that the operation needs, and the resource that the push
    /// asked for. It contains no text of the server's.
    pub fn missing_statement(&self) -> Option<String> {
        match &*self.0 {
            Repr::Api {
                kind: ErrorKind::AccessDenied, operation, repository, key, source, ..
            } => advice(operation, repository, key.as_deref(), source.text.raw()).statement(),
            Repr::Login(login) => login.missing_statement(),
            _ => None,
        }
    }

    /// Returns AWS's id of the failed request, unquoted. AWS Support asks for it.
    pub fn request_id(&self) -> Option<&str> {
        self.cause()?.request_id.as_deref()
    }

    /// Returns AWS's answer, if AWS answered.
    fn cause(&self) -> Option<&Cause> {
        match &*self.0 {
            Repr::Api { source, .. } | Repr::Dropped { source, .. } => Some(source),
            Repr::Login(login) => login.cause(),
            _ => None,
        }
    }

    /// Returns what is wrong with an image, without its name; any other error in full.
    pub(crate) fn problem(&self) -> String {
        match &*self.0 {
            Repr::Image { problem, .. } => problem.clone(),
            _ => self.to_string(),
        }
    }

    /// Replaces a network failure by the error that explains what a broken connection may mean.
    pub(crate) fn dropped(self) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(Repr::Api {
                kind: ErrorKind::Network,
                operation,
                subject,
                repository,
                source,
                ..
            }) => Repr::Dropped { operation, subject, repository, source }.into(),
            Ok(other) => other.into(),
            Err(shared) => Self(shared),
        }
    }

    /// Adds what an operation was about, such as one of the many layers of an image.
    pub(crate) fn about(mut self, what: impl ToString) -> Self {
        // The error has a single owner here: the call hasn't returned it yet.
        if let Some(Repr::Api { subject, .. } | Repr::Dropped { subject, .. }) =
            Arc::get_mut(&mut self.0)
            && subject.is_none()
        {
            *subject = Some(what.to_string());
        }
        self
    }

    /// Adds the KMS key that a request named.
    pub(crate) fn with_key(mut self, named: Option<&str>) -> Self {
        if let Some(Repr::Api { key, .. }) = Arc::get_mut(&mut self.0) {
            *key = named.map(str::to_owned);
        }
        self
    }

    fn is_from_elsewhere(&self) -> bool {
        self.cause().is_some_and(|cause| cause.origin == Origin::Elsewhere)
    }

    /// Returns whether AWS understood the request and refuses it for a reason whose code this
    /// crate doesn't know.
    pub(crate) fn is_refusal(&self) -> bool {
        self.kind() == ErrorKind::Service && !self.is_retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.0.to_string()))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
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
            // The statement is JSON, so the report contains it as an object.
            let statement: Option<Value> = serde_json::from_str(&statement).ok();
            map.serialize_entry("missingStatement", &statement)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
