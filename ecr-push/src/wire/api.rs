//! The ECR API calls of one push to one repository. SDK types stay inside; each call returns an
//! answer in terms of the upload protocol.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecr::operation::create_repository::CreateRepositoryError;
use aws_sdk_ecr::operation::put_image::PutImageError;
use aws_sdk_ecr::types::ImageIdentifier;

use crate::aws::failure::explain;
use crate::aws::pace::Pace;
use crate::aws::retries::Attempts;
use crate::error::Error;
use crate::image::graph::Manifest;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::report::Reporter;
use crate::wire::answers::{ImageLookup, MEDIA_TYPES, PutAnswer};
use crate::wire::checks;
use crate::wire::new_repository::NewRepository;

/// Builds a call on the repository. It counts the call and reports each retry by the SDK.
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

mod uploads;

#[derive(Debug)]
pub(crate) struct Calls {
    client: Client,
    repository: Repository,
    pace: Arc<Pace>,
    reporter: Reporter,
    made: AtomicU64,
}

/// The batch size of both lookups. ECR's service model limits BatchCheckLayerAvailability to 100
/// digests and BatchGetImage to 100 ids.
const PER_BATCH: usize = 100;

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

    /// Returns the number of operations called. Retries by the SDK don't count.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Returns the `digests` that the repository has.
    pub(crate) async fn available(&self, digests: &[&Digest]) -> Result<HashSet<Digest>, Error> {
        const OPERATION: &str = "BatchCheckLayerAvailability";
        let mut available = HashSet::new();
        for chunk in digests.chunks(PER_BATCH) {
            let digests = chunk.iter().map(ToString::to_string).collect();
            let answer = call!(
                self, batch_check_layer_availability, "BatchCheckLayerAvailability",
                set_layer_digests: Some(digests)
            )
            .send()
            .await
            .map_err(|error| self.failure(OPERATION, error))?;
            available.extend(
                checks::available(chunk, &answer).map_err(|it| self.unusable(OPERATION, it))?,
            );
        }
        Ok(available)
    }

    /// Looks up tags and images. Returns those that exist, and the image of each tag.
    pub(crate) async fn look_up(
        &self,
        tags: &[Tag],
        digests: &[&Digest],
    ) -> Result<ImageLookup, Error> {
        let named = tags.iter().map(|tag| ImageIdentifier::builder().image_tag(tag.as_str()));
        let digests =
            digests.iter().map(|digest| ImageIdentifier::builder().image_digest(digest.as_str()));
        let ids: Vec<_> = named.chain(digests).map(|id| id.build()).collect();
        let mut found = ImageLookup::default();
        // The tags come first.
        for (at, chunk) in ids.chunks(PER_BATCH).enumerate().map(|(n, it)| (n * PER_BATCH, it)) {
            let answer = call!(
                self, batch_get_image, "BatchGetImage",
                set_image_ids: Some(chunk.to_vec()),
                set_accepted_media_types: Some(MEDIA_TYPES.map(str::to_owned).to_vec())
            )
            .send()
            .await
            .map_err(|error| self.failure("BatchGetImage", error))?;
            let tags = tags.get(at..).unwrap_or_default();
            checks::images(&tags[..tags.len().min(chunk.len())], &answer, &mut found)
                .map_err(|it| self.unusable("BatchGetImage", it))?;
        }
        Ok(found)
    }

    /// Creates the repository. Returns whether it is new; a concurrent creation counts as success.
    pub(crate) async fn create_repository(&self, new: &NewRepository) -> Result<bool, Error> {
        let request = self
            .client
            .create_repository()
            // Without this, ECR creates the repository in the caller's own registry, even if the
            // URI names another account.
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
            Ok(answer) => match checks::created(&self.repository, &answer) {
                Ok(()) => Ok(true),
                Err(problem) => Err(self.unusable("CreateRepository", problem)),
            },
            Err(error) => match error.as_service_error() {
                Some(CreateRepositoryError::RepositoryAlreadyExistsException(_)) => Ok(false),
                _ => Err(self.failure("CreateRepository", error).with_key(new.kms_key())),
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
            // Makes ECR verify the bytes that it received.
            image_digest: manifest.digest.as_str(),
            set_image_tag: tag.map(Tag::to_string)
        )
        .send()
        .await;
        let error = match answer {
            Ok(answer) => {
                return match checks::stored(&manifest.digest, tag, &answer) {
                    Ok(()) => Ok(PutAnswer::Put),
                    Err(problem) => Err(self.unusable("PutImage", problem)),
                };
            }
            Err(error) => error,
        };
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

    /// Returns the error for an answer that lacks what its success depends on.
    fn unusable(&self, operation: &'static str, problem: String) -> Error {
        Error::protocol(operation, &self.repository, problem)
    }

    fn failure<E>(&self, operation: &'static str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (kind, cause) = explain(error);
        Error::api(kind, operation, &self.repository, cause)
    }
}
