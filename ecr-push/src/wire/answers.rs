//! The answers of a repository through either protocol: data without calls.

use std::collections::{HashMap, HashSet};

use crate::names::digest::Digest;
use crate::names::tag::Tag;

/// The response of InitiateLayerUpload.
#[derive(Debug)]
pub(crate) struct NewUpload {
    pub(crate) id: String,
    /// The required part size, in bytes.
    pub(crate) part_size: u64,
}

/// The largest part. ECR's service model limits `layerPartBlob` to 20 MiB.
pub(crate) const MAX_PART: u64 = 20 * 1024 * 1024;

/// Whether a push sends a layer for the first time, or again because the repository lost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    Again,
    First,
}

/// The outcome of UploadLayerPart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PartAnswer {
    /// The upload no longer exists.
    Gone,
    /// The part doesn't start at the upload's cursor, which is the byte after this one.
    OutOfOrder { last_valid: u64 },
    /// The upload holds every byte up to and including this one.
    Received { last: u64 },
    /// ECR rejected the part and doesn't report the upload's position. Holds ECR's message.
    Refused(String),
}

/// The outcome of CompleteLayerUpload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CompleteAnswer {
    /// The repository has the layer, from this upload or from a concurrent one.
    Complete,
    /// The repository doesn't have the layer, and the upload must restart.
    Incomplete(CompletionFailure),
    /// The upload holds only the bytes up to and including this one.
    Short { last_valid: u64 },
}

/// The reason why an upload could not be completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CompletionFailure {
    /// ECR's message, if it sent one.
    pub(crate) reason: String,
    /// Whether ECR computed a different digest for the bytes that it received. Either the file or
    /// the transfer can be at fault.
    pub(crate) is_content: bool,
}

impl CompleteAnswer {
    /// The outcome for an upload that no longer exists. An earlier attempt whose response was lost
    /// may have completed it; then the repository has the layer.
    pub(crate) fn after_loss(is_there: bool) -> Self {
        if is_there { Self::Complete } else { Self::refused(GONE.to_owned()) }
    }

    /// The outcome for an upload whose content has a different digest.
    pub(crate) fn wrong_content(reason: String) -> Self {
        Self::Incomplete(CompletionFailure { reason, is_content: true })
    }

    /// The outcome for an upload that ECR rejects for another reason.
    pub(crate) fn refused(reason: String) -> Self {
        Self::Incomplete(CompletionFailure { reason, is_content: false })
    }
}

/// The reason reported for an upload that has expired or was already completed.
pub(crate) const GONE: &str = "the upload no longer exists";

/// The outcome of PutImage.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PutAnswer {
    /// The repository already had the manifest, under the tag if one was given.
    AlreadyThere,
    /// The repository lacks a manifest that this one lists, or lost it since the survey.
    ImagesMissing,
    /// The repository lost a layer after it was checked or sent.
    LayersMissing,
    /// ECR stored the manifest, under the tag if one was given.
    Put,
    /// The tag points to another image and is immutable.
    TagTaken,
}

/// The requested images and tags that exist in a repository.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ImageLookup {
    pub(crate) images: HashSet<Digest>,
    pub(crate) tags: HashMap<Tag, Digest>,
    /// Tags whose image can't be read, for example because it is archived.
    pub(crate) unknown: HashSet<Tag>,
}

/// The manifest types that ECR's user guide lists. The lookup accepts all of them, so that ECR
/// converts no manifest.
pub(crate) const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
];
