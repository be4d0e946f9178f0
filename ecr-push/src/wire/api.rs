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
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier, LayerAvailability, LayerFailureCode};

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
            // ECR lists a missing layer as UNAVAILABLE in `layers` (AWS's own Go client relies on
            // that); other implementations list it in `failures`. Both mean that the layer must be
            // sent. An archived layer must be sent too, because a push restores it.
            for failure in answer.failures() {
                if failure.failure_code() != Some(&LayerFailureCode::MissingLayerDigest) {
                    let reason = failure.failure_reason().unwrap_or("no reason given");
                    let digest = failure.layer_digest().unwrap_or("a layer");
                    let problem = format!("failed to check {digest}: {reason}");
                    return Err(Error::protocol(OPERATION, &self.repository, problem));
                }
            }
            let present = answer
                .layers()
                .iter()
                .filter(|layer| layer.layer_availability() == Some(&LayerAvailability::Available))
                .filter_map(|layer| layer.layer_digest()?.parse().ok());
            available.extend(present);
        }
        Ok(available)
    }

    /// Looks up tags and images. Returns those that exist, and the image of each tag.
    pub(crate) async fn look_up(
        &self,
        tags: &[Tag],
        digests: &[&Digest],
    ) -> Result<ImageLookup, Error> {
        let tags = tags.iter().map(|tag| ImageIdentifier::builder().image_tag(tag.as_str()));
        let digests =
            digests.iter().map(|digest| ImageIdentifier::builder().image_digest(digest.as_str()));
        let ids: Vec<_> = tags.chain(digests).map(|id| id.build()).collect();
        let mut found = ImageLookup::default();
        for chunk in ids.chunks(PER_BATCH) {
            let answer = call!(
                self, batch_get_image, "BatchGetImage",
                set_image_ids: Some(chunk.to_vec()),
                set_accepted_media_types: Some(MEDIA_TYPES.map(str::to_owned).to_vec())
            )
            .send()
            .await
            .map_err(|error| self.failure("BatchGetImage", error))?;
            // The failures list images that are missing or unreadable; the push puts those again.
            for failure in answer.failures() {
                let tag = failure.image_id().and_then(|id| id.image_tag()?.parse().ok());
                if failure.failure_code() != Some(&ImageFailureCode::ImageNotFound) {
                    found.unknown.extend(tag);
                }
            }
            for id in answer.images().iter().filter_map(|image| image.image_id()) {
                let Some(digest) = id.image_digest().and_then(|it| it.parse::<Digest>().ok())
                else {
                    continue;
                };
                if let Some(tag) = id.image_tag().and_then(|tag| tag.parse().ok()) {
                    found.tags.insert(tag, digest.clone());
                }
                found.images.insert(digest);
            }
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
            // Makes ECR verify the bytes that it received.
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
