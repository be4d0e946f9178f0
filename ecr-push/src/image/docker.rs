//! The format of `docker save` before Docker 25, which other tools still write: a tar with a
//! `manifest.json` that names a config and layers.
//!
//! It doesn't contain a manifest for a registry, so this module creates one.

use bytes::Bytes;
use oci_spec::image::Descriptor;
use serde_json::{Value, json};

use crate::error::Error;
use crate::image::files::{Choice, Files, is_short_for};
use crate::image::in_memory::MemoryStore;
use crate::image::media_types::{OCI_CONFIG, OCI_MANIFEST, Packing, packing};
use crate::image::reader;
use crate::image::source::Piece;
use crate::image::store::{FileLookup, MAX_MANIFEST, Store as _};
use crate::names::digest::Digest;
use crate::tasks::Stop;

/// Returns the pieces of an image and the descriptor of the manifest that is created from them.
///
/// Uncompressed layers get their digests from the config without being read: the digests are
/// checked when the layers are compressed or sent.
pub(super) fn read(
    files: &Files,
    choice: &Choice,
    stop: &Stop,
) -> Result<(MemoryStore, Descriptor), Error> {
    let archive = DockerArchive { files };
    let entry = archive.choose(choice)?;
    let config = archive.piece(&entry.config)?;
    if config.size > MAX_MANIFEST {
        return Err(archive.wrong(format!("its config has {} bytes, over 4 MiB", config.size)));
    }
    let config = Bytes::from(config.read()?);
    let diff_ids = archive.diff_ids(&config, entry.layers.len())?;

    let mut memory = MemoryStore { subject: files.subject().to_owned(), ..MemoryStore::default() };
    let described = |media_type: &str, digest: &Digest, size: u64| json!({ "mediaType": media_type, "digest": digest.as_str(), "size": size });
    let mut layers = Vec::new();
    for (position, name) in entry.layers.iter().enumerate() {
        let piece = archive.piece(name)?;
        let packing = packing(&piece)?;
        let digest = match (packing, diff_ids.get(position)) {
            (Packing::None, Some(diff_id)) => diff_id.clone(),
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

/// One image in `manifest.json`.
#[derive(Debug)]
struct Entry {
    config: String,
    tags: Vec<String>,
    layers: Vec<String>,
}

struct DockerArchive<'a> {
    files: &'a Files,
}

impl DockerArchive<'_> {
    fn wrong(&self, problem: impl Into<String>) -> Error {
        Error::image(self.files.subject(), problem)
    }

    fn choose(&self, choice: &Choice) -> Result<Entry, Error> {
        let text = self.files.read_small("manifest.json")?.unwrap_or_default();
        let json: Value = serde_json::from_slice(&text).map_err(|error| {
            Error::image_caused(self.files.subject(), "its manifest.json is broken", error)
        })?;
        let entries: Option<Vec<Entry>> =
            json.as_array().and_then(|entries| entries.iter().map(Entry::from_json).collect());
        let Some(mut entries) = entries else {
            let problem = "its manifest.json is broken: it is not a list of images with `Config` and \
                           `Layers`";
            return Err(self.wrong(problem));
        };
        let names: Vec<String> = entries.iter().map(Entry::name).collect();
        if let Choice::Named(name) = choice {
            entries.retain(|entry| entry.is(name));
        }
        match (choice, entries.len()) {
            (_, 1) => Ok(entries.remove(0)),
            _ if names.is_empty() => Err(self.wrong("its manifest.json lists no image")),
            (Choice::Named(name), 0) => Err(self.wrong(format!(
                "its manifest.json has no image `{}`, it has {}",
                name.escape_debug(),
                names.join(", ")
            ))),
            (_, several) => Err(self.wrong(format!(
                "its manifest.json lists {several} images, name one: {}",
                names.join(", ")
            ))),
        }
    }

    fn piece(&self, name: &str) -> Result<Piece, Error> {
        match self.files.find_file(name)? {
            FileLookup::File(piece) => Ok(piece),
            FileLookup::Missing => {
                let shown = name.escape_debug();
                Err(self.wrong(format!("its manifest.json names `{shown}`, which is missing")))
            }
            FileLookup::Other => {
                let shown = name.escape_debug();
                Err(self.wrong(format!("its manifest.json names `{shown}`, which is not a file")))
            }
        }
    }

    /// Returns the digests of the uncompressed layers; empty if the config has none.
    fn diff_ids(&self, config: &[u8], layers: usize) -> Result<Vec<Digest>, Error> {
        let config: Value = serde_json::from_slice(config).map_err(|error| {
            Error::image_caused(self.files.subject(), "its config is broken", error)
        })?;
        let Some(diff_ids) = config.pointer("/rootfs/diff_ids").and_then(Value::as_array) else {
            return Ok(Vec::new());
        };
        if diff_ids.len() != layers {
            let found = diff_ids.len();
            return Err(self.wrong(format!("its config has {found} diff_ids for {layers} layers")));
        }
        let parsed = diff_ids.iter().map(|diff_id| {
            let text = diff_id.as_str().unwrap_or_default();
            text.parse().map_err(|error| {
                Error::image_caused(self.files.subject(), "its config is broken", error)
            })
        });
        parsed.collect()
    }
}

impl Entry {
    fn from_json(json: &Value) -> Option<Self> {
        let texts = |member: &str| match json.get(member) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(list) => {
                let texts = list.as_array()?.iter().map(|text| text.as_str().map(str::to_owned));
                texts.collect()
            }
        };
        let config = json.get("Config")?.as_str()?.to_owned();
        Some(Self { config, tags: texts("RepoTags")?, layers: texts("Layers")? })
    }

    /// Matches an image by its tag, or by its config's digest, which Docker calls the image's id.
    fn is(&self, name: &str) -> bool {
        let id = name.strip_prefix("sha256:").unwrap_or(name);
        self.tags.iter().any(|tag| is_short_for(name, tag) || is_short_for(tag, name))
            || self.config.trim_start_matches("sha256:").trim_end_matches(".json") == id
    }

    /// Returns the image's name for messages.
    fn name(&self) -> String {
        let tags: Vec<String> =
            self.tags.iter().map(|tag| format!("`{}`", tag.escape_debug())).collect();
        if tags.is_empty() {
            format!("unnamed `{}`", self.config.escape_debug())
        } else {
            tags.join(", ")
        }
    }
}
