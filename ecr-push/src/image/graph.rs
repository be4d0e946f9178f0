//! [`Graph`]: manifests and blobs, each once.

use bytes::Bytes;

use crate::image::media_types::INDEXES;
use crate::image::{Blob, Layer, Platform, Source};
use crate::names::digest::Digest;

#[derive(Debug)]
pub(crate) struct Graph {
    /// Children before the indexes that list them; the last one is the root. Never empty.
    pub(super) manifests: Vec<Manifest>,
    pub(crate) blobs: Vec<Blob>,
    pub(super) platforms: Vec<Platform>,
}

#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    /// The manifest's own `mediaType`, or its descriptor's where it has none.
    pub(crate) media_type: String,
    /// Pushed as it is, to the byte: its digest is its identity.
    pub(crate) text: String,
}

impl Graph {
    /// The manifests in the order in which they have to be put.
    pub(crate) fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    pub(crate) fn root(&self) -> &Manifest {
        &self.manifests[self.manifests.len() - 1]
    }
}

impl Manifest {
    /// Whether it is an index, of other manifests.
    pub(crate) fn lists_images(&self) -> bool {
        INDEXES.contains(&self.media_type.as_str())
    }

    pub(super) fn to_blob(&self) -> Blob {
        let layer = Layer { digest: self.digest.clone(), size: self.text.len() as u64 };
        Blob { layer, source: Source::Bytes(Bytes::from(self.text.clone())) }
    }
}
