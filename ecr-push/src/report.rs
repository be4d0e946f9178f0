//! What a push reports while it works.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::mpsc;

use crate::image::blob::Layer;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;

/// One step of a push.
///
/// Enough to draw a bar for each layer and one for all of them: [`Planned`](Self::Planned) has the
/// total of a repository, [`LayerProgress`](Self::LayerProgress) the bytes of a layer that have
/// arrived. Whatever was lost on the way and is made good can be seen, too.
///
/// Serialised, `event` is its name, such as `layerProgress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The file given as [`checkpoint`](crate::Push::checkpoint) is none, or can't be read or
    /// written: it is left as it is, and the push goes on without.
    #[non_exhaustive]
    CheckpointIgnored {
        /// The file.
        #[serde(serialize_with = "as_shown")]
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A layer is complete in a repository.
    #[non_exhaustive]
    LayerFinished {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
    },
    /// The repository has the layer now, from [another one](crate::Push::mount_from): nothing is
    /// sent.
    #[non_exhaustive]
    LayerMounted {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
    },
    /// A repository has more of a layer, or, where it has lost some, less.
    #[non_exhaustive]
    LayerProgress {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
        /// How many of its bytes have arrived so far; by [`Transport::Registry`][registry], how many
        /// are on their way, too.
        ///
        /// [registry]: crate::transport::Transport::Registry
        sent: u64,
    },
    /// The upload of a layer was lost, or refused for something that went wrong on the way, and
    /// begins anew.
    #[non_exhaustive]
    LayerRestarted {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
        /// Why.
        reason: String,
    },
    /// The upload of a layer that an earlier push began goes on.
    #[non_exhaustive]
    LayerResumed {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
        /// How many of its bytes have arrived by then.
        sent: u64,
    },
    /// The repository has the layer already: nothing is sent.
    #[non_exhaustive]
    LayerSkipped {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
    },
    /// A layer's upload begins.
    #[non_exhaustive]
    LayerStarted {
        /// Which repository.
        repository: Repository,
        /// Which layer.
        layer: Layer,
    },
    /// A manifest is in the repository now, by its digest.
    #[non_exhaustive]
    ManifestPut {
        /// Which repository.
        repository: Repository,
        /// The manifest's digest.
        digest: Digest,
    },
    /// What has to be sent to a repository is known. Comes again where layers have vanished from
    /// it before the image was complete, and are sent once more.
    #[non_exhaustive]
    Planned {
        /// Which repository.
        repository: Repository,
        /// How many layers and configs the image has.
        layers: usize,
        /// How many of them the repository lacks.
        missing: usize,
        /// The bytes of those.
        bytes: u64,
    },
    /// A repository that was missing has been created.
    #[non_exhaustive]
    RepositoryCreated {
        /// Which one.
        repository: Repository,
    },
    /// A request failed in a way that may pass, and the SDK sends it again.
    #[non_exhaustive]
    RequestRetried {
        /// The operation, such as `UploadLayerPart`.
        operation: &'static str,
        /// Which repository.
        repository: Repository,
        /// The number of the attempt that is made now: 2 or more.
        attempt: u32,
        /// What became of the one before it.
        reason: String,
    },
    /// A tag is on the image.
    #[non_exhaustive]
    Tagged {
        /// Which repository.
        repository: Repository,
        /// The tag.
        tag: Tag,
        /// The image's digest.
        digest: Digest,
        /// What this has changed.
        change: TagChange,
    },
}

/// What setting a tag changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TagChange {
    /// The repository didn't have it.
    Created,
    /// It is on this image already: nothing is done.
    Kept,
    /// It was on another image.
    #[non_exhaustive]
    Moved {
        /// Which one.
        from: Digest,
    },
    /// It is set; what it was on before is not known, because it could not be looked up: that isn't
    /// allowed or wanted, or ECR can't read the image, which may be in the archive.
    Set,
}

impl fmt::Display for TagChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("new"),
            Self::Kept => f.write_str("already there"),
            Self::Moved { from } => write!(f, "moved from {from}"),
            Self::Set => f.write_str("set"),
        }
    }
}

/// Where a push reports to; nowhere, where nobody asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reporter(Option<mpsc::UnboundedSender<Event>>);

impl Reporter {
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(Some(sender)), receiver)
    }

    pub(crate) fn report(&self, event: Event) {
        if let Some(sender) = &self.0 {
            // A closed channel means that the caller wants the outcome only.
            let _ = sender.send(event);
        }
    }
}

/// A path that isn't UTF-8 is shown as well as it can be: serde would refuse it.
fn as_shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

#[cfg(test)]
mod tests;
