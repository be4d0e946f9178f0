//! [`Event`] and [`TagChange`]: the reports of a push while it runs.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::mpsc;

use crate::image::blob::Layer;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::outside::Outside;

/// One step of a push.
///
/// The events are enough to draw a progress bar for each layer and one for the whole push:
/// [`Planned`](Self::Planned) has the total of a repository, [`LayerProgress`](Self::LayerProgress)
/// the bytes of a layer that have arrived. Retries and restarts are events, too. A reason may come
/// from a server or a file; it is quoted and can be printed.
///
/// serde writes an event as an object. Its member `event` is the name, such as `layerProgress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The file given as [`checkpoint`](crate::Push::checkpoint) is not a checkpoint, or can't be
    /// read or written. The file stays unchanged, and the push continues without it.
    #[non_exhaustive]
    CheckpointIgnored {
        /// The file.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The push compressed a layer, for all repositories. If a repository has the result, a
    /// [`LayerSkipped`](Self::LayerSkipped) follows; otherwise the push sends it.
    #[non_exhaustive]
    LayerCompressed {
        /// The uncompressed layer, which [`Planned`](Self::Planned) counts.
        layer: Layer,
        /// The compressed layer, which all later events name.
        compressed: Layer,
    },
    /// A layer is complete in a repository.
    #[non_exhaustive]
    LayerFinished {
        /// The repository.
        repository: Repository,
        /// The layer.
        layer: Layer,
    },
    /// The layer is foreign, and the push [leaves it out](crate::Push::foreign_layers).
    #[non_exhaustive]
    LayerLeftOut {
        /// The repository.
        repository: Repository,
        /// The layer.
        layer: Layer,
    },
    /// The repository took the layer over from [another one](crate::Push::mount_from); the push
    /// sends nothing.
    #[non_exhaustive]
    LayerMounted {
        /// The repository.
        repository: Repository,
        /// The layer.
        layer: Layer,
    },
    /// The number of bytes that a repository has of a layer changed. It can decrease if the
    /// repository lost some.
    #[non_exhaustive]
    LayerProgress {
        /// The repository.
        repository: Repository,
        /// The layer.
        layer: Layer,
        /// How many of its bytes have arrived so far. With [`Transport::Registry`][registry], bytes
        /// in transit count, too.
        ///
        /// [registry]: crate::transport::Transport::Registry
        sent: u64,
    },
    /// The upload of a layer restarts, because it was lost or because ECR rejected it after an
    /// error in transit.
    #[non_exhaustive]
    LayerRestarted {
        /// The repository.
        repository: Repository,
        /// The layer.
        layer: Layer,
        /// The reason.
        reason: String,
    },
    /// The push resumes the upload of a layer that an earlier push started.
    #[non_exhaustive]
    LayerResumed {
        /// The repository.
        repository: Repository,
        /// The layer.
        layer: Layer,
        /// How many of its bytes had arrived by then.
        sent: u64,
    },
    /// The repository already has the layer; the push sends nothing.
    #[non_exhaustive]
    LayerSkipped {
        /// The repository.
        repository: Repository,
        /// The layer.
        layer: Layer,
    },
    /// The upload of a layer starts.
    #[non_exhaustive]
    LayerStarted {
        /// The repository.
        repository: Repository,
        /// The layer.
        layer: Layer,
    },
    /// The repository has stored a manifest under its digest.
    #[non_exhaustive]
    ManifestPut {
        /// The repository.
        repository: Repository,
        /// The manifest's digest.
        digest: Digest,
    },
    /// The push knows what it must send to a repository. The event repeats if the repository loses
    /// layers before the image is complete and the push sends them again.
    #[non_exhaustive]
    Planned {
        /// The repository.
        repository: Repository,
        /// How many layers and configs the image has.
        layers: usize,
        /// How many of them the repository lacks, including all that the push compresses first.
        missing: usize,
        /// The total size of the missing layers and configs, in bytes. Layers that the push
        /// compresses count with their uncompressed size.
        bytes: u64,
    },
    /// The push created a missing repository.
    #[non_exhaustive]
    RepositoryCreated {
        /// The repository.
        repository: Repository,
    },
    /// A request failed with a transient error, and the SDK retries it.
    #[non_exhaustive]
    RequestRetried {
        /// The operation, such as `UploadLayerPart`.
        operation: &'static str,
        /// The repository.
        repository: Repository,
        /// The number of the attempt that starts now: 2 or more.
        attempt: u32,
        /// The reason why the previous attempt failed.
        reason: String,
    },
    /// The tag points to the image.
    #[non_exhaustive]
    Tagged {
        /// The repository.
        repository: Repository,
        /// The tag.
        tag: Tag,
        /// The image's digest.
        digest: Digest,
        /// The effect of setting the tag.
        change: TagChange,
    },
}

impl Event {
    /// Quotes the reason, which may come from a server or a file.
    fn quoted(mut self) -> Self {
        if let Self::CheckpointIgnored { reason, .. }
        | Self::LayerRestarted { reason, .. }
        | Self::RequestRetried { reason, .. } = &mut self
        {
            *reason = Outside::new(&*reason).to_string();
        }
        self
    }
}

/// The effect of setting a tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TagChange {
    /// The repository didn't have the tag.
    Created,
    /// The tag already points to this image; the push leaves it unchanged.
    Kept,
    /// The tag pointed to another image.
    #[non_exhaustive]
    Moved {
        /// The digest of that image.
        from: Digest,
    },
    /// The tag is set, and its previous image is unknown. The lookup was denied or disabled, or ECR
    /// can't read the image, for example because it is archived.
    Set,
}

impl fmt::Display for TagChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("new"),
            Self::Kept => f.write_str("unchanged"),
            Self::Moved { from } => write!(f, "moved from {from}"),
            Self::Set => f.write_str("set"),
        }
    }
}

/// The target of a push's events. Without a receiver, events are dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reporter(Option<mpsc::UnboundedSender<Event>>);

impl Reporter {
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(Some(sender)), receiver)
    }

    pub(crate) fn report(&self, event: Event) {
        if let Some(sender) = &self.0 {
            // A closed channel means that the caller wants only the outcome.
            let _ = sender.send(event.quoted());
        }
    }
}

/// Writes a path as text. Replaces bytes that aren't UTF-8, because serde would reject the path.
fn as_shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

#[cfg(test)]
mod tests;
