//! A builder of OCI layouts in a temporary folder, valid and broken ones.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A layout that is deleted when this value is dropped.
pub(crate) struct Layout {
    folder: TempDir,
}

impl Layout {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        let marker = json!({ "imageLayoutVersion": "1.0.0" });
        fs::write(folder.path().join("oci-layout"), marker.to_string()).unwrap();
        Self { folder }
    }

    /// Returns a layout of one image with layers of these sizes.
    pub(crate) fn image(layer_sizes: &[usize]) -> Self {
        let layout = Self::new();
        let manifest = layout.manifest(layer_sizes);
        layout.set_index(&[manifest]);
        layout
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a manifest with its blobs, and returns its descriptor.
    pub(crate) fn manifest(&self, layer_sizes: &[usize]) -> Value {
        let layers: Vec<Value> = layer_sizes
            .iter()
            .map(|&size| self.blob("application/vnd.oci.image.layer.v1.tar+gzip", &content(size)))
            .collect();
        let config = json!({ "architecture": "amd64", "os": "linux", "sizes": layer_sizes });
        let config =
            self.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        self.blob(MANIFEST, manifest.to_string().as_bytes())
    }

    /// Adds an index of manifests, and returns its descriptor.
    pub(crate) fn index(&self, manifests: &[Value]) -> Value {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        self.blob(INDEX, index.to_string().as_bytes())
    }

    /// Adds any blob, and returns its descriptor.
    pub(crate) fn blob(&self, media_type: &str, content: &[u8]) -> Value {
        let digest = digest(content);
        fs::write(self.blob_path(&digest), content).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": content.len() })
    }

    pub(crate) fn set_index(&self, manifests: &[Value]) {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        fs::write(self.path().join("index.json"), index.to_string()).unwrap();
    }

    pub(crate) fn blob_path(&self, digest: &str) -> PathBuf {
        self.path().join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
    }
}

pub(crate) fn digest(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Returns bytes that differ between sizes and don't repeat at a part boundary.
pub(crate) fn content(size: usize) -> Vec<u8> {
    let mut state = size as u64 | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
