//! Each operation of the registry in terms of those of the API, which have the rules.

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RANGE};
use serde_json::Value;

use crate::caller::Caller;
use crate::clock::Timestamp;
use crate::core::Core;
use crate::ecr::deletions::BatchDeleteImage;
use crate::ecr::downloads::GetDownloadUrlForLayer;
use crate::ecr::layers::BatchCheckLayerAvailability;
use crate::ecr::lookups::{BatchGetImage, ListImages};
use crate::ecr::mounting::Mounted;
use crate::ecr::put_image::PutImage;
use crate::ecr::store::image::ImageId;
use crate::ecr::uploads::{CompleteLayerUpload, InitiateLayerUpload, UploadName};
use crate::ecr::{Input, On, on_repository};
use crate::registry::answer::{Answer, Problem, Refusal};
use crate::registry::call::{CONTENT_DIGEST, Call};
use crate::registry::route::Operation;

/// One call, by one who is known, at one moment.
pub(super) struct Carrying<'a> {
    pub(super) core: &'a mut Core,
    pub(super) call: &'a Call,
    pub(super) caller: &'a Caller,
    pub(super) now: Timestamp,
    /// Whether a read is answered from before the last change.
    pub(super) stale: bool,
}

impl Carrying<'_> {
    /// What the operation answers. `body` is a manifest's; that of an upload is there already.
    pub(super) fn out(mut self, body: Vec<u8>) -> Result<Answer, Refusal> {
        match &self.call.route.operation {
            Operation::DeleteManifest { reference } => self.delete_manifest(reference),
            Operation::GetBlob { digest } => self.get_blob(digest),
            Operation::GetManifest { reference } => self.manifest(reference, Whole::Yes),
            Operation::HeadBlob { digest } => self.head_blob(digest),
            Operation::HeadManifest { reference } => self.manifest(reference, Whole::No),
            Operation::ListTags { most, last } => self.list_tags(most.as_deref(), last.clone()),
            Operation::MountBlob { digest, from } => self.mount_blob(digest, from),
            Operation::PatchUpload { id } => self.patched(id),
            Operation::Ping => Ok(Answer::new(StatusCode::OK)),
            Operation::PutManifest { reference } => self.put_manifest(reference, body),
            Operation::StartUpload => self.start_upload(),
            Operation::PutUpload { id, digest } => self.complete(id, digest.as_deref()),
            Operation::Unknown => Err(Problem::no_page().into()),
            Operation::Unsupported(_) => Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "The operation is unsupported.",
            )
            .into()),
        }
    }

    /// An operation of the API, with its permission and its rules.
    fn api(&mut self, operation: &str, input: Input) -> Result<Value, Refusal> {
        Ok(self.core.ecr(operation, input, self.caller, self.now, self.stale)?)
    }

    fn start_upload(&mut self) -> Result<Answer, Refusal> {
        let input = Input::InitiateLayerUpload(InitiateLayerUpload::new(self.call.on()));
        let started = self.api("InitiateLayerUpload", input)?;
        let id = started["uploadId"].as_str().unwrap_or_default();
        let answer = Answer::new(StatusCode::ACCEPTED).header(RANGE, "0-0");
        Ok(self.call.with_upload(answer, id))
    }

    /// ECR's user guide asks for GetDownloadUrlForLayer on the other repository. Inferred: without
    /// it an upload starts, as for a layer that can't be mounted.
    fn mount_blob(&mut self, digest: &str, from: &str) -> Result<Answer, Refusal> {
        let (to, caller) = (self.call.on(), self.caller);
        let needed = [on_repository("InitiateLayerUpload", to, caller)];
        self.core.principals.authorize(caller, &needed)?;
        let source = On { repository: from, ..to };
        let needed = [on_repository("GetDownloadUrlForLayer", source, caller)];
        let allowed = self.core.principals.authorize(caller, &needed).is_ok();
        let (place, context) = self.core.at(caller, self.now);
        if allowed && place.ecr.mount(to, from, digest, &context)? == Mounted::Yes {
            return Ok(self.call.with_blob(Answer::new(StatusCode::CREATED), digest));
        }
        self.start_upload()
    }

    /// Users report a 201 in place of the specification's 202, and a `Range` that stays what it was
    /// after the first PATCH.
    fn patched(&mut self, id: &str) -> Result<Answer, Refusal> {
        let name = UploadName::new(self.call.on(), id);
        let (place, context) = self.core.at(self.caller, self.now);
        let last = place.ecr.upload(&name, &context)?.last_of_first_patch();
        let answer = Answer::new(StatusCode::CREATED).header(RANGE, format!("0-{last}"));
        Ok(self.call.with_upload(answer, id))
    }

    fn complete(&mut self, id: &str, digest: Option<&str>) -> Result<Answer, Refusal> {
        let Some(digest) = digest else {
            // Inferred from the specification.
            let message = "provided digest did not match uploaded content";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message).into());
        };
        let input = CompleteLayerUpload::new(self.call.on(), id, digest);
        let done = self.core.ecr(
            "CompleteLayerUpload",
            Input::CompleteLayerUpload(input),
            self.caller,
            self.now,
            self.stale,
        );
        match done {
            Ok(_) => {}
            // A client of the registry has no way to tell the two apart: inferred.
            Err(error) if error.code == "LayerAlreadyExistsException" => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.call.with_blob(Answer::new(StatusCode::CREATED), digest))
    }

    /// Inferred: only the size is reported, and a layer in the archive counts as missing.
    fn head_blob(&mut self, digest: &str) -> Result<Answer, Refusal> {
        let input = BatchCheckLayerAvailability::new(self.call.on(), digest);
        let found =
            self.api("BatchCheckLayerAvailability", Input::BatchCheckLayerAvailability(input))?;
        let layer = &found["layers"][0];
        if layer["layerAvailability"] != "AVAILABLE" {
            return Err(blob_unknown().into());
        }
        Ok(Answer::new(StatusCode::OK)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, layer["layerSize"].to_string()))
    }

    /// ECR's user guide, of VPC endpoints: layers come from S3, to which the registry redirects.
    fn get_blob(&mut self, digest: &str) -> Result<Answer, Refusal> {
        let input = GetDownloadUrlForLayer::new(self.call.on(), digest);
        let api = "GetDownloadUrlForLayer";
        let input = Input::GetDownloadUrlForLayer(input);
        let url = match self.core.ecr(api, input, self.caller, self.now, self.stale) {
            Ok(url) => url,
            Err(error) if error.code == "LayersNotFoundException" => {
                return Err(blob_unknown().into());
            }
            Err(error) => return Err(error.into()),
        };
        let url = url["downloadUrl"].as_str().unwrap_or_default();
        Ok(Answer::new(StatusCode::TEMPORARY_REDIRECT).header(LOCATION, url))
    }

    fn manifest(&mut self, reference: &str, whole: Whole) -> Result<Answer, Refusal> {
        let input = BatchGetImage::new(self.call.on(), image(reference));
        let mut found = self.api("BatchGetImage", Input::BatchGetImage(input))?;
        if let Some(failure) = found["failures"].get(0) {
            return Err(failed(failure).into());
        }
        let image = &mut found["images"][0];
        let Value::String(text) = image["imageManifest"].take() else {
            return Err(manifest_unknown("Requested image not found").into());
        };
        let media_type = image["imageManifestMediaType"].as_str().unwrap_or_default();
        if !self.call.accepts(media_type) {
            // ECR's user guide: a manifest that is pulled by digest has to be understood as it is,
            // one that is pulled by tag is translated, which isn't emulated. The words are
            // inferred.
            let message = format!("Requested image is a {media_type}, which isn't accepted");
            return Err(manifest_unknown(message).into());
        }
        let answer = Answer::new(StatusCode::OK).header(CONTENT_TYPE, media_type);
        Ok(match whole {
            // Users report the digest of HEAD, and that GET has none.
            Whole::No => {
                let digest = image["imageId"]["imageDigest"].as_str().unwrap_or_default();
                answer.header(CONTENT_DIGEST, digest).header(CONTENT_LENGTH, text.len().to_string())
            }
            Whole::Yes => answer.body(text),
        })
    }

    /// Users report that `Location` is missing.
    fn put_manifest(&mut self, reference: &str, body: Vec<u8>) -> Result<Answer, Refusal> {
        // What isn't UTF-8 isn't JSON either.
        let text = String::from_utf8(body).unwrap_or_default();
        let media_type = self.call.content_type.clone();
        let input = PutImage::new(self.call.on(), text, media_type, image(reference));
        let digest = input.digest();
        match self.core.ecr("PutImage", Input::PutImage(input), self.caller, self.now, self.stale) {
            Ok(_) => {}
            // Users report that Docker pushes what is there already without an error.
            Err(error) if error.code == "ImageAlreadyExistsException" => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Answer::new(StatusCode::CREATED).header(CONTENT_DIGEST, digest))
    }

    /// Users report that the registry deletes since 2023. A deletion by tag is inferred from the
    /// API.
    fn delete_manifest(&mut self, reference: &str) -> Result<Answer, Refusal> {
        let input = BatchDeleteImage::new(self.call.on(), image(reference));
        let deleted = self.api("BatchDeleteImage", Input::BatchDeleteImage(input))?;
        match deleted["failures"].get(0) {
            None => Ok(Answer::new(StatusCode::ACCEPTED)),
            Some(failure) => Err(failed(failure).into()),
        }
    }

    /// Users report a hundred tags a page in no order, a `Link` whose `last` is a token and no
    /// tag, and the content type; and the API's own refusal of an `n` beyond 1000.
    fn list_tags(&mut self, most: Option<&str>, last: Option<String>) -> Result<Answer, Refusal> {
        // A text that isn't a number is refused like a number that is too small; inferred.
        let most = most.map(|most| most.parse().unwrap_or(0));
        let input = ListImages::tagged(self.call.on(), most, last);
        let page = self.api("ListImages", Input::ListImages(input))?;
        let images = page["imageIds"].as_array().map(Vec::as_slice).unwrap_or_default();
        let tags: Vec<&Value> = images.iter().map(|image| &image["imageTag"]).collect();
        let name = &self.call.route.repository;
        let body = serde_json::json!({ "name": name, "tags": tags });
        let answer = Answer::new(StatusCode::OK)
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(format!("{body}\n"));
        let Some(next) = page["nextToken"].as_str() else { return Ok(answer) };
        let most = most.map(|most| format!("&n={most}")).unwrap_or_default();
        let next =
            format!("<{}/v2/{name}/tags/list?last={next}{most}>; rel=\"next\"", self.call.origin);
        Ok(answer.header(http::header::LINK, next))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    No,
    Yes,
}

/// A tag has no colon.
fn image(reference: &str) -> ImageId {
    let reference = reference.to_owned();
    if reference.contains(':') {
        ImageId { image_digest: Some(reference), image_tag: None }
    } else {
        ImageId { image_digest: None, image_tag: Some(reference) }
    }
}

fn blob_unknown() -> Problem {
    // The words are the specification's.
    Problem::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry")
}

fn manifest_unknown(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message)
}

/// What BatchGetImage and BatchDeleteImage have among their failures. Users report MANIFEST_UNKNOWN
/// with the words of `ImageNotFound`, and a 400 for an invalid tag; the others are inferred.
fn failed(failure: &Value) -> Problem {
    let text = |member: &str| failure[member].as_str().unwrap_or_default();
    let message = text("failureReason");
    match text("failureCode") {
        "ImageReferencedByManifestList" | "KmsError" => {
            Problem::new(StatusCode::FORBIDDEN, "DENIED", message)
        }
        "InvalidImageDigest" => Problem::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message),
        "InvalidImageTag" => Problem::new(StatusCode::BAD_REQUEST, "TAG_INVALID", message),
        _ => manifest_unknown(message),
    }
}
