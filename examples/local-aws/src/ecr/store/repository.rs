//! A repository: its layers, uploads, images and tags, and how they refer to each other.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::image::{Image, ImageId, Reason, Status};
use super::layer::Layer;
use super::mutability::TagMutability;
use super::upload::Upload;
use crate::clock::Timestamp;
use crate::ecr::constraints;

#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) name: String,
    pub(crate) mutability: TagMutability,
    pub(crate) layers: BTreeMap<String, Layer>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    pub(crate) images: BTreeMap<String, Image>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created_at: Timestamp,
    pub(crate) encryption: Encryption,
    pub(crate) scanning: Scanning,
    pub(crate) resource_tags: Vec<ResourceTag>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Encryption {
    pub(crate) encryption_type: EncryptionType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum EncryptionType {
    #[default]
    #[serde(rename = "AES256")]
    Aes256,
    #[serde(rename = "KMS")]
    Kms,
    #[serde(rename = "KMS_DSSE")]
    KmsDsse,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Scanning {
    pub(crate) scan_on_push: bool,
}

/// The tags of the repository as a resource of AWS, not those of an image.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResourceTag {
    pub(crate) key: String,
    pub(crate) value: String,
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
