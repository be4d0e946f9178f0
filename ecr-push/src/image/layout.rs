//! Reading an OCI image layout directory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use serde_json::Value;

use crate::error::Error;
use crate::image::{Blob, Builder, Graph, Layer, Manifest, Source};
use crate::names::Digest;

/// Which of the images in `index.json`.
#[derive(Debug)]
pub(crate) enum Choice {
    Named(String),
    Only,
}

/// ECR's service model: `imageManifest` has at most 4194304 characters. Whatever is larger in the
/// place of a manifest is not read into memory.
const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

/// An index in an index is rare, and a chain of them no image.
const MAX_DEPTH: usize = 8;

const REF_NAME: &str = "org.opencontainers.image.ref.name";

pub(crate) fn read(root: &Path, choice: &Choice) -> Result<Graph, Error> {
    let layout = Layout { root };
    layout.check_marker()?;
    let descriptor = layout.choose(choice)?;
    let mut builder = Builder::default();
    layout.add_manifest(&descriptor, 0, &mut builder)?;
    Ok(builder.finish())
}

/// The manifests that ECR's user guide lists ("Container image manifest format support").
const MANIFESTS: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
];
const INDEXES: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
];

#[derive(Debug, Clone, Copy)]
enum Shape {
    Index,
    Manifest,
}

struct Layout<'a> {
    root: &'a Path,
}

impl Layout<'_> {
    fn check_marker(&self) -> Result<(), Error> {
        let metadata = fs::metadata(self.root).map_err(|error| Error::io(self.root, error))?;
        if !metadata.is_dir() {
            let problem = "it is a file, and only OCI layout directories are read: unpack it first";
            return Err(Error::image(self.root, problem));
        }
        let marker = self.root.join("oci-layout");
        let text = self.read_small(&marker)?;
        let version = serde_json::from_slice::<Value>(&text).ok();
        match version.as_ref().and_then(|json| json.get("imageLayoutVersion")?.as_str()) {
            Some(version) if version.starts_with("1.") => Ok(()),
            Some(version) => Err(Error::image(
                self.root,
                format!("its layout has version {version}, only 1.0.0 is known"),
            )),
            None => Err(Error::image(self.root, "its file `oci-layout` names no version")),
        }
    }

    /// One of the two files that make a folder a layout.
    fn read_small(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::image(
                self.root,
                "it is no OCI layout, which holds the files `oci-layout` and `index.json`",
            ),
            _ => Error::io(path, error),
        })?;
        // A pipe would be waited for, and a device has no end.
        if !metadata.is_file() || metadata.len() > MAX_MANIFEST {
            let problem = format!("{} is no file of at most 4 MiB", path.display());
            return Err(Error::image(self.root, problem));
        }
        fs::read(path).map_err(|error| Error::io(path, error))
    }

    fn choose(&self, choice: &Choice) -> Result<Descriptor, Error> {
        let path = self.root.join("index.json");
        let text = self.read_small(&path)?;
        let index: ImageIndex = serde_json::from_slice(&text)
            .map_err(|error| Error::image_caused(self.root, "its index.json is broken", error))?;
        let named = |descriptor: &Descriptor| {
            descriptor.annotations().as_ref().and_then(|all| all.get(REF_NAME)).cloned()
        };
        let listed = || {
            let names: Vec<String> = index
                .manifests()
                .iter()
                .map(|descriptor| match named(descriptor) {
                    Some(name) => format!("`{name}`"),
                    None => format!("unnamed {}", descriptor.digest()),
                })
                .collect();
            names.join(", ")
        };
        match (choice, index.manifests().as_slice()) {
            (_, []) => Err(Error::image(self.root, "its index.json lists no image")),
            (Choice::Only, [only]) => Ok(only.clone()),
            (Choice::Only, several) => Err(Error::image(
                self.root,
                format!("its index.json lists {} images, name one: {}", several.len(), listed()),
            )),
            (Choice::Named(name), all) => all
                .iter()
                .find(|descriptor| {
                    named(descriptor).as_ref() == Some(name)
                        || descriptor.digest().to_string() == *name
                })
                .cloned()
                .ok_or_else(|| {
                    let problem =
                        format!("its index.json has no image `{name}`, it has {}", listed());
                    Error::image(self.root, problem)
                }),
        }
    }

    /// Adds a manifest after everything that it refers to.
    fn add_manifest(
        &self,
        descriptor: &Descriptor,
        depth: usize,
        builder: &mut Builder,
    ) -> Result<(), Error> {
        let digest = self.digest(descriptor)?;
        if !builder.first_manifest(&digest) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            let problem = format!("its indexes are nested more than {MAX_DEPTH} deep");
            return Err(Error::image(self.root, problem));
        }
        let (text, json) = self.manifest_text(descriptor, &digest)?;
        let broken = |error| {
            Error::image_caused(self.root, format!("its manifest {digest} is broken"), error)
        };
        let own = json.get("mediaType").and_then(Value::as_str).map(str::to_owned);
        let media_type = own.unwrap_or_else(|| descriptor.media_type().to_string());
        match self.shape(&digest, &media_type, &json)? {
            Shape::Index => {
                let index: ImageIndex = serde_json::from_str(&text).map_err(broken)?;
                for child in index.manifests() {
                    self.add_manifest(child, depth + 1, builder)?;
                }
            }
            Shape::Manifest => {
                let manifest: ImageManifest = serde_json::from_str(&text).map_err(broken)?;
                self.add_blob(manifest.config(), builder)?;
                for layer in manifest.layers() {
                    self.add_blob(layer, builder)?;
                }
                self.check_config(manifest.config())?;
            }
        }
        builder.manifests.push(Manifest { digest, media_type, text });
        Ok(())
    }

    /// What it is by its media type, which has to be what it looks like: a text that passes for
    /// both is how one image is checked and another one run.
    fn shape(&self, digest: &Digest, media_type: &str, json: &Value) -> Result<Shape, Error> {
        let wrong = |problem: String| {
            Error::image(self.root, format!("its manifest {digest} is broken: {problem}"))
        };
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

    fn manifest_text(
        &self,
        descriptor: &Descriptor,
        digest: &Digest,
    ) -> Result<(String, Value), Error> {
        if descriptor.size() > MAX_MANIFEST {
            let size = descriptor.size();
            let problem =
                format!("a manifest of {size} bytes is over ECR's limit of {MAX_MANIFEST}");
            return Err(Error::unsupported(digest, &[problem]));
        }
        let content = self.verified(descriptor)?;
        let problem = || format!("its manifest {digest} is broken");
        let text = String::from_utf8(content)
            .map_err(|error| Error::image_caused(self.root, problem(), error))?;
        let json = serde_json::from_str(&text)
            .map_err(|error| Error::image_caused(self.root, problem(), error))?;
        Ok((text, json))
    }

    fn add_blob(&self, descriptor: &Descriptor, builder: &mut Builder) -> Result<(), Error> {
        let digest = self.digest(descriptor)?;
        let size = descriptor.size();
        match builder.size_of(&digest) {
            Some(same) if same == size => return Ok(()),
            Some(other) => {
                let problem = format!("it names the blob {digest} with {other} and {size} bytes");
                return Err(Error::image(self.root, problem));
            }
            None => {}
        }
        let foreign = descriptor.urls().as_ref().is_some_and(|urls| !urls.is_empty());
        let source = if foreign && !self.blob_path(&digest).exists() {
            Source::Elsewhere
        } else {
            Source::file(self.check_size(&digest, size)?)
        };
        builder.add(Blob { layer: Layer { digest, size }, source });
        Ok(())
    }

    /// A config is small: it is checked at once, rather than after the layers have been sent.
    fn check_config(&self, config: &Descriptor) -> Result<(), Error> {
        if config.size() <= MAX_MANIFEST { self.verified(config).map(drop) } else { Ok(()) }
    }

    fn digest(&self, descriptor: &Descriptor) -> Result<Digest, Error> {
        let text = descriptor.digest().to_string();
        text.parse().map_err(|_| {
            let problem = format!("it names {text}, and ECR stores nothing but sha256");
            Error::image(self.root, problem)
        })
    }

    /// Reads a small blob, and checks its size and digest.
    fn verified(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let digest = self.digest(descriptor)?;
        let path = self.check_size(&digest, descriptor.size())?;
        let content = fs::read(&path).map_err(|error| Error::io(&path, error))?;
        let found = Digest::of(&content);
        if found != digest {
            return Err(Error::blob_mismatch(&Source::file(path), &digest, &found));
        }
        Ok(content)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// Where the blob is.
    fn check_size(&self, digest: &Digest, expected: u64) -> Result<PathBuf, Error> {
        let path = self.blob_path(digest);
        let metadata = fs::metadata(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::image(
                self.root,
                format!("its blob {digest} is missing, there is no file {}", path.display()),
            ),
            _ => Error::io(&path, error),
        })?;
        if !metadata.is_file() {
            let problem = format!("its blob {digest} is no file: {}", path.display());
            return Err(Error::image(self.root, problem));
        }
        if metadata.len() != expected {
            return Err(Error::blob_size(&Source::file(path), digest, expected, metadata.len()));
        }
        Ok(path)
    }
}
