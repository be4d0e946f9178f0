//! [`ErrorKind`]: what a program can act on.

use std::fmt;

use serde::{Serialize, Serializer};

/// What kind of failure an [`Error`](crate::Error) is, for a program that acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credentials are valid, but their policy lacks an action. Allow it on the repository, or
    /// on what the text says.
    AccessDenied,
    /// A blob's content isn't what its descriptor says: wrong size or digest, or it changed while
    /// it was read. Build the image again.
    BlobMismatch,
    /// The configuration lacks what a request needs: credentials, or an HTTP client. Complete the
    /// `SdkConfig`; the source says with what.
    Configuration,
    /// Docker asks a credential helper for this registry, and would not read a login in its
    /// configuration. Use the helper, or remove it from the configuration.
    CredentialHelper,
    /// Expired credentials, or ones that AWS doesn't know. Renew them.
    Credentials,
    /// Docker's configuration can't be found, or is no JSON that a login can be added to. The text
    /// says what is wrong with it, and in which line.
    DockerConfig,
    /// KMS refuses the repository's key: it is disabled, or its policy doesn't allow its use. The
    /// source says which.
    EncryptionKey,
    /// ECR gave a token that has expired already, by this machine's clock. Set the clock.
    ExpiredToken,
    /// A text that was to be a digest is none.
    InvalidDigest,
    /// A text that was to be the address of a registry is none.
    InvalidEndpoint,
    /// The path holds no image that can be read, not the one that was asked for, or a broken one.
    /// Build it again, or ask for what it has.
    InvalidImage,
    /// Options of a push that don't go together. Leave out one of them; the text says which there
    /// are.
    InvalidOptions,
    /// A text that was to be a platform is none.
    InvalidPlatform,
    /// A text that was to be a repository's URI is none.
    InvalidRepository,
    /// A text that was to be a tag is none.
    InvalidTag,
    /// A file could not be read or written.
    Io,
    /// A quota of the account is used up, such as images per repository. Delete old images, or ask
    /// AWS for more; trying again doesn't help.
    LimitExceeded,
    /// No answer: no route, no name, no connection, or the time-out ran out.
    Network,
    /// ECR accepted the calls, but lost what had been uploaded, or its answers contradict each
    /// other. A later push starts afresh.
    Protocol,
    /// The registry has no such repository. Create it, or correct the URI.
    RepositoryNotFound,
    /// ECR refused the request for another reason; the source says which.
    Service,
    /// The tag exists with another image, and the repository's tags are immutable. Choose a new
    /// tag.
    TagImmutable,
    /// More requests than the account may make. Try again later.
    Throttled,
    /// The image holds something that ECR doesn't store, such as an empty blob.
    Unsupported,
}

/// The kind's name in a report, such as `accessDenied`.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => "accessDenied",
            Self::BlobMismatch => "blobMismatch",
            Self::Configuration => "configuration",
            Self::CredentialHelper => "credentialHelper",
            Self::Credentials => "credentials",
            Self::DockerConfig => "dockerConfig",
            Self::EncryptionKey => "encryptionKey",
            Self::ExpiredToken => "expiredToken",
            Self::InvalidDigest => "invalidDigest",
            Self::InvalidEndpoint => "invalidEndpoint",
            Self::InvalidImage => "invalidImage",
            Self::InvalidOptions => "invalidOptions",
            Self::InvalidPlatform => "invalidPlatform",
            Self::InvalidRepository => "invalidRepository",
            Self::InvalidTag => "invalidTag",
            Self::Io => "io",
            Self::LimitExceeded => "limitExceeded",
            Self::Network => "network",
            Self::Protocol => "protocol",
            Self::RepositoryNotFound => "repositoryNotFound",
            Self::Service => "service",
            Self::TagImmutable => "tagImmutable",
            Self::Throttled => "throttled",
            Self::Unsupported => "unsupported",
        })
    }
}

impl Serialize for ErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
