//! The calls of one push to one repository by ECR's API: SDK types go in, and answers come out that
//! name what the protocol distinguishes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecr::operation::create_repository::CreateRepositoryError;
use aws_sdk_ecr::operation::put_image::PutImageError;

use crate::aws::failure::explain;
use crate::aws::pace::Pace;
use crate::aws::retries::Attempts;
use crate::error::Error;
use crate::image::graph::Manifest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::report::Reporter;
use crate::wire::answers::PutAnswer;
use crate::wire::new_repository::NewRepository;

/// A call of an operation on the repository, counted, and reported where the SDK repeats it.
macro_rules! call {
    ($calls:expr, $operation:ident, $name:literal $(, $member:ident: $value:expr)*) => {{
        let Calls { client, repository, reporter, .. } = $calls;
        $calls.count();
        client
            .$operation()
            .registry_id(repository.account())
            .repository_name(repository.name())
            $(.$member($value))*
            .customize()
            .interceptor(Attempts::new($name, repository, reporter))
    }};
}

mod lookups;
mod uploads;

#[derive(Debug)]
pub(crate) struct Calls {
    client: Client,
    repository: Repository,
    pace: Arc<Pace>,
    reporter: Reporter,
    made: AtomicU64,
}

impl Calls {
    pub(crate) fn new(
        client: Client,
        repository: Repository,
        pace: Arc<Pace>,
        reporter: Reporter,
    ) -> Self {
        Self { client, repository, pace, reporter, made: AtomicU64::new(0) }
    }

    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// How many operations have been called; the SDK's retries of one count as one.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Creates the repository; whoever else has done so meanwhile is welcome. Returns whether it is
    /// new.
    pub(crate) async fn create_repository(&self, new: &NewRepository) -> Result<bool, Error> {
        let request = self
            .client
            .create_repository()
            // Or it would be made in the caller's own registry, whosever URI it is.
            .registry_id(self.repository.account())
            .repository_name(self.repository.name());
        self.count();
        let answer = new
            .set(request)
            .customize()
            .interceptor(Attempts::new("CreateRepository", &self.repository, &self.reporter))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(CreateRepositoryError::RepositoryAlreadyExistsException(_)) => Ok(false),
                _ => Err(self.failure("CreateRepository", error)),
            },
        }
    }

    pub(crate) async fn put_manifest(
        &self,
        manifest: &Manifest,
        tag: Option<&Tag>,
    ) -> Result<PutAnswer, Error> {
        self.pace.keep(&self.repository).await;
        let answer = call!(
            self, put_image, "PutImage",
            image_manifest: &manifest.text,
            image_manifest_media_type: &manifest.media_type,
            // So that ECR checks the bytes that it got.
            image_digest: manifest.digest.as_str(),
            set_image_tag: tag.map(Tag::to_string)
        )
        .send()
        .await;
        let Err(error) = answer else { return Ok(PutAnswer::Put) };
        match error.as_service_error() {
            Some(PutImageError::ImageAlreadyExistsException(_)) => Ok(PutAnswer::AlreadyThere),
            Some(PutImageError::ImageTagAlreadyExistsException(_)) => Ok(PutAnswer::TagTaken),
            Some(PutImageError::LayersNotFoundException(_)) => Ok(PutAnswer::LayersMissing),
            Some(PutImageError::ReferencedImagesNotFoundException(_)) => {
                Ok(PutAnswer::ImagesMissing)
            }
            _ => {
                let what = match tag {
                    Some(tag) => format!("{} as `{tag}`", manifest.digest),
                    None => manifest.digest.to_string(),
                };
                Err(self.failure("PutImage", error).about(what))
            }
        }
    }

    fn count(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    fn failure<E>(&self, operation: &'static str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (kind, cause) = explain(error);
        Error::api(kind, operation, &self.repository, cause)
    }
}
