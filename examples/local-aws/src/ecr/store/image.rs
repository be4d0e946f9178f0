//! An image: what a repository keeps of it, and the ids by which it is found.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::ecr::constraints;
use crate::ecr::manifest::Manifest;
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
