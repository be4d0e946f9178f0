//! Tests of archives from `docker save` and of others in its format.

use std::io::{Read as _, Write as _};
use std::path::Path;

use ecr_push::image::Compression;
use ecr_push::{Error, ErrorKind, Image};
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::EntryType;

use crate::image::problem;
use crate::layout::{MANIFEST, digest};
use crate::tarball::{Saved, Tar, config, hex, layer, saved_by_new_docker, saved_by_old_docker};
use crate::world::World;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn manifest(image: &Image) -> Value {
    serde_json::from_str(image.manifest()).unwrap()
}

fn types(image: &Image) -> Vec<String> {
    let manifest = manifest(image);
    let layers = manifest["layers"].as_array().unwrap().iter();
    layers.map(|layer| layer["mediaType"].as_str().unwrap().to_owned()).collect()
}

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

async fn compressed(path: &Path) -> Image {
    Image::open(path).await.unwrap().compress().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn both_forms_become_the_same_layers() {
    let layers = [layer(100), layer(3_000_000)];
    let old = saved_by_old_docker(&layers).save();
    let layout = saved_by_new_docker(&layers);
    let new = Tar::new().folder(layout.path(), "").save();

    let opened = [Image::open(old.path()).await.unwrap(), Image::open(new.path()).await.unwrap()];
    let [old, new] = &opened;
    let (old, new) = (old.compress().await.unwrap(), new.compress().await.unwrap());
    let unpacked = compressed(layout.path()).await;
    assert_eq!(types(&old), [GZIP, GZIP]);
    assert_eq!(manifest(&old)["layers"], manifest(&new)["layers"]);
    assert_eq!(manifest(&old)["config"], manifest(&new)["config"]);
    assert_eq!(unpacked.digest(), new.digest());
    assert_eq!(old.media_type(), MANIFEST);
    assert_eq!(manifest(&new)["annotations"], json!({ "kept": "yes" }));
    for image in &opened {
        assert_eq!(image.platforms(), ["linux/amd64".parse().unwrap()]);
        assert_eq!(image.layers().len(), 3);
        World::new().await.takes(image).await;
    }
}

#[tokio::test(start_paused = true)]
async fn kept_as_they_are_they_are_not_even_read() {
    let layers = [layer(100), layer(200)];
    let old = saved_by_old_docker(&layers).save();
    let image = Image::open(old.path()).compression(Compression::Keep).await.unwrap();
    assert_eq!(types(&image), [TAR, TAR]);
    assert_eq!(manifest(&image)["layers"][0]["digest"], digest(&layers[0]));
    World::new().await.takes(&image).await;

    let new = saved_by_new_docker(&layers);
    let image = Image::open(new.path()).compression(Compression::Keep).await.unwrap();
    assert_eq!(types(&image), [TAR, TAR]);
    World::new().await.takes(&image).await;
}

/// The form that kaniko, Bazel and ko write.
#[tokio::test(start_paused = true)]
async fn layers_that_are_compressed_stay_as_they_are() {
    let layers = [layer(100), layer(200), layer(300)];
    let zstd = [b"\x28\xb5\x2f\xfd".as_slice(), b"whatever"].concat();
    let packed = [gzip(&layers[0]), zstd];
    let config = config(&layers).to_string();
    let manifest_json = json!([{
        "Config": format!("sha256:{}", hex(config.as_bytes())), "RepoTags": null,
        "Layers": ["a.tar.gz", "b.tar.zst", "c.tar"],
    }]);
    let saved = Tar::new()
        .file("manifest.json", manifest_json.to_string().as_bytes())
        .file(&format!("sha256:{}", hex(config.as_bytes())), config.as_bytes())
        .file("a.tar.gz", &packed[0])
        .file("b.tar.zst", &packed[1])
        .file("c.tar", &layers[2])
        .save();
    let image = compressed(saved.path()).await;
    assert_eq!(types(&image), [GZIP, "application/vnd.oci.image.layer.v1.tar+zstd", GZIP]);
    let manifest = manifest(&image);
    assert_eq!(manifest["layers"][0]["digest"], digest(&packed[0]));
    assert_eq!(manifest["layers"][1]["digest"], digest(&packed[1]));
    assert_eq!(manifest["config"]["digest"], digest(config.as_bytes()));
    World::new().await.takes(&image).await;
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_a_link_is_the_one_it_leads_to() {
    let layers = [layer(100), layer(100)];
    let name = hex(&layers[0]);
    let config = config(&layers).to_string();
    let manifest_json = json!([{
        "Config": "config.json", "Layers": [format!("{name}/layer.tar"), "other/layer.tar"],
    }]);
    let saved = Tar::new()
        .link(EntryType::Symlink, "other/layer.tar", &format!("../{name}/layer.tar"))
        .file(&format!("{name}/layer.tar"), &layers[0])
        .file("config.json", config.as_bytes())
        .file("manifest.json", manifest_json.to_string().as_bytes())
        .save();
    let image = Image::open(saved.path()).await.unwrap();
    let manifest = manifest(&image);
    assert_eq!(manifest["layers"][0], manifest["layers"][1]);
    assert_eq!(image.layers().len(), 2);
    World::new().await.takes(&image).await;
}

#[tokio::test]
async fn of_several_images_one_is_named() {
    let configs = [config(&[]).to_string(), json!({ "os": "linux" }).to_string()];
    let entries = json!([
        { "Config": "a.json", "RepoTags": ["web:1.0", "docker.io/library/web:latest"], "Layers": [] },
        { "Config": format!("{}.json", hex(configs[1].as_bytes())), "RepoTags": [], "Layers": [] },
    ]);
    let saved = Tar::new()
        .file("a.json", configs[0].as_bytes())
        .file(&format!("{}.json", hex(configs[1].as_bytes())), configs[1].as_bytes())
        .file("manifest.json", entries.to_string().as_bytes())
        .save();
    let id = digest(configs[1].as_bytes());
    for (name, config) in [
        ("web:1.0", 0),
        ("docker.io/library/web:1.0", 0),
        ("web:latest", 0),
        (&id, 1),
        (&hex(configs[1].as_bytes()), 1),
    ] {
        let image = Image::open(saved.path()).named(name).await.unwrap();
        assert_eq!(manifest(&image)["config"]["digest"], digest(configs[config].as_bytes()));
    }
    let names = format!(
        "`web:1.0` = `docker.io/library/web:latest` ({}, `linux/amd64`), unnamed ({id})",
        digest(configs[0].as_bytes())
    );
    let error = Image::open(saved.path()).await.unwrap_err();
    assert_eq!(
        problem(&error, saved.path()),
        format!("its manifest.json lists 2 images, name one: {names}")
    );
    let error = Image::open(saved.path()).named("web").await.unwrap_err();
    assert_eq!(
        problem(&error, saved.path()),
        format!("its manifest.json has no image `web`, it has {names}")
    );
}

async fn failed(saved: &Saved) -> Error {
    Image::open(saved.path()).await.unwrap_err()
}

#[tokio::test]
async fn a_broken_archive_is_said() {
    let with = |entries: Value, config: &str| {
        let tar = Tar::new().file("config.json", config.as_bytes()).file("layer.tar", &layer(9));
        tar.file("folder/", b"").file("manifest.json", entries.to_string().as_bytes()).save()
    };
    let entry = |config: &str, layers: &[&str]| json!([{ "Config": config, "Layers": layers }]);
    let no_list =
        "its manifest.json is broken: it is not a list of images with `Config` and `Layers`";
    let good = config(&[layer(9)]).to_string();
    for (saved, expected) in [
        (with(json!({}), "{}"), no_list),
        (with(json!([{}]), "{}"), no_list),
        (with(json!([{ "Config": "a", "Layers": [1] }]), "{}"), no_list),
        (with(json!([]), "{}"), "its manifest.json lists no image"),
        (with(entry("a", &[]), "{}"), "its manifest.json names `a`, which is missing"),
        (with(entry("folder", &[]), "{}"), "its manifest.json names `folder`, which is not a file"),
        (with(entry("../a", &[]), "{}"), "its entry `../a` points outside the archive"),
        (with(entry("config.json", &[]), "{"), "its config is broken"),
        (
            with(entry("config.json", &["b"]), &good),
            "its manifest.json names `b`, which is missing",
        ),
        (with(entry("config.json", &[]), &good), "its config has 1 diff_ids for 0 layers"),
        (
            with(entry("config.json", &["layer.tar"]), r#"{"rootfs":{"diff_ids":["x"]}}"#),
            "its config is broken",
        ),
    ] {
        assert_eq!(problem(&failed(&saved).await, saved.path()), expected);
    }
    let many = with(entry("config.json", &vec!["a"; 33_000]), &good);
    assert_eq!(
        problem(&failed(&many).await, many.path()),
        "its manifest.json lists 33000 layers, whose manifest would exceed ECR's limit of 4194304 \
         bytes"
    );
    let junk = Tar::new().file("manifest.json", b"junk").save();
    assert_eq!(problem(&failed(&junk).await, junk.path()), "its manifest.json is broken");
}

#[tokio::test]
async fn a_layer_that_the_config_does_not_know_is_named() {
    let (known, found) = (layer(100), layer(200));
    let config = config(std::slice::from_ref(&known)).to_string();
    let entries = json!([{ "Config": "config.json", "Layers": ["layer.tar"] }]);
    let saved = Tar::new()
        .file("config.json", config.as_bytes())
        .file("manifest.json", entries.to_string().as_bytes())
        .file("layer.tar", &found)
        .save();
    let error = Image::open(saved.path()).await.unwrap().compress().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobMismatch);
    let bytes = std::fs::read(saved.path()).unwrap();
    let start = bytes.windows(found.len()).position(|window| window == found).unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "blob {} has the digest {}: the file {} from byte {start} on was changed or is damaged",
            digest(&known),
            digest(&found),
            saved.path().display()
        )
    );
}

/// Configs of Docker before 1.10 have no layer digests.
#[tokio::test(start_paused = true)]
async fn a_config_without_diff_ids_is_taken() {
    let entries = json!([{ "Config": "config.json", "Layers": ["layer.tar"] }]);
    let saved = Tar::new()
        .file("config.json", br#"{"os":"linux","architecture":"arm"}"#)
        .file("manifest.json", entries.to_string().as_bytes())
        .file("layer.tar", &layer(100))
        .save();
    let image = compressed(saved.path()).await;
    assert_eq!(types(&image), [GZIP]);
    World::new().await.takes(&image).await;
}

#[tokio::test]
async fn what_was_compressed_is_the_layer() {
    let layers = [layer(3_000_000)];
    let saved = saved_by_old_docker(&layers).save();
    let world = World::new().await;
    let image = Image::open(saved.path()).await.unwrap();
    world.takes(&image).await;
    let image = image.compress().await.unwrap();
    let digest = manifest(&image)["layers"][0]["digest"].as_str().unwrap().to_owned();
    let stored = world.layer(&digest).await;
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&stored[..]).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == layers[0]);
}
