//! The reader of manifests and their references, for any kind of store.

use std::collections::{HashMap, HashSet};

use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType};
use serde_json::Value;

use crate::error::Error;
use crate::image::blob::{Blob, Layer};
use crate::image::foreign::{foreign_layers, is_foreign};
use crate::image::graph::{Gaps, Graph, Manifest};
use crate::image::media_types::{
    CONFIGS, INDEXES, MANIFESTS, OCI_INDEX, OCI_MANIFEST, PLAIN_LAYERS, Packing, packing,
};
use crate::image::platform::{Platform, PlatformClaim, claimed_platform};
use crate::image::source::{Piece, Source};
use crate::image::store::{MAX_MANIFEST, Store};
use crate::names::digest::Digest;
use crate::outside::Outside;

/// The config of BuildKit's cache, which it lists in an index together with the layers.
const CACHE_CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";

/// Indexes in an index are rare; this limit rejects long chains of them.
pub(super) const MAX_DEPTH: usize = 8;

/// Reads the graph below a manifest.
pub(super) fn read(store: &dyn Store, root: &Descriptor) -> Result<Graph, Error> {
    let mut reader = Reader::new(store);
    reader.add_manifest(root, PlatformClaim::Nothing, 0)?;
    Ok(reader.finish())
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
    absent: HashSet<Digest>,
    gaps: Gaps,
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
            absent: HashSet::new(),
            gaps: Gaps { subject: store.subject().to_owned(), ..Gaps::default() },
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
        let Some(content) = self.verified(&digest, descriptor)? else {
            return Ok(None);
        };
        let problem = || format!("its manifest {digest} is broken");
        let text = String::from_utf8(content)
            .map_err(|error| Error::image_caused(self.store.subject(), problem(), error))?;
        let json: Value = serde_json::from_str(&text)
            .map_err(|error| Error::image_caused(self.store.subject(), problem(), error))?;
        let own = json.get("mediaType").and_then(Value::as_str);
        let media_type = match own.unwrap_or(descriptor.media_type().as_ref()) {
            // Only `index.json` lists manifests without a type.
            "" if json.get("manifests").is_some() => OCI_INDEX,
            "" => OCI_MANIFEST,
            stated => stated,
        };
        let media_type = media_type.to_owned();
        let shape = self.shape(&digest, &media_type, &json)?;
        Ok(Some(CheckedManifest { digest, media_type, shape, text, json }))
    }

    /// Returns the manifests that an index lists, and what it states about each.
    pub(super) fn listed(
        &self,
        index: &CheckedManifest,
    ) -> Result<Vec<(Descriptor, PlatformClaim)>, Error> {
        let is_cache = |it: &Value| it["mediaType"] == CACHE_CONFIG;
        if index.json["manifests"].as_array().is_some_and(|listed| listed.iter().any(is_cache)) {
            let problem = "it is a cache of BuildKit, not an image: write it with \
                           `image-manifest=true`";
            return Err(self.wrong(problem.to_owned()));
        }
        let parsed: ImageIndex =
            serde_json::from_str(&index.text).map_err(|error| self.broken(&index.digest, error))?;
        // `oci-spec` loses the version of the operating system.
        let claims = index.json["manifests"].as_array().into_iter().flatten().map(claimed_platform);
        Ok(parsed.manifests().iter().cloned().zip(claims).collect())
    }

    /// Returns the platform that an image's config names, if it names one.
    pub(super) fn platform_of(&self, image: &CheckedManifest) -> Result<Option<Platform>, Error> {
        let manifest: ImageManifest =
            serde_json::from_str(&image.text).map_err(|error| self.broken(&image.digest, error))?;
        let config = manifest.config();
        if !CONFIGS.contains(&config.media_type().as_ref()) || config.size() > MAX_MANIFEST {
            return Ok(None);
        }
        let content = self.verified(&self.digest(config)?, config)?;
        let json = content.and_then(|content| serde_json::from_slice::<Value>(&content).ok());
        Ok(json.as_ref().and_then(Platform::from_json))
    }

    /// Adds a manifest after all manifests and blobs that it refers to.
    fn add_manifest(
        &mut self,
        descriptor: &Descriptor,
        claim: PlatformClaim,
        depth: usize,
    ) -> Result<(), Error> {
        let digest = self.digest(descriptor)?;
        if !self.manifests_seen.insert(digest.clone()) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(self.too_deep());
        }
        let Some(loaded) = self.load(descriptor)? else {
            if depth == 0 {
                return Err(self.missing(descriptor));
            }
            self.gaps.manifests.push(digest);
            return Ok(());
        };
        match loaded.shape {
            Shape::Index => {
                for (child, claim) in self.listed(&loaded)? {
                    self.add_manifest(&child, claim, depth + 1)?;
                }
            }
            Shape::Manifest => {
                let manifest: ImageManifest = serde_json::from_str(&loaded.text)
                    .map_err(|error| self.broken(&loaded.digest, error))?;
                self.add_blob(manifest.config())?;
                for layer in manifest.layers() {
                    self.add_blob(layer)?;
                }
                self.check_config(&loaded.digest, &manifest)?;
                let platform = match claim {
                    PlatformClaim::Nothing => self.platform_of(&loaded)?,
                    PlatformClaim::Nowhere => None,
                    PlatformClaim::Platform(platform) => Some(platform),
                };
                if self.is_complete(&loaded.json) {
                    self.gaps.complete.extend(platform.clone());
                }
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

    /// Builds the error of a root that is missing.
    pub(super) fn missing(&self, root: &Descriptor) -> Error {
        match self.digest(root) {
            Ok(digest) => {
                let place = self.store.place(&digest);
                self.wrong(format!("its blob {digest} is missing{place}"))
            }
            Err(error) => error,
        }
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
            let shown = Outside::new(media_type);
            return Err(wrong(format!("ECR doesn't accept manifests of the type `{shown}`")));
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
        let source = match self.content(&digest, descriptor)? {
            Some(piece) => piece.source,
            // The repository may have it.
            None => {
                self.absent.insert(digest.clone());
                Source::Elsewhere
            }
        };
        self.blobs.push(Blob { layer: Layer { digest, size }, source });
        Ok(())
    }

    /// Checks a config at once, because it is small; otherwise the layers would be sent before it.
    /// Then checks that the layers agree with it.
    fn check_config(&self, digest: &Digest, manifest: &ImageManifest) -> Result<(), Error> {
        let config = manifest.config();
        if config.size() > MAX_MANIFEST {
            return Ok(());
        }
        let content = self.verified(&self.digest(config)?, config)?;
        if !CONFIGS.contains(&config.media_type().as_ref()) {
            return Ok(());
        }
        let diff_ids = diff_ids(&content.unwrap_or_default());
        let layers = manifest.layers();
        if diff_ids.is_empty() {
            return Ok(());
        }
        if diff_ids.len() != layers.len() {
            return Err(self.wrong(format!(
                "its manifest {digest} has {} layers, but its config has {} diff_ids",
                layers.len(),
                diff_ids.len()
            )));
        }
        for (position, (layer, diff_id)) in layers.iter().zip(&diff_ids).enumerate() {
            if PLAIN_LAYERS.contains(&layer.media_type().as_ref())
                && layer.digest().to_string() != *diff_id
                && let Some(piece) = self.store.find(&self.digest(layer)?)?
                // Some writers give compressed layers the type of uncompressed ones.
                && packing(&piece)? == Packing::None
            {
                return Err(self.wrong(format!(
                    "layer {} of its manifest {digest} is {}, but its config says {}",
                    position + 1,
                    layer.digest(),
                    Outside::new(diff_id)
                )));
            }
        }
        Ok(())
    }

    fn digest(&self, descriptor: &Descriptor) -> Result<Digest, Error> {
        let text = descriptor.digest().to_string();
        text.parse()
            .map_err(|_| self.wrong(format!("it refers to {text}, and ECR supports only sha256")))
    }

    /// Returns the content of a descriptor: in the store, or in its own `data`.
    fn content(&self, digest: &Digest, descriptor: &Descriptor) -> Result<Option<Piece>, Error> {
        let size = descriptor.size();
        if let Some(piece) = self.store.find(digest)? {
            return sized(piece, digest, size).map(Some);
        }
        let Some(data) = descriptor.data() else {
            return Ok(None);
        };
        let place = || format!("the `data` of its descriptor in {}", self.store.subject());
        let content = base64_simd::STANDARD.decode_to_vec(data).map_err(|error| {
            let problem = format!("the `data` of the descriptor of {digest} is not base64");
            Error::image_caused(self.store.subject(), problem, error)
        })?;
        let found = Digest::from_content(&content);
        if content.len() as u64 != size {
            return Err(Error::blob_size(&place(), digest, size, content.len() as u64));
        }
        if found != *digest {
            return Err(Error::blob_mismatch(&place(), digest, &found));
        }
        Ok(Some(Piece::from_bytes(content.into())))
    }

    /// Reads a small blob and checks its size and digest.
    fn verified(&self, digest: &Digest, descriptor: &Descriptor) -> Result<Option<Vec<u8>>, Error> {
        let Some(piece) = self.content(digest, descriptor)? else {
            return Ok(None);
        };
        let content = piece.read()?;
        let found = Digest::from_content(&content);
        if found != *digest {
            return Err(Error::blob_mismatch(&piece.source, digest, &found));
        }
        Ok(Some(content))
    }

    /// Returns whether the image has everything that a manifest lists, apart from foreign layers.
    fn is_complete(&self, manifest: &Value) -> bool {
        let is_absent = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().and_then(|digest| digest.parse().ok());
            digest.is_some_and(|digest| self.absent.contains(&digest)) && !is_foreign(descriptor)
        };
        let layers = manifest["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
        !layers.iter().chain([&manifest["config"]]).any(is_absent)
    }

    fn finish(self) -> Graph {
        let Self { store, manifests, blobs, platforms, mut gaps, .. } = self;
        let foreign = foreign_layers(manifests.iter().map(|manifest| manifest.text.as_str()));
        let absent = blobs.iter().filter(|blob| matches!(blob.source, Source::Elsewhere));
        let mut absent = absent.map(|blob| &blob.layer.digest).filter(|it| !foreign.contains(it));
        if let Some(first) = gaps.manifests.first().or_else(|| absent.next()) {
            gaps.place = store.place(first);
        }
        let (referrers, notices) = (Vec::new(), Vec::new());
        Graph { manifests, blobs, platforms, gaps, referrers, notices }
    }
}

/// Returns the digests of the uncompressed layers that a config lists.
pub(super) fn diff_ids(config: &[u8]) -> Vec<String> {
    let config: Value = serde_json::from_slice(config).unwrap_or_default();
    let diff_ids = config.pointer("/rootfs/diff_ids").and_then(Value::as_array);
    let diff_ids = diff_ids.into_iter().flatten();
    diff_ids.map(|diff_id| diff_id.as_str().unwrap_or_default().to_owned()).collect()
}

fn sized(piece: Piece, digest: &Digest, expected: u64) -> Result<Piece, Error> {
    if piece.size == expected {
        Ok(piece)
    } else {
        Err(Error::blob_size(&piece.source, digest, expected, piece.size))
    }
}
