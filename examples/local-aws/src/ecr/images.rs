//! Images: what a repository keeps of them, and how they are found.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::ecr::constraints;
use crate::ecr::manifest::Manifest;
use crate::ecr::repositories::Repository;
use crate::error::AwsError;

#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// The manifest as it was pushed, to the byte.
    pub(crate) text: String,
    pub(crate) manifest: Manifest,
    pub(crate) size: u64,
    pub(crate) pushed_at: Timestamp,
    pub(crate) status: Status,
}

/// The storage class of an image shows as its status. The third one, on the way back from the
/// archive, isn't emulated: an image that is pushed again is back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    Archived,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ImageId {
    pub(crate) image_digest: Option<String>,
    pub(crate) image_tag: Option<String>,
}

/// Why an id stands among the failures of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
}

impl ImageId {
    pub(crate) fn new(digest: &str, tag: Option<&str>) -> Self {
        Self { image_digest: Some(digest.to_owned()), image_tag: tag.map(str::to_owned) }
    }

    pub(crate) fn check(&self) -> Result<(), AwsError> {
        if let Some(digest) = &self.image_digest {
            constraints::check_digest("imageDigest", digest)?;
        }
        if let Some(tag) = &self.image_tag {
            constraints::check_tag(tag)?;
        }
        Ok(())
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut id = json!({});
        if let Some(digest) = &self.image_digest {
            id["imageDigest"] = json!(digest);
        }
        if let Some(tag) = &self.image_tag {
            id["imageTag"] = json!(tag);
        }
        id
    }

    pub(crate) fn describe(&self) -> String {
        let null = || "null".to_owned();
        format!(
            "{{imageDigest:'{}', imageTag:'{}'}}",
            self.image_digest.clone().unwrap_or_else(null),
            self.image_tag.clone().unwrap_or_else(null)
        )
    }
}

impl Reason {
    pub(crate) fn failure(self, id: &ImageId) -> Value {
        json!({
            "imageId": id.to_json(),
            "failureCode": self.code,
            "failureReason": self.text,
        })
    }
}

impl Repository {
    /// The image of an id, or the failure that BatchGetImage and BatchDeleteImage answer.
    pub(crate) fn find(&self, id: &ImageId) -> Result<(&str, &Image), Reason> {
        const NOT_FOUND: Reason =
            Reason { code: "ImageNotFound", text: "Requested image not found" };
        let failed = |code, text| Err(Reason { code, text });
        let by_tag = id.image_tag.as_ref().map(|tag| self.tags.get(tag));
        let digest = match (&id.image_digest, by_tag) {
            (None, None) => {
                return failed("MissingDigestAndTag", "Missing image digest and image tag");
            }
            (Some(digest), _) if !constraints::is_sha256(digest) => {
                return failed("InvalidImageDigest", "Invalid image digest");
            }
            (_, Some(_))
                if id.image_tag.as_deref().is_some_and(|tag| !constraints::is_tag(tag)) =>
            {
                return failed("InvalidImageTag", "Invalid image tag");
            }
            (Some(digest), Some(Some(tagged))) if digest != tagged => {
                return failed("ImageTagDoesNotMatchDigest", "Image tag does not match digest");
            }
            (_, Some(None)) => return Err(NOT_FOUND),
            (Some(digest), _) | (None, Some(Some(digest))) => digest,
        };
        let found = self.images.get_key_value(digest);
        found.map(|(digest, image)| (digest.as_str(), image)).ok_or(NOT_FOUND)
    }

    /// Whether any of its images has that config or layer.
    pub(crate) fn refers_to(&self, digest: &str) -> bool {
        self.images.values().any(|image| image.manifest.blobs.iter().any(|blob| blob == digest))
    }

    pub(crate) fn tags_of(&self, digest: &str) -> Vec<&str> {
        self.tags.iter().filter(|(_, at)| *at == digest).map(|(tag, _)| tag.as_str()).collect()
    }

    /// Archives an image by its digest or a tag. A layer goes with the last active image that
    /// needs it: inferred.
    pub(crate) fn archive(&mut self, image: &str) -> bool {
        let digest = self.tags.get(image).map_or(image, String::as_str);
        let Some(image) = self.images.get_mut(digest) else { return false };
        image.status = Status::Archived;
        let (active, archived): (Vec<&Image>, Vec<&Image>) =
            self.images.values().partition(|image| image.status == Status::Active);
        let blobs = |images: Vec<&Image>| -> BTreeSet<String> {
            images.iter().flat_map(|image| image.manifest.blobs.clone()).collect()
        };
        for digest in blobs(archived).difference(&blobs(active)) {
            if let Some(layer) = self.layers.get_mut(digest) {
                layer.archived = true;
            }
        }
        true
    }
}
