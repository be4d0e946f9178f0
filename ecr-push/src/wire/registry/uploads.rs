//! The upload of a layer, by the registry's own protocol: mounted or begun, sent, and completed.

use aws_sdk_ecr::error::ProvideErrorMetadata as _;

use crate::error::Error;
use crate::names::digest::Digest;
use crate::wire::answers::{CompleteAnswer, PartAnswer};
use crate::wire::registry::Registry;
use crate::wire::registry::answer::{Answer, Refusal, path_of, with_parameter};
use crate::wire::registry::body::LayerContent;
use crate::wire::registry::http::{Request, RequestFailure};

/// What became of a layer that was to be sent.
#[derive(Debug)]
pub(crate) enum MountAnswer {
    /// The repository has it now, from another one.
    Mounted,
    /// It goes to this path.
    Upload(String),
}

impl Registry {
    /// Begins the upload of a layer, unless it can be taken over from the other repository.
    pub(crate) async fn start_layer(&self, layer: &Digest) -> Result<MountAnswer, Error> {
        if let Some(source) = &self.source {
            let path = with_parameter(&self.path("blobs/uploads/"), "mount", layer.as_str());
            // Names have nothing in them that a query could take for something else.
            let path = with_parameter(&path, "from", source);
            match self.send(&Request::new("InitiateLayerUpload", "POST", path)).await {
                Ok(answer) if answer.status == 201 => return Ok(MountAnswer::Mounted),
                // ECR doesn't mount what no image of the other repository names, or with another
                // encryption, or unless the account has it switched on.
                Ok(answer) => {
                    return self.location(answer, "InitiateLayerUpload").map(MountAnswer::Upload);
                }
                Err(failure) if failure.refusal().is_some() => {
                    let reason = failure.refusal().map(ToString::to_string).unwrap_or_default();
                    tracing::info!(%layer, from = source, reason, "it can't be mounted");
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

    /// Sends what lies between `first` and `end` of a layer; `location` is then where it goes on.
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
    pub(crate) async fn complete(
        &self,
        location: &str,
        layer: &Digest,
        content: Option<(&LayerContent, u64)>,
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
                Ok(CompleteAnswer::after_loss(is_there))
            }
            Some(refusal) if refusal.is_of_content() => {
                Ok(CompleteAnswer::wrong_content(said(refusal)))
            }
            Some(refusal) if is_out_of_order(refusal) || refusal.has_code(&NOT_TAKEN) => {
                Ok(CompleteAnswer::refused(said(refusal)))
            }
            _ => Err(self.upload_failure(OPERATION, failure)),
        }
    }

    /// # Errors
    /// Why the content could not be read, which is no failure of the registry's.
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
}

/// The codes of content that isn't what was sent, or came in pieces that the registry doesn't take.
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
