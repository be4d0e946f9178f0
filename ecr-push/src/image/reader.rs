//! Reading manifests and what they name, wherever the content of a digest is.

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

/// An index in an index is rare, and a chain of them no image.
pub(super) const MAX_DEPTH: usize = 8;

/// The graph below a manifest.
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

/// A manifest or an index whose digest is right.
pub(super) struct CheckedManifest {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) shape: Shape,
    pub(super) text: String,
    pub(super) json: Value,
}

/// Collects a graph, each manifest and blob once however often it is named.
pub(super) struct Reader<'a> {
    store: &'a dyn Store,
    manifests: Vec<Manifest>,
    blobs: Vec<Blob>,
    platforms: Vec<Platform>,
    /// Apart from the blobs: the same content may be both.
    manifests_seen: HashSet<Digest>,
    sizes: HashMap<Digest, u64>,
    /// Named all together: whoever fetches them wants to know of every one.
    missing: Vec<Digest>,
    /// The platforms of manifests that are missing, as of an image that was pulled for one alone.
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

    /// Reads and checks a manifest; `None` where its content is missing.
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

    /// The manifests that an index lists.
    pub(super) fn listed(&self, index: &CheckedManifest) -> Result<Vec<Descriptor>, Error> {
        let parsed: ImageIndex =
            serde_json::from_str(&index.text).map_err(|error| self.broken(&index.digest, error))?;
        Ok(parsed.manifests().clone())
    }

    /// Which platform an image's config names, where there is one.
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

    /// Adds a manifest after everything that it refers to.
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

    /// What it is by its media type, which has to be what it looks like: a text that passes for
    /// both is how one image is checked and another one run.
    fn shape(&self, digest: &Digest, media_type: &str, json: &Value) -> Result<Shape, Error> {
        let wrong =
            |problem: String| self.wrong(format!("its manifest {digest} is broken: {problem}"));
        let shape = if MANIFESTS.contains(&media_type) {
            Shape::Manifest
        } else if INDEXES.contains(&media_type) {
            Shape::Index
        } else {
            return Err(wrong(format!("ECR takes no manifests of the type `{media_type}`")));
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
                Err(wrong(format!("it is of the type `{media_type}` and has `{member}`")))
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
                let problem = format!("it names the blob {digest} with {other} and {size} bytes");
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

    /// A config is small: it is checked at once, rather than after the layers have been sent.
    fn check_config(&self, config: &Descriptor) -> Result<(), Error> {
        if config.size() <= MAX_MANIFEST {
            self.verified(&self.digest(config)?, config.size())?;
        }
        Ok(())
    }

    fn digest(&self, descriptor: &Descriptor) -> Result<Digest, Error> {
        let text = descriptor.digest().to_string();
        text.parse()
            .map_err(|_| self.wrong(format!("it names {text}, and ECR stores nothing but sha256")))
    }

    /// Reads a small blob, and checks its size and digest.
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
            problem.push_str(&format!("; it has the image for {there}, and lacks {lacking}"));
        }
        Err(Error::image(store.subject(), problem))
    }
}

/// For messages.
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
