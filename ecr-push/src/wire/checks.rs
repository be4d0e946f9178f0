//! The checks of ECR's answers: what the success of each call depends on.

use std::collections::HashSet;

use aws_sdk_ecr::operation::batch_check_layer_availability::BatchCheckLayerAvailabilityOutput;
use aws_sdk_ecr::operation::batch_get_image::BatchGetImageOutput;
use aws_sdk_ecr::operation::complete_layer_upload::CompleteLayerUploadOutput;
use aws_sdk_ecr::operation::create_repository::CreateRepositoryOutput;
use aws_sdk_ecr::operation::initiate_layer_upload::InitiateLayerUploadOutput;
use aws_sdk_ecr::operation::put_image::PutImageOutput;
use aws_sdk_ecr::operation::upload_layer_part::UploadLayerPartOutput;
use aws_sdk_ecr::types::{ImageFailureCode, LayerAvailability, LayerFailureCode};

use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::outside::Outside;
use crate::wire::answers::{ImageLookup, MAX_PART, NewUpload};

/// Returns the layers that the repository has. Each requested one must be listed.
pub(crate) fn available(
    asked: &[&Digest],
    answer: &BatchCheckLayerAvailabilityOutput,
) -> Result<HashSet<Digest>, String> {
    let mut listed: HashSet<&str> = HashSet::new();
    // ECR lists a missing layer as UNAVAILABLE in `layers` (AWS's own Go client relies on that);
    // other implementations list it in `failures`. Both mean that the layer must be sent. An
    // archived layer must be sent too, because a push restores it.
    for failure in answer.failures() {
        if failure.failure_code() != Some(&LayerFailureCode::MissingLayerDigest) {
            let reason = Outside::new(failure.failure_reason().unwrap_or("no reason given"));
            let digest = Outside::new(failure.layer_digest().unwrap_or("a layer"));
            return Err(format!("failed to check {digest}: {reason}"));
        }
        listed.extend(failure.layer_digest());
    }
    let mut available = HashSet::new();
    for layer in answer.layers() {
        let (Some(digest), Some(state)) = (layer.layer_digest(), layer.layer_availability()) else {
            return Err("the response has a layer without `layerDigest` or \
                        `layerAvailability`"
                .to_owned());
        };
        listed.insert(digest);
        if *state == LayerAvailability::Available {
            available.insert(digest);
        }
    }
    if let Some(missing) = asked.iter().find(|digest| !listed.contains(digest.as_str())) {
        return Err(format!("the response has no `layerAvailability` of {missing}"));
    }
    let asked = asked.iter().filter(|digest| available.contains(digest.as_str()));
    Ok(asked.map(|&digest| digest.clone()).collect())
}

/// Adds the images and tags of an answer to those found. Every image must have its digest, and the
/// answer must list at least one image or failure.
pub(crate) fn images(
    tags: &[Tag],
    answer: &BatchGetImageOutput,
    found: &mut ImageLookup,
) -> Result<(), String> {
    if answer.images().is_empty() && answer.failures().is_empty() {
        return Err("the response has neither `images` nor `failures`".to_owned());
    }
    let mut listed: HashSet<&str> = HashSet::new();
    for image in answer.images() {
        let id = image.image_id();
        let digest = id.and_then(|id| id.image_digest()).unwrap_or_default();
        let Ok(digest) = digest.parse::<Digest>() else {
            let digest = Outside::new(digest);
            return Err(format!("the response has an image with the `imageDigest` `{digest}`"));
        };
        if let Some(tag) = id.and_then(|id| id.image_tag()) {
            listed.insert(tag);
            if let Ok(tag) = tag.parse() {
                found.tags.insert(tag, digest.clone());
            }
        }
        found.images.insert(digest);
    }
    // The failures list images that are missing or unreadable; the push puts those again.
    for failure in answer.failures() {
        let Some(tag) = failure.image_id().and_then(|id| id.image_tag()) else { continue };
        listed.insert(tag);
        if failure.failure_code() != Some(&ImageFailureCode::ImageNotFound) {
            found.unknown.extend(tag.parse::<Tag>().ok());
        }
    }
    // The push must not report an unlisted tag as new.
    found.unknown.extend(tags.iter().filter(|tag| !listed.contains(tag.as_str())).cloned());
    Ok(())
}

/// Returns the id and the part size of a new upload.
pub(crate) fn new_upload(answer: &InitiateLayerUploadOutput) -> Result<NewUpload, String> {
    let id = answer.upload_id().ok_or("the response has no `uploadId`")?;
    if !is_sendable(id) {
        return Err(format!("the response has the invalid `uploadId` `{}`", Outside::new(id)));
    }
    let part_size = answer.part_size().ok_or("the response has no `partSize`")?;
    match u64::try_from(part_size) {
        Ok(part_size) if part_size > 0 => {
            Ok(NewUpload { id: id.to_owned(), part_size: part_size.min(MAX_PART) })
        }
        _ => Err(format!("the response has the invalid `partSize` {part_size}")),
    }
}

/// Returns the last byte that the upload holds.
pub(crate) fn last_received(answer: &UploadLayerPartOutput) -> Result<u64, String> {
    let last = answer.last_byte_received().ok_or("the response has no `lastByteReceived`")?;
    u64::try_from(last)
        .map_err(|_| format!("the response has the invalid `lastByteReceived` {last}"))
}

/// Checks that ECR has completed this layer.
pub(crate) fn completed(layer: &Digest, answer: &CompleteLayerUploadOutput) -> Result<(), String> {
    same("layerDigest", layer.as_str(), answer.layer_digest())
}

/// Checks that ECR has stored this manifest, under this tag if the answer names one.
pub(crate) fn stored(
    manifest: &Digest,
    tag: Option<&Tag>,
    answer: &PutImageOutput,
) -> Result<(), String> {
    let id = answer.image().and_then(|image| image.image_id());
    same("imageDigest", manifest.as_str(), id.and_then(|id| id.image_digest()))?;
    match (tag, id.and_then(|id| id.image_tag())) {
        (Some(tag), Some(stored)) => same("imageTag", tag.as_str(), Some(stored)),
        _ => Ok(()),
    }
}

/// Checks that ECR has created this repository, in its own registry.
pub(crate) fn created(
    repository: &Repository,
    answer: &CreateRepositoryOutput,
) -> Result<(), String> {
    let created = answer.repository();
    same("repositoryName", repository.name(), created.and_then(|it| it.repository_name()))?;
    same("registryId", repository.account(), created.and_then(|it| it.registry_id()))
}

fn same(member: &str, expected: &str, found: Option<&str>) -> Result<(), String> {
    match found {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(format!(
            "the response has the `{member}` `{}` instead of `{expected}`",
            Outside::new(found)
        )),
        None => Err(format!("the response has no `{member}`")),
    }
}

/// Returns whether the id can be sent. ECR's ids are UUIDs; a part's buffer reserves 256 bytes for
/// the id.
fn is_sendable(upload_id: &str) -> bool {
    upload_id.len() <= 256 && upload_id.bytes().all(|byte| byte.is_ascii_graphic())
}
