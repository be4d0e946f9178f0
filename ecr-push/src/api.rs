//! The calls of one push to one repository: SDK types go in here, and answers come out that name
//! what the protocol distinguishes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecr::operation::RequestId as _;
use aws_sdk_ecr::operation::complete_layer_upload::CompleteLayerUploadError;
use aws_sdk_ecr::operation::put_image::PutImageError;
use aws_sdk_ecr::operation::upload_layer_part::UploadLayerPartError;
use aws_sdk_ecr::primitives::Blob as Content;
use aws_sdk_ecr::types::{ImageIdentifier, LayerAvailability, LayerFailureCode};

use crate::error::{Cause, Error, ErrorKind};
use crate::image::Manifest;
use crate::names::{Digest, Repository, Tag};

#[derive(Debug)]
pub(crate) struct Calls {
    client: Client,
    repository: Repository,
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
    /// The part doesn't start at the upload's cursor, which is one after this byte; `None` where
    /// ECR doesn't say.
    OutOfOrder { last_valid: Option<u64> },
    /// The upload holds everything up to this byte.
    Received { last: u64 },
}

/// What became of an upload that was completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CompleteAnswer {
    /// The layer is there, by this upload or by another.
    Complete,
    /// The upload doesn't exist any more: it has expired, or an earlier attempt completed it.
    Gone,
}

/// What became of a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PutAnswer {
    /// A layer has vanished since it was checked or sent.
    LayersMissing,
    /// The manifest is there, under the tag where one was given.
    There,
}

/// BatchCheckLayerAvailability takes at most 100 digests: ECR's service model.
const DIGESTS_PER_CHECK: usize = 100;

/// `layerPartBlob` holds at most 20 MiB: ECR's service model.
const MAX_PART: u64 = 20 * 1024 * 1024;

impl Calls {
    pub(crate) fn new(client: Client, repository: Repository) -> Self {
        Self { client, repository, made: AtomicU64::new(0) }
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
        for chunk in digests.chunks(DIGESTS_PER_CHECK) {
            self.count();
            let answer = self
                .client
                .batch_check_layer_availability()
                .registry_id(self.repository.account())
                .repository_name(self.repository.name())
                .set_layer_digests(Some(chunk.iter().map(ToString::to_string).collect()))
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

    pub(crate) async fn start_upload(&self) -> Result<Started, Error> {
        const OPERATION: &str = "InitiateLayerUpload";
        self.count();
        let answer = self
            .client
            .initiate_layer_upload()
            .registry_id(self.repository.account())
            .repository_name(self.repository.name())
            .send()
            .await
            .map_err(|error| self.failure(OPERATION, error))?;
        let part_size = answer.part_size().and_then(|size| u64::try_from(size).ok());
        match (answer.upload_id(), part_size) {
            (Some(id), Some(part_size)) if part_size > 0 => {
                Ok(Started { upload_id: id.to_owned(), part_size: part_size.min(MAX_PART) })
            }
            _ => Err(Error::protocol(
                OPERATION,
                &self.repository,
                "the answer lacks the upload's id or its part size",
            )),
        }
    }

    /// Sends the bytes from `first` on; `content` isn't empty.
    pub(crate) async fn send_part(
        &self,
        upload_id: &str,
        first: u64,
        content: Vec<u8>,
    ) -> Result<PartAnswer, Error> {
        const OPERATION: &str = "UploadLayerPart";
        // Inclusive: AWS's CLI example sends 0 to 8323314 for 8323315 bytes.
        let last = first + content.len() as u64 - 1;
        self.count();
        let answer = self
            .client
            .upload_layer_part()
            .registry_id(self.repository.account())
            .repository_name(self.repository.name())
            .upload_id(upload_id)
            .part_first_byte(first.cast_signed())
            .part_last_byte(last.cast_signed())
            .layer_part_blob(Content::new(content))
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
                    Ok(PartAnswer::OutOfOrder { last_valid })
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
        self.count();
        let answer = self
            .client
            .complete_layer_upload()
            .registry_id(self.repository.account())
            .repository_name(self.repository.name())
            .upload_id(upload_id)
            .layer_digests(digest.as_str())
            .send()
            .await;
        match answer {
            Ok(_) => Ok(CompleteAnswer::Complete),
            Err(error) => match error.as_service_error() {
                Some(CompleteLayerUploadError::LayerAlreadyExistsException(_)) => {
                    Ok(CompleteAnswer::Complete)
                }
                Some(CompleteLayerUploadError::UploadNotFoundException(_)) => {
                    Ok(CompleteAnswer::Gone)
                }
                _ => Err(self.failure("CompleteLayerUpload", error)),
            },
        }
    }

    pub(crate) async fn put_manifest(
        &self,
        manifest: &Manifest,
        tag: Option<&Tag>,
    ) -> Result<PutAnswer, Error> {
        self.count();
        let answer = self
            .client
            .put_image()
            .registry_id(self.repository.account())
            .repository_name(self.repository.name())
            .image_manifest(&manifest.text)
            .image_manifest_media_type(&manifest.media_type)
            // So that ECR checks the bytes that it got.
            .image_digest(manifest.digest.as_str())
            .set_image_tag(tag.map(Tag::to_string))
            .send()
            .await;
        let Err(error) = answer else {
            return Ok(PutAnswer::There);
        };
        match (error.as_service_error(), tag) {
            (Some(PutImageError::ImageAlreadyExistsException(_)), _) => Ok(PutAnswer::There),
            (Some(PutImageError::LayersNotFoundException(_)), _) => Ok(PutAnswer::LayersMissing),
            (Some(PutImageError::ImageTagAlreadyExistsException(_)), Some(tag)) => {
                match self.tagged(tag).await {
                    Some(current) if current == manifest.digest => Ok(PutAnswer::There),
                    current => {
                        Err(Error::tag_immutable(tag, &self.repository, &manifest.digest, current))
                    }
                }
            }
            _ => Err(self.failure("PutImage", error)),
        }
    }

    /// The image that a tag is on; `None` also where it can't be found out, since a push doesn't
    /// need the permission to ask (BatchGetImage).
    async fn tagged(&self, tag: &Tag) -> Option<Digest> {
        self.count();
        let answer = self
            .client
            .batch_get_image()
            .registry_id(self.repository.account())
            .repository_name(self.repository.name())
            .image_ids(ImageIdentifier::builder().image_tag(tag.as_str()).build())
            .send()
            .await
            .ok()?;
        answer.images().first()?.image_id()?.image_digest()?.parse().ok()
    }

    fn count(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    fn failure<E>(&self, operation: &'static str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let kind = kind(&error);
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
        Error::api(kind, operation, &self.repository, cause)
    }
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
                "ExpiredTokenException"
                | "IncompleteSignatureException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "MissingAuthenticationTokenException"
                | "UnrecognizedClientException",
            ) => ErrorKind::Credentials,
            Some("LimitExceededException") => ErrorKind::LimitExceeded,
            Some("RepositoryNotFoundException") => ErrorKind::RepositoryNotFound,
            Some("ThrottlingException" | "TooManyRequestsException") => ErrorKind::Throttled,
            _ => ErrorKind::Service,
        },
    }
}

fn describe<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => error.to_string(),
    }
}
