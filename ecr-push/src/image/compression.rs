//! [`Compression`]: the choice of the layers that a push compresses.

pub(crate) mod pending;

use std::collections::HashMap;

use serde_json::Value;

use crate::error::Error;
use crate::image::blob::Blob;
use crate::image::compression::pending::{PendingCompression, Replacement, parsed};
use crate::image::graph::{Graph, Manifest};
use crate::image::media_types::{Packing, compressed_type, packing};
use crate::image::packed::Codec;
use crate::image::source::{Piece, Source};
use crate::image::store::MAX_MANIFEST;

/// How uncompressed layers are treated. Compressed layers stay unchanged.
///
/// The same version of this crate compresses a layer into the same bytes each time and on every
/// machine: the output contains neither a time nor a name, and doesn't depend on the number of
/// cores. (If a program enables another backend of `flate2` than zlib-rs, that backend determines
/// the bytes.) The content is checked against the layer's digest when it is compressed. Opening
/// the image checks that digest against the one in the config (`rootfs.diff_ids`).
///
/// The push compresses the layers one after another, the largest first, and sends each as soon as
/// it is compressed, while it compresses the next one. Several repositories, and several pushes of
/// one image, share the result. [`Image::compress`](crate::Image::compress) compresses them before
/// the push.
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

    /// Returns the codec for the content of a stream, before it is known which of its layers are to
    /// be compressed.
    pub(super) fn stream_codec(self) -> Codec {
        self.codec(true).unwrap_or(Codec::Gzip)
    }
}

/// Finds the layers that a push of the image compresses; `None` if it has none. Reads their first
/// bytes and the configs.
pub(super) fn find(
    subject: &str,
    graph: &Graph,
    codec: Codec,
) -> Result<Option<PendingCompression>, Error> {
    let by_digest = graph.blobs.iter().map(|blob| (blob.layer.digest.as_str(), blob)).collect();
    let finder = Finder { subject, blobs: by_digest, codec };
    let mut replacements = Vec::new();
    for (at, manifest) in graph.manifests.iter().enumerate() {
        replacements.extend(finder.layers_of(at, manifest)?);
    }
    let any = !replacements.is_empty();
    Ok(any.then(|| PendingCompression::new(graph, codec, replacements)))
}

struct Finder<'a> {
    subject: &'a str,
    blobs: HashMap<&'a str, &'a Blob>,
    codec: Codec,
}

impl Finder<'_> {
    /// Returns the uncompressed layers of the manifest with this number.
    fn layers_of(&self, number: usize, manifest: &Manifest) -> Result<Vec<Replacement>, Error> {
        let json = parsed(manifest);
        let Some(layers) = json["layers"].as_array() else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for (position, descriptor) in layers.iter().enumerate() {
            let media_type = descriptor["mediaType"].as_str().unwrap_or_default();
            if let Some(media_type) = compressed_type(media_type, self.codec)
                && let Some(blob) = self.uncompressed(descriptor)?
            {
                let digest = blob.layer.digest.clone();
                found.push(Replacement { manifest: number, position, media_type, digest });
            }
        }
        if !found.is_empty() {
            self.check_diff_ids(manifest, &json, layers.len(), &found)?;
        }
        Ok(found)
    }

    /// Checks the layers against the config, which has their digests as well.
    fn check_diff_ids(
        &self,
        manifest: &Manifest,
        json: &Value,
        layers: usize,
        found: &[Replacement],
    ) -> Result<(), Error> {
        let diff_ids = self.diff_ids(&json["config"])?;
        if !diff_ids.is_empty() && diff_ids.len() != layers {
            let problem = format!(
                "its manifest {} has {layers} layers, but its config has {} diff_ids",
                manifest.digest,
                diff_ids.len()
            );
            return Err(Error::image(self.subject, problem));
        }
        for Replacement { position, digest, .. } in found {
            if let Some(diff_id) = diff_ids.get(*position)
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
        }
        Ok(())
    }

    /// Returns the layer of a descriptor, if its content is in the image and uncompressed.
    fn uncompressed(&self, descriptor: &Value) -> Result<Option<&Blob>, Error> {
        let Some(blob) = self.blob(descriptor) else {
            return Ok(None);
        };
        if matches!(blob.source, Source::Elsewhere) {
            return Ok(None);
        }
        let piece = Piece { source: blob.source.clone(), size: blob.layer.size };
        Ok((packing(&piece)? == Packing::None).then_some(blob))
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
