//! [`Compression`]: the compression of layers, and the update of the manifests that name them.

use std::collections::{HashMap, HashSet};
use std::thread::available_parallelism;

use serde_json::Value;

use crate::error::Error;
use crate::image::blob::{Blob, Layer};
use crate::image::codec::{Codec, compress_layer};
use crate::image::graph::{Graph, Manifest};
use crate::image::media_types::{Packing, compressed_type, packing};
use crate::image::rewrite::rewritten;
use crate::image::source::{Piece, Source};
use crate::image::store::MAX_MANIFEST;
use crate::names::digest::Digest;
use crate::tasks::Stop;

/// How uncompressed layers are treated. Compressed layers stay unchanged.
///
/// The same version of this crate compresses a layer into the same bytes each time and on every
/// machine: the output contains neither a time nor a name, and doesn't depend on the number of
/// cores. (If a program enables another backend of `flate2` than zlib-rs, that backend determines
/// the bytes.) The content is checked against the layer's digest, and against the digest in the
/// config (`rootfs.diff_ids`).
///
/// An image with such layers gets new manifests, and so a new digest; all other members of the
/// manifests are kept. New digests of manifests replace the old ones in indexes, `subject`s and
/// annotations, but not in the statements of attestations.
///
/// Compressed layers are stored in unnamed temporary files, in the folder that `TMPDIR` names,
/// until the last clone of the image is dropped. Memory use is bounded: a few MiB per core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Compresses the uncompressed layers of `docker save` with gzip, in its old and its new
    /// format. All other images stay unchanged.
    #[default]
    Auto,
    /// Compresses every uncompressed layer with gzip, from any source.
    Gzip,
    /// Doesn't compress any layer.
    Keep,
    /// Compresses every uncompressed layer with zstd, from any source. The result is smaller and
    /// unpacks faster than gzip. Users report that Amazon ECR's basic scanning doesn't look into
    /// such layers (aws/containers-roadmap#1861).
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    /// Returns the codec; `None` if layers stay uncompressed.
    pub(super) fn codec(self, by_docker: bool) -> Option<Codec> {
        match self {
            Self::Auto if by_docker => Some(Codec::Gzip),
            Self::Auto | Self::Keep => None,
            Self::Gzip => Some(Codec::Gzip),
            #[cfg(feature = "zstd")]
            Self::Zstd => Some(Codec::Zstd),
        }
    }
}

/// Returns the image with its uncompressed layers compressed.
pub(super) fn compress(
    subject: &str,
    graph: Graph,
    codec: Codec,
    stop: &Stop,
) -> Result<Graph, Error> {
    let by_digest = graph.blobs.iter().map(|blob| (blob.layer.digest.as_str(), blob)).collect();
    let mut layers =
        LayerCompressor { subject, blobs: by_digest, codec, stop, compressed: HashMap::new() };
    let mut texts: Vec<Value> = Vec::new();
    let mut changed = HashSet::new();
    for manifest in &graph.manifests {
        let mut json = parsed(manifest);
        if layers.compress_those_of(manifest, &mut json)? {
            changed.insert(manifest.digest.clone());
        }
        texts.push(json);
    }
    let compressed = layers.compressed;
    if changed.is_empty() {
        return Ok(graph);
    }
    let Graph { manifests, mut blobs, .. } = graph;
    let manifests = rewritten(manifests, texts, changed);
    blobs.extend(compressed.into_values());
    // An uncompressed layer is dropped, unless a manifest lists it under another media type.
    let mut used = HashSet::new();
    for manifest in &manifests {
        let json = parsed(manifest);
        let layers = json["layers"].as_array().into_iter().flatten();
        for descriptor in layers.chain([&json["config"]]) {
            used.extend(descriptor["digest"].as_str().map(str::to_owned));
        }
    }
    let mut seen = HashSet::new();
    blobs.retain(|blob| {
        used.contains(blob.layer.digest.as_str()) && seen.insert(blob.layer.digest.clone())
    });
    Ok(Graph { manifests, blobs, ..graph })
}

/// Parses a manifest again; the reader has already parsed it once.
fn parsed(manifest: &Manifest) -> Value {
    serde_json::from_str(&manifest.text).unwrap_or_default()
}

struct LayerCompressor<'a> {
    subject: &'a str,
    blobs: HashMap<&'a str, &'a Blob>,
    codec: Codec,
    stop: &'a Stop,
    /// The compressed layers by the digests of the uncompressed ones.
    compressed: HashMap<Digest, Blob>,
}

impl LayerCompressor<'_> {
    /// Compresses the layers of a manifest; returns whether it had any to compress.
    fn compress_those_of(&mut self, manifest: &Manifest, json: &mut Value) -> Result<bool, Error> {
        let Some(layers) = json["layers"].as_array() else {
            return Ok(false);
        };
        let mut compressed = Vec::new();
        for (position, descriptor) in layers.iter().enumerate() {
            let media_type = descriptor["mediaType"].as_str().unwrap_or_default();
            if let Some(media_type) = compressed_type(media_type, self.codec)
                && let Some(blob) = self.uncompressed(descriptor)?
            {
                compressed.push((position, media_type, blob));
            }
        }
        if compressed.is_empty() {
            return Ok(false);
        }
        let diff_ids = self.diff_ids(&json["config"])?;
        if !diff_ids.is_empty() && diff_ids.len() != layers.len() {
            let problem = format!(
                "its manifest {} has {} layers, but its config has {} diff_ids",
                manifest.digest,
                layers.len(),
                diff_ids.len()
            );
            return Err(Error::image(self.subject, problem));
        }
        for (position, media_type, blob) in compressed {
            let digest = blob.layer.digest.clone();
            if let Some(diff_id) = diff_ids.get(position)
                && diff_id != digest.as_str()
            {
                let problem = format!(
                    "layer {} of its manifest {} is {digest}, but its config says {}",
                    position + 1,
                    manifest.digest,
                    diff_id.escape_debug()
                );
                return Err(Error::image(self.subject, problem));
            }
            if !self.compressed.contains_key(&digest) {
                let threads = available_parallelism().map_or(1, usize::from);
                let new = compress_layer(&blob, self.codec, threads, self.stop)?;
                self.compressed.insert(digest.clone(), new);
            }
            let Layer { digest, size } = &self.compressed[&digest].layer;
            let descriptor = &mut json["layers"][position];
            descriptor["mediaType"] = media_type.into();
            descriptor["digest"] = digest.as_str().into();
            descriptor["size"] = (*size).into();
        }
        Ok(true)
    }

    /// Returns the layer of a descriptor, if its content is in the image and uncompressed.
    fn uncompressed(&self, descriptor: &Value) -> Result<Option<Blob>, Error> {
        let Some(blob) = self.blob(descriptor) else {
            return Ok(None);
        };
        if matches!(blob.source, Source::Elsewhere) {
            return Ok(None);
        }
        let piece = Piece { source: blob.source.clone(), size: blob.layer.size };
        Ok((packing(&piece)? == Packing::None).then(|| blob.clone()))
    }

    /// Returns the digests of the uncompressed layers; empty if the config has none.
    fn diff_ids(&self, config: &Value) -> Result<Vec<String>, Error> {
        let Some(blob) = self.blob(config).filter(|blob| blob.layer.size <= MAX_MANIFEST) else {
            return Ok(Vec::new());
        };
        let piece = Piece { source: blob.source.clone(), size: blob.layer.size };
        let config: Value = serde_json::from_slice(&piece.read()?).unwrap_or_default();
        let diff_ids = config.pointer("/rootfs/diff_ids").and_then(Value::as_array);
        let diff_ids = diff_ids.into_iter().flatten();
        Ok(diff_ids.map(|diff_id| diff_id.as_str().unwrap_or_default().to_owned()).collect())
    }

    fn blob(&self, descriptor: &Value) -> Option<&Blob> {
        self.blobs.get(descriptor["digest"].as_str()?).copied()
    }
}
