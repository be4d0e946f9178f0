//! [`Candidate`]: an image that an `index.json` lists, under all its names.

use std::collections::{HashMap, HashSet};

use crate::image::image_name::listed;
use crate::image::index_json::Listed;
use crate::image::reader::{Reader, Shape};
use crate::names::digest::Digest;
use crate::outside::Outside;

/// A listed image. An image with several names is one candidate.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'a> {
    /// The first entry of the image.
    pub(super) listed: &'a Listed,
    pub(super) names: Vec<&'a str>,
    entries: Vec<&'a Listed>,
}

/// cosign's annotation of the entries that `cosign save` writes.
const COSIGN: &str = "dev.cosignproject.cosign/";

/// Returns each image once, in the order of the file.
pub(super) fn candidates(entries: &[Listed]) -> Vec<Candidate<'_>> {
    let mut all: Vec<Candidate<'_>> = Vec::new();
    let mut positions: HashMap<&Digest, usize> = HashMap::new();
    for entry in entries {
        let position = *positions.entry(&entry.digest).or_insert(all.len());
        if position == all.len() {
            all.push(Candidate { listed: entry, names: Vec::new(), entries: Vec::new() });
        }
        all[position].entries.push(entry);
    }
    for candidate in &mut all {
        let mut seen = HashSet::new();
        let names = candidate.entries.iter().filter_map(|entry| entry.name());
        candidate.names = names.filter(|name| seen.insert(*name)).collect();
    }
    all
}

impl Candidate<'_> {
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.is_named(name))
    }

    pub(super) fn is_known_as(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.is_known_as(name))
    }

    /// Returns whether the entry says that it doesn't run anywhere, as BuildKit marks attestations.
    pub(super) fn is_attestation(&self) -> bool {
        self.listed.json["platform"]["os"] == "unknown"
    }

    /// Returns whether it is a signature, an attestation or another companion of an image.
    pub(super) fn accompanies_another(&self, reader: &Reader<'_>) -> bool {
        if self.cosign_kind().is_some() {
            return self.is_of_cosign();
        }
        let loaded = reader.load(&self.listed.descriptor()).ok().flatten();
        loaded.is_some_and(|loaded| loaded.json["subject"].is_object())
    }

    /// Returns what cosign says about the entry: `image`, `sigs`, `atts`.
    pub(super) fn cosign_kind(&self) -> Option<&str> {
        self.listed.annotation("kind").and_then(|kind| kind.strip_prefix(COSIGN))
    }

    /// Returns whether cosign wrote it about an image.
    pub(super) fn is_of_cosign(&self) -> bool {
        self.cosign_kind().is_some_and(|kind| !matches!(kind, "image" | "imageIndex"))
    }

    /// Returns the end of the tag by which cosign finds what it wrote about an image.
    pub(super) fn cosign_suffix(&self) -> Option<&'static str> {
        match self.cosign_kind()? {
            "atts" => Some("att"),
            "sboms" => Some("sbom"),
            "sigs" => Some("sig"),
            _ => None,
        }
    }

    /// Describes it for messages: its names, digest, platform and kind.
    pub(super) fn describe(&self, reader: &Reader<'_>) -> String {
        let names: Vec<String> =
            self.names.iter().map(|name| format!("`{}`", Outside::new(name))).collect();
        let names = if names.is_empty() { "unnamed".to_owned() } else { names.join(" = ") };
        let mut details = vec![self.listed.digest.to_string()];
        let loaded = reader.load(&self.listed.descriptor()).ok().flatten();
        let is_index = loaded.as_ref().is_some_and(|loaded| loaded.shape == Shape::Index);
        let of_config = || reader.platform_of(loaded.as_ref()?).ok().flatten();
        if is_index {
            details.push("an index".to_owned());
        } else if let Some(platform) = self.listed.platform.clone().or_else(of_config) {
            details.push(format!("`{platform}`"));
        }
        let artifact = loaded.as_ref().and_then(|loaded| loaded.json["artifactType"].as_str());
        if let Some(kind) = self.listed.kind().or(artifact) {
            details.push(format!("kind `{}`", Outside::new(kind)));
        }
        format!("{names} ({})", details.join(", "))
    }
}

/// Lists candidates for messages.
pub(super) fn listed_for_messages(reader: &Reader<'_>, all: &[Candidate<'_>]) -> String {
    listed(all.iter().map(|candidate| candidate.describe(reader)))
}
