//! [`Image::new`]: an image that a program builds itself, and a store of content in memory.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use serde_json::Value;

use crate::error::Error;
use crate::image::blob::Blob;
use crate::image::graph::Graph;
use crate::image::media_types::{OCI_INDEX, OCI_MANIFEST};
use crate::image::opened::Image;
use crate::image::reader;
use crate::image::source::{Piece, Source};
use crate::image::store::{MAX_MANIFEST, Store};
use crate::names::digest::Digest;
use crate::tasks::blocking;

impl Image {
    /// Builds an image from parts that a tool has made: the manifest, or the index, and the blobs
    /// below it, in any order. Blobs are layers, configs, and the manifests that an index lists;
    /// blobs without a reference are left out.
    ///
    /// The bytes of `manifest` are pushed unchanged. Its kind is its `mediaType`. Without one it is
    /// an OCI index if it has `manifests`, and an OCI manifest otherwise.
    ///
    /// # Errors
    /// - [`InvalidImage`](crate::ErrorKind::InvalidImage): a manifest is broken, or blobs are
    ///   missing; the message names every missing blob. Foreign layers may be missing, and blobs
    ///   of another image that were missing there.
    /// - [`BlobMismatch`](crate::ErrorKind::BlobMismatch): the size of a blob differs from its
    ///   descriptor.
    /// - [`Io`](crate::ErrorKind::Io): the file of a config can't be read.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported): a manifest is larger than ECR's limit.
    pub async fn new(
        manifest: impl Into<Vec<u8>>,
        blobs: impl IntoIterator<Item = Blob>,
    ) -> Result<Self, Error> {
        let manifest = Bytes::from(manifest.into());
        let blobs: Vec<Blob> = blobs.into_iter().collect();
        let graph = blocking(move || read(manifest, blobs)).await?;
        Ok(Self::from_graph(graph, None))
    }
}

/// A store of pieces by their digests.
#[derive(Debug, Default)]
pub(super) struct MemoryStore {
    pub(super) subject: String,
    pub(super) pieces: HashMap<Digest, Piece>,
}

impl MemoryStore {
    /// Adds content and returns its digest.
    pub(super) fn add(&mut self, content: Bytes) -> Digest {
        let digest = Digest::from_content(&content);
        self.pieces.insert(digest.clone(), Piece::from_bytes(content));
        digest
    }
}

impl Store for MemoryStore {
    fn subject(&self) -> &str {
        &self.subject
    }

    fn find(&self, digest: &Digest) -> Result<Option<Piece>, Error> {
        Ok(self.pieces.get(digest).cloned())
    }
}

/// A store with new content in front of its own.
pub(super) struct Overlay<'a> {
    pub(super) old: &'a dyn Store,
    pub(super) new: MemoryStore,
}

impl Store for Overlay<'_> {
    fn subject(&self) -> &str {
        self.old.subject()
    }

    fn find(&self, digest: &Digest) -> Result<Option<Piece>, Error> {
        match self.new.find(digest)? {
            Some(piece) => Ok(Some(piece)),
            None => self.old.find(digest),
        }
    }

    fn place(&self, digest: &Digest) -> String {
        self.old.place(digest)
    }
}

/// Reads the graph of a manifest in memory.
fn read(manifest: Bytes, blobs: Vec<Blob>) -> Result<Graph, Error> {
    // The members decide which OCI type it is; the reader checks whether it is well-formed.
    // The reader refuses one that is too large without parsing it.
    let is_small = manifest.len() as u64 <= MAX_MANIFEST;
    let json: Value =
        if is_small { serde_json::from_slice(&manifest).unwrap_or_default() } else { Value::Null };
    let media_type = match json.get("mediaType").and_then(Value::as_str) {
        Some(own) => own,
        None if json.get("manifests").is_some() => OCI_INDEX,
        None => OCI_MANIFEST,
    };
    let mut memory =
        MemoryStore { subject: "the image in memory".to_owned(), ..MemoryStore::default() };
    let size = manifest.len() as u64;
    let digest = memory.add(manifest);
    let mut elsewhere = HashSet::new();
    for Blob { layer, source } in blobs {
        // If the same content is given twice, any copy works unless its content isn't in the image.
        if matches!(source, Source::Elsewhere) {
            elsewhere.insert(layer.digest);
        } else {
            memory.pieces.insert(layer.digest, Piece { source, size: layer.size });
        }
    }
    let graph = reader::read(&memory, &reader::descriptor(media_type, &digest, size))?;
    check(&memory.subject, &graph, &elsewhere)?;
    Ok(graph)
}

/// Checks that every blob was given, unless it is foreign or was absent from another image.
fn check(subject: &str, graph: &Graph, elsewhere: &HashSet<Digest>) -> Result<(), Error> {
    let foreign = graph.foreign_layers();
    let missing = graph.gaps.manifests.iter().chain(graph.absent());
    let missing: Vec<&str> = missing
        .filter(|digest| !foreign.contains(digest) && !elsewhere.contains(digest))
        .map(Digest::as_str)
        .collect();
    let problem = match missing.as_slice() {
        [] => return Ok(()),
        [one] => format!("its blob {one} is missing"),
        several => format!("{} of its blobs are missing: {}", several.len(), several.join(", ")),
    };
    Err(Error::image(subject, problem))
}
