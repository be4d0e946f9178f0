//! [`Error`]: what failed, on what, and what to do about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::image::Source;
use crate::names::{Digest, Repository, Tag};

mod answer;
mod login;

pub(crate) use answer::Cause;
use answer::{describe_api, describe_dropped, missing_statement};
pub(crate) use login::HelperSetting;
use login::Login;

/// Why a name was refused, an image could not be read, or a push or a login did not succeed.
///
/// `Display` is one clause that names the subject and, where there is one, the cure; what AWS or
/// the operating system said is in [`source`](std::error::Error::source). A program's log wants
/// the whole chain.
///
/// A clone is the same error: several callers may have waited for one token.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct Error(Arc<Repr>);

/// What kind of failure an [`Error`] is, for a program that acts on it.
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

impl Error {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Repr::Api { kind, .. } => *kind,
            Repr::BlobMismatch { .. } | Repr::BlobSize { .. } => ErrorKind::BlobMismatch,
            Repr::Image { .. } => ErrorKind::InvalidImage,
            Repr::Dropped { .. } => ErrorKind::Network,
            Repr::InvalidDigest { .. } => ErrorKind::InvalidDigest,
            Repr::InvalidEndpoint { .. } => ErrorKind::InvalidEndpoint,
            Repr::InvalidOptions { .. } => ErrorKind::InvalidOptions,
            Repr::InvalidPlatform { .. } => ErrorKind::InvalidPlatform,
            Repr::InvalidRepository { .. } => ErrorKind::InvalidRepository,
            Repr::InvalidTag { .. } => ErrorKind::InvalidTag,
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

    pub(crate) fn invalid_repository(text: &str, problem: String) -> Self {
        Repr::InvalidRepository { text: text.to_owned(), problem }.into()
    }

    pub(crate) fn invalid_tag(text: &str, problem: String) -> Self {
        Repr::InvalidTag { text: text.to_owned(), problem }.into()
    }

    pub(crate) fn invalid_digest(text: &str, problem: String) -> Self {
        Repr::InvalidDigest { text: text.to_owned(), problem }.into()
    }

    pub(crate) fn invalid_endpoint(text: &str, problem: &str) -> Self {
        Repr::InvalidEndpoint { text: text.to_owned(), problem: problem.to_owned() }.into()
    }

    pub(crate) fn invalid_options(problem: impl Into<String>) -> Self {
        Repr::InvalidOptions { problem: problem.into() }.into()
    }

    pub(crate) fn invalid_platform(text: &str, problem: String) -> Self {
        Repr::InvalidPlatform { text: text.to_owned(), problem }.into()
    }

    /// `subject` is the image's path, or what else it is known by.
    pub(crate) fn image(subject: &str, problem: impl Into<String>) -> Self {
        Repr::Image { subject: subject.to_owned(), problem: problem.into(), source: None }.into()
    }

    pub(crate) fn image_caused(
        subject: &str,
        problem: impl Into<String>,
        source: impl Into<BoxError>,
    ) -> Self {
        let source = Some(source.into());
        Repr::Image { subject: subject.to_owned(), problem: problem.into(), source }.into()
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Repr::Io { path: path.to_owned(), source }.into()
    }

    /// A compressed layer that can't be kept.
    pub(crate) fn temporary(folder: &Path, source: std::io::Error) -> Self {
        Repr::Temporary { folder: folder.to_owned(), source }.into()
    }

    /// Content that can't be opened or read.
    pub(crate) fn unreadable(place: &Source, source: std::io::Error) -> Self {
        Repr::Unreadable { place: place.to_string(), source }.into()
    }

    pub(crate) fn blob_mismatch(source: &Source, expected: &Digest, found: &Digest) -> Self {
        Repr::BlobMismatch {
            place: source.to_string(),
            expected: expected.clone(),
            found: found.clone(),
        }
        .into()
    }

    pub(crate) fn blob_size(source: &Source, digest: &Digest, expected: u64, found: u64) -> Self {
        Repr::BlobSize { place: source.to_string(), digest: digest.clone(), expected, found }.into()
    }

    /// An image with something in it that ECR doesn't store.
    pub(crate) fn unsupported(image: &Digest, problems: &[impl ToString]) -> Self {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Repr::Unsupported { image: image.clone(), problems: problems.join("; ") }.into()
    }

    pub(crate) fn protocol(
        operation: &'static str,
        repository: &Repository,
        problem: impl Into<String>,
    ) -> Self {
        Repr::Protocol { operation, repository: repository.clone(), problem: problem.into() }.into()
    }

    /// Of an upload whose parts don't move its cursor.
    pub(crate) fn stuck(repository: &Repository, layer: &Digest, next: u64) -> Self {
        let problem = format!("the upload of {layer} does not get past byte {next}");
        Self::protocol("UploadLayerPart", repository, problem)
    }

    /// Of a layer whose second upload was lost or refused as well.
    pub(crate) fn twice_in_vain(
        operation: &'static str,
        repository: &Repository,
        layer: &Digest,
        reason: &str,
    ) -> Self {
        let problem = format!("{layer} could not be uploaded in two attempts: {reason}");
        Self::protocol(operation, repository, problem)
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
        Repr::Api { kind, operation, subject: String::new(), repository, source }.into()
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
            && subject.is_empty()
        {
            *subject = what.to_string();
        }
        self
    }

    /// Whether AWS has understood the request, and doesn't carry it out for a reason that isn't
    /// known by its code.
    pub(crate) fn is_refusal(&self) -> bool {
        self.kind() == ErrorKind::Service && !self.is_retryable()
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
enum Repr {
    #[error("{}", describe_api(*kind, operation, subject, repository, source))]
    Api {
        kind: ErrorKind,
        operation: &'static str,
        /// Empty, where it is the repository.
        subject: String,
        repository: Repository,
        source: Cause,
    },

    #[error("blob {expected} has the digest {found}: {place} was changed or is damaged")]
    BlobMismatch { place: String, expected: Digest, found: Digest },

    #[error(
        "blob {digest} has {found} bytes instead of {expected}: {place} was cut off or changed"
    )]
    BlobSize { place: String, digest: Digest, expected: u64, found: u64 },

    #[error("{}", describe_dropped(operation, subject, repository))]
    Dropped { operation: &'static str, subject: String, repository: Repository, source: Cause },

    #[error("{subject} is no image that can be pushed: {problem}")]
    Image { subject: String, problem: String, source: Option<BoxError> },

    #[error("`{}` is no digest: {problem}", text.escape_debug())]
    InvalidDigest { text: String, problem: String },

    #[error("`{}` is no address of a registry: {problem}", text.escape_debug())]
    InvalidEndpoint { text: String, problem: String },

    #[error("nothing was pushed: {problem}")]
    InvalidOptions { problem: String },

    #[error("`{}` is no platform: {problem}", text.escape_debug())]
    InvalidPlatform { text: String, problem: String },

    #[error("`{}` is no ECR repository URI: {problem}", text.escape_debug())]
    InvalidRepository { text: String, problem: String },

    #[error("`{}` is no tag: {problem}", text.escape_debug())]
    InvalidTag { text: String, problem: String },

    #[error("{} can't be read", path.display())]
    Io { path: PathBuf, source: std::io::Error },

    #[error(transparent)]
    Login(Login),

    #[error("{operation} on {repository}: {problem}")]
    Protocol { operation: &'static str, repository: Repository, problem: String },

    #[error("{}", describe_immutable(tag, repository, pushed, current.as_ref()))]
    TagImmutable { tag: Tag, repository: Repository, pushed: Digest, current: Option<Digest> },

    #[error(
        "a compressed layer can't be written into {}: make room, or set TMPDIR to another folder",
        folder.display()
    )]
    Temporary { folder: PathBuf, source: std::io::Error },

    #[error("{place} can't be read")]
    Unreadable { place: String, source: std::io::Error },

    #[error("image {image} can't be stored by ECR: {problems}")]
    Unsupported { image: Digest, problems: String },
}

impl From<Repr> for Error {
    fn from(repr: Repr) -> Self {
        Self(Arc::new(repr))
    }
}

fn describe_immutable(
    tag: &Tag,
    repository: &Repository,
    pushed: &Digest,
    current: Option<&Digest>,
) -> String {
    match current {
        Some(current) => format!(
            "tag `{tag}` of {repository} is {current} and immutable, so that it can't become \
             {pushed}: choose another tag"
        ),
        None => format!(
            "tag `{tag}` of {repository} exists and is immutable, so that it can't become \
             {pushed}; which image it is could not be found out, for which the policy needs \
             `ecr:BatchGetImage`: choose another tag"
        ),
    }
}

#[cfg(test)]
mod tests;
