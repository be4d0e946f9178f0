//! [`Image`]: the graph of manifests and blobs that a push has to reproduce.

mod layout;
mod source;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::error::Error;
use crate::names::Digest;
use crate::tasks::blocking;

pub(crate) use crate::image::source::{Content, Source};

/// An image that can be pushed: a manifest, or an index of several, with every blob they name.
///
/// Opening one reads and checks the manifests and configs, and that every layer is there in its
/// full size. A layer's own digest is checked while it is sent, so that no byte is read twice.
///
/// Cheap to clone: clones share one graph.
#[derive(Debug, Clone)]
pub struct Image {
    graph: Arc<Graph>,
}

impl Image {
    /// Opens the OCI image layout in the directory `path`, as `skopeo copy … oci:DIR`, `docker
    /// buildx build --output type=oci,tar=false,dest=DIR` and `crane pull --format=oci` write it.
    ///
    /// Its `index.json` has to name exactly one image (which may be an index of several
    /// platforms); where it names several, [`open_named`](Self::open_named) takes one.
    ///
    /// # Errors
    /// - [`Io`](crate::ErrorKind::Io): the directory or a file can't be read.
    /// - [`InvalidImage`](crate::ErrorKind::InvalidImage): it is no OCI layout, a blob is missing,
    ///   or a manifest is broken.
    /// - [`BlobMismatch`](crate::ErrorKind::BlobMismatch): a manifest or config has another digest,
    ///   or any blob another size, than its descriptor says.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported): a manifest is larger than ECR's limit.
    ///
    /// Blobs that ECR can't store, such as empty ones, are an error of the push, before its first
    /// byte.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::load(path.as_ref(), layout::Choice::Only).await
    }

    /// Opens the image that a layout's `index.json` annotates with `name`
    /// (`org.opencontainers.image.ref.name`, such as a tag), or that has the digest `name`.
    ///
    /// # Errors
    /// As [`open`](Self::open); also where no image has that name, with the names that exist.
    pub async fn open_named(path: impl AsRef<Path>, name: &str) -> Result<Self, Error> {
        Self::load(path.as_ref(), layout::Choice::Named(name.to_owned())).await
    }

    async fn load(path: &Path, choice: layout::Choice) -> Result<Self, Error> {
        let root = path.to_owned();
        let graph = blocking(move || layout::read(&root, &choice)).await?;
        Ok(Self { graph: Arc::new(graph) })
    }

    /// The digest under which the image will be known: that of its manifest, or of its index.
    pub fn digest(&self) -> &Digest {
        &self.graph.root().digest
    }

    /// Every layer and config of every platform, each once.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &Layer> {
        self.graph.blobs.iter().map(|blob| &blob.layer)
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }
}

/// What ECR calls a layer: a blob that a manifest names, be it a file system layer or the config.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Layer {
    digest: Digest,
    size: u64,
}

impl Layer {
    pub(crate) fn new(digest: Digest, size: u64) -> Self {
        Self { digest, size }
    }

    /// The digest of its content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes, as it is stored and sent: compressed, where it is.
    pub fn size(&self) -> u64 {
        self.size
    }
}

#[derive(Debug)]
pub(crate) struct Graph {
    /// Children before the indexes that list them; the last one is the root. Never empty.
    manifests: Vec<Manifest>,
    pub(crate) blobs: Vec<Blob>,
}

#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    /// The manifest's own `mediaType`, or its descriptor's where it has none.
    pub(crate) media_type: String,
    /// Pushed as it is, to the byte: its digest is its identity.
    pub(crate) text: String,
}

/// A layer and where its content is.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) layer: Layer,
    pub(crate) source: Source,
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

/// Collects a graph, each manifest and blob once however often it is named.
#[derive(Debug, Default)]
struct Builder {
    manifests: Vec<Manifest>,
    blobs: Vec<Blob>,
    /// Apart from the blobs: the same content may be both.
    manifests_seen: HashSet<Digest>,
    sizes: HashMap<Digest, u64>,
}

impl Builder {
    /// Whether the manifest is new.
    fn first_manifest(&mut self, digest: &Digest) -> bool {
        self.manifests_seen.insert(digest.clone())
    }

    /// The size of a blob that has been added.
    fn size_of(&self, digest: &Digest) -> Option<u64> {
        self.sizes.get(digest).copied()
    }

    fn add(&mut self, blob: Blob) {
        self.sizes.insert(blob.layer.digest.clone(), blob.layer.size);
        self.blobs.push(blob);
    }

    fn finish(self) -> Graph {
        Graph { manifests: self.manifests, blobs: self.blobs }
    }
}
