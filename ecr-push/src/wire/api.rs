//! The calls of one push to one repository: SDK types go in here, and answers come out that name
//! what the protocol distinguishes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecr::operation::RequestId as _;
use aws_sdk_ecr::operation::complete_layer_upload::CompleteLayerUploadError;
use aws_sdk_ecr::operation::create_repository::CreateRepositoryError;
use aws_sdk_ecr::operation::put_image::PutImageError;
use aws_sdk_ecr::operation::upload_layer_part::UploadLayerPartError;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier, LayerAvailability, LayerFailureCode};
use serde_json::Value;

use crate::aws::pace::Pace;
use crate::aws::retries::Attempts;
use crate::error::Error;
use crate::error::answer::Cause;
use crate::error::kind::ErrorKind;
use crate::image::graph::Manifest;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::push::events::Reporter;
use crate::upload::frame::{Ending, Frame};
use crate::wire::new_repository::NewRepository;

#[derive(Debug)]
pub(crate) struct Calls {
    client: Client,
    repository: Repository,
    pace: Arc<Pace>,
    reporter: Reporter,
    made: AtomicU64,
}

/// What InitiateLayerUpload answered.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) upload_id: String,
    /// The size that the parts have to have, in bytes.
    pub(crate) part_size: u64,
}

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PartAnswer {
    /// The upload doesn't exist any more.
    Gone,
    /// The part doesn't start at the upload's cursor, which is one after this byte.
    OutOfOrder { last_valid: u64 },
    /// The upload holds everything up to this byte.
    Received { last: u64 },
    /// It wasn't taken, and ECR doesn't say where the upload stands; in ECR's words.
    Refused(String),
}

/// What became of an upload that was completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CompleteAnswer {
    /// The layer is there, by this upload or by another.
    Complete,
    /// It isn't, and the upload has to begin again.
    Incomplete(Incomplete),
}

/// Why an upload could not be completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Incomplete {
    /// In ECR's words, where it has said something.
    pub(crate) reason: String,
    /// Whether ECR has hashed what arrived, and found another digest: it may be the file, and it
    /// may have been the way.
    pub(crate) is_content: bool,
}

impl CompleteAnswer {
    /// Of an upload that doesn't exist any more. An attempt whose answer was lost may have completed
    /// it: then the layer is there.
    pub(crate) fn of_gone(is_there: bool) -> Self {
        if is_there { Self::Complete } else { Self::refused(GONE.to_owned()) }
    }

    /// Of one that has another digest.
    pub(crate) fn differs(reason: String) -> Self {
        Self::Incomplete(Incomplete { reason, is_content: true })
    }

    /// Of one that ECR doesn't take as it is.
    pub(crate) fn refused(reason: String) -> Self {
        Self::Incomplete(Incomplete { reason, is_content: false })
    }
}

/// Of an upload that has expired, or was completed.
pub(crate) const GONE: &str = "the upload is gone";

/// What became of a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PutAnswer {
    /// It was there already, under the tag where one was given.
    AlreadyThere,
    /// A manifest that this one lists isn't there, or not any more.
    ImagesMissing,
    /// A layer has vanished since it was checked or sent.
    LayersMissing,
    /// The manifest is there now, under the tag where one was given.
    Put,
    /// The tag is on another image, and can't be moved.
    TagTaken,
}

/// What a repository has of what was asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) images: HashSet<Digest>,
    pub(crate) tags: HashMap<Tag, Digest>,
    /// Tags that are on an image that can't be read, such as one in the archive.
    pub(crate) unknown: HashSet<Tag>,
}

/// BatchCheckLayerAvailability takes at most 100 digests, BatchGetImage at most 100 ids: ECR's
/// service model.
pub(crate) const PER_BATCH: usize = 100;

/// `layerPartBlob` holds at most 20 MiB: ECR's service model.
pub(crate) const MAX_PART: u64 = 20 * 1024 * 1024;

/// Whether it may be the id of an upload. ECR's are UUIDs; a part's buffer has room for 256 bytes.
fn is_sendable(upload_id: &str) -> bool {
    upload_id.len() <= 256 && upload_id.bytes().all(|byte| byte.is_ascii_graphic())
}

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
            .interceptor(Attempts::of($name, repository, reporter))
    }};
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

    /// Those of `digests` that the repository has.
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
            // An absent layer is UNAVAILABLE in `layers` (which AWS's own Go client relies on) or
            // in `failures` (which other implementations answer): both mean that it is to be sent.
            // An archived one as well, because a push is what restores it.
            for failure in answer.failures() {
                if failure.failure_code() != Some(&LayerFailureCode::MissingLayerDigest) {
                    let reason = failure.failure_reason().unwrap_or("no reason given");
                    let digest = failure.layer_digest().unwrap_or("a layer");
                    let problem = format!("{digest} could not be checked: {reason}");
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

    /// Which of these tags and images there are, and what the tags are on.
    pub(crate) async fn look_up(&self, tags: &[Tag], digests: &[&Digest]) -> Result<Found, Error> {
        let tags = tags.iter().map(|tag| ImageIdentifier::builder().image_tag(tag.as_str()));
        let digests =
            digests.iter().map(|digest| ImageIdentifier::builder().image_digest(digest.as_str()));
        let ids: Vec<_> = tags.chain(digests).map(|id| id.build()).collect();
        let mut found = Found::default();
        for chunk in ids.chunks(PER_BATCH) {
            let answer = call!(
                self, batch_get_image, "BatchGetImage",
                set_image_ids: Some(chunk.to_vec()),
                set_accepted_media_types: Some(MEDIA_TYPES.map(str::to_owned).to_vec())
            )
            .send()
            .await
            .map_err(|error| self.failure("BatchGetImage", error))?;
            // What isn't there, or can't be read, is among the failures: it is put, then.
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
            .interceptor(Attempts::of("CreateRepository", &self.repository, &self.reporter))
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

    pub(crate) async fn start_upload(&self) -> Result<Started, Error> {
        const OPERATION: &str = "InitiateLayerUpload";
        let answer = call!(self, initiate_layer_upload, "InitiateLayerUpload")
            .send()
            .await
            .map_err(|error| self.failure(OPERATION, error))?;
        let part_size = answer.part_size().and_then(|size| u64::try_from(size).ok());
        match (answer.upload_id(), part_size) {
            (Some(id), Some(part_size)) if part_size > 0 && is_sendable(id) => {
                Ok(Started { upload_id: id.to_owned(), part_size: part_size.min(MAX_PART) })
            }
            _ => Err(Error::protocol(
                OPERATION,
                &self.repository,
                "the answer lacks the upload's id or its part size, or they are none of ECR's",
            )),
        }
    }

    /// Sends a part, which isn't empty.
    pub(crate) async fn send_part(
        &self,
        upload_id: &str,
        frame: Frame,
    ) -> Result<PartAnswer, Error> {
        const OPERATION: &str = "UploadLayerPart";
        let last = frame.bytes.end - 1;
        let body = frame.into_body(&Ending {
            registry: self.repository.account(),
            repository: self.repository.name(),
            upload_id,
        });
        let answer = call!(self, upload_layer_part, "UploadLayerPart", upload_id: upload_id)
            .interceptor(body)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let received = answer.last_byte_received().and_then(|byte| byte.try_into().ok());
                Ok(PartAnswer::Received { last: received.unwrap_or(last) })
            }
            Err(error) => match error.as_service_error() {
                Some(UploadLayerPartError::InvalidLayerPartException(invalid)) => {
                    let last_valid = invalid.last_valid_byte_received();
                    let last_valid = last_valid.and_then(|byte| byte.try_into().ok());
                    Ok(match last_valid {
                        Some(last_valid) => PartAnswer::OutOfOrder { last_valid },
                        None => PartAnswer::Refused(describe(&error)),
                    })
                }
                Some(UploadLayerPartError::UploadNotFoundException(_)) => Ok(PartAnswer::Gone),
                _ => Err(self.failure(OPERATION, error)),
            },
        }
    }

    pub(crate) async fn complete(
        &self,
        upload_id: &str,
        digest: &Digest,
    ) -> Result<CompleteAnswer, Error> {
        use CompleteLayerUploadError as Refusal;
        let answer = call!(
            self, complete_layer_upload, "CompleteLayerUpload",
            upload_id: upload_id, layer_digests: digest.as_str()
        )
        .send()
        .await;
        let Err(error) = answer else { return Ok(CompleteAnswer::Complete) };
        match error.as_service_error() {
            Some(Refusal::LayerAlreadyExistsException(_)) => Ok(CompleteAnswer::Complete),
            Some(Refusal::UploadNotFoundException(_)) => {
                let is_there = self.available(&[digest]).await?.contains(digest);
                Ok(CompleteAnswer::of_gone(is_there))
            }
            Some(Refusal::InvalidLayerException(_)) => {
                Ok(CompleteAnswer::differs(describe(&error)))
            }
            Some(Refusal::LayerPartTooSmallException(_) | Refusal::EmptyUploadException(_)) => {
                Ok(CompleteAnswer::refused(describe(&error)))
            }
            _ => Err(self.failure("CompleteLayerUpload", error)),
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

/// Those of manifests that ECR's user guide lists: asked for, so that none is converted.
pub(crate) const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
];

/// What kind of failure it is, and what AWS says about it.
pub(crate) fn explain<E>(error: SdkError<E, HttpResponse>) -> (ErrorKind, Cause)
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    explain_as(None, error)
}

/// The same, where the kind may be known already.
pub(crate) fn explain_as<E>(
    known: Option<ErrorKind>,
    error: SdkError<E, HttpResponse>,
) -> (ErrorKind, Cause)
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let kind = known.unwrap_or_else(|| kind(&error));
    let cause = Cause {
        text: describe(&error),
        status: error.raw_response().map(|response| response.status().as_u16()),
        request_id: error.request_id().map(str::to_owned),
        // A service error's own text says no more than its code and message.
        source: match error {
            SdkError::ServiceError(_) => None,
            other => other.into_source().ok(),
        },
    };
    (kind, cause)
}

/// What kind of failure it is, by the error's code.
fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> ErrorKind {
    match error {
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            // `other` with a kind is a transport that knows that it is worth another try.
            Some(error) if error.is_io() || error.is_timeout() || error.as_other().is_some() => {
                ErrorKind::Network
            }
            // Credentials are resolved before anything is sent.
            _ => ErrorKind::Configuration,
        },
        SdkError::ConstructionFailure(_) => ErrorKind::Configuration,
        SdkError::ResponseError(_) | SdkError::TimeoutError(_) => ErrorKind::Network,
        _ => match error.code() {
            Some("AccessDeniedException" | "AccessDenied") => ErrorKind::AccessDenied,
            Some(
                // STS's name of it.
                "ExpiredToken"
                | "ExpiredTokenException"
                | "IncompleteSignatureException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "MissingAuthenticationTokenException"
                | "SignatureDoesNotMatch"
                | "UnrecognizedClientException",
            ) => ErrorKind::Credentials,
            Some("KmsException") => ErrorKind::EncryptionKey,
            Some("LimitExceededException") => ErrorKind::LimitExceeded,
            Some("RepositoryNotFoundException") => ErrorKind::RepositoryNotFound,
            Some("Throttling" | "ThrottlingException" | "TooManyRequestsException") => {
                ErrorKind::Throttled
            }
            _ if error.raw_response().is_some_and(|it| it.status().as_u16() == 429) => {
                ErrorKind::Throttled
            }
            _ => ErrorKind::Service,
        },
    }
}

fn describe<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    let text = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => error.to_string(),
    };
    match kms_error(error) {
        Some(kms) => format!("{text} (KMS: {kms})"),
        None => text,
    }
}

/// KMS's own code, which is a member of KmsException beside its message.
fn kms_error<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    if error.code() != Some("KmsException") {
        return None;
    }
    let body: Value = serde_json::from_slice(error.raw_response()?.body().bytes()?).ok()?;
    Some(body.get("kmsError")?.as_str()?.to_owned())
}
