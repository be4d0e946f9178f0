//! [`Image`]: the graph of manifests and blobs that a push has to reproduce, each once.

use std::sync::Arc;

use bytes::Bytes;

use crate::image::blob::{Blob, Layer};
use crate::image::media_types::INDEXES;
use crate::image::platform::Platform;
use crate::image::source::Source;
use crate::names::digest::Digest;

/// An image that can be pushed: a manifest, or an index of several, with every blob they name.
///
/// Opening one reads and checks the manifests and configs, and that every layer is there in its
/// full size. A layer's own digest is checked by ECR when all of it is there, and nothing is hashed
/// here as well: only where ECR refuses it, the file is read once more, and named if it is to blame.
///
/// Cheap to clone: clones share one graph, and the temporary files of layers that were compressed,
/// which go away with the last of them.
#[derive(Debug, Clone)]
pub struct Image {
    graph: Arc<Graph>,
}

impl Image {
    /// The digest under which the image will be known: that of its manifest, or of its index.
    pub fn digest(&self) -> &Digest {
        &self.graph.root().digest
    }

    /// The text of its manifest, or of its index, as it will be pushed.
    pub fn manifest(&self) -> &str {
        &self.graph.root().text
    }

    /// The media type of its manifest, or of its index.
    pub fn media_type(&self) -> &str {
        &self.graph.root().media_type
    }

    /// Every layer and config of every platform, each once.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &Layer> {
        self.graph.blobs.iter().map(|blob| &blob.layer)
    }

    /// The platforms that it runs on, each once, in the order of its index: what the index says,
    /// and what a config says where an index says nothing or there is none. Empty for artifacts,
    /// which run on none.
    pub fn platforms(&self) -> &[Platform] {
        &self.graph.platforms
    }

    /// Everything that it consists of, to make [another image](Self::new) of it, such as an index
    /// that lists it: its layers and configs, and its manifests with the root among them.
    pub fn blobs(&self) -> impl Iterator<Item = Blob> {
        let manifests = self.graph.manifests.iter().map(Manifest::to_blob);
        self.graph.blobs.iter().cloned().chain(manifests)
    }

    pub(super) fn from_graph(graph: Graph) -> Self {
        Self { graph: Arc::new(graph) }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }
}

/// Manifests and blobs, each once.
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
