//! [`Table`]: the images that a `manifest.json` of `docker save` lists.

use std::collections::HashMap;
use std::path::{Component, Path};

use bytes::Bytes;
use serde_json::Value;

use crate::error::Error;
use crate::image::files::{Choice, Files};
use crate::image::image_name::{ImageId, is_same_name, listed};
use crate::image::platform::Platform;
use crate::image::source::Piece;
use crate::image::store::{FileLookup, MAX_MANIFEST, Store as _};
use crate::image::wanted::Unread;
use crate::names::digest::Digest;
use crate::outside::Outside;

/// The content of `manifest.json`.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// One image in `manifest.json`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) config: String,
    pub(super) layers: Vec<String>,
    /// The descriptors of layers whose content may be elsewhere, by their diff_ids.
    pub(super) layer_sources: Value,
    tags: Vec<String>,
}

impl Table {
    /// Parses the file.
    pub(super) fn parse(subject: &str, text: &[u8]) -> Result<Self, Error> {
        let json: Value = serde_json::from_slice(text)
            .map_err(|error| Error::image_caused(subject, "its manifest.json is broken", error))?;
        let entries: Option<Vec<Entry>> =
            json.as_array().and_then(|entries| entries.iter().map(Entry::from_json).collect());
        let problem = "its manifest.json is broken: it is not a list of images with `Config` and \
                       `Layers`";
        entries.map(|entries| Self { entries }).ok_or_else(|| Error::image(subject, problem))
    }

    /// Returns the image that the caller wants.
    pub(super) fn choose(&self, files: &Files, choice: &Choice) -> Result<&Entry, Unread> {
        let wrong = |problem: String| Error::image(files.subject(), problem);
        let names = || self.names(files);
        let fitting = match choice {
            Choice::Named(name) => self.named(files, name),
            Choice::Only => self.entries.iter().collect(),
        };
        match (choice, fitting.as_slice()) {
            (_, [first, more @ ..]) if more.iter().all(|other| first.is_same(other)) => Ok(first),
            _ if self.entries.is_empty() => {
                Err(Unread::Unusable(wrong("its manifest.json lists no image".to_owned())))
            }
            (Choice::Named(name), []) => Err(Unread::Unusable(wrong(format!(
                "its manifest.json has no image `{}`, it has {}",
                Outside::new(name),
                names()
            )))),
            (_, several) => Err(Unread::Final(wrong(format!(
                "its manifest.json lists {} images, name one: {}",
                several.len(),
                names()
            )))),
        }
    }

    /// Describes the images for messages.
    pub(super) fn names(&self, files: &Files) -> String {
        listed(self.entries.iter().map(|entry| entry.describe(files)))
    }

    /// Returns the images of this name. A name that is spelled the same wins over one that means
    /// the same, and both win over an image id.
    fn named(&self, files: &Files, name: &str) -> Vec<&Entry> {
        let all = || self.entries.iter();
        let exactly: Vec<&Entry> =
            all().filter(|entry| entry.tags.iter().any(|tag| tag == name)).collect();
        if !exactly.is_empty() {
            return exactly;
        }
        let same: Vec<&Entry> = all().filter(|entry| entry.is_known_as(name)).collect();
        if !same.is_empty() {
            return same;
        }
        let Some(id) = ImageId::from_name(name) else {
            return Vec::new();
        };
        let mut ids = ImageIds::new(files);
        all().filter(|entry| ids.of(entry).is_some_and(|it| id.is(&it))).collect()
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
        let layer_sources = json.get("LayerSources").cloned().unwrap_or_default();
        Some(Self { config, layer_sources, tags: texts("RepoTags")?, layers: texts("Layers")? })
    }

    /// Returns whether both are the same image, which some writers list under each of its names.
    fn is_same(&self, other: &Self) -> bool {
        self.config == other.config && self.layers == other.layers
    }

    pub(super) fn is_known_as(&self, name: &str) -> bool {
        self.tags.iter().any(|tag| is_same_name(tag, name))
    }

    /// Describes the image for messages: its names, its id and its platform.
    pub(super) fn describe(&self, files: &Files) -> String {
        let tags: Vec<String> =
            self.tags.iter().map(|tag| format!("`{}`", Outside::new(tag))).collect();
        let names = if tags.is_empty() { "unnamed".to_owned() } else { tags.join(" = ") };
        let Ok(config) = config(files, self) else {
            return format!("{names} (`{}`)", Outside::new(&self.config));
        };
        let json: Value = serde_json::from_slice(&config).unwrap_or_default();
        let id = Digest::from_content(&config);
        match Platform::from_json(&json) {
            Some(platform) => format!("{names} ({id}, `{platform}`)"),
            None => format!("{names} ({id})"),
        }
    }
}

/// The ids of images: the digests of their configs. Reads each config once, because a small file can
/// list one config many times.
pub(super) struct ImageIds<'a> {
    files: &'a Files,
    known: HashMap<(String, u64), Option<Digest>>,
}

impl<'a> ImageIds<'a> {
    pub(super) fn new(files: &'a Files) -> Self {
        Self { files, known: HashMap::new() }
    }

    /// Returns the id of an image; `None` if its config can't be read.
    pub(super) fn of(&mut self, entry: &Entry) -> Option<Digest> {
        if let Some(named) = named_digest(&entry.config) {
            return Some(named);
        }
        let piece = piece(self.files, &entry.config).ok()?;
        let digest =
            || config(self.files, entry).ok().map(|content| Digest::from_content(&content));
        self.known.entry((piece.source.to_string(), piece.size)).or_insert_with(digest).clone()
    }
}

/// Reads the config of an image.
pub(super) fn config(files: &Files, entry: &Entry) -> Result<Bytes, Error> {
    let config = piece(files, &entry.config)?;
    if config.size > MAX_MANIFEST {
        let problem = format!("its config has {} bytes, over 4 MiB", config.size);
        return Err(Error::image(files.subject(), problem));
    }
    let place = config.source.clone();
    let content = Bytes::from(config.read()?);
    if let Some(named) = named_digest(&entry.config) {
        let found = Digest::from_content(&content);
        if found != named {
            return Err(Error::blob_mismatch(&place, &named, &found));
        }
    }
    Ok(content)
}

/// Returns the content of a file that `manifest.json` names.
pub(super) fn piece(files: &Files, name: &str) -> Result<Piece, Error> {
    let problem = |problem: &str| {
        let shown = Outside::new(name);
        Err(Error::image(files.subject(), format!("its manifest.json names `{shown}`, {problem}")))
    };
    // An archive follows its links itself, and never out of it.
    let is_inside = |part| matches!(part, Component::CurDir | Component::Normal(_));
    if !files.is_archive() && !Path::new(name).components().all(is_inside) {
        return problem("which is outside the folder");
    }
    if name.is_empty() {
        // Reported: podman saves an image in this way without a layer that Docker has
        // (containers/podman#8132).
        let problem = "its manifest.json names a layer with an empty name, which was not saved: save \
                       the image again";
        return Err(Error::image(files.subject(), problem));
    }
    let mut found = files.find_file(name)?;
    if matches!(found, FileLookup::Missing) && name.contains('\\') {
        // Programs on Windows write such names.
        found = files.find_file(&name.replace('\\', "/"))?;
    }
    match found {
        FileLookup::File(piece) => Ok(piece),
        FileLookup::Missing => problem("which is missing"),
        FileLookup::Other => problem("which is not a file"),
    }
}

/// Returns whether a layer has no content: its file is missing or empty.
pub(super) fn is_stub(files: &Files, name: &str) -> Result<bool, Error> {
    Ok(match files.find_file(name)? {
        FileLookup::File(piece) => piece.size == 0,
        FileLookup::Missing => true,
        FileLookup::Other => false,
    })
}

/// Returns the digest in the name of a layout's blob.
pub(super) fn named_digest(name: &str) -> Option<Digest> {
    let hex = name.strip_prefix("./").unwrap_or(name).strip_prefix("blobs/sha256/")?;
    format!("sha256:{hex}").parse().ok()
}
