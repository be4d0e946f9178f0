//! The constructors of [`Error`], one for each failure.

use std::fmt::Display;
use std::io::ErrorKind as ErrorCode;
use std::path::Path;
use std::time::SystemTime;

use crate::error::Error;
use crate::error::answer::{BoxError, Cause};
use crate::error::kind::ErrorKind;
use crate::error::login::{HelperSetting, LoginFailure};
use crate::error::repr::{Repr, TagHolder};
use crate::file::NotRegular;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::names::text::InvalidName;
use crate::outside::Quoted;

impl Error {
    pub(crate) fn invalid_endpoint(text: &str, problem: &str) -> Self {
        Repr::InvalidEndpoint { text: text.to_owned(), problem: problem.to_owned() }.into()
    }

    pub(crate) fn invalid_options(problem: impl Into<String>) -> Self {
        Repr::InvalidOptions { problem: problem.into() }.into()
    }

    pub(crate) fn invalid_platform(text: &str, problem: String) -> Self {
        Repr::InvalidPlatform { text: text.to_owned(), problem }.into()
    }

    /// Builds the error of an unusable image. `subject` is its path or another name for it.
    pub(crate) fn image(subject: &str, problem: impl Into<String>) -> Self {
        Repr::Image { subject: subject.to_owned(), problem: problem.into(), source: None }.into()
    }

    pub(crate) fn image_caused(
        subject: &str,
        problem: impl Into<String>,
        source: impl Into<BoxError>,
    ) -> Self {
        let source = Some(Quoted::new(&*source.into()));
        Repr::Image { subject: subject.to_owned(), problem: problem.into(), source }.into()
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        if let Some(problem) = NotRegular::among(&source) {
            return Repr::NotRegular(problem.clone()).into();
        }
        Repr::Io { path: path.to_owned(), source: Quoted::io(source) }.into()
    }

    /// Builds the error of a compressed layer that can't be stored.
    pub(crate) fn temporary(folder: &Path, source: std::io::Error) -> Self {
        Repr::Temporary { folder: folder.to_owned(), source: Quoted::io(source) }.into()
    }

    /// Builds the error of content that can't be opened or read.
    pub(crate) fn unreadable(place: &impl Display, source: std::io::Error) -> Self {
        if let Some(problem) = NotRegular::among(&source) {
            return Repr::NotRegular(problem.clone()).into();
        }
        Repr::Unreadable { place: place.to_string(), source: Quoted::io(source) }.into()
    }

    pub(crate) fn blob_mismatch(place: &impl Display, expected: &Digest, found: &Digest) -> Self {
        Repr::BlobMismatch {
            place: place.to_string(),
            expected: expected.clone(),
            found: found.clone(),
        }
        .into()
    }

    pub(crate) fn blob_size(
        place: &impl Display,
        digest: &Digest,
        expected: u64,
        found: u64,
    ) -> Self {
        Repr::BlobSize { place: place.to_string(), digest: digest.clone(), expected, found }.into()
    }

    /// Builds the error of an image with content that ECR doesn't store.
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

    /// Builds the error of an upload that doesn't advance although ECR accepts its parts.
    pub(crate) fn stuck(repository: &Repository, layer: &Digest, next: u64) -> Self {
        let problem = format!("the upload of {layer} does not advance past byte {next}");
        Self::protocol("UploadLayerPart", repository, problem)
    }

    /// Builds the error of a layer that ECR lost or refused in both of its uploads.
    pub(crate) fn lost_twice(
        operation: &'static str,
        repository: &Repository,
        layer: &Digest,
        reason: &str,
    ) -> Self {
        let problem = format!("{layer} could not be uploaded in two attempts: {reason}");
        Self::protocol(operation, repository, problem)
    }

    /// Builds the error of work that was cancelled by the shutdown of its runtime.
    pub(crate) fn shut_down() -> Self {
        Repr::ShutDown.into()
    }

    pub(crate) fn tag_immutable(
        tag: &Tag,
        repository: &Repository,
        pushed: &Digest,
        current: TagHolder,
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
        Repr::Api { kind, operation, subject: None, repository, key: None, source }.into()
    }

    /// Builds the error of a call that concerns a region, not a repository.
    pub(crate) fn login_call(
        kind: ErrorKind,
        operation: &'static str,
        region: &str,
        source: Cause,
    ) -> Self {
        LoginFailure::Call { kind, operation, region: region.to_owned(), source }.into()
    }

    pub(crate) fn login_protocol(
        operation: &'static str,
        region: &str,
        problem: impl Into<String>,
    ) -> Self {
        LoginFailure::Protocol { operation, region: region.to_owned(), problem: problem.into() }
            .into()
    }

    /// Builds the error of a token that had already expired, by this machine's clock, on arrival.
    pub(crate) fn expired_token(region: &str, now: SystemTime, expired: SystemTime) -> Self {
        LoginFailure::ExpiredToken { region: region.to_owned(), now, expired }.into()
    }

    pub(crate) fn no_region() -> Self {
        LoginFailure::NoRegion.into()
    }

    pub(crate) fn no_home() -> Self {
        LoginFailure::NoHome.into()
    }

    pub(crate) fn docker_config(path: &Path, problem: impl Into<String>) -> Self {
        LoginFailure::DockerConfig { path: path.to_owned(), problem: problem.into() }.into()
    }

    pub(crate) fn credential_helper(
        path: &Path,
        registry: &str,
        setting: HelperSetting,
        helper: &str,
    ) -> Self {
        let (registry, helper) = (registry.to_owned(), helper.to_owned());
        LoginFailure::CredentialHelper { path: path.to_owned(), registry, setting, helper }.into()
    }

    pub(crate) fn unwritable(path: &Path, source: std::io::Error) -> Self {
        if let Some(problem) = NotRegular::among(&source) {
            return Repr::NotRegular(problem.clone()).into();
        }
        let path = path.to_owned();
        match source.kind() {
            ErrorCode::CrossesDevices | ErrorCode::ResourceBusy => {
                LoginFailure::Mounted { path, source: Quoted::io(source) }.into()
            }
            _ => LoginFailure::Unwritable { path, source: Quoted::io(source) }.into(),
        }
    }
}

impl From<InvalidName> for Error {
    fn from(invalid: InvalidName) -> Self {
        Repr::InvalidName(invalid).into()
    }
}

impl From<LoginFailure> for Error {
    fn from(failure: LoginFailure) -> Self {
        Repr::Login(failure).into()
    }
}
