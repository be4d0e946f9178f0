//! What a repository answers, by either protocol: data without calls.

use std::collections::{HashMap, HashSet};

use crate::names::digest::Digest;
use crate::names::tag::Tag;

/// What InitiateLayerUpload answered.
#[derive(Debug)]
pub(crate) struct NewUpload {
    pub(crate) id: String,
    /// The size that the parts have to have, in bytes.
    pub(crate) part_size: u64,
}

/// `layerPartBlob` holds at most 20 MiB: ECR's service model.
pub(crate) const MAX_PART: u64 = 20 * 1024 * 1024;

/// What became of a part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PartAnswer {
    /// The upload doesn't exist any more.
    Gone,
    /// The part doesn't start at the upload's cursor, which is one after this byte.
    OutOfOrder { last_valid: u64 },
    /// The upload holds everything up to this byte.
    Received { last: u64 },
    /// It wasn't taken, and ECR doesn't say where the upload stands; in ECR's words.
    Refused(String),
}

/// What became of an upload that was completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CompleteAnswer {
    /// The layer is there, by this upload or by another.
    Complete,
    /// It isn't, and the upload has to begin again.
    Incomplete(CompletionFailure),
}

/// Why an upload could not be completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CompletionFailure {
    /// In ECR's words, where it has said something.
    pub(crate) reason: String,
    /// Whether ECR has hashed what arrived, and found another digest: it may be the file, and it
    /// may have been the way.
    pub(crate) is_content: bool,
}

impl CompleteAnswer {
    /// Of an upload that doesn't exist any more. An attempt whose answer was lost may have completed
    /// it: then the layer is there.
    pub(crate) fn after_loss(is_there: bool) -> Self {
        if is_there { Self::Complete } else { Self::refused(GONE.to_owned()) }
    }

    /// Of one that has another digest.
    pub(crate) fn wrong_content(reason: String) -> Self {
        Self::Incomplete(CompletionFailure { reason, is_content: true })
    }

    /// Of one that ECR doesn't take as it is.
    pub(crate) fn refused(reason: String) -> Self {
        Self::Incomplete(CompletionFailure { reason, is_content: false })
    }
}

/// Of an upload that has expired, or was completed.
pub(crate) const GONE: &str = "the upload is gone";

/// What became of a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PutAnswer {
    /// It was there already, under the tag where one was given.
    AlreadyThere,
    /// A manifest that this one lists isn't there, or not any more.
    ImagesMissing,
    /// A layer has vanished since it was checked or sent.
    LayersMissing,
    /// The manifest is there now, under the tag where one was given.
    Put,
    /// The tag is on another image, and can't be moved.
    TagTaken,
}

/// What a repository has of what was asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ImageLookup {
    pub(crate) images: HashSet<Digest>,
    pub(crate) tags: HashMap<Tag, Digest>,
    /// Tags that are on an image that can't be read, such as one in the archive.
    pub(crate) unknown: HashSet<Tag>,
}

/// Those of manifests that ECR's user guide lists: asked for, so that none is converted.
pub(crate) const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
];
