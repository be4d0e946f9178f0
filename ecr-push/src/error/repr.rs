//! The content of each error, and its message.

use std::path::PathBuf;

use crate::error::answer::{Cause, describe_api, describe_dropped};
use crate::error::kind::ErrorKind;
use crate::error::login::LoginFailure;
use crate::file::NotRegular;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::names::text::InvalidName;
use crate::outside::{Outside, Quoted};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("{}", describe_api(*kind, operation, subject.as_deref(), repository, key.as_deref(), source))]
    Api {
        kind: ErrorKind,
        operation: &'static str,
        /// One of the layers or manifests; `None` if it is the repository.
        subject: Option<String>,
        repository: Repository,
        /// The KMS key that the request named.
        key: Option<String>,
        source: Cause,
    },

    #[error("blob {expected} has the digest {found}: {place} was changed or is damaged")]
    BlobMismatch { place: String, expected: Digest, found: Digest },

    #[error(
        "blob {digest} has {found} bytes instead of {expected}: {place} was cut off or changed"
    )]
    BlobSize { place: String, digest: Digest, expected: u64, found: u64 },

    #[error("{}", describe_dropped(operation, subject.as_deref(), repository))]
    Dropped {
        operation: &'static str,
        subject: Option<String>,
        repository: Repository,
        source: Cause,
    },

    #[error("{subject} can't be pushed: {problem}")]
    Image { subject: String, problem: String, source: Option<Quoted> },

    #[error("invalid registry address `{}`: {problem}", Outside::new(text))]
    InvalidEndpoint { text: String, problem: String },

    #[error(transparent)]
    InvalidName(InvalidName),

    #[error("nothing was pushed: {problem}")]
    InvalidOptions { problem: String },

    #[error("invalid platform `{}`: {problem}", Outside::new(text))]
    InvalidPlatform { text: String, problem: String },

    #[error("{} can't be read", Outside::from_path(path))]
    Io { path: PathBuf, source: std::io::Error },

    #[error(transparent)]
    Login(LoginFailure),

    #[error(transparent)]
    NotRegular(NotRegular),

    #[error("the tokio runtime was shut down before the work ended: keep the runtime until then")]
    ShutDown,

    #[error("{operation} on {repository}: {problem}")]
    Protocol { operation: &'static str, repository: Repository, problem: String },

    #[error("{}", describe_immutable(tag, repository, pushed, current))]
    TagImmutable { tag: Tag, repository: Repository, pushed: Digest, current: TagHolder },

    #[error(
        "a compressed layer can't be written into {}: make room, or set TMPDIR to another folder",
        Outside::from_path(folder)
    )]
    Temporary { folder: PathBuf, source: std::io::Error },

    #[error("{place} can't be read")]
    Unreadable { place: String, source: std::io::Error },

    #[error("image {image} can't be stored by ECR: {problems}")]
    Unsupported { image: Digest, problems: String },
}

/// The image that an immutable tag refers to.
#[derive(Debug)]
pub(crate) enum TagHolder {
    /// The policy doesn't allow the lookup.
    Denied,
    Image(Digest),
    /// The lookup is disabled, or doesn't show the image.
    Unknown,
}

fn describe_immutable(
    tag: &Tag,
    repository: &Repository,
    pushed: &Digest,
    current: &TagHolder,
) -> String {
    match current {
        TagHolder::Image(current) => format!(
            "tag `{tag}` of {repository} is immutable and refers to {current}, so it can't be moved to \
             {pushed}: choose another tag"
        ),
        TagHolder::Denied => format!(
            "tag `{tag}` of {repository} exists and is immutable, so it can't be moved to {pushed}: \
             choose another tag, or allow `ecr:BatchGetImage` to see which image it refers to"
        ),
        TagHolder::Unknown => format!(
            "tag `{tag}` of {repository} exists and is immutable, so it can't be moved to {pushed}: \
             choose another tag"
        ),
    }
}
