//! The least of OCI image layouts: one is written to be pushed, and read by pushers that can't.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The one image of a layout.
#[derive(Debug)]
#[non_exhaustive]
pub struct Layout {
    /// Its config and its layers, the largest first.
    pub blobs: Vec<BlobFile>,
    /// Its manifest's bytes.
    pub manifest: Vec<u8>,
    /// Its manifest's digest.
    pub digest: String,
    /// Its manifest's media type.
    pub media_type: String,
}

/// A blob of a layout.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BlobFile {
    /// As its descriptor says.
    pub digest: String,
    /// In bytes.
    pub size: u64,
    /// Where it is.
    pub path: PathBuf,
}

impl Layout {
    /// Writes a layout with one image into `folder`, with a layer of each of these sizes, in bytes.
    /// They are zeros but for their numbers at the front, and take no room on the disk.
    ///
    /// # Errors
    /// Where a file can't be written.
    pub fn write(folder: &Path, layers: &[u64]) -> io::Result<()> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        let mut descriptors = Vec::new();
        for (number, &size) in layers.iter().enumerate() {
            let mut file = File::create_new(blobs.join("layer"))?;
            file.write_all(&number.to_be_bytes()[..size.min(8) as usize])?;
            file.set_len(size)?;
            let digest = hex(&hash(File::open(blobs.join("layer"))?)?);
            fs::rename(blobs.join("layer"), blobs.join(&digest))?;
            descriptors.push(json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": format!("sha256:{digest}"),
                "size": size,
            }));
        }
        let store = |media_type: &str, content: Value| {
            let content = content.to_string();
            let digest = hex(&Sha256::digest(&content));
            fs::write(blobs.join(&digest), &content)?;
            let digest = format!("sha256:{digest}");
            io::Result::Ok(
                json!({ "mediaType": media_type, "digest": digest, "size": content.len() }),
            )
        };
        let ids: Vec<&Value> = descriptors.iter().map(|layer| &layer["digest"]).collect();
        let config = store(
            "application/vnd.oci.image.config.v1+json",
            json!({
                "architecture": "amd64",
                "os": "linux",
                "rootfs": { "type": "layers", "diff_ids": ids },
            }),
        )?;
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = store(
            media_type,
            json!({
                "schemaVersion": 2,
                "mediaType": media_type,
                "config": config,
                "layers": descriptors,
            }),
        )?;
        let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
        fs::write(folder.join("index.json"), index.to_string())?;
        fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
    }

    /// Reads the layout in `folder`, whose index lists one image.
    ///
    /// # Errors
    /// Where a file can't be read, or isn't what a layout has.
    pub fn read(folder: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let index = json(&fs::read(folder.join("index.json"))?)?;
        let root = BlobFile::of(&index["manifests"][0], folder)?;
        let manifest = fs::read(&root.path)?;
        let parsed = json(&manifest)?;
        let layers = parsed["layers"].as_array().ok_or("the manifest has no layers")?;
        let mut blobs = vec![BlobFile::of(&parsed["config"], folder)?];
        for layer in layers {
            blobs.push(BlobFile::of(layer, folder)?);
        }
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
        let media_type = text(&parsed, "mediaType")?;
        Ok(Self { blobs, manifest, digest: root.digest, media_type })
    }
}

impl BlobFile {
    fn of(descriptor: &Value, folder: &Path) -> Result<Self, String> {
        let digest = text(descriptor, "digest")?;
        let size = descriptor["size"].as_u64().ok_or("a descriptor has no size")?;
        let path = folder.join("blobs").join(digest.replace(':', "/"));
        Ok(Self { digest, size, path })
    }
}

fn hash(mut file: File) -> io::Result<Vec<u8>> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finalize().to_vec()),
            len => hasher.update(&piece[..len]),
        }
    }
}

fn json(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes)
}

fn text(object: &Value, member: &str) -> Result<String, String> {
    let text = object[member].as_str().ok_or_else(|| format!("there is no {member}"))?;
    Ok(text.to_owned())
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
