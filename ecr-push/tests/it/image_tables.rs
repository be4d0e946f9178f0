//! Tests of archives with two tables of contents, which may contradict each other.

use std::fs;

use ecr_push::image::{Compression, Open};
use ecr_push::{ErrorKind, Image};
use serde_json::{Value, json};

use crate::image::problem;
use crate::layout::{Layout, MANIFEST, digest};
use crate::tarball::{Tar, config, hex, layer, tar_image_of};
use crate::world::World;

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

fn blob_name(content: &[u8]) -> String {
    format!("blobs/sha256/{}", hex(content))
}

/// An archive of Docker 25 or later, with two tables of contents.
struct Saved {
    layout: Layout,
    layers: Vec<Vec<u8>>,
    config: Value,
}

impl Saved {
    /// `index` are the numbers of the layers in the manifest that index.json lists.
    fn new(index: &[usize]) -> Self {
        let layers = vec![layer(100), layer(200), layer(300)];
        let (layout, config) = (Layout::new(), config(&layers));
        for layer in &layers {
            layout.blob(TAR, layer);
        }
        let listed: Vec<Vec<u8>> = index.iter().map(|&at| layers[at].clone()).collect();
        let image = tar_image_of(&layout, &config, &listed);
        layout.set_index(&[image]);
        Self { layout, layers, config }
    }

    /// Writes manifest.json with these layers.
    fn with_table(self, table: &[usize]) -> Self {
        let names: Vec<String> = table.iter().map(|&at| blob_name(&self.layers[at])).collect();
        self.set_table(&json!([self.entry("web:1.0", &names)]));
        self
    }

    fn entry(&self, tag: &str, layers: &[String]) -> Value {
        let config = blob_name(self.config.to_string().as_bytes());
        json!({ "Config": config, "RepoTags": [tag], "Layers": layers })
    }

    fn set_table(&self, table: &Value) {
        fs::write(self.layout.path().join("manifest.json"), table.to_string()).unwrap();
    }

    fn set_index(&self, text: &str) {
        fs::write(self.layout.path().join("index.json"), text).unwrap();
    }

    fn open(&self) -> Open {
        Image::open(self.layout.path()).compression(Compression::Keep)
    }

    async fn problem(&self) -> String {
        let error = self.open().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidImage);
        problem(&error, self.layout.path())
    }

    /// Asserts that the image has the layers that its config lists, in order, and that ECR takes
    /// them.
    async fn is_right(&self, open: Open) {
        let image = open.await.unwrap();
        assert_eq!(layers(&image), self.digests());
        World::new().await.takes(&image).await;
    }

    fn digests(&self) -> Vec<String> {
        self.layers.iter().map(|layer| digest(layer)).collect()
    }

    fn root(&self) -> String {
        let index = fs::read(self.layout.path().join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        index["manifests"][0]["digest"].as_str().unwrap().to_owned()
    }
}

fn layers(image: &Image) -> Vec<String> {
    let manifest: Value = serde_json::from_str(image.manifest()).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter();
    layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn two_tables_that_agree_are_the_manifest_to_the_byte() {
    let saved = Saved::new(&[0, 1, 2]).with_table(&[0, 1, 2]);
    let image = saved.open().await.unwrap();
    assert_eq!(image.digest().as_str(), saved.root());
    saved.is_right(saved.open()).await;
    let archive = Tar::new().folder(saved.layout.path(), "").save();
    let packed = Image::open(archive.path()).compression(Compression::Keep).await.unwrap();
    assert_eq!(packed.digest(), image.digest());
}

/// moby/moby#47150 and moby/moby#47065.
#[tokio::test(start_paused = true)]
async fn an_index_that_contradicts_the_config_gives_way_to_manifest_json() {
    for index in [[1, 0, 2].as_slice(), &[0, 1], &[], &[0, 1, 2, 2]] {
        let saved = Saved::new(index).with_table(&[0, 1, 2]);
        saved.is_right(saved.open()).await;
        // The same holds in an archive, and with compression.
        let archive = Tar::new().folder(saved.layout.path(), "").save();
        let image = Image::open(archive.path()).compression(Compression::Keep).await.unwrap();
        assert_eq!(layers(&image), saved.digests(), "{index:?}");
        let image = Image::open(archive.path()).await.unwrap();
        assert_eq!(layers(&image).len(), 3);
        World::new().await.takes(&image).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_manifest_json_that_contradicts_the_config_gives_way_to_the_index() {
    for table in [[1, 0, 2].as_slice(), &[0, 1], &[]] {
        let saved = Saved::new(&[0, 1, 2]).with_table(table);
        saved.is_right(saved.open()).await;
    }
}

#[tokio::test]
async fn two_tables_that_both_contradict_the_config_are_an_error_that_names_both() {
    let saved = Saved::new(&[1, 0, 2]).with_table(&[1, 0, 2]);
    let [first, second, _] = &saved.digests()[..] else { panic!() };
    assert_eq!(
        saved.problem().await,
        format!(
            "neither index.json nor manifest.json leads to the image: layer 1 of its manifest {} \
             is {second}, but its config says {first}; layer 1 in its manifest.json is `{}`, but \
             its config says {first}",
            saved.root(),
            blob_name(&saved.layers[1])
        )
    );
    let saved = Saved::new(&[0]).with_table(&[0, 1]);
    assert_eq!(
        saved.problem().await,
        format!(
            "neither index.json nor manifest.json leads to the image: its manifest {} has 1 \
             layers, but its config has 3 diff_ids; its config has 3 diff_ids for 2 layers",
            saved.root()
        )
    );
}

#[tokio::test]
async fn a_wrong_order_of_one_table_is_an_error() {
    let saved = Saved::new(&[1, 0, 2]);
    let [first, second, _] = &saved.digests()[..] else { panic!() };
    assert_eq!(
        saved.problem().await,
        format!(
            "layer 1 of its manifest {} is {second}, but its config says {first}",
            saved.root()
        )
    );
}

/// The config can't confirm the order of compressed layers without reading them.
#[tokio::test(start_paused = true)]
async fn compressed_layers_in_another_order_are_an_error_that_names_both() {
    let layout = Layout::new();
    let packed: Vec<Value> = [b"\x1f\x8b\x08one", b"\x1f\x8b\x08two"]
        .iter()
        .map(|layer| layout.blob("application/vnd.oci.image.layer.v1.tar+gzip", *layer))
        .collect();
    let config = config(&[layer(1), layer(2)]).to_string();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": packed,
        "config": layout.blob("application/vnd.oci.image.config.v1+json", config.as_bytes()),
    });
    let manifest = layout.blob(MANIFEST, manifest.to_string().as_bytes());
    layout.set_index(std::slice::from_ref(&manifest));
    let names: Vec<String> = packed
        .iter()
        .map(|layer| layer["digest"].as_str().unwrap().replace("sha256:", "blobs/sha256/"))
        .collect();
    let table = |names: &[String]| {
        let entry = json!({ "Config": blob_name(config.as_bytes()), "Layers": names });
        fs::write(layout.path().join("manifest.json"), json!([entry]).to_string()).unwrap();
    };
    table(&[names[1].clone(), names[0].clone()]);
    let error = Image::open(layout.path()).await.unwrap_err();
    assert_eq!(
        problem(&error, layout.path()),
        format!(
            "its index.json and its manifest.json contradict each other: the manifest {} has {} as \
             layer 1 in one and `{}` in the other",
            manifest["digest"].as_str().unwrap(),
            packed[0]["digest"].as_str().unwrap(),
            names[1]
        )
    );
    table(&names);
    let image = Image::open(layout.path()).await.unwrap();
    assert_eq!(image.digest().as_str(), manifest["digest"]);
    // A copy of a layer under another name is the same layer.
    fs::copy(layout.path().join(&names[1]), layout.path().join("copy.tar.gz")).unwrap();
    table(&[names[0].clone(), "copy.tar.gz".to_owned()]);
    let image = Image::open(layout.path()).await.unwrap();
    assert_eq!(image.digest().as_str(), manifest["digest"]);
}

/// moby/moby#47210 and broken files.
#[tokio::test(start_paused = true)]
async fn an_unusable_index_gives_way_to_manifest_json() {
    for index in [
        r#"{"schemaVersion":2,"manifests":null}"#,
        r#"{"schemaVersion":2,"manifests":[]}"#,
        r#"{"manifests":{}}"#,
        r#"{"manifests":[{"size":1}]}"#,
        "{",
        "[]",
    ] {
        let saved = Saved::new(&[0, 1, 2]).with_table(&[0, 1, 2]);
        saved.set_index(index);
        saved.is_right(saved.open()).await;
        saved.is_right(saved.open().named("web:1.0")).await;
    }
}

/// moby/moby#51389.
#[tokio::test(start_paused = true)]
async fn an_image_in_only_one_of_the_tables_has_to_be_named() {
    let saved = Saved::new(&[0, 1, 2]);
    let other = json!({ "os": "linux", "architecture": "amd64" }).to_string();
    saved.layout.blob("", other.as_bytes());
    let names: Vec<String> = saved.layers.iter().map(|layer| blob_name(layer)).collect();
    let unlisted = json!({
        "Config": blob_name(other.as_bytes()), "RepoTags": ["shop:2"], "Layers": [names[0]],
    });
    saved.set_table(&json!([saved.entry("web:1.0", &names), unlisted]));
    let web = format!("`web:1.0` ({}, `linux/amd64`)", digest(saved.config.to_string().as_bytes()));
    let shop = format!("`shop:2` ({}, `linux/amd64`)", digest(other.as_bytes()));
    assert_eq!(
        saved.problem().await,
        format!(
            "its index.json and its manifest.json list different images, name one: {shop} is only \
             in manifest.json, which lists {web}, {shop}"
        )
    );
    let image = saved.open().named("shop:2").await.unwrap();
    assert_eq!(layers(&image), [digest(&saved.layers[0])]);
    saved.is_right(saved.open().named("web:1.0")).await;
    let image = saved.open().named("web:1.0").await.unwrap();
    assert_eq!(image.digest().as_str(), saved.root(), "only manifest.json has its name");
    let error = saved.open().named("web:2").await.unwrap_err();
    assert_eq!(
        problem(&error, saved.layout.path()),
        format!(
            "neither index.json nor manifest.json leads to the image: its index.json has no image \
             `web:2`, it has unnamed ({}, `linux/amd64`); its manifest.json has no image `web:2`, \
             it has {web}, {shop}",
            saved.root()
        )
    );
}

#[tokio::test]
async fn a_name_that_means_two_images_is_an_error() {
    let saved = Saved::new(&[0, 1, 2]);
    let other = json!({ "os": "linux", "architecture": "amd64" }).to_string();
    saved.layout.blob("", other.as_bytes());
    saved.set_table(&json!([{
        "Config": blob_name(other.as_bytes()), "RepoTags": ["web:1.0"], "Layers": [],
    }]));
    let mut index: Value = json!({ "manifests": [{ "digest": saved.root(), "size": 0 }] });
    let size = fs::metadata(saved.layout.blob_path(&saved.root())).unwrap().len();
    index["manifests"][0]["size"] = size.into();
    index["manifests"][0]["annotations"] =
        json!({ "io.containerd.image.name": "docker.io/library/web:1.0" });
    saved.set_index(&index.to_string());
    let error = saved.open().named("web:1.0").await.unwrap_err();
    assert_eq!(
        problem(&error, saved.layout.path()),
        format!(
            "its index.json and its manifest.json contradict each other: the config of `web:1.0` \
             is {} only in manifest.json",
            digest(other.as_bytes())
        )
    );
}

#[tokio::test]
async fn dockers_id_names_an_image_in_every_archive() {
    let saved = Saved::new(&[0, 1, 2]);
    let id = digest(saved.config.to_string().as_bytes());
    let hex = id.strip_prefix("sha256:").unwrap();
    // A layout of one image, of several, and one whose images are below an index.
    let root = json!({
        "mediaType": MANIFEST, "digest": saved.root(),
        "size": fs::metadata(saved.layout.blob_path(&saved.root())).unwrap().len(),
    });
    let other = saved.layout.manifest(&[7]);
    let nested = saved.layout.index(&[other.clone(), root.clone()]);
    for index in [vec![root.clone()], vec![other.clone(), root.clone()], vec![nested]] {
        saved.layout.set_index(&index);
        for name in [id.as_str(), hex, &hex[..12]] {
            let image = saved.open().named(name).await.unwrap();
            assert_eq!(image.digest().as_str(), root["digest"], "{name}");
        }
    }
    // The old format, in which the name of the config says nothing.
    let names: Vec<String> = saved.layers.iter().map(|layer| blob_name(layer)).collect();
    let table = json!([
        { "Config": "other.json", "RepoTags": ["other:1"], "Layers": [] },
        { "Config": "config.json", "RepoTags": null, "Layers": names },
    ]);
    let mut tar = Tar::new()
        .file("other.json", b"{}")
        .file("config.json", saved.config.to_string().as_bytes())
        .file("manifest.json", table.to_string().as_bytes());
    for layer in &saved.layers {
        tar = tar.file(&blob_name(layer), layer);
    }
    let archive = tar.save();
    for name in [id.as_str(), hex, &hex[..12]] {
        let open = Image::open(archive.path()).compression(Compression::Keep);
        assert_eq!(layers(&open.named(name).await.unwrap()), saved.digests(), "{name}");
    }
    assert!(Image::open(archive.path()).named(&hex[..11]).await.is_err());
}

#[tokio::test]
async fn a_folder_of_docker_save_is_read_and_stays_in_it() {
    let layers = [layer(100)];
    let config = config(&layers).to_string();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    write("config.json", config.as_bytes());
    write("layer.tar", &layers[0]);
    let table = |layer: &str| {
        let table = json!([{ "Config": "config.json", "Layers": [layer] }]);
        write("manifest.json", table.to_string().as_bytes());
    };
    table("layer.tar");
    let open = || Image::open(folder.path()).compression(Compression::Keep);
    assert_eq!(self::layers(&open().await.unwrap()), [digest(&layers[0])]);
    for name in ["../layer.tar", "/etc/passwd"] {
        table(name);
        assert_eq!(
            problem(&open().await.unwrap_err(), folder.path()),
            format!("its manifest.json names `{name}`, which is outside the folder")
        );
    }
    let error = open().index().await.unwrap_err();
    assert_eq!(
        problem(&error, folder.path()),
        "it has no index.json that could be the index of the image"
    );
}
