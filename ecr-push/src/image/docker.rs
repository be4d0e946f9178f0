//! The format of `docker save` before Docker 25, which other tools still write: a `manifest.json`
//! that names a config and layers.
//!
//! It doesn't contain a manifest for a registry, so this module creates one.

use bytes::Bytes;
use oci_spec::image::Descriptor;
use serde_json::{Value, json};

use crate::error::Error;
use crate::image::docker_table::{Entry, config, is_stub, named_digest, piece};
use crate::image::files::Files;
use crate::image::foreign::is_foreign;
use crate::image::in_memory::MemoryStore;
use crate::image::media_types::{OCI_CONFIG, OCI_MANIFEST, Packing, packing};
use crate::image::reader;
use crate::image::store::{MAX_MANIFEST, Store as _};
use crate::names::digest::Digest;
use crate::outside::Outside;
use crate::tasks::Stop;

/// The most layers that fit into a manifest that ECR stores. A descriptor takes at least 130 bytes.
const MAX_LAYERS: usize = MAX_MANIFEST as usize / 130;

/// Returns the pieces of an image and the descriptor of the manifest that is created from them.
///
/// Uncompressed layers get their digests from the config without being read: the digests are
/// checked when the layers are compressed or sent.
pub(super) fn read(
    files: &Files,
    entry: &Entry,
    stop: &Stop,
) -> Result<(MemoryStore, Descriptor), Error> {
    let wrong = |problem: String| Error::image(files.subject(), problem);
    if entry.layers.len() > MAX_LAYERS {
        return Err(wrong(format!(
            "its manifest.json lists {} layers, whose manifest would exceed ECR's limit of \
             {MAX_MANIFEST} bytes",
            entry.layers.len()
        )));
    }
    let config = config(files, entry)?;
    let diff_ids = diff_ids(files, &config, entry.layers.len())?;

    let mut memory = MemoryStore { subject: files.subject().to_owned(), ..MemoryStore::default() };
    let described = |media_type: &str, digest: &Digest, size: u64| json!({ "mediaType": media_type, "digest": digest.as_str(), "size": size });
    let mut layers = Vec::new();
    for (position, name) in entry.layers.iter().enumerate() {
        // A foreign layer, or one that the repository has: its descriptor says what it is.
        if let Some(diff_id) = diff_ids.get(position)
            && let Some(source) = entry.layer_sources.get(diff_id.as_str())
            && (is_foreign(source) || is_stub(files, name)?)
        {
            layers.push(source.clone());
            continue;
        }
        let piece = piece(files, name)?;
        if piece.size == 0 {
            return Err(wrong(format!(
                "its layer `{}` is a stub without content: save the image with all its layers",
                Outside::new(name)
            )));
        }
        let packing = packing(&piece)?;
        let digest = match (packing, diff_ids.get(position)) {
            (Packing::None, Some(diff_id)) => {
                if named_digest(name).is_some_and(|named| named != *diff_id) {
                    return Err(wrong(format!(
                        "layer {} in its manifest.json is `{}`, but its config says {diff_id}",
                        position + 1,
                        Outside::new(name)
                    )));
                }
                diff_id.clone()
            }
            _ => piece.hash(stop)?,
        };
        layers.push(described(packing.oci_layer(), &digest, piece.size));
        memory.pieces.insert(digest, piece);
    }
    let size = config.len() as u64;
    let config = described(OCI_CONFIG, &memory.add(config), size);
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers,
    });
    // Sorting gives the same bytes in every program, for both member orders of `serde_json`.
    manifest.sort_all_objects();
    let manifest = Bytes::from(manifest.to_string());
    let size = manifest.len() as u64;
    let digest = memory.add(manifest);
    Ok((memory, reader::descriptor(OCI_MANIFEST, &digest, size)))
}

/// Returns the digests of the uncompressed layers; empty if the config has none.
fn diff_ids(files: &Files, config: &[u8], layers: usize) -> Result<Vec<Digest>, Error> {
    let broken = |error: Error| Error::image_caused(files.subject(), "its config is broken", error);
    let config: Value = serde_json::from_slice(config)
        .map_err(|error| Error::image_caused(files.subject(), "its config is broken", error))?;
    let Some(diff_ids) = config.pointer("/rootfs/diff_ids").and_then(Value::as_array) else {
        return Ok(Vec::new());
    };
    if diff_ids.len() != layers {
        let found = diff_ids.len();
        let problem = format!("its config has {found} diff_ids for {layers} layers");
        return Err(Error::image(files.subject(), problem));
    }
    let parsed = diff_ids.iter().map(|diff_id| {
        let text = diff_id.as_str().unwrap_or_default();
        text.parse().map_err(|error| broken(Error::from(error)))
    });
    parsed.collect()
}
