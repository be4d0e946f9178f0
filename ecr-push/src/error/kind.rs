//! [`ErrorKind`]: the kind of a failure, for a program that reacts to it.

use std::fmt;

use serde::{Serialize, Serializer};

/// The kind of an [`Error`](crate::Error), for a program that reacts to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credentials are valid, but a policy lacks an action or denies it. The message names the
    /// statement to add, or the policy that denies: for example that of a VPC endpoint.
    AccessDenied,
    /// A blob's content doesn't match its descriptor: the size or the digest differs, or the file
    /// changed during the read. Build the image again.
    BlobMismatch,
    /// The tokio runtime was shut down before the work ended. Keep the runtime until then.
    Cancelled,
    /// The configuration lacks what a request needs: credentials, or an HTTP client. Complete the
    /// `SdkConfig`; the source says what is missing.
    Configuration,
    /// Docker uses a credential helper for this registry and would ignore a login in its
    /// configuration. Use the helper, or remove it from the configuration.
    CredentialHelper,
    /// The credentials are expired or unknown to AWS. Renew them.
    Credentials,
    /// Docker's configuration can't be located, or isn't JSON that a login can be added to. The
    /// message says what is wrong and on which line.
    DockerConfig,
    /// KMS refuses to use the repository's key: the key is disabled, or its policy doesn't allow
    /// its use. The source says which.
    EncryptionKey,
    /// ECR returned a token that has already expired by this machine's clock. Set the clock.
    ExpiredToken,
    /// The string is not a valid digest.
    InvalidDigest,
    /// The string is not a valid registry address.
    InvalidEndpoint,
    /// The path has no image, the image is broken, the requested image isn't there, or a blob is
    /// neither in the image nor in a repository; or the path has several images and none was
    /// chosen. Build it again, or choose an image that it has.
    InvalidImage,
    /// The push has options that exclude each other. Remove one of them; the message names them.
    InvalidOptions,
    /// The string is not a valid platform.
    InvalidPlatform,
    /// The string is not a valid repository URI.
    InvalidRepository,
    /// The string is not a valid tag.
    InvalidTag,
    /// A file could not be read or written.
    Io,
    /// The account has reached a quota, such as images per repository. Delete old images, or ask
    /// AWS for a higher quota; a retry doesn't help.
    LimitExceeded,
    /// AWS didn't answer: no route, a failed DNS lookup, no connection, a timeout, or a proxy, a
    /// firewall or a portal that answered instead. The source shows such an answer.
    Network,
    /// ECR accepted the calls but lost the uploaded data, its answers contradict each other, or an
    /// answer lacks what its success depends on. A later push skips the layers that are complete
    /// and uploads the others from the beginning.
    Protocol,
    /// The registry doesn't have this repository. Create it, or correct the URI.
    RepositoryNotFound,
    /// ECR refused the request for another reason; the source says why.
    Service,
    /// The tag already refers to another image, and the repository's tags are immutable. Choose a
    /// new tag.
    TagImmutable,
    /// The account sends more requests than ECR allows. Try again later.
    Throttled,
    /// The image contains something that ECR doesn't store, such as an empty blob.
    Unsupported,
}

/// Writes the kind's name in a report, such as `accessDenied`.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => "accessDenied",
            Self::BlobMismatch => "blobMismatch",
            Self::Cancelled => "cancelled",
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
