//! A builder of tar files, valid and broken ones, and of images in them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use crate::layout::{Layout, content, digest};

pub(crate) struct Tar(Builder<Vec<u8>>);

impl Tar {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, "", content)
    }

    pub(crate) fn link(self, kind: EntryType, name: &str, target: &str) -> Self {
        self.entry(kind, name, target, b"")
    }

    /// Adds any entry, with its name and its link unchanged.
    pub(crate) fn entry(mut self, kind: EntryType, name: &str, link: &str, data: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_gnu_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    /// Adds a file with a name of more than 100 bytes, in a GNU header of its own.
    pub(crate) fn long_file(mut self, name: &str, content: &[u8]) -> Self {
        assert!(name.len() > 100);
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        self.0.append_data(&mut header, name, content).unwrap();
        self
    }

    pub(crate) fn pax(mut self, extensions: &[(&str, &str)]) -> Self {
        let extensions = extensions.iter().map(|(key, value)| (*key, value.as_bytes()));
        self.0.append_pax_extensions(extensions).unwrap();
        self
    }

    /// Adds all files of a folder, each with `prefix` before its name.
    pub(crate) fn folder(mut self, root: &Path, prefix: &str) -> Self {
        for name in names_in(root, "") {
            let content = fs::read(root.join(&name)).unwrap();
            self = self.file(&format!("{prefix}{name}"), &content);
        }
        self
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    pub(crate) fn save(self) -> Saved {
        Saved::new(&self.bytes())
    }
}

fn names_in(root: &Path, folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            names.extend(names_in(root, &format!("{name}/")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// A file that is deleted when this value is dropped.
pub(crate) struct Saved {
    _folder: TempDir,
    path: PathBuf,
}

impl Saved {
    pub(crate) fn new(content: &[u8]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("image.tar");
        fs::write(&path, content).unwrap();
        Self { _folder: folder, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Returns an uncompressed layer: a tar with a compressible file of this size.
pub(crate) fn layer(size: usize) -> Vec<u8> {
    let text: Vec<u8> = content(size).iter().map(|byte| b'a' + byte % 8).collect();
    Tar::new().file("srv/file", &text).bytes()
}

/// Returns a config with the digests of these layers.
pub(crate) fn config(layers: &[Vec<u8>]) -> Value {
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
}

/// Returns an archive as `docker save` wrote it before Docker 25.
pub(crate) fn saved_by_old_docker(layers: &[Vec<u8>]) -> Tar {
    let config = config(layers).to_string();
    let names: Vec<String> =
        layers.iter().map(|layer| format!("{}/layer.tar", hex(layer))).collect();
    let config_name = format!("{}.json", hex(config.as_bytes()));
    let manifest = json!([{
        "Config": config_name, "RepoTags": ["web:1.0", "web:latest"], "Layers": names,
    }]);
    let mut tar = Tar::new().file(&config_name, config.as_bytes());
    for (name, layer) in names.iter().zip(layers) {
        tar = tar.file(name, layer);
    }
    tar.file("manifest.json", manifest.to_string().as_bytes()).file("repositories", b"{}")
}

/// Returns an archive as Docker 25 and later save it: a layout with uncompressed layers, and a
/// `manifest.json`.
pub(crate) fn saved_by_new_docker(layers: &[Vec<u8>]) -> Layout {
    let layout = Layout::new();
    let image = tar_image(&layout, layers);
    layout.set_index(&[image]);
    fs::write(layout.path().join("manifest.json"), "[]").unwrap();
    layout
}

/// Adds an image with these uncompressed layers. Returns its descriptor.
pub(crate) fn tar_image(layout: &Layout, layers: &[Vec<u8>]) -> Value {
    tar_image_of(layout, &config(layers), layers)
}

/// Adds an image with this config and these uncompressed layers. Returns its descriptor.
pub(crate) fn tar_image_of(layout: &Layout, config: &Value, layers: &[Vec<u8>]) -> Value {
    let config = config.to_string();
    let config = layout.blob("application/vnd.oci.image.config.v1+json", config.as_bytes());
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| layout.blob("application/vnd.oci.image.layer.v1.tar", layer))
        .collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": crate::layout::MANIFEST, "config": config,
        "layers": layers, "annotations": { "kept": "yes" },
    });
    layout.blob(crate::layout::MANIFEST, manifest.to_string().as_bytes())
}

pub(crate) fn hex(content: &[u8]) -> String {
    digest(content).split_off("sha256:".len())
}
