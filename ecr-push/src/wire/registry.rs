//! The calls of one push to one repository by the registry's own protocol: the answers are those
//! that [`Calls`] has for ECR's API.

mod answer;
mod body;
mod http;
mod upload;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use self::answer::{Answer, Failed, Refusal, path_of, with_parameter};
use self::body::Content;
use self::http::{Failure, Request};
use crate::aws::pace::Pace;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::image::graph::Manifest;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::wire::api::{
    Calls, CompleteAnswer, Found, MEDIA_TYPES, PartAnswer, PutAnswer, explain_as,
};

pub(crate) use self::answer::first_error;
pub(crate) use self::http::Http;
pub(crate) use self::upload::{Arrived, CHUNK, Layers, SMALL};

/// A repository, by the protocol that Docker speaks.
#[derive(Debug)]
pub(crate) struct Registry {
    /// For what the protocol has no request for, or many in place of one. `None` where the registry
    /// isn't ECR.
    api: Option<Calls>,
    http: Http,
    /// The name of the repository whose layers are taken over, in the same registry.
    source: Option<String>,
    pace: Arc<Pace>,
    made: AtomicU64,
}

/// What became of a layer that was to be sent.
#[derive(Debug)]
enum Begun {
    /// The repository has it now, from another one.
    Mounted,
    /// It goes to this path.
    Upload(String),
}

/// How many requests there are at once where each blob is asked for by itself.
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

    /// How many requests there were, of both protocols.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed) + self.api.as_ref().map_or(0, Calls::made)
    }

    /// Those of `digests` that the repository has.
    pub(crate) async fn available(&self, digests: &[&Digest]) -> Result<HashSet<Digest>, Error> {
        let Some(api) = &self.api else { return self.available_each(digests).await };
        match api.available(digests).await {
            Err(denied) if denied.kind() == ErrorKind::AccessDenied => {
                // ECR may allow it here all the same. If it doesn't, the API says better why.
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
            Ok(_) => Ok(true),
            // To where it is.
            Err(failure) if failure.refusal().is_some_and(|refusal| refusal.status == 307) => {
                Ok(true)
            }
            Err(failure) if failure.refusal().is_some_and(|refusal| refusal.status == 404) => {
                Ok(false)
            }
            Err(failure) => Err(self.failure(OPERATION, failure).about(digest)),
        }
    }

    /// Which of these tags and images there are, and what the tags are on.
    pub(crate) async fn look_up(&self, tags: &[Tag], digests: &[&Digest]) -> Result<Found, Error> {
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
        let mut found = Found::default();
        while let Some((tag, at)) = answers.try_next().await? {
            match (tag, at) {
                (_, At::Nothing) => {}
                (Some(tag), At::Digest(digest)) => {
                    found.tags.insert(tag, digest);
                }
                (Some(tag), At::Unknown) => {
                    found.unknown.insert(tag);
                }
                (None, At::Digest(digest)) => {
                    found.images.insert(digest);
                }
                // It is put again, which does no harm.
                (None, At::Unknown) => {}
            }
        }
        found.images.extend(found.tags.values().cloned());
        Ok(found)
    }

    async fn manifest_at(&self, name: &str) -> Result<At, Error> {
        const OPERATION: &str = "BatchGetImage";
        let request = Request::new(OPERATION, "HEAD", self.path(&format!("manifests/{name}")))
            .header("accept", MEDIA_TYPES.join(", "));
        match self.send(&request).await {
            Ok(answer) => {
                let digest = answer.digest.and_then(|digest| digest.parse().ok());
                Ok(digest.map_or(At::Unknown, At::Digest))
            }
            Err(failure) if failure.refusal().is_some_and(|refusal| refusal.status == 404) => {
                Ok(At::Nothing)
            }
            Err(failure) => Err(self.failure(OPERATION, failure).about(name)),
        }
    }

    /// Begins the upload of a layer, unless it can be taken over from the other repository.
    async fn begin(&self, layer: &Digest) -> Result<Begun, Error> {
        if let Some(source) = &self.source {
            let path = with_parameter(&self.path("blobs/uploads/"), "mount", layer.as_str());
            // Names have nothing in them that a query could take for something else.
            let path = with_parameter(&path, "from", source);
            match self.send(&Request::new("InitiateLayerUpload", "POST", path)).await {
                Ok(answer) if answer.status == 201 => return Ok(Begun::Mounted),
                // ECR doesn't mount what no image of the other repository names, or with another
                // encryption, or unless the account has it switched on.
                Ok(answer) => {
                    return self.location(answer, "InitiateLayerUpload").map(Begun::Upload);
                }
                Err(failure) if failure.refusal().is_some() => {
                    let reason = failure.refusal().map(ToString::to_string).unwrap_or_default();
                    tracing::info!(%layer, from = source, reason, "it can't be mounted");
                }
                Err(failure) => return Err(self.upload_failure("InitiateLayerUpload", failure)),
            }
        }
        self.begin_upload().await.map(Begun::Upload)
    }

    async fn begin_upload(&self) -> Result<String, Error> {
        const OPERATION: &str = "InitiateLayerUpload";
        let request = Request::new(OPERATION, "POST", self.path("blobs/uploads/"));
        let answer = self.send(&request).await.map_err(|it| self.upload_failure(OPERATION, it))?;
        self.location(answer, OPERATION)
    }

    /// Sends what lies between `first` and `end` of a layer; `location` is then where it goes on.
    async fn send_chunk(
        &self,
        location: &mut String,
        content: &Content,
        first: u64,
        end: u64,
    ) -> Result<PartAnswer, Error> {
        const OPERATION: &str = "UploadLayerPart";
        let last = end - 1;
        let request = Request::new(OPERATION, "PATCH", location.clone())
            .header("content-type", "application/octet-stream")
            .header("content-range", format!("{first}-{last}"))
            .body(content.body(first, end));
        match self.send_content(&request, content).await? {
            Ok(answer) => {
                // Where ECR leaves it out, it goes on where it was.
                if answer.location.is_some() {
                    *location = self.location(answer, OPERATION)?;
                }
                Ok(PartAnswer::Received { last })
            }
            Err(failure) => match failure.refusal() {
                Some(refusal) if refusal.is_lost_upload() => Ok(PartAnswer::Gone),
                Some(refusal) if is_out_of_order(refusal) || refusal.has_code(&NOT_TAKEN) => {
                    Ok(match self.last_valid(refusal) {
                        Some(last_valid) => PartAnswer::OutOfOrder { last_valid },
                        None => PartAnswer::Refused(said(refusal)),
                    })
                }
                _ => Err(self.upload_failure(OPERATION, failure)),
            },
        }
    }

    /// Completes a layer: all of it, where `content` has it, or what was sent before.
    async fn complete(
        &self,
        location: &str,
        layer: &Digest,
        content: Option<(&Content, u64)>,
    ) -> Result<CompleteAnswer, Error> {
        const OPERATION: &str = "CompleteLayerUpload";
        let path = with_parameter(location, "digest", layer.as_str());
        let mut request = Request::new(OPERATION, "PUT", path);
        let answer = match content {
            Some((content, size)) => {
                request = request
                    .header("content-type", "application/octet-stream")
                    .body(content.body(0, size));
                self.send_content(&request, content).await?
            }
            None => self.send(&request).await,
        };
        let Err(failure) = answer else { return Ok(CompleteAnswer::Complete) };
        match failure.refusal() {
            Some(refusal) if refusal.is_lost_upload() => {
                let is_there = self.available(&[layer]).await?.contains(layer);
                Ok(CompleteAnswer::of_gone(is_there))
            }
            Some(refusal) if refusal.is_of_content() => Ok(CompleteAnswer::differs(said(refusal))),
            Some(refusal) if is_out_of_order(refusal) || refusal.has_code(&NOT_TAKEN) => {
                Ok(CompleteAnswer::refused(said(refusal)))
            }
            _ => Err(self.upload_failure(OPERATION, failure)),
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
            Ok(Answer { digest: Some(stored), .. }) if stored != digest.as_str() => {
                let stored = stored.escape_debug();
                let problem = format!("{digest} was stored under the digest `{stored}`");
                return Err(Error::protocol(OPERATION, self.repository(), problem));
            }
            Ok(_) => return Ok(PutAnswer::Put),
            Err(failure) => failure,
        };
        let lists_images = manifest.lists_images();
        match failure.refusal() {
            Some(refusal) if says_immutable(refusal) => Ok(PutAnswer::TagTaken),
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

    fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.repository().name())
    }

    async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.http.send(request).await
    }

    /// # Errors
    /// Why the content could not be read, which is no failure of the registry's.
    async fn send_content(
        &self,
        request: &Request,
        content: &Content,
    ) -> Result<Result<Answer, Failure>, Error> {
        let answer = self.send(request).await;
        match content.failure() {
            Some(unreadable) => Err(unreadable),
            None => Ok(answer),
        }
    }

    /// Where an upload goes on.
    fn location(&self, answer: Answer, operation: &'static str) -> Result<String, Error> {
        let wrong = |problem| Error::protocol(operation, self.repository(), problem);
        match (answer.location, answer.upload_id) {
            (Some(location), _) => {
                // By an endpoint of another name, ECR may well say the registry's own.
                let hosts = [self.http.endpoint.authority(), self.repository().host()];
                path_of(&location, hosts).map_err(wrong)
            }
            (None, Some(id)) if id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                Ok(self.path(&format!("blobs/uploads/{id}")))
            }
            (None, _) => Err(wrong("the answer doesn't say where the upload goes on".to_owned())),
        }
    }

    fn last_valid(&self, refusal: &Refusal) -> Option<u64> {
        match (refusal.expected_byte(), &self.api) {
            (Some(expected), _) => expected.checked_sub(1),
            // As the distribution specification has it.
            (None, None) => refusal.range,
            (None, Some(_)) => None,
        }
    }

    /// The failure of a request that changes something, where a connection that breaks says
    /// something, too.
    fn upload_failure(&self, operation: &'static str, failure: Failure) -> Error {
        let is_broken = match &failure {
            Failure::Failed(failed) => {
                matches!(&**failed, Failed::DispatchFailure(failure) if failure.is_io())
            }
            Failure::NoToken(_) => false,
        };
        let error = self.failure(operation, failure);
        if is_broken && self.http.endpoint.is_ecr() { error.dropped() } else { error }
    }

    fn failure(&self, operation: &'static str, failure: Failure) -> Error {
        match failure {
            Failure::NoToken(error) => error,
            Failure::Failed(failed) => {
                let kind = failed.as_service_error().map(Refusal::kind);
                let (kind, cause) = explain_as(kind, *failed);
                Error::api(kind, operation, self.repository(), cause)
            }
        }
    }
}

/// What a name of a manifest is on.
enum At {
    Digest(Digest),
    Nothing,
    /// Something of which the registry doesn't say the digest.
    Unknown,
}

/// The codes of content that isn't what was sent, or came in pieces that the registry doesn't take.
const NOT_TAKEN: [&str; 4] =
    ["BLOB_UPLOAD_INVALID", "DIGEST_INVALID", "RANGE_INVALID", "SIZE_INVALID"];

/// The codes of what a manifest names and isn't there.
const NOT_THERE: [&str; 3] = ["BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"];

fn is_out_of_order(refusal: &Refusal) -> bool {
    refusal.status == 416 || refusal.expected_byte().is_some()
}

/// ECR's "The image tag 'x' already exists in the 'y' repository and cannot be overwritten because
/// the tag is immutable": users' reports.
fn says_immutable(refusal: &Refusal) -> bool {
    refusal.message().is_some_and(|message| message.contains("immutable"))
}

fn said(refusal: &Refusal) -> String {
    match (refusal.code(), refusal.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => refusal.to_string(),
    }
}
