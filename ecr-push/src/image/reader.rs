//! The reader of manifests and their references, for any kind of store.

use std::collections::{HashMap, HashSet};

use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType};
use serde_json::Value;

use crate::error::Error;
use crate::image::blob::{Blob, Layer};
use crate::image::graph::{Graph, Manifest};
use crate::image::media_types::{CONFIGS, INDEXES, MANIFESTS};
use crate::image::platform::{Platform, PlatformClaim, claimed_platform};
use crate::image::source::{Piece, Source};
use crate::image::store::{MAX_MANIFEST, Store};
use crate::names::digest::Digest;

/// Indexes in an index are rare; this limit rejects long chains of them.
pub(super) const MAX_DEPTH: usize = 8;

/// Reads the graph below a manifest.
pub(super) fn read(store: &dyn Store, root: &Descriptor) -> Result<Graph, Error> {
    let mut reader = Reader::new(store);
    reader.add_manifest(root, 0)?;
    reader.finish()
}

pub(super) fn descriptor(media_type: &str, digest: &Digest, size: u64) -> Descriptor {
    let text = digest.as_str();
    let digest =
        text.parse::<oci_spec::image::Digest>().expect("a digest of 64 hexadecimal digits");
    Descriptor::new(MediaType::from(media_type), size, digest)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Index,
    Manifest,
}

/// A manifest or an index whose digest has been checked.
pub(super) struct CheckedManifest {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) shape: Shape,
    pub(super) text: String,
    pub(super) json: Value,
}

/// Collects a graph with each manifest and blob once, although several descriptors may name it.
pub(super) struct Reader<'a> {
    store: &'a dyn Store,
    manifests: Vec<Manifest>,
    blobs: Vec<Blob>,
    platforms: Vec<Platform>,
    /// Separate from the blobs, because the same content may be both.
    manifests_seen: HashSet<Digest>,
    sizes: HashMap<Digest, u64>,
    /// Collected, so that one error names all of them.
    missing: Vec<Digest>,
    /// The platforms of missing manifests, for example of an image that was pulled for one
    /// platform.
    lacking: Vec<Platform>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self {
            store,
            manifests: Vec::new(),
            blobs: Vec::new(),
            platforms: Vec::new(),
            manifests_seen: HashSet::new(),
            sizes: HashMap::new(),
            missing: Vec::new(),
            lacking: Vec::new(),
        }
    }

    /// Reads and checks a manifest; `None` if its content is missing.
    pub(super) fn load(&self, descriptor: &Descriptor) -> Result<Option<CheckedManifest>, Error> {
        let digest = self.digest(descriptor)?;
        let size = descriptor.size();
        if size > MAX_MANIFEST {
            let problem =
                format!("a manifest of {size} bytes is over ECR's limit of {MAX_MANIFEST}");
            return Err(Error::unsupported(&digest, &[problem]));
        }
        let Some(content) = self.verified(&digest, size)? else {
            return Ok(None);
        };
        let problem = || format!("its manifest {digest} is broken");
        let text = String::from_utf8(content)
            .map_err(|error| Error::image_caused(self.store.subject(), problem(), error))?;
        let json: Value = serde_json::from_str(&text)
            .map_err(|error| Error::image_caused(self.store.subject(), problem(), error))?;
        let own = json.get("mediaType").and_then(Value::as_str).map(str::to_owned);
        let media_type = own.unwrap_or_else(|| descriptor.media_type().to_string());
        let shape = self.shape(&digest, &media_type, &json)?;
        Ok(Some(CheckedManifest { digest, media_type, shape, text, json }))
    }

    /// Returns the manifests that an index lists.
    pub(super) fn listed(&self, index: &CheckedManifest) -> Result<Vec<Descriptor>, Error> {
        let parsed: ImageIndex =
            serde_json::from_str(&index.text).map_err(|error| self.broken(&index.digest, error))?;
        Ok(parsed.manifests().clone())
    }

    /// Returns the platform that an image's config names, if it names one.
    pub(super) fn platform_of(&self, image: &CheckedManifest) -> Result<Option<Platform>, Error> {
        let manifest: ImageManifest =
            serde_json::from_str(&image.text).map_err(|error| self.broken(&image.digest, error))?;
        let config = manifest.config();
        if !CONFIGS.contains(&config.media_type().as_ref()) || config.size() > MAX_MANIFEST {
            return Ok(None);
        }
        let content = self.verified(&self.digest(config)?, config.size())?;
        let json = content.and_then(|content| serde_json::from_slice::<Value>(&content).ok());
        Ok(json.as_ref().and_then(Platform::from_json))
    }

    /// Adds a manifest after all manifests and blobs that it refers to.
    fn add_manifest(&mut self, descriptor: &Descriptor, depth: usize) -> Result<(), Error> {
        let digest = self.digest(descriptor)?;
        if !self.manifests_seen.insert(digest.clone()) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(self.too_deep());
        }
        let Some(loaded) = self.load(descriptor)? else {
            self.missing.push(digest);
            if let PlatformClaim::Platform(platform) = claimed_platform(descriptor, depth) {
                self.lacking.push(platform);
            }
            return Ok(());
        };
        match loaded.shape {
            Shape::Index => {
                for child in self.listed(&loaded)? {
                    self.add_manifest(&child, depth + 1)?;
                }
            }
            Shape::Manifest => {
                let manifest: ImageManifest = serde_json::from_str(&loaded.text)
                    .map_err(|error| self.broken(&loaded.digest, error))?;
                self.add_blob(manifest.config())?;
                for layer in manifest.layers() {
                    self.add_blob(layer)?;
                }
                self.check_config(manifest.config())?;
                let platform = match claimed_platform(descriptor, depth) {
                    PlatformClaim::Nothing => self.platform_of(&loaded)?,
                    PlatformClaim::Nowhere => None,
                    PlatformClaim::Platform(platform) => Some(platform),
                };
                self.platforms.extend(platform.filter(|new| !self.platforms.contains(new)));
            }
        }
        let CheckedManifest { digest, media_type, text, .. } = loaded;
        self.manifests.push(Manifest { digest, media_type, text });
        Ok(())
    }

    pub(super) fn too_deep(&self) -> Error {
        self.wrong(format!("its indexes are nested more than {MAX_DEPTH} deep"))
    }

    pub(super) fn wrong(&self, problem: String) -> Error {
        Error::image(self.store.subject(), problem)
    }

    fn broken(&self, digest: &Digest, error: serde_json::Error) -> Error {
        let problem = format!("its manifest {digest} is broken");
        Error::image_caused(self.store.subject(), problem, error)
    }

    /// Returns the shape that the media type states, and checks that the members fit it. Otherwise
    /// a text that passes as both could be checked as one image and run as another.
    fn shape(&self, digest: &Digest, media_type: &str, json: &Value) -> Result<Shape, Error> {
        let wrong =
            |problem: String| self.wrong(format!("its manifest {digest} is broken: {problem}"));
        let shape = if MANIFESTS.contains(&media_type) {
            Shape::Manifest
        } else if INDEXES.contains(&media_type) {
            Shape::Index
        } else {
            return Err(wrong(format!("ECR doesn't accept manifests of the type `{media_type}`")));
        };
        if json.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            return Err(wrong("its schemaVersion isn't 2".to_owned()));
        }
        let foreign = match shape {
            Shape::Index => ["config", "layers"].as_slice(),
            Shape::Manifest => ["manifests"].as_slice(),
        };
        match foreign.iter().find(|member| json.get(**member).is_some()) {
            Some(member) => {
                Err(wrong(format!("a manifest of the type `{media_type}` can't have `{member}`")))
            }
            None => Ok(shape),
        }
    }

    fn add_blob(&mut self, descriptor: &Descriptor) -> Result<(), Error> {
        let digest = self.digest(descriptor)?;
        let size = descriptor.size();
        match self.sizes.insert(digest.clone(), size) {
            Some(same) if same == size => return Ok(()),
            Some(other) => {
                let problem =
                    format!("it lists the blob {digest} with both {other} and {size} bytes");
                return Err(self.wrong(problem));
            }
            None => {}
        }
        let foreign = descriptor.urls().as_ref().is_some_and(|urls| !urls.is_empty());
        let source = match self.store.find(&digest)? {
            Some(piece) => sized(piece, &digest, size)?.source,
            None if foreign => Source::Elsewhere,
            None => {
                self.missing.push(digest);
                return Ok(());
            }
        };
        self.blobs.push(Blob { layer: Layer { digest, size }, source });
        Ok(())
    }

    /// Checks a config at once, because it is small; otherwise the layers would be sent before it.
    fn check_config(&self, config: &Descriptor) -> Result<(), Error> {
        if config.size() <= MAX_MANIFEST {
            self.verified(&self.digest(config)?, config.size())?;
        }
        Ok(())
    }

    fn digest(&self, descriptor: &Descriptor) -> Result<Digest, Error> {
        let text = descriptor.digest().to_string();
        text.parse()
            .map_err(|_| self.wrong(format!("it refers to {text}, and ECR supports only sha256")))
    }

    /// Reads a small blob and checks its size and digest.
    fn verified(&self, digest: &Digest, size: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(piece) = self.store.find(digest)? else {
            return Ok(None);
        };
        let piece = sized(piece, digest, size)?;
        let content = piece.read()?;
        let found = Digest::from_content(&content);
        if found != *digest {
            return Err(Error::blob_mismatch(&piece.source, digest, &found));
        }
        Ok(Some(content))
    }

    fn finish(self) -> Result<Graph, Error> {
        let Self { store, manifests, blobs, platforms, missing, lacking, .. } = self;
        let mut problem = match missing.as_slice() {
            [] => return Ok(Graph { manifests, blobs, platforms }),
            [one] => format!("its blob {one} is missing{}", store.place(one)),
            several => {
                let digests: Vec<&str> = several.iter().map(Digest::as_str).collect();
                format!("{} of its blobs are missing: {}", several.len(), digests.join(", "))
            }
        };
        if !platforms.is_empty() && !lacking.is_empty() {
            let (there, lacking) = (listed(&platforms), listed(&lacking));
            problem.push_str(&format!("; it has the image for {there}, but not for {lacking}"));
        }
        Err(Error::image(store.subject(), problem))
    }
}

/// Formats platforms for messages.
fn listed(platforms: &[Platform]) -> String {
    let names: Vec<String> = platforms.iter().map(|platform| format!("`{platform}`")).collect();
    names.join(", ")
}

fn sized(piece: Piece, digest: &Digest, expected: u64) -> Result<Piece, Error> {
    if piece.size == expected {
        Ok(piece)
    } else {
        Err(Error::blob_size(&piece.source, digest, expected, piece.size))
    }
}
