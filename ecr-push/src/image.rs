//! [`Image`]: the graph of manifests and blobs that a push has to reproduce.

mod archive;
mod blob;
pub(crate) mod blob_reader;
mod codec;
mod compression;
mod docker;
mod files;
mod graph;
mod layout;
mod media_types;
mod open;
mod platform;
mod reader;
mod rewrite;
mod select;
pub(crate) mod source;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use crate::error::Error;
use crate::names::digest::Digest;
use crate::tasks::blocking;

pub use crate::image::blob::{Blob, FromFile};
pub use crate::image::compression::Compression;
pub(crate) use crate::image::graph::{Graph, Manifest};
pub use crate::image::open::Open;
pub use crate::image::platform::Platform;
pub(crate) use crate::image::source::{Content, Source};

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
    /// Opens the image at `path`, which is one of these, found out by looking into it:
    ///
    /// - the directory of an OCI image layout, as `skopeo copy … oci:DIR`, `docker buildx build
    ///   --output type=oci,tar=false,dest=DIR` and `crane pull --format=oci` write it;
    /// - an OCI archive, which is a tar of such a directory: `skopeo copy … oci-archive:FILE`,
    ///   `docker buildx build --output type=oci,dest=FILE`;
    /// - what `docker save` writes, and what kaniko, Bazel and ko write in its form.
    ///
    /// Archives are read in place: nothing is extracted. Await what this returns for the image, or
    /// say first [which image](Open::named), [which platforms](Open::platform), and [how layers
    /// are compressed](Open::compression).
    pub fn open(path: impl AsRef<Path>) -> Open {
        Open::new(path.as_ref())
    }

    /// An image that a tool has built itself: its manifest, or its index, and the blobs below it,
    /// in any order. Blobs are layers, configs, and the manifests that an index lists; those that
    /// nothing names are left out.
    ///
    /// The bytes of `manifest` are pushed as they are. Its kind is its `mediaType`, and without
    /// one that of OCI: an index where it has `manifests`, a manifest otherwise.
    ///
    /// # Errors
    /// - [`InvalidImage`](crate::ErrorKind::InvalidImage): a manifest is broken, or blobs are
    ///   missing, which are all named.
    /// - [`BlobMismatch`](crate::ErrorKind::BlobMismatch): a blob has another size than its
    ///   descriptor says.
    /// - [`Io`](crate::ErrorKind::Io): a config's file can't be read.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported): a manifest is larger than ECR's limit.
    pub async fn new(
        manifest: impl Into<Vec<u8>>,
        blobs: impl IntoIterator<Item = Blob>,
    ) -> Result<Self, Error> {
        let manifest = Bytes::from(manifest.into());
        let blobs: Vec<Blob> = blobs.into_iter().collect();
        let graph = blocking(move || blob::read(manifest, blobs)).await?;
        Ok(Self::from_graph(graph))
    }

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

    fn from_graph(graph: Graph) -> Self {
        Self { graph: Arc::new(graph) }
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }
}

/// What ECR calls a layer: a blob that a manifest names, be it a file system layer or the config.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Layer {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl Layer {
    /// The digest of its content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes, as it is stored and sent: compressed, where it is.
    pub fn size(&self) -> u64 {
        self.size
    }
}
