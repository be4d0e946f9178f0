//! [`Error`]: what failed, on what, and what to do about it.

use std::path::{Path, PathBuf};

use crate::names::{Digest, Repository, Tag};

/// Why a name was refused, an image could not be read, or a push did not succeed.
///
/// `Display` is one clause that names the subject and, where there is one, the cure; what AWS or
/// the operating system said is in [`source`](std::error::Error::source). A program's log wants
/// the whole chain.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Repr>);

/// What kind of failure an [`Error`] is, for a program that acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credentials are valid, but their policy lacks an action. Allow it on the repository.
    AccessDenied,
    /// A blob's content isn't what its descriptor says: wrong size or digest, or it changed while
    /// it was read. Build the image again.
    BlobMismatch,
    /// No credentials, expired ones, or ones that AWS doesn't know. Renew them.
    Credentials,
    /// A text that was to be a digest is none.
    InvalidDigest,
    /// The path holds no image that can be read, or the image is broken. Build it again.
    InvalidImage,
    /// A text that was to be a repository's URI is none.
    InvalidRepository,
    /// A text that was to be a tag is none.
    InvalidTag,
    /// A file could not be read.
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

impl Error {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Repr::Api { kind, .. } => *kind,
            Repr::BlobMismatch { .. } | Repr::BlobSize { .. } => ErrorKind::BlobMismatch,
            Repr::Image { .. } => ErrorKind::InvalidImage,
            Repr::InvalidDigest { .. } => ErrorKind::InvalidDigest,
            Repr::InvalidRepository { .. } => ErrorKind::InvalidRepository,
            Repr::InvalidTag { .. } => ErrorKind::InvalidTag,
            Repr::Io { .. } => ErrorKind::Io,
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
            ErrorKind::Service => {
                matches!(&*self.0, Repr::Api { source, .. } if source.is_server_fault())
            }
            _ => false,
        }
    }

    /// The API operation that failed, such as `PutImage`; `None` where the failure came before any.
    pub fn operation(&self) -> Option<&'static str> {
        match &*self.0 {
            Repr::Api { operation, .. } | Repr::Protocol { operation, .. } => Some(operation),
            Repr::TagImmutable { .. } => Some("PutImage"),
            _ => None,
        }
    }

    /// AWS's id of the failed request, which its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        match &*self.0 {
            Repr::Api { source, .. } => source.request_id.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn invalid_repository(text: &str, problem: String) -> Self {
        Repr::InvalidRepository {
            text: text.to_owned(),
            problem,
        }
        .into()
    }

    pub(crate) fn invalid_tag(text: &str, problem: String) -> Self {
        Repr::InvalidTag {
            text: text.to_owned(),
            problem,
        }
        .into()
    }

    pub(crate) fn invalid_digest(text: &str, problem: String) -> Self {
        Repr::InvalidDigest {
            text: text.to_owned(),
            problem,
        }
        .into()
    }

    pub(crate) fn image(path: &Path, problem: impl Into<String>) -> Self {
        Repr::Image {
            path: path.to_owned(),
            problem: problem.into(),
            source: None,
        }
        .into()
    }

    pub(crate) fn image_caused(
        path: &Path,
        problem: impl Into<String>,
        source: impl Into<BoxError>,
    ) -> Self {
        let source = Some(source.into());
        Repr::Image {
            path: path.to_owned(),
            problem: problem.into(),
            source,
        }
        .into()
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Repr::Io {
            path: path.to_owned(),
            source,
        }
        .into()
    }

    pub(crate) fn blob_mismatch(path: &Path, expected: &Digest, found: &Digest) -> Self {
        Repr::BlobMismatch {
            path: path.to_owned(),
            expected: expected.clone(),
            found: found.clone(),
        }
        .into()
    }

    pub(crate) fn blob_size(path: &Path, digest: &Digest, expected: u64, found: u64) -> Self {
        Repr::BlobSize {
            path: path.to_owned(),
            digest: digest.clone(),
            expected,
            found,
        }
        .into()
    }

    pub(crate) fn unsupported(digest: &Digest, problem: impl Into<String>) -> Self {
        Repr::Unsupported {
            digest: digest.clone(),
            problem: problem.into(),
        }
        .into()
    }

    pub(crate) fn protocol(
        operation: &'static str,
        repository: &Repository,
        problem: impl Into<String>,
    ) -> Self {
        Repr::Protocol {
            operation,
            repository: repository.clone(),
            problem: problem.into(),
        }
        .into()
    }

    pub(crate) fn tag_immutable(
        tag: &Tag,
        repository: &Repository,
        pushed: &Digest,
        current: Option<Digest>,
    ) -> Self {
        Repr::TagImmutable {
            tag: tag.clone(),
            repository: repository.clone(),
            pushed: pushed.clone(),
            current,
        }
        .into()
    }

    pub(crate) fn api(
        kind: ErrorKind,
        operation: &'static str,
        repository: &Repository,
        source: Cause,
    ) -> Self {
        let repository = repository.clone();
        Repr::Api {
            kind,
            operation,
            repository,
            source,
        }
        .into()
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
enum Repr {
    #[error("{}", describe_api(*kind, operation, repository))]
    Api {
        kind: ErrorKind,
        operation: &'static str,
        repository: Repository,
        source: Cause,
    },

    #[error(
        "blob {expected} has the digest {found}: the file {} was changed or is damaged",
        path.display()
    )]
    BlobMismatch {
        path: PathBuf,
        expected: Digest,
        found: Digest,
    },

    #[error(
        "blob {digest} has {found} bytes instead of {expected}: the file {} was cut off or changed",
        path.display()
    )]
    BlobSize {
        path: PathBuf,
        digest: Digest,
        expected: u64,
        found: u64,
    },

    #[error("{} is no image that can be pushed: {problem}", path.display())]
    Image {
        path: PathBuf,
        problem: String,
        source: Option<BoxError>,
    },

    #[error("`{text}` is no digest: {problem}")]
    InvalidDigest { text: String, problem: String },

    #[error("`{text}` is no ECR repository URI: {problem}")]
    InvalidRepository { text: String, problem: String },

    #[error("`{text}` is no tag: {problem}")]
    InvalidTag { text: String, problem: String },

    #[error("{} can't be read", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },

    #[error("{operation} on {repository}: {problem}")]
    Protocol {
        operation: &'static str,
        repository: Repository,
        problem: String,
    },

    #[error("{}", describe_immutable(tag, repository, pushed, current.as_ref()))]
    TagImmutable {
        tag: Tag,
        repository: Repository,
        pushed: Digest,
        current: Option<Digest>,
    },

    #[error("blob {digest} can't be stored by ECR: {problem}")]
    Unsupported { digest: Digest, problem: String },
}

impl From<Repr> for Error {
    fn from(repr: Repr) -> Self {
        Self(Box::new(repr))
    }
}

/// What AWS answered, or why there was no answer.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Cause {
    pub(crate) text: String,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<String>,
    #[source]
    pub(crate) source: Option<BoxError>,
}

impl Cause {
    fn is_server_fault(&self) -> bool {
        self.status.is_some_and(|status| status >= 500)
    }
}

fn describe_api(kind: ErrorKind, operation: &str, repository: &Repository) -> String {
    let (name, account, region) = (repository.name(), repository.account(), repository.region());
    match kind {
        ErrorKind::AccessDenied => format!(
            "{operation} on {repository} is not allowed: the policy needs `ecr:{operation}` on `{}`",
            repository.arn()
        ),
        ErrorKind::Credentials => {
            format!("{operation} on {repository} was not accepted with these credentials")
        }
        ErrorKind::LimitExceeded => {
            format!("{operation} on {repository} met a quota of account {account} in {region}")
        }
        ErrorKind::Network => format!("{operation} on {repository} got no answer from ECR"),
        ErrorKind::RepositoryNotFound => format!(
            "there is no repository `{name}` in account {account}, region {region}: create it with \
             `aws ecr create-repository --repository-name {name} --region {region}`, or correct \
             the URI"
        ),
        ErrorKind::Throttled => format!(
            "{operation} on {repository} was throttled: account {account} makes more requests in \
             {region} than ECR allows"
        ),
        _ => format!("{operation} on {repository} was refused"),
    }
}

fn describe_immutable(
    tag: &Tag,
    repository: &Repository,
    pushed: &Digest,
    current: Option<&Digest>,
) -> String {
    let exists = match current {
        Some(current) => format!("is {current}"),
        None => "is another image".to_owned(),
    };
    format!(
        "tag `{tag}` of {repository} {exists} and immutable, so that it can't become {pushed}: \
         choose another tag"
    )
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn repository() -> Repository {
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web"
            .parse()
            .unwrap()
    }

    fn cause(text: &str) -> Cause {
        Cause {
            text: text.to_owned(),
            status: Some(400),
            request_id: Some("id-1".to_owned()),
            source: None,
        }
    }

    #[test]
    fn it_is_one_word_and_goes_anywhere() {
        fn goes_anywhere<T: Send + Sync + 'static>() {}
        goes_anywhere::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn api_errors_say_what_to_do() {
        let text = |kind| {
            let error = Error::api(kind, "PutImage", &repository(), cause("X: y"));
            assert_eq!(error.kind(), kind);
            assert_eq!(error.operation(), Some("PutImage"));
            assert_eq!(error.request_id(), Some("id-1"));
            assert_eq!(
                error.source().map(ToString::to_string).as_deref(),
                Some("X: y")
            );
            error.to_string()
        };
        let uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";
        assert_eq!(
            text(ErrorKind::AccessDenied),
            format!(
                "PutImage on {uri} is not allowed: the policy needs `ecr:PutImage` on \
                 `arn:aws:ecr:us-east-1:123456789012:repository/demo/web`"
            )
        );
        assert_eq!(
            text(ErrorKind::Credentials),
            format!("PutImage on {uri} was not accepted with these credentials")
        );
        assert_eq!(
            text(ErrorKind::LimitExceeded),
            format!("PutImage on {uri} met a quota of account 123456789012 in us-east-1")
        );
        assert_eq!(
            text(ErrorKind::Network),
            format!("PutImage on {uri} got no answer from ECR")
        );
        assert_eq!(
            text(ErrorKind::RepositoryNotFound),
            "there is no repository `demo/web` in account 123456789012, region us-east-1: create \
             it with `aws ecr create-repository --repository-name demo/web --region us-east-1`, \
             or correct the URI"
        );
        assert_eq!(
            text(ErrorKind::Throttled),
            format!(
                "PutImage on {uri} was throttled: account 123456789012 makes more requests in \
                 us-east-1 than ECR allows"
            )
        );
        assert_eq!(
            text(ErrorKind::Service),
            format!("PutImage on {uri} was refused")
        );
    }

    #[test]
    fn only_a_passing_failure_is_retryable() {
        let retryable = |kind, status| {
            let cause = Cause {
                status,
                ..cause("x")
            };
            Error::api(kind, "PutImage", &repository(), cause).is_retryable()
        };
        assert!(retryable(ErrorKind::Throttled, Some(400)));
        assert!(retryable(ErrorKind::Network, None));
        assert!(retryable(ErrorKind::Service, Some(500)));
        assert!(!retryable(ErrorKind::Service, Some(400)));
        assert!(!retryable(ErrorKind::LimitExceeded, Some(400)));
        assert!(!retryable(ErrorKind::AccessDenied, Some(400)));
    }

    #[test]
    fn an_immutable_tag_names_both_digests() {
        let tag: Tag = "1.0".parse().unwrap();
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let uri = repository();
        assert_eq!(
            Error::tag_immutable(&tag, &uri, &a, Some(b.clone())).to_string(),
            format!(
                "tag `1.0` of {uri} is {b} and immutable, so that it can't become {a}: choose \
                 another tag"
            )
        );
        assert_eq!(
            Error::tag_immutable(&tag, &uri, &a, None).to_string(),
            format!(
                "tag `1.0` of {uri} is another image and immutable, so that it can't become {a}: \
                 choose another tag"
            )
        );
    }

    #[test]
    fn blobs_are_blamed_by_digest_and_file() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let path = Path::new("layout/blobs/sha256/x");
        assert_eq!(
            Error::blob_mismatch(path, &a, &b).to_string(),
            format!(
                "blob {a} has the digest {b}: the file layout/blobs/sha256/x was changed or is \
                 damaged"
            )
        );
        assert_eq!(
            Error::blob_size(path, &a, 7, 3).to_string(),
            format!(
                "blob {a} has 3 bytes instead of 7: the file layout/blobs/sha256/x was cut off or \
                 changed"
            )
        );
        assert_eq!(
            Error::unsupported(&a, "it is empty").to_string(),
            format!("blob {a} can't be stored by ECR: it is empty")
        );
    }
}
