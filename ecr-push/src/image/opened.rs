//! [`Image`]: an image to push, with the layers that the push compresses.

use std::sync::Arc;

use crate::error::Error;
use crate::image::blob::{Blob, Layer};
use crate::image::compression::pending::{PendingCompression, UncompressedLayer};
use crate::image::graph::{Graph, Manifest};
use crate::image::platform::Platform;
use crate::names::digest::Digest;

/// An image to push: a manifest, or an index of several, with every blob that they refer to.
///
/// Opening an image reads and checks the manifests and configs, and checks that every layer in it
/// has its full size. A layer may be absent if each repository of the push has it, or if it is
/// foreign. Opening doesn't verify the layers' digests: ECR checks them after the upload.
/// If ECR rejects the digest, the push reads the file again, and the error names the file if its
/// content is wrong.
///
/// The [layers to compress](Self::layers_to_compress) are still uncompressed in an opened image: the
/// push compresses them. Then the pushed image has another manifest and another digest, which
/// [`Pushed::digest`](crate::Pushed::digest) returns. [`compress`](Self::compress) compresses them
/// before the push.
///
/// Clones are cheap. They share one graph, and the temporary files of compressed layers, which are
/// deleted with the last clone.
#[derive(Debug, Clone)]
pub struct Image {
    graph: Arc<Graph>,
    compression: Option<Arc<PendingCompression>>,
}

impl Image {
    /// Returns the digest of its manifest, or of its index. It is the digest of the pushed image,
    /// unless the push has [layers to compress](Self::layers_to_compress).
    pub fn digest(&self) -> &Digest {
        &self.graph.root().digest
    }

    /// Returns the text of its manifest, or of its index. It is pushed unchanged, unless the push has
    /// [layers to compress](Self::layers_to_compress).
    pub fn manifest(&self) -> &str {
        &self.graph.root().text
    }

    /// Returns the media type of its manifest, or of its index.
    pub fn media_type(&self) -> &str {
        &self.graph.root().media_type
    }

    /// Returns every layer and config of every platform, each once.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &Layer> {
        self.graph.blobs.iter().map(|blob| &blob.layer)
    }

    /// Returns the image's platforms, each once, in the order of its index. The index states the
    /// platform of an image; without that statement, or without an index, the config does. Empty
    /// for artifacts, which don't have a platform.
    pub fn platforms(&self) -> &[Platform] {
        &self.graph.platforms
    }

    /// Returns all blobs of the image: layers, configs, and manifests including the root. Use them
    /// to build [another image](Self::new) from it, such as an index that lists it.
    pub fn blobs(&self) -> impl Iterator<Item = Blob> {
        let manifests = self.graph.manifests.iter().map(Manifest::to_blob);
        self.graph.blobs.iter().cloned().chain(manifests)
    }

    /// Returns what a user should know about the image, one sentence each: for example, the
    /// signatures that are [left out](crate::image::Open::with_referrers).
    pub fn notices(&self) -> &[String] {
        &self.graph.notices
    }

    /// Returns the uncompressed layers that the push compresses, each once, the largest first. Empty
    /// if the push sends the image as it is.
    pub fn layers_to_compress(&self) -> impl Iterator<Item = &Layer> {
        let layers = self.compression().into_iter().flat_map(|pending| pending.layers());
        layers.map(UncompressedLayer::layer)
    }

    /// Compresses the layers that the push would otherwise compress while it sends. Returns the image
    /// as it is pushed, with its final digest.
    ///
    /// This image and its clones keep the result as well: their push compresses nothing again.
    ///
    /// # Errors
    /// - [`BlobMismatch`](crate::ErrorKind::BlobMismatch): the content of a layer has another digest
    ///   than its descriptor says.
    /// - [`Io`](crate::ErrorKind::Io): a layer can't be read, or a compressed layer can't be written
    ///   into a temporary file.
    ///
    /// # Cancellation
    /// Dropping the future stops the compression. The layers that are complete by then are kept with
    /// the image.
    pub async fn compress(&self) -> Result<Self, Error> {
        match self.compression() {
            Some(pending) => {
                let graph = pending.graph(self.graph()).await?;
                Ok(Self::from_graph(graph, None))
            }
            None => Ok(self.clone()),
        }
    }

    pub(super) fn from_graph(graph: Graph, compression: Option<PendingCompression>) -> Self {
        Self { graph: Arc::new(graph), compression: compression.map(Arc::new) }
    }

    pub(crate) fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Returns the compression that the push does; `None` if the image is pushed as it is.
    pub(crate) fn compression(&self) -> Option<&Arc<PendingCompression>> {
        self.compression.as_ref()
    }
}
