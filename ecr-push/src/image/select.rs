//! The selection of some of an image's platforms, with a new index of only these.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use oci_spec::image::Descriptor;
use serde_json::Value;

use crate::error::Error;
use crate::image::in_memory::{MemoryStore, Overlay};
use crate::image::platform::{Platform, PlatformClaim};
use crate::image::reader::{self, CheckedManifest, MAX_DEPTH, Reader, Shape};
use crate::image::refused::{drop_refused, dropped};
use crate::image::store::Store;
use crate::names::digest::Digest;

/// The selected part of an image: a root, in a store with the new indexes and the old content.
pub(super) struct Selection<'a> {
    pub(super) root: Descriptor,
    pub(super) store: Overlay<'a>,
    /// What the new indexes leave out.
    pub(super) notices: Vec<String>,
}

/// BuildKit's annotation on an attestation's descriptor: the digest of the attested manifest.
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// Finds each of the `wanted` platforms in the image.
pub(super) fn select<'a>(
    store: &'a dyn Store,
    root: &Descriptor,
    wanted: &[Platform],
) -> Result<Selection<'a>, Error> {
    let mut survey = PlatformSurvey {
        reader: Reader::new(store),
        images: Vec::new(),
        indexes: HashMap::new(),
        seen: HashSet::new(),
    };
    survey.look_at(root, PlatformClaim::Nothing, 0)?;
    let PlatformSurvey { images, indexes, .. } = survey;
    let mut chosen: Vec<&PlatformImage> = Vec::new();
    for platform in wanted {
        let found =
            find(&images, platform).map_err(|problem| Error::image(store.subject(), problem))?;
        if !chosen.iter().any(|other| other.digest() == found.digest()) {
            chosen.push(found);
        }
    }
    let mut new = MemoryStore::default();
    let mut notices = Vec::new();
    let root = match chosen.as_slice() {
        [one] => one.descriptor.clone(),
        all if all.len() == images.len() => root.clone(),
        several => {
            let keep = several.iter().map(|image| image.digest()).collect();
            let mut pruner = Pruner {
                indexes: &indexes,
                keep,
                done: HashMap::new(),
                new: &mut new,
                notices: &mut notices,
            };
            let text = root.digest().to_string();
            match pruner.prune(&text) {
                PruneResult::Changed { digest, size } => {
                    reader::descriptor(root.media_type().as_ref(), &digest, size)
                }
                // The index can't be empty, because it leads to all selected images.
                PruneResult::Empty | PruneResult::Kept => root.clone(),
            }
        }
    };
    Ok(Selection { root, store: Overlay { old: store, new }, notices })
}

/// An image with its platform.
struct PlatformImage {
    platform: Platform,
    descriptor: Descriptor,
}

impl PlatformImage {
    fn digest(&self) -> String {
        self.descriptor.digest().to_string()
    }
}

/// The platforms of an image, collected without reading layers.
struct PlatformSurvey<'a> {
    reader: Reader<'a>,
    images: Vec<PlatformImage>,
    /// The indexes by their digests.
    indexes: HashMap<String, Value>,
    seen: HashSet<String>,
}

impl PlatformSurvey<'_> {
    fn look_at(
        &mut self,
        descriptor: &Descriptor,
        claim: PlatformClaim,
        depth: usize,
    ) -> Result<(), Error> {
        if !self.seen.insert(descriptor.digest().to_string()) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(self.reader.too_deep());
        }
        let platform = match claim {
            PlatformClaim::Nothing => match self.reader.load(descriptor)? {
                None if depth == 0 => {
                    return Err(self.reader.missing(descriptor));
                }
                // The platform of a missing manifest is unknown, so it can't be selected either.
                None => return Ok(()),
                Some(index) if index.shape == Shape::Index => {
                    return self.look_into(descriptor, index, depth);
                }
                Some(image) => self.reader.platform_of(&image)?,
            },
            PlatformClaim::Nowhere => None,
            PlatformClaim::Platform(platform) => Some(platform),
        };
        let descriptor = descriptor.clone();
        self.images.extend(platform.map(|platform| PlatformImage { platform, descriptor }));
        Ok(())
    }

    fn look_into(
        &mut self,
        descriptor: &Descriptor,
        index: CheckedManifest,
        depth: usize,
    ) -> Result<(), Error> {
        for (child, claim) in self.reader.listed(&index)? {
            self.look_at(&child, claim, depth + 1)?;
        }
        self.indexes.insert(descriptor.digest().to_string(), index.json);
        Ok(())
    }
}

/// Returns the only image that matches a platform.
fn find<'a>(images: &'a [PlatformImage], wanted: &Platform) -> Result<&'a PlatformImage, String> {
    let mut fitting: Vec<&PlatformImage> =
        images.iter().filter(|image| wanted.is(&image.platform)).collect();
    if fitting.is_empty() && wanted.variant().is_none() {
        fitting = images.iter().filter(|image| wanted.is_roughly(&image.platform)).collect();
    }
    let listed = |images: &[&PlatformImage]| {
        let names: Vec<String> = images
            .iter()
            .map(|image| format!("`{}` ({})", image.platform, image.descriptor.digest()))
            .collect();
        names.join(", ")
    };
    match fitting.as_slice() {
        [one] => Ok(one),
        [] if images.is_empty() => {
            Err(format!("it has no image for `{wanted}` or any other platform"))
        }
        [] => {
            let all: Vec<&PlatformImage> = images.iter().collect();
            Err(format!("it has no image for `{wanted}`, only for {}", listed(&all)))
        }
        several => {
            Err(format!("it has {} images for `{wanted}`: {}", several.len(), listed(several)))
        }
    }
}

/// Builds the indexes of the selected images.
struct Pruner<'a> {
    indexes: &'a HashMap<String, Value>,
    /// The digests of the selected images.
    keep: HashSet<String>,
    done: HashMap<String, PruneResult>,
    new: &'a mut MemoryStore,
    notices: &'a mut Vec<String>,
}

#[derive(Debug, Clone)]
enum PruneResult {
    Changed { digest: Digest, size: u64 },
    Empty,
    Kept,
}

impl Pruner<'_> {
    fn prune(&mut self, digest: &str) -> PruneResult {
        if let Some(done) = self.done.get(digest) {
            return done.clone();
        }
        let mut index = self.indexes[digest].clone();
        let listed = index["manifests"].as_array().cloned().unwrap_or_default();
        let before = listed.clone();
        let left: Vec<Value> = listed.into_iter().filter_map(|child| self.left_of(child)).collect();
        let pruned = if left.is_empty() {
            PruneResult::Empty
        } else if left == before {
            PruneResult::Kept
        } else {
            index["manifests"] = left.into();
            self.notices.extend(dropped(&index));
            drop_refused(&mut index);
            // Sorting gives the same bytes in every program, for both member orders of
            // `serde_json`.
            index.sort_all_objects();
            let text = Bytes::from(index.to_string());
            let size = text.len() as u64;
            PruneResult::Changed { digest: self.new.add(text), size }
        };
        self.done.insert(digest.to_owned(), pruned.clone());
        pruned
    }

    fn left_of(&mut self, mut child: Value) -> Option<Value> {
        let digest = child["digest"].as_str()?.to_owned();
        let reference = child["annotations"][REFERENCE_DIGEST].as_str();
        if self.keep.contains(&digest) || reference.is_some_and(|of| self.keep.contains(of)) {
            return Some(child);
        }
        if !self.indexes.contains_key(&digest) {
            return None;
        }
        match self.prune(&digest) {
            PruneResult::Changed { digest, size } => {
                child["digest"] = digest.as_str().into();
                child["size"] = size.into();
                Some(child)
            }
            PruneResult::Empty => None,
            PruneResult::Kept => Some(child),
        }
    }
}
