//! [`Image`]: the graph of manifests and blobs that a push reproduces, each once.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::image::blob::{Blob, Layer};
use crate::image::foreign::foreign_layers;
use crate::image::media_types::INDEXES;
use crate::image::platform::Platform;
use crate::image::source::Source;
use crate::names::digest::Digest;
use crate::names::tag::Tag;

/// An image to push: a manifest, or an index of several, with every blob that they refer to.
///
/// Opening an image reads and checks the manifests and configs, and checks that every layer in it
/// has its full size. A layer may be absent if each repository of the push has it, or if it is
/// foreign. Layers aren't hashed again here: ECR checks a layer's digest after its upload.
/// If ECR rejects the digest, the push reads the file again, and the error names the file if its
/// content is wrong.
///
/// Clones are cheap. They share one graph, and the temporary files of compressed layers, which are
/// deleted with the last clone.
#[derive(Debug, Clone)]
pub struct Image {
    graph: Arc<Graph>,
}

impl Image {
    /// Returns the digest of the pushed image: that of its manifest, or of its index.
    pub fn digest(&self) -> &Digest {
        &self.graph.root().digest
    }

    /// Returns the text of its manifest, or of its index, as it is pushed.
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
#[derive(Debug)]
pub(crate) struct Referrer {
    pub(crate) manifest: Manifest,
    /// The tag under which its reader finds it, if it doesn't name its subject.
    pub(crate) tag: Option<Tag>,
}

/// The manifests that an image lacks, and what explains that to its user.
#[derive(Debug, Default)]
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

#[derive(Debug)]
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
