//! [`Tables`]: an image's tables of contents, and the comparison of two of them.
//!
//! Since Docker 25, `docker save` writes an `index.json` beside its `manifest.json`. Users report
//! that they contradict each other: layers in another order (moby/moby#47150), fewer layers
//! (moby/moby#47065), an image in only one of them (moby/moby#51389), or an empty index
//! (moby/moby#47210). The image's config has the last word: it lists the layers by digest.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::image::blob::Blob;
use crate::image::docker_table::{Entry, ImageIds, Table, piece};
use crate::image::files::{Choice, Files};
use crate::image::folder::Folder;
use crate::image::graph::{Graph, Manifest};
use crate::image::in_memory::Overlay;
use crate::image::index_json::IndexJson;
use crate::image::media_types::{PLAIN_LAYERS, Packing, packing};
use crate::image::source::Piece;
use crate::image::store::{MAX_MANIFEST, Store};
use crate::image::wanted::{IndexUse, Unread, Wanted};
use crate::image::{docker, layout, mistakes, reader, referrers, select};
use crate::names::digest::Digest;
use crate::outside::Outside;
use crate::tasks::Stop;

/// The tables of contents in a folder or an archive.
#[derive(Debug)]
pub(super) struct Tables {
    /// Of an OCI layout.
    index: Option<Result<IndexJson, Error>>,
    /// Of `docker save`.
    table: Option<Result<Table, Error>>,
    /// The manifest of a `dir:` folder.
    manifest: Option<Vec<u8>>,
}

impl Tables {
    pub(super) fn read(files: &Files) -> Result<Self, Error> {
        let index = IndexJson::read(files)?;
        let text = files.read_small("manifest.json")?;
        let (manifest, table) = match text {
            Some(text) if Folder::is_manifest(&text) => (Some(text), None),
            Some(text) => (None, Some(Table::parse(files.subject(), &text))),
            None => (None, None),
        };
        Ok(Self { index, table, manifest })
    }

    /// Returns whether `docker save` wrote them, or a program in its format.
    pub(super) fn are_by_docker(&self) -> bool {
        self.table.is_some()
    }

    /// Reads the image that the caller wants.
    pub(super) fn image(
        &self,
        files: &Files,
        store: &dyn Store,
        wanted: &Wanted,
        stop: &Stop,
    ) -> Result<Graph, Error> {
        if self.table.is_none() {
            layout::check_marker(files)?;
        }
        if let (None, Some(manifest)) = (&self.index, &self.manifest)
            && wanted.index == IndexUse::Auto
        {
            let folder = Folder::new(files, store, manifest);
            let root = folder.root(wanted)?;
            return read_graph(&folder, &root, wanted);
        }
        match (&self.index, &self.table) {
            (None, None) if self.manifest.is_none() => Err(mistakes::not_an_image(files)),
            (None, _) if wanted.index == IndexUse::Image => {
                let problem = "it has no index.json that could be the index of the image";
                Err(Error::image(files.subject(), problem))
            }
            (None, Some(Ok(table))) => {
                let entry = table.choose(files, &wanted.choice).map_err(Unread::error)?;
                by_table(files, entry, wanted, stop)
            }
            (None, Some(Err(error))) => Err(error.clone()),
            (None, None) => Err(mistakes::not_an_image(files)),
            (Some(index), Some(Ok(table))) if !table.entries.is_empty() => {
                match by_index(store, index, wanted) {
                    Ok(graph) => agreed(files, graph, table, wanted),
                    Err(Unread::Final(error)) => Err(error),
                    Err(Unread::Unusable(error)) => {
                        let entry = table.choose(files, &wanted.choice).map_err(Unread::error);
                        let graph = entry.and_then(|entry| {
                            match by_id(files, store, index, table, entry, wanted) {
                                Some(graph) => Ok(graph),
                                None => by_table(files, entry, wanted, stop),
                            }
                        });
                        graph.map_err(|other| both(files, &error, &other))
                    }
                }
            }
            (Some(index), _) => by_index(store, index, wanted).map_err(Unread::error),
        }
    }
}

fn by_index(
    store: &dyn Store,
    index: &Result<IndexJson, Error>,
    wanted: &Wanted,
) -> Result<Graph, Unread> {
    let index = index.as_ref().map_err(|error| Unread::Unusable(error.clone()))?;
    let layout::Chosen { root, made } = layout::choose(store, index, wanted)?;
    let store = Overlay { old: store, new: made };
    let read = || {
        let mut graph = read_graph(&store, &root, wanted)?;
        referrers::add(&store, index, wanted.referrers, &mut graph)?;
        Ok(graph)
    };
    read().map_err(|error: Error| match error.kind() {
        ErrorKind::BlobMismatch | ErrorKind::InvalidImage => Unread::Unusable(error),
        // Another table doesn't help with a disk that can't be read.
        _ => Unread::Final(error),
    })
}

fn by_table(files: &Files, entry: &Entry, wanted: &Wanted, stop: &Stop) -> Result<Graph, Error> {
    let (memory, root) = docker::read(files, entry, stop)?;
    read_graph(&memory, &root, wanted)
}

fn read_graph(
    store: &dyn Store,
    root: &oci_spec::image::Descriptor,
    wanted: &Wanted,
) -> Result<Graph, Error> {
    if wanted.platforms.is_empty() {
        return reader::read(store, root);
    }
    let selected = select::select(store, root, &wanted.platforms)?;
    let mut graph = reader::read(&selected.store, &selected.root)?;
    graph.notices.extend(selected.notices);
    Ok(graph)
}

/// Returns the image of `index.json` with the config of this entry: only `manifest.json` may have
/// its name. `None` if `index.json` doesn't have it.
fn by_id(
    files: &Files,
    store: &dyn Store,
    index: &Result<IndexJson, Error>,
    table: &Table,
    entry: &Entry,
    wanted: &Wanted,
) -> Option<Graph> {
    let id = ImageIds::new(files).of(entry)?;
    let wanted = Wanted { choice: Choice::Named(id.to_string()), ..wanted.clone() };
    let graph = by_index(store, index, &wanted).ok()?;
    agreed(files, graph, table, &wanted).ok()
}

fn both(files: &Files, index: &Error, table: &Error) -> Error {
    let (index, table) = (index.problem(), table.problem());
    let problem =
        format!("neither index.json nor manifest.json leads to the image: {index}; {table}");
    Error::image(files.subject(), problem)
}

/// Returns the image that `index.json` leads to, after a comparison with `manifest.json`.
fn agreed(files: &Files, graph: Graph, table: &Table, wanted: &Wanted) -> Result<Graph, Error> {
    let blobs: HashMap<&Digest, &Blob> =
        graph.blobs.iter().map(|blob| (&blob.layer.digest, blob)).collect();
    // Images that differ only in the compression of their layers have one config.
    let mut manifests: HashMap<Digest, Vec<IndexedImage<'_>>> = HashMap::new();
    for image in graph.manifests().iter().filter_map(|manifest| IndexedImage::new(manifest, &blobs))
    {
        manifests.entry(image.config.clone()).or_default().push(image);
    }
    let is_in = |config: &Digest| manifests.contains_key(config);
    let mut ids = ImageIds::new(files);
    let mut seen = HashSet::new();
    for entry in &table.entries {
        let Some(config) = ids.of(entry).filter(|_| seen.insert((&entry.config, &entry.layers)))
        else {
            continue;
        };
        let of_config = manifests.get(&config).into_iter().flatten();
        let compared = of_config.map(|image| compare(files, image, entry));
        compared.reduce(Result::or).transpose()?;
        let problem = match &wanted.choice {
            Choice::Only if !is_in(&config) && wanted.platforms.is_empty() => format!(
                "its index.json and its manifest.json list different images, name one: {} is only \
                 in manifest.json, which lists {}",
                entry.describe(files),
                table.names(files)
            ),
            Choice::Named(name) if !is_in(&config) && entry.is_known_as(name) => format!(
                "its index.json and its manifest.json contradict each other: the config of `{}` is \
                 {config} only in manifest.json",
                Outside::new(name)
            ),
            Choice::Named(_) | Choice::Only => continue,
        };
        return Err(Error::image(files.subject(), problem));
    }
    Ok(graph)
}

/// An image that `index.json` leads to.
struct IndexedImage<'a> {
    manifest: &'a Digest,
    config: Digest,
    layers: Vec<Value>,
    diff_ids: Vec<String>,
}

impl<'a> IndexedImage<'a> {
    fn new(manifest: &'a Manifest, blobs: &HashMap<&Digest, &Blob>) -> Option<Self> {
        let json: Value = serde_json::from_str(&manifest.text).ok()?;
        let config: Digest = json["config"]["digest"].as_str()?.parse().ok()?;
        let blob = blobs.get(&config).filter(|blob| blob.layer.size <= MAX_MANIFEST)?;
        let piece = Piece { source: blob.source.clone(), size: blob.layer.size };
        let diff_ids = reader::diff_ids(&piece.read().unwrap_or_default());
        let layers = json["layers"].as_array()?.clone();
        Some(Self { manifest: &manifest.digest, config, layers, diff_ids })
    }
}

/// Compares the layers of one image in both tables.
fn compare(files: &Files, image: &IndexedImage<'_>, entry: &Entry) -> Result<(), Error> {
    let IndexedImage { manifest, layers, diff_ids, .. } = image;
    let contradiction = |what: String| {
        let problem = format!(
            "its index.json and its manifest.json contradict each other: the manifest {manifest} \
             has {what}"
        );
        Err(Error::image(files.subject(), problem))
    };
    let (count, other) = (layers.len(), entry.layers.len());
    if count != other {
        // The reader has compared the manifest with the config.
        return if diff_ids.is_empty() {
            contradiction(format!("{count} layers in one and {other} in the other"))
        } else {
            Ok(())
        };
    }
    for (position, (layer, name)) in layers.iter().zip(&entry.layers).enumerate() {
        let digest = layer["digest"].as_str().unwrap_or_default();
        let Ok(digest) = digest.parse::<Digest>() else {
            continue;
        };
        let found = files.find(&digest)?;
        if diff_ids.get(position).is_some_and(|it| is_known(layer, found.as_ref(), it)) {
            continue;
        }
        let same = match (found, piece(files, name)) {
            (Some(one), Ok(other)) => one.is_at(&other) || other.hash(&Stop::default())? == digest,
            // The content isn't in the image, so only the names can be compared.
            (None, Ok(_)) => name.contains(digest.hex()),
            (_, Err(_)) => true,
        };
        if !same {
            let (number, shown) = (position + 1, Outside::new(name));
            return contradiction(format!(
                "{digest} as layer {number} in one and `{shown}` in the other"
            ));
        }
    }
    Ok(())
}

/// Returns whether the config confirms a layer: its digest is that of its uncompressed content.
fn is_known(layer: &Value, found: Option<&Piece>, diff_id: &str) -> bool {
    layer["digest"] == diff_id
        && PLAIN_LAYERS.iter().any(|plain| layer["mediaType"] == *plain)
        && found.is_some_and(|piece| packing(piece).is_ok_and(|it| it == Packing::None))
}
