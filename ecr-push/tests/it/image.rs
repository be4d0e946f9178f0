//! Tests of reading layouts, including broken ones.

use std::error::Error as _;
use std::fs;
use std::path::Path;

use ecr_push::{Error, ErrorKind, Image};
use serde_json::{Value, json};

use crate::layout::{INDEX, Layout, MANIFEST, digest};
use crate::world::{URI, World};

async fn broken(layout: &Layout) -> Error {
    Image::open(layout.path()).await.unwrap_err()
}

/// Returns the error's text without the path in front.
pub(crate) fn problem(error: &Error, path: &Path) -> String {
    let text = error.to_string();
    let prefix = format!("{} can't be pushed: ", path.display());
    text.strip_prefix(&prefix).unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test]
async fn a_layer_is_listed_once_with_its_size() {
    let layout = Layout::image(&[100, 100, 200]);
    let image = Image::open(layout.path()).await.unwrap();
    let sizes: Vec<u64> = image.layers().map(ecr_push::image::Layer::size).collect();
    assert_eq!(sizes.len(), 3, "the config and two layers: {sizes:?}");
    assert!(sizes.contains(&100) && sizes.contains(&200));
}

#[tokio::test]
async fn no_such_path() {
    let error = Image::open("no/such/layout").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.to_string(), "no/such/layout can't be read");
    let source = error.source().unwrap().to_string();
    assert!(source.starts_with("No such file or directory"), "{source}");
}

#[tokio::test]
async fn a_folder_without_an_index_is_no_layout() {
    let layout = Layout::new();
    let error = broken(&layout).await;
    assert_eq!(
        problem(&error, layout.path()),
        "it is not an OCI layout, which has a file `index.json`"
    );
}

#[tokio::test]
async fn a_layout_of_another_version_is_refused() {
    let layout = Layout::new();
    let marker = layout.path().join("oci-layout");
    fs::write(&marker, r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert_eq!(
        problem(&broken(&layout).await, layout.path()),
        "its layout has version 2.0.0, only 1.0.0 is supported"
    );
    fs::write(&marker, "junk").unwrap();
    assert_eq!(
        problem(&broken(&layout).await, layout.path()),
        "its file `oci-layout` has no version"
    );
}

#[tokio::test]
async fn a_broken_index_is_said_with_its_place() {
    let layout = Layout::new();
    fs::write(layout.path().join("index.json"), "{").unwrap();
    let error = broken(&layout).await;
    assert_eq!(problem(&error, layout.path()), "its index.json is broken");
    let source = error.source().unwrap().to_string();
    assert_eq!(source, "EOF while parsing an object at line 1 column 1");
    layout.set_index(&[]);
    assert_eq!(problem(&broken(&layout).await, layout.path()), "its index.json lists no image");
}

#[tokio::test]
async fn of_several_images_one_has_to_be_named() {
    let layout = Layout::new();
    let named = |name: &str, mut descriptor: Value| {
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        descriptor
    };
    let second = layout.manifest(&[20]);
    let first = layout.manifest(&[10]);
    layout.set_index(&[named("1.0", first.clone()), named("1.1", second.clone())]);
    let [one, two] = [&first, &second].map(|it| it["digest"].as_str().unwrap());
    let both = format!("`1.0` ({one}, `linux/amd64`), `1.1` ({two}, `linux/amd64`)");
    assert_eq!(
        problem(&broken(&layout).await, layout.path()),
        format!("its index.json lists 2 images, name one: {both}")
    );
    let image = Image::open(layout.path()).named("1.1").await.unwrap();
    assert_eq!(image.digest().as_str(), second["digest"]);
    let error = Image::open(layout.path()).named("1.2").await.unwrap_err();
    assert_eq!(
        problem(&error, layout.path()),
        format!("its index.json has no image `1.2`, it has {both}")
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_blob_is_named() {
    let layout = Layout::image(&[1000]);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 1000).unwrap().digest().to_string();
    let path = layout.blob_path(&layer);
    fs::remove_file(&path).unwrap();
    assert_eq!(
        unpushable(&layout).await,
        format!(
            "blob {layer} is missing: expected the file {}; {URI} doesn't have it either",
            path.display()
        )
    );
}

/// Returns the problem of a push to an empty repository.
async fn unpushable(layout: &Layout) -> String {
    let error = World::new().await.push(layout, &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidImage);
    problem(&error, layout.path())
}

#[tokio::test(start_paused = true)]
async fn missing_blobs_are_all_named() {
    let layout = Layout::image(&[1000, 2000]);
    let image = Image::open(layout.path()).await.unwrap();
    let layers: Vec<String> = image
        .layers()
        .filter(|layer| layer.size() >= 1000)
        .map(|layer| layer.digest().to_string())
        .collect();
    for layer in &layers {
        fs::remove_file(layout.blob_path(layer)).unwrap();
    }
    assert_eq!(
        unpushable(&layout).await,
        format!("2 blobs are missing, and {URI} doesn't have them: {}, {}", layers[0], layers[1])
    );
}

#[tokio::test]
async fn a_name_is_the_tag_or_what_docker_and_containerd_call_it() {
    let layout = Layout::new();
    let named = |reference: &str, full: &str, mut descriptor: Value| {
        descriptor["annotations"] = json!({
            "org.opencontainers.image.ref.name": reference, "io.containerd.image.name": full,
        });
        descriptor
    };
    let (web, shop) = (layout.manifest(&[10]), layout.manifest(&[20]));
    layout.set_index(&[
        named("1.0", "docker.io/library/web:1.0", web.clone()),
        named("latest", "docker.io/library/web:latest", web.clone()),
        named("1.0", "docker.io/me/shop:1.0", shop.clone()),
    ]);
    for (name, expected) in [
        ("docker.io/library/web:1.0", &web),
        ("web:1.0", &web),
        ("latest", &web),
        (web["digest"].as_str().unwrap(), &web),
        ("me/shop:1.0", &shop),
    ] {
        let image = Image::open(layout.path()).named(name).await.unwrap();
        assert_eq!(image.digest().as_str(), expected["digest"], "{name}");
    }
    let both = format!(
        "`docker.io/library/web:1.0` = `docker.io/library/web:latest` ({}, `linux/amd64`), \
         `docker.io/me/shop:1.0` ({}, `linux/amd64`)",
        web["digest"].as_str().unwrap(),
        shop["digest"].as_str().unwrap()
    );
    let error = Image::open(layout.path()).named("1.0").await.unwrap_err();
    assert_eq!(
        problem(&error, layout.path()),
        format!("its index.json has 2 images `1.0`, name one by its digest: {both}")
    );
    assert_eq!(
        problem(&broken(&layout).await, layout.path()),
        format!("its index.json lists 2 images, name one: {both}")
    );
    // Two names for the same image don't make it two images.
    layout.set_index(&[named("1.0", "web:1.0", web.clone()), named("1.1", "web:1.1", web.clone())]);
    let image = Image::open(layout.path()).await.unwrap();
    assert_eq!(image.digest().as_str(), web["digest"]);
}

#[tokio::test]
async fn a_blob_of_another_size_is_named() {
    let layout = Layout::image(&[1000]);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 1000).unwrap().digest().to_string();
    let path = layout.blob_path(&layer);
    fs::write(&path, "short").unwrap();
    let error = broken(&layout).await;
    assert_eq!(error.kind(), ErrorKind::BlobMismatch);
    assert_eq!(
        error.to_string(),
        format!(
            "blob {layer} has 5 bytes instead of 1000: the file {} was cut off or changed",
            path.display()
        )
    );
}

#[tokio::test]
async fn a_manifest_or_config_of_another_digest_is_named() {
    let layout = Layout::new();
    let manifest = layout.manifest(&[10]);
    layout.set_index(std::slice::from_ref(&manifest));
    let text = fs::read_to_string(layout.blob_path(manifest["digest"].as_str().unwrap())).unwrap();
    let config = serde_json::from_str::<Value>(&text).unwrap()["config"].clone();
    for descriptor in [&config, &manifest] {
        let expected = descriptor["digest"].as_str().unwrap();
        let path = layout.blob_path(expected);
        let original = fs::read(&path).unwrap();
        let mut content = original.clone();
        content[0] = b'[';
        fs::write(&path, &content).unwrap();
        let error = broken(&layout).await;
        fs::write(&path, original).unwrap();
        assert_eq!(error.kind(), ErrorKind::BlobMismatch);
        assert_eq!(
            error.to_string(),
            format!(
                "blob {expected} has the digest {}: the file {} was changed or is damaged",
                digest(&content),
                path.display()
            )
        );
    }
}

/// Returns the problem with a layout that has this manifest.
async fn problem_of(layout: &Layout, media_type: &str, manifest: &Value) -> String {
    let blob = layout.blob(media_type, manifest.to_string().as_bytes());
    layout.set_index(std::slice::from_ref(&blob));
    let text = problem(&broken(layout).await, layout.path());
    text.replace(blob["digest"].as_str().unwrap(), "DIGEST")
}

#[tokio::test]
async fn a_manifest_that_is_none_is_said() {
    let layout = Layout::new();
    let config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let good = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [] });
    let with = |member: &str, value: Value| {
        let mut manifest = good.clone();
        manifest[member] = value;
        manifest
    };
    let is_broken = "its manifest DIGEST is broken";
    for (manifest, expected) in [
        (json!("junk"), format!("{is_broken}: its schemaVersion isn't 2")),
        (with("schemaVersion", json!(1)), format!("{is_broken}: its schemaVersion isn't 2")),
        (with("layers", json!({})), is_broken.to_owned()),
        (
            with("mediaType", json!("text/plain")),
            format!("{is_broken}: ECR doesn't accept manifests of the type `text/plain`"),
        ),
        (
            with("manifests", json!([])),
            format!("{is_broken}: a manifest of the type `{MANIFEST}` can't have `manifests`"),
        ),
        (
            with("mediaType", json!(INDEX)),
            format!("{is_broken}: a manifest of the type `{INDEX}` can't have `config`"),
        ),
    ] {
        assert_eq!(problem_of(&layout, MANIFEST, &manifest).await, expected);
    }
}

#[tokio::test]
async fn a_blob_that_two_descriptors_contradict_is_named() {
    let layout = Layout::new();
    let config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let mut layer = config.clone();
    layer["size"] = json!(3);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
    });
    let expected = format!("it lists the blob {} with both 2 and 3 bytes", digest(b"{}"));
    assert_eq!(problem_of(&layout, MANIFEST, &manifest).await, expected);
}

#[tokio::test]
async fn a_digest_of_another_algorithm_is_named() {
    let layout = Layout::new();
    let mut config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let sha512 = format!("sha512:{}", "0".repeat(128));
    config["digest"] = json!(sha512);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
    });
    let expected = format!("it refers to {sha512}, and ECR supports only sha256");
    assert_eq!(problem_of(&layout, MANIFEST, &manifest).await, expected);
}

#[tokio::test]
async fn what_is_no_file_is_not_read() {
    let layout = Layout::image(&[1000]);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 1000).unwrap().digest().to_string();
    let path = layout.blob_path(&layer);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(
        problem(&broken(&layout).await, layout.path()),
        format!("its blob {layer} is not a file: {}", path.display())
    );
    let index = layout.path().join("index.json");
    fs::remove_file(&index).unwrap();
    fs::create_dir(&index).unwrap();
    assert_eq!(
        problem(&broken(&layout).await, layout.path()),
        format!("{} is not a file of at most 4 MiB", index.display())
    );
    fs::remove_dir(&index).unwrap();
    assert_eq!(
        problem(&broken(&layout).await, layout.path()),
        "it is not an OCI layout, which has a file `index.json`"
    );
}

#[tokio::test]
async fn a_digest_can_not_lead_out_of_the_layout() {
    let layout = Layout::new();
    layout.set_index(&[json!({
        "mediaType": MANIFEST, "digest": "sha256:../../../../etc/passwd", "size": 2,
    })]);
    let error = broken(&layout).await;
    assert_eq!(problem(&error, layout.path()), "its index.json is broken");
}
