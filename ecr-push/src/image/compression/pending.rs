//! [`PendingCompression`]: the layers that a push compresses, and the manifests that change with
//! them.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread::available_parallelism;

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::image::blob::{Blob, Layer};
use crate::image::codec::compress_layer;
use crate::image::graph::{Graph, Manifest};
use crate::image::packed::Codec;
use crate::image::rewrite::rewritten;
use crate::names::digest::Digest;
use crate::tasks::{blocking, stoppable};

/// The layers that a push compresses, and what changes with them. The clones of an image share the
/// results.
#[derive(Debug)]
pub(crate) struct PendingCompression {
    codec: Codec,
    /// Each once, the largest first.
    layers: Vec<UncompressedLayer>,
    replacements: Vec<Replacement>,
    kept: HashSet<Digest>,
    changed: HashSet<Digest>,
}

/// A layer that a push compresses.
#[derive(Debug)]
pub(crate) struct UncompressedLayer {
    blob: Blob,
    compressed: OnceCell<Blob>,
}

/// A descriptor that gets a compressed layer.
#[derive(Debug)]
pub(super) struct Replacement {
    /// The number of the manifest in its graph.
    pub(super) manifest: usize,
    /// The position of the descriptor in the manifest's `layers`.
    pub(super) position: usize,
    /// The media type after the compression.
    pub(super) media_type: String,
    /// The digest of the uncompressed layer.
    pub(super) digest: Digest,
}

impl PendingCompression {
    pub(super) fn new(graph: &Graph, codec: Codec, replacements: Vec<Replacement>) -> Self {
        let digests: HashSet<&Digest> = replacements.iter().map(|it| &it.digest).collect();
        let blobs = graph.blobs.iter().filter(|blob| digests.contains(&blob.layer.digest));
        let layers =
            blobs.map(|blob| UncompressedLayer { blob: blob.clone(), compressed: OnceCell::new() });
        let mut layers: Vec<UncompressedLayer> = layers.collect();
        // The last layer is sent when nothing is left to compress, so it is the smallest.
        layers.sort_by_key(|layer| Reverse(layer.blob.layer.size));
        // Which manifests change doesn't depend on the digests of the compressed layers.
        let placeholder = |digest: &Digest| {
            let name = format!("the compressed form of {digest}");
            Layer { digest: Digest::from_content(name.as_bytes()), size: 0 }
        };
        let new = with_replaced(graph, &replacements, placeholder);
        let left: HashSet<&Digest> = new.iter().map(|manifest| &manifest.digest).collect();
        let changed = graph.manifests.iter().map(|manifest| &manifest.digest);
        let changed = changed.filter(|digest| !left.contains(digest)).cloned().collect();
        let used = used_blobs(&new);
        let kept = graph.blobs.iter().map(|blob| &blob.layer.digest);
        let kept = kept.filter(|digest| used.contains(digest.as_str())).cloned().collect();
        Self { codec, layers, replacements, kept, changed }
    }

    /// Returns the layers to compress, each once, the largest first.
    pub(crate) fn layers(&self) -> &[UncompressedLayer] {
        &self.layers
    }

    /// Returns whether the push compresses this layer.
    pub(crate) fn compresses(&self, digest: &Digest) -> bool {
        self.layers.iter().any(|layer| layer.blob.layer.digest == *digest)
    }

    /// Returns whether this blob of the opened image is also a part of the pushed image.
    pub(crate) fn keeps(&self, digest: &Digest) -> bool {
        self.kept.contains(digest)
    }

    /// Returns whether this manifest of the opened image gets a new digest.
    pub(crate) fn changes(&self, digest: &Digest) -> bool {
        self.changed.contains(digest)
    }

    /// Compresses a layer, once for all clones of the image, and checks the digest of its content.
    pub(crate) async fn compress(&self, layer: &UncompressedLayer) -> Result<Blob, Error> {
        let codec = self.codec;
        let compress = || {
            let blob = layer.blob.clone();
            stoppable(move |stop| {
                let threads = available_parallelism().map_or(1, usize::from);
                compress_layer(&blob, codec, threads, stop)
            })
        };
        layer.compressed.get_or_try_init(compress).await.cloned()
    }

    /// Returns the graph of the pushed image. Compresses the layers that aren't compressed yet.
    pub(crate) async fn graph(self: &Arc<Self>, old: &Arc<Graph>) -> Result<Graph, Error> {
        let mut compressed = Vec::new();
        for layer in &self.layers {
            compressed.push(self.compress(layer).await?);
        }
        let (pending, old) = (self.clone(), old.clone());
        blocking(move || Ok(pending.with_compressed(&old, compressed))).await
    }

    /// Returns the graph with these layers, which are in the order of `layers`.
    fn with_compressed(&self, old: &Graph, compressed: Vec<Blob>) -> Graph {
        let digests = self.layers.iter().map(|layer| &layer.blob.layer.digest);
        let by_digest: HashMap<&Digest, &Layer> =
            digests.zip(compressed.iter().map(|blob| &blob.layer)).collect();
        let manifests = with_replaced(old, &self.replacements, |digest| by_digest[digest].clone());
        let kept = old.blobs.iter().filter(|blob| self.keeps(&blob.layer.digest)).cloned();
        let mut blobs: Vec<Blob> = kept.collect();
        let new = compressed.into_iter().filter(|blob| !self.keeps(&blob.layer.digest));
        blobs.extend(new);
        Graph {
            manifests,
            blobs,
            platforms: old.platforms.clone(),
            gaps: old.gaps.clone(),
            referrers: old.referrers.clone(),
            notices: old.notices.clone(),
        }
    }
}

impl UncompressedLayer {
    pub(crate) fn layer(&self) -> &Layer {
        &self.blob.layer
    }
}

/// Parses a manifest again; the reader has already parsed it once.
pub(super) fn parsed(manifest: &Manifest) -> Value {
    serde_json::from_str(&manifest.text).unwrap_or_default()
}

/// Returns the manifests with `compressed` layers, and with new digests in all manifests that refer
/// to a changed one.
fn with_replaced(
    graph: &Graph,
    replacements: &[Replacement],
    compressed: impl Fn(&Digest) -> Layer,
) -> Vec<Manifest> {
    let mut texts: Vec<Value> = graph.manifests.iter().map(parsed).collect();
    let mut changed = HashSet::new();
    for Replacement { manifest, position, media_type, digest } in replacements {
        let Layer { digest, size } = compressed(digest);
        let descriptor = &mut texts[*manifest]["layers"][*position];
        descriptor["mediaType"] = media_type.as_str().into();
        descriptor["digest"] = digest.as_str().into();
        descriptor["size"] = size.into();
        changed.insert(graph.manifests[*manifest].digest.clone());
    }
    rewritten(graph.manifests.clone(), texts, changed)
}

/// Returns the digests of the blobs to which the manifests refer. An uncompressed layer is dropped,
/// unless a manifest lists it under another media type.
fn used_blobs(manifests: &[Manifest]) -> HashSet<String> {
    let mut used = HashSet::new();
    for manifest in manifests {
        let json = parsed(manifest);
        let layers = json["layers"].as_array().into_iter().flatten();
        for descriptor in layers.chain([&json["config"]]) {
            used.extend(descriptor["digest"].as_str().map(str::to_owned));
        }
    }
    used
}
