//! [`Graph`]: the manifests and blobs that a push reproduces, each once.

use std::collections::HashSet;

use bytes::Bytes;

use crate::image::blob::{Blob, Layer};
use crate::image::foreign::foreign_layers;
use crate::image::media_types::INDEXES;
use crate::image::platform::Platform;
use crate::image::source::Source;
use crate::names::digest::Digest;
use crate::names::tag::Tag;

/// Manifests and blobs, each once.
#[derive(Debug)]
pub(crate) struct Graph {
    /// Children precede the indexes that list them; the last manifest is the root. Never empty.
    pub(super) manifests: Vec<Manifest>,
    pub(crate) blobs: Vec<Blob>,
    pub(super) platforms: Vec<Platform>,
    pub(crate) gaps: Gaps,
    /// Pushed after the image, in this order.
    pub(crate) referrers: Vec<Referrer>,
    pub(crate) notices: Vec<String>,
}

/// A manifest that refers to the image, such as a signature.
#[derive(Debug, Clone)]
pub(crate) struct Referrer {
    pub(crate) manifest: Manifest,
    /// The tag under which its reader finds it, if it doesn't name its subject.
    pub(crate) tag: Option<Tag>,
}

/// The manifests that an image lacks, and what explains that to its user.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gaps {
    /// The image's name for messages.
    pub(crate) subject: String,
    /// The manifests that an index lists.
    pub(crate) manifests: Vec<Digest>,
    /// The place where the first blob that is absent was expected.
    pub(crate) place: String,
    /// The platforms that lack nothing.
    pub(crate) complete: Vec<Platform>,
}

#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    /// The manifest's own `mediaType`, or its descriptor's if it has none.
    pub(crate) media_type: String,
    /// The exact text that is pushed, because its digest is the manifest's identity.
    pub(crate) text: String,
}

impl Graph {
    /// Returns the manifests in the order in which they have to be put.
    pub(crate) fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// Returns the layers that registries don't store.
    pub(crate) fn foreign_layers(&self) -> HashSet<Digest> {
        foreign_layers(self.all_manifests().map(|manifest| manifest.text.as_str()))
    }

    /// Returns the layers and configs that aren't in the image.
    pub(crate) fn absent(&self) -> impl Iterator<Item = &Digest> {
        let absent = self.blobs.iter().filter(|blob| matches!(blob.source, Source::Elsewhere));
        absent.map(|blob| &blob.layer.digest)
    }

    /// Returns all manifests that are put: those of the image and its referrers.
    pub(crate) fn all_manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.iter().chain(self.referrers.iter().map(|it| &it.manifest))
    }

    pub(crate) fn root(&self) -> &Manifest {
        &self.manifests[self.manifests.len() - 1]
    }
}

impl Manifest {
    /// Returns whether it is an index of other manifests.
    pub(crate) fn lists_images(&self) -> bool {
        INDEXES.contains(&self.media_type.as_str())
    }

    pub(super) fn to_blob(&self) -> Blob {
        let layer = Layer { digest: self.digest.clone(), size: self.text.len() as u64 };
        Blob { layer, source: Source::Bytes(Bytes::from(self.text.clone())) }
    }
}
