//! Some of an image's platforms, and an index of just these.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use oci_spec::image::Descriptor;
use serde_json::Value;

use crate::error::Error;
use crate::image::in_memory::MemoryStore;
use crate::image::platform::{Platform, PlatformClaim, claimed_platform};
use crate::image::reader::{self, CheckedManifest, MAX_DEPTH, Reader, Shape};
use crate::image::source::Piece;
use crate::image::store::Store;
use crate::names::digest::Digest;

/// What is left of an image: a root, in a store that has the new indexes beside the old content.
pub(super) struct Selection<'a> {
    pub(super) root: Descriptor,
    old: &'a dyn Store,
    new: MemoryStore,
}

/// BuildKit's annotation: of which manifest a descriptor is the attestation.
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// Looks for each of the `wanted` platforms in the image.
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
    survey.look_at(root, 0)?;
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
    let root = match chosen.as_slice() {
        [one] => one.descriptor.clone(),
        all if all.len() == images.len() => root.clone(),
        several => {
            let keep = several.iter().map(|image| image.digest()).collect();
            let mut pruner =
                Pruner { indexes: &indexes, keep, done: HashMap::new(), new: &mut new };
            let text = root.digest().to_string();
            match pruner.prune(&text) {
                PruneResult::Changed { digest, size } => {
                    reader::descriptor(root.media_type().as_ref(), &digest, size)
                }
                // Not empty, as it leads to all that was found.
                PruneResult::Empty | PruneResult::Kept => root.clone(),
            }
        }
    };
    Ok(Selection { root, old: store, new })
}

impl Store for Selection<'_> {
    fn subject(&self) -> &str {
        self.old.subject()
    }

    fn find(&self, digest: &Digest) -> Result<Option<Piece>, Error> {
        match self.new.find(digest)? {
            Some(piece) => Ok(Some(piece)),
            None => self.old.find(digest),
        }
    }

    fn place(&self, digest: &Digest) -> String {
        self.old.place(digest)
    }
}

/// An image of a platform.
struct PlatformImage {
    platform: Platform,
    descriptor: Descriptor,
}

impl PlatformImage {
    fn digest(&self) -> String {
        self.descriptor.digest().to_string()
    }
}

/// All that an image has of platforms, without a look at layers.
struct PlatformSurvey<'a> {
    reader: Reader<'a>,
    images: Vec<PlatformImage>,
    /// By their digests.
    indexes: HashMap<String, Value>,
    seen: HashSet<String>,
}

impl PlatformSurvey<'_> {
    fn look_at(&mut self, descriptor: &Descriptor, depth: usize) -> Result<(), Error> {
        if !self.seen.insert(descriptor.digest().to_string()) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(self.reader.too_deep());
        }
        let platform = match claimed_platform(descriptor, depth) {
            PlatformClaim::Nothing => match self.reader.load(descriptor)? {
                None if depth == 0 => {
                    let problem = format!("its blob {} is missing", descriptor.digest());
                    return Err(self.reader.wrong(problem));
                }
                // Which platform that would be is unknown, so that it can't be asked for, either.
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
        for child in self.reader.listed(&index)? {
            self.look_at(&child, depth + 1)?;
        }
        self.indexes.insert(descriptor.digest().to_string(), index.json);
        Ok(())
    }
}

/// The one image that a platform means.
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
            Err(format!("there is no image for `{wanted}` in it, nor for any other platform"))
        }
        [] => {
            let all: Vec<&PlatformImage> = images.iter().collect();
            Err(format!("there is no image for `{wanted}` in it, there are {}", listed(&all)))
        }
        several => Err(format!(
            "there are {} images for `{wanted}` in it: {}",
            several.len(),
            listed(several)
        )),
    }
}

/// Makes indexes of what is kept.
struct Pruner<'a> {
    indexes: &'a HashMap<String, Value>,
    /// The digests of the images.
    keep: HashSet<String>,
    done: HashMap<String, PruneResult>,
    new: &'a mut MemoryStore,
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
            // The same bytes in every program, whichever order `serde_json` keeps in it.
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
