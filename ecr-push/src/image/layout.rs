//! The selection of an image in an OCI layout: its marker file and its `index.json`.

use std::collections::HashSet;

use bytes::Bytes;
use oci_spec::image::Descriptor;
use serde_json::{Value, json};

use crate::error::Error;
use crate::image::candidate::{Candidate, candidates, listed_for_messages};
use crate::image::files::{Choice, Files};
use crate::image::image_name::ImageId;
use crate::image::in_memory::MemoryStore;
use crate::image::index_json::IndexJson;
use crate::image::media_types::{OCI_INDEX, OCI_MANIFEST};
use crate::image::reader::{self, MAX_DEPTH, Reader, Shape};
use crate::image::refused::drop_refused;
use crate::image::store::Store;
use crate::image::wanted::{IndexUse, Unread, Wanted};
use crate::outside::Outside;

/// The selected image.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) root: Descriptor,
    /// An index that is made of `index.json`, if the image needs one.
    pub(super) made: MemoryStore,
}

/// Checks the version in the marker file. Some writers leave the file out.
pub(super) fn check_marker(files: &Files) -> Result<(), Error> {
    let wrong = |problem: String| Err(Error::image(files.subject(), problem));
    let Some(marker) = files.read_small("oci-layout")? else {
        return Ok(());
    };
    let version = serde_json::from_slice::<Value>(&marker).ok();
    match version.as_ref().and_then(|json| json.get("imageLayoutVersion")?.as_str()) {
        Some(version) if version.starts_with("1.") => Ok(()),
        Some(version) => {
            let version = Outside::new(version);
            wrong(format!("its layout has version {version}, only 1.0.0 is supported"))
        }
        None => wrong("its file `oci-layout` has no version".to_owned()),
    }
}

/// Returns the image that the caller wants from `index.json`.
pub(super) fn choose(
    store: &dyn Store,
    index: &IndexJson,
    wanted: &Wanted,
) -> Result<Chosen, Unread> {
    let reader = Reader::new(store);
    let all = candidates(&index.listed);
    if all.is_empty() {
        let problem = "its index.json lists no image";
        return Err(Unread::Unusable(Error::image(store.subject(), problem)));
    }
    let fitting = match &wanted.choice {
        Choice::Named(name) => named(&all, name),
        Choice::Only if wanted.index == IndexUse::Auto => images_only(&reader, &all),
        Choice::Only => all.clone(),
    };
    let is_whole = fitting.len() == all.len();
    if let (Choice::Named(name), []) = (&wanted.choice, fitting.as_slice()) {
        return by_id(&reader, &all, name);
    }
    match fitting.as_slice() {
        [one] if wanted.index == IndexUse::Auto => {
            Ok(Chosen { root: one.listed.descriptor(), made: MemoryStore::default() })
        }
        several if is_index(several, wanted) => Ok(index_of(&reader, index, several, is_whole)),
        several => {
            let (count, list) = (several.len(), listed_for_messages(&reader, several));
            let problem = match &wanted.choice {
                Choice::Named(name) => format!(
                    "its index.json has {count} images `{}`, name one by its digest: {list}",
                    Outside::new(name)
                ),
                Choice::Only => format!("its index.json lists {count} images, name one: {list}"),
            };
            Err(Unread::Final(Error::image(store.subject(), problem)))
        }
    }
}

/// Returns the images of this name. A name that is spelled the same wins over one that means the
/// same.
fn named<'a>(all: &[Candidate<'a>], name: &str) -> Vec<Candidate<'a>> {
    let exactly: Vec<Candidate<'a>> = all.iter().filter(|it| it.is_named(name)).cloned().collect();
    if !exactly.is_empty() {
        return exactly;
    }
    all.iter().filter(|it| it.is_known_as(name)).cloned().collect()
}

/// Leaves out what only accompanies another image, such as its signature.
fn images_only<'a>(reader: &Reader<'_>, all: &[Candidate<'a>]) -> Vec<Candidate<'a>> {
    if all.len() < 2 {
        return all.to_vec();
    }
    let images: Vec<Candidate<'a>> =
        all.iter().filter(|it| !it.accompanies_another(reader)).cloned().collect();
    if images.is_empty() { all.to_vec() } else { images }
}

/// Finds the image with this id in Docker's sense: the digest of its config, or of its manifest.
fn by_id(reader: &Reader<'_>, all: &[Candidate<'_>], name: &str) -> Result<Chosen, Unread> {
    let mut found = Vec::new();
    if let Some(id) = ImageId::from_name(name) {
        let mut search = Search { reader, id, seen: HashSet::new(), found };
        for candidate in all {
            search.look_at(&candidate.listed.descriptor(), 0);
        }
        found = search.found;
    }
    match found.as_slice() {
        [one] => Ok(Chosen { root: one.clone(), made: MemoryStore::default() }),
        [] => {
            let problem = format!(
                "its index.json has no image `{}`, it has {}",
                Outside::new(name),
                listed_for_messages(reader, all)
            );
            Err(Unread::Unusable(reader.wrong(problem)))
        }
        several => {
            let digests: Vec<String> = several.iter().map(|it| it.digest().to_string()).collect();
            let problem = format!(
                "its index.json has {} images `{}`, name one by its digest: {}",
                several.len(),
                Outside::new(name),
                digests.join(", ")
            );
            Err(Unread::Final(reader.wrong(problem)))
        }
    }
}

/// The search for an image id in all manifests.
struct Search<'a, 'b> {
    reader: &'a Reader<'b>,
    id: ImageId<'a>,
    seen: HashSet<String>,
    found: Vec<Descriptor>,
}

impl Search<'_, '_> {
    /// Adds the manifest if it has the id, or else the manifests below it that have it. An
    /// unreadable manifest is not the wanted one.
    fn look_at(&mut self, descriptor: &Descriptor, depth: usize) {
        let text = descriptor.digest().to_string();
        if depth > MAX_DEPTH || !self.seen.insert(text.clone()) {
            return;
        }
        let is = |text: &str| text.parse().is_ok_and(|digest| self.id.is(&digest));
        if is(&text) {
            self.found.push(descriptor.clone());
            return;
        }
        let Ok(Some(loaded)) = self.reader.load(descriptor) else {
            return;
        };
        match loaded.shape {
            Shape::Index => {
                for (child, _) in self.reader.listed(&loaded).unwrap_or_default() {
                    self.look_at(&child, depth + 1);
                }
            }
            Shape::Manifest if loaded.json["config"]["digest"].as_str().is_some_and(is) => {
                self.found.push(descriptor.clone());
            }
            Shape::Manifest => {}
        }
    }
}

/// Returns whether these entries become the index of the image.
fn is_index(entries: &[Candidate<'_>], wanted: &Wanted) -> bool {
    if wanted.index == IndexUse::Image || !wanted.platforms.is_empty() {
        return true;
    }
    let mut platforms = HashSet::new();
    let are_platforms = entries.iter().all(|entry| match &entry.listed.platform {
        Some(platform) => platforms.insert(platform),
        None => entry.is_attestation(),
    });
    are_platforms && platforms.len() > 1 && entries.iter().all(|entry| entry.names.is_empty())
}

/// Returns the index of these entries: `index.json` to the byte if it is valid and has no others.
fn index_of(
    reader: &Reader<'_>,
    index: &IndexJson,
    entries: &[Candidate<'_>],
    is_whole: bool,
) -> Chosen {
    let text = if is_whole && index.is_pushable() {
        Bytes::from(index.text.clone())
    } else {
        let manifests: Vec<Value> = entries.iter().map(|entry| complete(reader, entry)).collect();
        let mut json =
            json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
        drop_refused(&mut json);
        // Sorting gives the same bytes in every program, for both member orders of `serde_json`.
        json.sort_all_objects();
        Bytes::from(json.to_string())
    };
    let media_type = match serde_json::from_slice::<Value>(&text) {
        Ok(json) => json["mediaType"].as_str().unwrap_or(OCI_INDEX).to_owned(),
        Err(_) => OCI_INDEX.to_owned(),
    };
    let mut made = MemoryStore::default();
    let size = text.len() as u64;
    let digest = made.add(text);
    Chosen { root: reader::descriptor(&media_type, &digest, size), made }
}

/// Returns the entry as an index has to have it: with a media type, and without null members.
fn complete(reader: &Reader<'_>, entry: &Candidate<'_>) -> Value {
    let mut json = entry.listed.json.clone();
    if let Some(members) = json.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    if entry.listed.media_type.is_none() {
        let loaded = reader.load(&entry.listed.descriptor()).ok().flatten();
        let media_type = loaded.map_or(OCI_MANIFEST.to_owned(), |loaded| loaded.media_type);
        json["mediaType"] = media_type.into();
    }
    json
}
