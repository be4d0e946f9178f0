//! The requests of one push to one repository through the registry's own protocol. They return the
//! same answers as the calls of ECR's API.

mod answer;
pub(crate) mod body;
pub(crate) mod http;
pub(crate) mod renewals;
pub(crate) mod uploads;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::aws::failure::explain_as;
use crate::aws::pace::Pace;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::image::graph::Manifest;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::outside::Outside;
use crate::wire::answers::{ImageLookup, MEDIA_TYPES, PutAnswer};
use crate::wire::api::Calls;
use crate::wire::registry::answer::{Answer, Refusal, RequestError};
use crate::wire::registry::http::{Http, Request, RequestFailure};

/// A repository that is accessed through Docker's protocol.
#[derive(Debug)]
pub(crate) struct Registry {
    /// The API calls for what the protocol can't do, or can do only in many requests. `None` if the
    /// registry isn't ECR.
    api: Option<Calls>,
    http: Http,
    /// The name of the repository, in the same registry, to mount layers from.
    source: Option<String>,
    pace: Arc<Pace>,
    made: AtomicU64,
}

/// The number of concurrent requests if each blob needs its own lookup.
const AT_ONCE: usize = 8;

impl Registry {
    pub(crate) fn new(
        api: Option<Calls>,
        http: Http,
        source: Option<String>,
        pace: Arc<Pace>,
    ) -> Self {
        Self { api, http, source, pace, made: AtomicU64::new(0) }
    }

    pub(crate) fn repository(&self) -> &Repository {
        &self.http.repository
    }

    pub(crate) fn api(&self) -> Option<&Calls> {
        self.api.as_ref()
    }

    pub(crate) async fn get_ready(&self) {
        self.http.get_token().await;
    }

    /// Returns the number of requests through both protocols.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed) + self.api.as_ref().map_or(0, Calls::made)
    }

    /// Returns the `digests` that the repository has.
    pub(crate) async fn available(&self, digests: &[&Digest]) -> Result<HashSet<Digest>, Error> {
        let Some(api) = &self.api else { return self.available_each(digests).await };
        match api.available(digests).await {
            Err(denied) if denied.kind() == ErrorKind::AccessDenied => {
                // The registry may still allow the lookup. If it doesn't, the API's error explains
                // more.
                self.available_each(digests).await.map_err(|_| denied)
            }
            answer => answer,
        }
    }

    async fn available_each(&self, digests: &[&Digest]) -> Result<HashSet<Digest>, Error> {
        let digests: Vec<Digest> = digests.iter().map(|&digest| digest.clone()).collect();
        let heads = digests.into_iter().map(|digest| async move {
            let is_there = self.has_blob(&digest).await?;
            Ok::<_, Error>(is_there.then_some(digest))
        });
        let found: Vec<_> = stream::iter(heads).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        const OPERATION: &str = "BatchCheckLayerAvailability";
        let request = Request::new(OPERATION, "HEAD", self.path(&format!("blobs/{digest}")));
        match self.send(&request).await {
            Ok(answer) => match answer.digest {
                Some(found) if found != digest.as_str() => {
                    let found = Outside::new(found);
                    let problem = format!("the registry answered for {digest} with `{found}`");
                    Err(Error::protocol(OPERATION, self.repository(), problem))
                }
                _ => Ok(true),
            },
            // A redirect to the blob's storage.
            Err(failure) if failure.refusal().is_some_and(Refusal::is_redirect) => Ok(true),
            Err(failure) if failure.refusal().is_some_and(Refusal::is_absence) => Ok(false),
            Err(failure) => Err(self.failure(OPERATION, failure).about(digest)),
        }
    }

    /// Looks up tags and images. Returns those that exist, and the image of each tag.
    pub(crate) async fn look_up(
        &self,
        tags: &[Tag],
        digests: &[&Digest],
    ) -> Result<ImageLookup, Error> {
        if let Some(api) = &self.api {
            return api.look_up(tags, digests).await;
        }
        let tags = tags.iter().map(|tag| (Some(tag.clone()), tag.to_string()));
        let names: Vec<_> =
            tags.chain(digests.iter().map(|digest| (None, digest.to_string()))).collect();
        let heads = names.into_iter().map(|(tag, name)| async move {
            let at = self.manifest_at(&name).await?;
            Ok::<_, Error>((tag, at))
        });
        let mut answers = stream::iter(heads).buffer_unordered(AT_ONCE);
        let mut found = ImageLookup::default();
        while let Some((tag, at)) = answers.try_next().await? {
            match (tag, at) {
                (_, ManifestLookup::Nothing) => {}
                (Some(tag), ManifestLookup::Digest(digest)) => {
                    found.tags.insert(tag, digest);
                }
                (Some(tag), ManifestLookup::Unknown) => {
                    found.unknown.insert(tag);
                }
                (None, ManifestLookup::Digest(digest)) => {
                    found.images.insert(digest);
                }
                // The push puts the manifest again, which does no harm.
                (None, ManifestLookup::Unknown) => {}
            }
        }
        found.images.extend(found.tags.values().cloned());
        Ok(found)
    }

    async fn manifest_at(&self, name: &str) -> Result<ManifestLookup, Error> {
        const OPERATION: &str = "BatchGetImage";
        let request = Request::new(OPERATION, "HEAD", self.path(&format!("manifests/{name}")))
            .header("accept", MEDIA_TYPES.join(", "));
        match self.send(&request).await {
            Ok(answer) => {
                let digest = answer.digest.and_then(|digest| digest.parse().ok());
                Ok(digest.map_or(ManifestLookup::Unknown, ManifestLookup::Digest))
            }
            Err(failure) if failure.refusal().is_some_and(Refusal::is_absence) => {
                Ok(ManifestLookup::Nothing)
            }
            Err(failure) => Err(self.failure(OPERATION, failure).about(name)),
        }
    }

    pub(crate) async fn put_manifest(
        &self,
        manifest: &Manifest,
        tag: Option<&Tag>,
    ) -> Result<PutAnswer, Error> {
        const OPERATION: &str = "PutImage";
        if self.api.is_some() {
            self.pace.keep(self.repository()).await;
        }
        let digest = &manifest.digest;
        let name = tag.map_or(digest.as_str(), Tag::as_str);
        let request = Request::new(OPERATION, "PUT", self.path(&format!("manifests/{name}")))
            .header("content-type", &manifest.media_type)
            .body(SdkBody::from(Bytes::copy_from_slice(manifest.text.as_bytes())));
        let failure = match self.send(&request).await {
            Ok(answer) => {
                let is_confirmed = answer.digest.is_some();
                self.check_digest(OPERATION, digest, answer)?;
                if let (Some(tag), false) = (tag, is_confirmed) {
                    return self.confirm(tag, digest).await;
                }
                return Ok(PutAnswer::Put);
            }
            Err(failure) => failure,
        };
        let lists_images = manifest.lists_images();
        match failure.refusal() {
            Some(refusal) if tag.is_some() && says_immutable(refusal) => Ok(PutAnswer::TagTaken),
            Some(refusal) if refusal.has_code(&NOT_THERE) && lists_images => {
                Ok(PutAnswer::ImagesMissing)
            }
            Some(refusal) if refusal.has_code(&NOT_THERE) => Ok(PutAnswer::LayersMissing),
            _ => {
                let what = match tag {
                    Some(tag) => format!("{digest} as `{tag}`"),
                    None => digest.to_string(),
                };
                Err(self.upload_failure(OPERATION, failure).about(what))
            }
        }
    }

    /// Checks which image the tag refers to, because the answer to the request that set it didn't
    /// say.
    async fn confirm(&self, tag: &Tag, digest: &Digest) -> Result<PutAnswer, Error> {
        let found = match self.manifest_at(tag.as_str()).await {
            // A push needs no permission to look up images.
            Err(error) if error.kind() == ErrorKind::AccessDenied => return Ok(PutAnswer::Put),
            found => found?,
        };
        match found {
            ManifestLookup::Digest(current) if current == *digest => Ok(PutAnswer::Put),
            ManifestLookup::Digest(_) => Ok(PutAnswer::TagTaken),
            ManifestLookup::Nothing => {
                let problem = format!("the registry accepted the tag `{tag}`, but doesn't have it");
                Err(Error::protocol("PutImage", self.repository(), problem))
            }
            // Some registries never report a digest.
            ManifestLookup::Unknown => Ok(PutAnswer::Put),
        }
    }

    /// Checks the digest that the registry reports for stored content. Registries may leave the
    /// header out.
    fn check_digest(
        &self,
        operation: &'static str,
        digest: &Digest,
        answer: Answer,
    ) -> Result<(), Error> {
        match answer.digest {
            Some(stored) if stored != digest.as_str() => {
                let stored = Outside::new(stored);
                let problem = format!("the registry stored {digest} under the digest `{stored}`");
                Err(Error::protocol(operation, self.repository(), problem))
            }
            _ => Ok(()),
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.repository().name())
    }

    async fn send(&self, request: &Request) -> Result<Answer, RequestFailure> {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.http.send(request).await
    }

    /// Returns the error for a request that changes something. For such a request, a broken
    /// connection may mean a missing permission.
    fn upload_failure(&self, operation: &'static str, failure: RequestFailure) -> Error {
        let is_broken = match &failure {
            RequestFailure::Sdk(failed) => {
                matches!(&**failed, RequestError::DispatchFailure(failure) if failure.is_io())
            }
            RequestFailure::NoToken(_) => false,
        };
        let error = self.failure(operation, failure);
        if is_broken && self.http.endpoint.is_ecr() { error.dropped() } else { error }
    }

    fn failure(&self, operation: &'static str, failure: RequestFailure) -> Error {
        match failure {
            RequestFailure::NoToken(error) => error,
            RequestFailure::Sdk(failed) => {
                let known = failed.as_service_error().map(|it| (it.kind(), it.origin()));
                let (kind, cause) = explain_as(known, *failed);
                Error::api(kind, operation, self.repository(), cause)
            }
        }
    }
}

/// The target of a manifest's name.
enum ManifestLookup {
    Digest(Digest),
    Nothing,
    /// The registry didn't report the digest.
    Unknown,
}

/// The error codes for missing content that a manifest refers to.
const NOT_THERE: [&str; 3] = ["BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"];

/// Returns whether the error is ECR's "The image tag 'x' already exists in the 'y' repository and
/// cannot be overwritten because the tag is immutable" (users' reports).
fn says_immutable(refusal: &Refusal) -> bool {
    refusal.message().is_some_and(|message| message.contains("immutable"))
}
