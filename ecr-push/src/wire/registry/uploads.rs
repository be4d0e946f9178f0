//! The registry requests of a layer's upload: mount or start, send a chunk, complete.

use std::ops::Range;

use aws_sdk_ecr::error::ProvideErrorMetadata as _;

use crate::error::Error;
use crate::names::digest::Digest;
use crate::wire::answers::{CompleteAnswer, PartAnswer, Round};
use crate::wire::registry::Registry;
use crate::wire::registry::answer::{Answer, Refusal, path_of, with_parameter};
use crate::wire::registry::body::LayerContent;
use crate::wire::registry::http::{Request, RequestFailure};

/// The outcome of starting the upload of a layer.
#[derive(Debug)]
pub(crate) enum MountAnswer {
    /// The registry mounted the layer from another repository.
    Mounted,
    /// The layer can be sent to this path.
    Upload(String),
}

impl Registry {
    /// Starts the upload of a layer, unless the registry can mount it from the other repository.
    pub(crate) async fn start_layer(
        &self,
        layer: &Digest,
        round: Round,
    ) -> Result<MountAnswer, Error> {
        // A layer that vanished after it was mounted isn't mounted again.
        if let (Some(source), Round::First) = (&self.source, round) {
            let path = with_parameter(&self.path("blobs/uploads/"), "mount", layer.as_str());
            // A repository name needs no escaping in a query.
            let path = with_parameter(&path, "from", source);
            match self.send(&Request::new("InitiateLayerUpload", "POST", path)).await {
                Ok(answer) if answer.status == 201 => {
                    self.check_digest("InitiateLayerUpload", layer, answer)?;
                    return Ok(MountAnswer::Mounted);
                }
                // ECR doesn't mount a layer if no image in the other repository refers to it, if
                // the encryption differs, or if the account has mounting switched off.
                Ok(answer) => {
                    return self.location(answer, "InitiateLayerUpload").map(MountAnswer::Upload);
                }
                Err(failure) if failure.refusal().is_some() => {
                    let reason = failure.refusal().map(ToString::to_string).unwrap_or_default();
                    tracing::info!(%layer, from = source, reason, "can't mount the layer");
                }
                Err(failure) => return Err(self.upload_failure("InitiateLayerUpload", failure)),
            }
        }
        self.start_upload().await.map(MountAnswer::Upload)
    }

    pub(crate) async fn start_upload(&self) -> Result<String, Error> {
        const OPERATION: &str = "InitiateLayerUpload";
        let request = Request::new(OPERATION, "POST", self.path("blobs/uploads/"));
        let answer = self.send(&request).await.map_err(|it| self.upload_failure(OPERATION, it))?;
        self.location(answer, OPERATION)
    }

    /// Sends the bytes of a layer from `first` to `end`. Updates `location` to that of the next
    /// request.
    pub(crate) async fn send_chunk(
        &self,
        location: &mut String,
        content: &LayerContent,
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
                let range = answer.range;
                // If ECR sends no location, the previous one stays valid.
                if answer.location.is_some() {
                    *location = self.location(answer, OPERATION)?;
                }
                // ECR's own header isn't kept up to date (users' reports).
                let kept = range.filter(|_| self.api.is_none());
                Ok(PartAnswer::Received { last: kept.unwrap_or(last).min(last) })
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

    /// Completes a layer. Sends these bytes of it, its last ones, in the same request if `content`
    /// is given.
    pub(crate) async fn complete(
        &self,
        location: &str,
        layer: &Digest,
        content: Option<(&LayerContent, Range<u64>)>,
    ) -> Result<CompleteAnswer, Error> {
        const OPERATION: &str = "CompleteLayerUpload";
        let path = with_parameter(location, "digest", layer.as_str());
        let mut request = Request::new(OPERATION, "PUT", path);
        let answer = match content {
            Some((content, bytes)) => {
                request = request
                    .header("content-type", "application/octet-stream")
                    .body(content.body(bytes.start, bytes.end));
                if bytes.start > 0 {
                    let range = format!("{}-{}", bytes.start, bytes.end - 1);
                    request = request.header("content-range", range);
                }
                self.send_content(&request, content).await?
            }
            None => self.send(&request).await,
        };
        let failure = match answer {
            Ok(answer) => {
                self.check_digest(OPERATION, layer, answer)?;
                return Ok(CompleteAnswer::Complete);
            }
            Err(failure) => failure,
        };
        match failure.refusal() {
            Some(refusal) if refusal.is_lost_upload() => {
                let is_there = self.available(&[layer]).await?.contains(layer);
                Ok(CompleteAnswer::after_loss(is_there))
            }
            Some(refusal) if refusal.is_of_content() => {
                Ok(CompleteAnswer::wrong_content(said(refusal)))
            }
            Some(refusal) if is_out_of_order(refusal) => Ok(match self.last_valid(refusal) {
                Some(last_valid) => CompleteAnswer::Short { last_valid },
                None => CompleteAnswer::refused(said(refusal)),
            }),
            Some(refusal) if refusal.has_code(&NOT_TAKEN) => {
                Ok(CompleteAnswer::refused(said(refusal)))
            }
            _ => Err(self.upload_failure(OPERATION, failure)),
        }
    }

    /// Sends a request with content.
    ///
    /// # Errors
    /// Returns the error of reading the content, if that failed. A failure of the registry is in
    /// the inner result.
    async fn send_content(
        &self,
        request: &Request,
        content: &LayerContent,
    ) -> Result<Result<Answer, RequestFailure>, Error> {
        let answer = self.send(request).await;
        match content.failure() {
            Some(unreadable) => Err(unreadable),
            None => Ok(answer),
        }
    }

    /// Returns the path for the next request of an upload.
    fn location(&self, answer: Answer, operation: &'static str) -> Result<String, Error> {
        let wrong = |problem| Error::protocol(operation, self.repository(), problem);
        match (answer.location, answer.upload_id) {
            (Some(location), _) => {
                // Behind an endpoint with another name, ECR may answer with the registry's own
                // host.
                let hosts = [self.http.endpoint.authority(), self.repository().host()];
                path_of(&location, hosts).map_err(wrong)
            }
            (None, Some(id)) if id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                Ok(self.path(&format!("blobs/uploads/{id}")))
            }
            (None, _) => Err(wrong("the response has no location for the upload".to_owned())),
        }
    }

    fn last_valid(&self, refusal: &Refusal) -> Option<u64> {
        match (refusal.expected_byte(), &self.api) {
            (Some(expected), _) => expected.checked_sub(1),
            // The distribution specification defines this header.
            (None, None) => refusal.range,
            (None, Some(_)) => None,
        }
    }
}

/// The error codes for content that differs from what was sent, or for chunks that the registry
/// doesn't accept.
const NOT_TAKEN: [&str; 4] =
    ["BLOB_UPLOAD_INVALID", "DIGEST_INVALID", "RANGE_INVALID", "SIZE_INVALID"];

fn is_out_of_order(refusal: &Refusal) -> bool {
    refusal.status == 416 || refusal.expected_byte().is_some()
}

fn said(refusal: &Refusal) -> String {
    match (refusal.code(), refusal.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => refusal.to_string(),
    }
}
