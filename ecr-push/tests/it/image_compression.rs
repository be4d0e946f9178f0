//! Tests of layers that are compressed during a push, and of the manifests that refer to them.

use std::fs;

use ecr_push::image::Compression;
use ecr_push::{ErrorKind, Image};
use serde_json::{Value, json};

use crate::image::problem;
use crate::image_platform::artifact;
use crate::layout::{INDEX, Layout, MANIFEST, digest};
use crate::tarball::{Tar, config, layer, saved_by_new_docker, saved_by_old_docker, tar_image};
use crate::world::World;

async fn gzip(layout: &Layout) -> Image {
    Image::open(layout.path()).compression(Compression::Gzip).await.unwrap()
}

async fn gzipped(layout: &Layout) -> Image {
    gzip(layout).await.compress().await.unwrap()
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Returns the text of a manifest of an image.
async fn stored(world: &World, digest: &str) -> Value {
    let id = aws_sdk_ecr::types::ImageIdentifier::builder().image_digest(digest).build();
    let answer = world.client.batch_get_image().repository_name("demo/web").image_ids(id);
    json_of(answer.send().await.unwrap().images()[0].image_manifest().unwrap())
}

#[tokio::test(start_paused = true)]
async fn other_containers_are_compressed_where_it_is_asked_for() {
    let layout = Layout::new();
    let before = tar_image(&layout, &[layer(100), layer(2_000_000)]);
    layout.set_index(std::slice::from_ref(&before));
    let saved = Tar::new().folder(layout.path(), "").save();
    let verbatim = Image::open(saved.path()).await.unwrap();
    assert_eq!(verbatim.digest().as_str(), before["digest"]);

    let opened = Image::open(saved.path()).compression(Compression::Gzip).await.unwrap();
    assert_eq!(opened.digest(), verbatim.digest(), "opening compresses nothing");
    let image = opened.compress().await.unwrap();
    assert_eq!(image.digest(), gzipped(&layout).await.digest(), "the container doesn't matter");
    let (old, new) = (json_of(verbatim.manifest()), json_of(image.manifest()));
    for (old, new) in
        old["layers"].as_array().unwrap().iter().zip(new["layers"].as_array().unwrap())
    {
        assert_eq!(new["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
        assert!(new["size"].as_u64() < old["size"].as_u64());
    }
    for kept in ["schemaVersion", "mediaType", "config", "annotations"] {
        assert_eq!(old[kept], new[kept]);
    }
    World::new().await.takes(&opened).await;
}

#[tokio::test(start_paused = true)]
async fn digests_are_followed_wherever_they_are() {
    let layout = Layout::new();
    let image = tar_image(&layout, &[layer(100)]);
    let untouched = layout.manifest(&[50]);
    let old = image["digest"].as_str().unwrap();
    let mut attestation = layout.manifest(&[60]);
    attestation["annotations"] = json!({ "vnd.docker.reference.digest": old, "other": "kept" });
    let signature = artifact(&layout, old);
    let inner = layout.index(&[image.clone(), untouched.clone()]);
    // The entries that refer to the image come before it.
    let manifests = [signature, attestation.clone(), inner];
    layout.set_index(&[layout.index(&manifests)]);

    let world = World::new().await;
    world.takes(&gzip(&layout).await).await;
    let root = json_of(gzipped(&layout).await.manifest());
    let inner = stored(&world, root["manifests"][2]["digest"].as_str().unwrap()).await;
    let new = &inner["manifests"][0];
    assert_ne!(new["digest"], old);
    assert_eq!(inner["manifests"][1], untouched);
    assert_eq!(
        root["manifests"][1]["annotations"],
        json!({
            "vnd.docker.reference.digest": new["digest"], "other": "kept",
        })
    );
    assert_eq!(root["manifests"][1]["digest"], attestation["digest"]);
    let signature = stored(&world, root["manifests"][0]["digest"].as_str().unwrap()).await;
    assert_eq!(signature["subject"]["digest"], new["digest"]);
    assert_eq!(signature["subject"]["size"], new["size"]);
}

#[tokio::test]
async fn the_same_image_becomes_the_same_each_time() {
    let layers = [layer(100), layer(2_500_000)];
    let old = saved_by_old_docker(&layers).save();
    let (first, second) = (Image::open(old.path()), Image::open(old.path()));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let (first, second) = (first.compress().await.unwrap(), second.compress().await.unwrap());
    assert_eq!(first.digest(), second.digest());
    assert_eq!(first.manifest(), second.manifest());
    let again = Image::open(old.path()).compression(Compression::Gzip).await.unwrap();
    assert_eq!(first.digest(), again.compress().await.unwrap().digest());
}

#[tokio::test]
async fn a_diff_id_that_is_another_one_is_named() {
    let layout = Layout::new();
    let (known, found) = (layer(100), layer(200));
    let config = config(&[known.clone(), known.clone()]).to_string();
    let config = layout.blob("application/vnd.oci.image.config.v1+json", config.as_bytes());
    let media_type = "application/vnd.oci.image.layer.v1.tar";
    let mut layers = vec![layout.blob(media_type, &known), layout.blob(media_type, &found)];
    let problem_of = async |layers: &[Value]| {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        let manifest = layout.blob(MANIFEST, manifest.to_string().as_bytes());
        layout.set_index(std::slice::from_ref(&manifest));
        let open = Image::open(layout.path()).compression(Compression::Gzip);
        let problem = problem(&open.await.unwrap_err(), layout.path());
        problem.replace(manifest["digest"].as_str().unwrap(), "DIGEST")
    };
    assert_eq!(
        problem_of(&layers).await,
        format!(
            "layer 2 of its manifest DIGEST is {}, but its config says {}",
            digest(&found),
            digest(&known)
        )
    );
    layers.push(layers[0].clone());
    assert_eq!(
        problem_of(&layers).await,
        "its manifest DIGEST has 3 layers, but its config has 2 diff_ids"
    );
}

#[tokio::test]
async fn a_layer_that_was_changed_is_named_when_it_is_compressed() {
    let layout = saved_by_new_docker(&[layer(1000)]);
    let expected = digest(&layer(1000));
    let path = layout.blob_path(&expected);
    let mut content = fs::read(&path).unwrap();
    content[700] ^= 1;
    fs::write(&path, &content).unwrap();
    let image = Image::open(layout.path()).await.unwrap();
    let world = World::new().await;
    for error in
        [image.compress().await.unwrap_err(), world.push_image(&image, &["1.0"]).await.unwrap_err()]
    {
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
    assert_eq!(world.tagged("1.0").await, None);
}

/// A compressed layer with the wrong media type isn't compressed twice.
#[tokio::test]
async fn what_is_compressed_already_stays() {
    let layout = Layout::new();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": layout.blob("application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [
            layout.blob("application/vnd.oci.image.layer.v1.tar", b"\x1f\x8b\x08gzip"),
            layout.blob("application/vnd.oci.image.layer.v1.tar", b"\x28\xb5\x2f\xfdzstd"),
            layout.blob("application/vnd.in-toto+json", b"statement"),
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": digest(b"elsewhere"), "size": 9, "urls": ["https://example.com"],
            },
        ],
    });
    let manifest = layout.blob(MANIFEST, manifest.to_string().as_bytes());
    layout.set_index(std::slice::from_ref(&manifest));
    let image = gzip(&layout).await;
    assert_eq!(image.layers_to_compress().count(), 0);
    assert_eq!(image.compress().await.unwrap().digest().as_str(), manifest["digest"]);
}

#[tokio::test(start_paused = true)]
async fn dockers_own_media_types_stay_dockers() {
    let layout = Layout::new();
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let content = layer(100);
    let tar = layout.blob("application/vnd.docker.image.rootfs.diff.tar", &content);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": docker,
        "config": layout.blob("application/vnd.docker.container.image.v1+json", b"{}"),
        "layers": [tar, tar],
    });
    layout.set_index(&[layout.blob(docker, manifest.to_string().as_bytes())]);
    let image = gzipped(&layout).await;
    let layers = json_of(image.manifest())["layers"].clone();
    assert_eq!(layers[0]["mediaType"], "application/vnd.docker.image.rootfs.diff.tar.gzip");
    assert_eq!(layers[0], layers[1]);
    assert_eq!(image.layers().len(), 2);
    World::new().await.takes(&gzip(&layout).await).await;
}

#[tokio::test]
async fn one_platform_of_a_saved_index_is_compressed_alone() {
    let layout = Layout::new();
    let mut images = [tar_image(&layout, &[layer(100)]), tar_image(&layout, &[layer(200)])];
    images[0]["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    images[1]["platform"] = json!({ "os": "linux", "architecture": "arm64" });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": images });
    layout.set_index(&[layout.blob(INDEX, index.to_string().as_bytes())]);
    fs::write(layout.path().join("manifest.json"), "[]").unwrap();
    let open = Image::open(layout.path()).platform("linux/arm64".parse().unwrap());
    let image = open.await.unwrap();
    assert_eq!(image.media_type(), MANIFEST);
    assert_eq!(image.layers().len(), 2);
}

/// Temporary files are deleted with the last clone of the image.
#[tokio::test(start_paused = true)]
async fn a_clone_keeps_what_was_compressed() {
    let saved = saved_by_old_docker(&[layer(100)]).save();
    let image = Image::open(saved.path()).await.unwrap();
    let clone = image.clone();
    image.compress().await.unwrap();
    drop(image);
    drop(saved);
    // The config is in memory, and the layer is in a temporary file.
    World::new().await.takes(&clone).await;
}

#[tokio::test]
async fn a_future_that_is_dropped_stops() {
    let saved = saved_by_old_docker(&[layer(30_000_000)]).save();
    let image = Image::open(saved.path()).await.unwrap();
    let compress = tokio::spawn(async move { image.compress().await });
    tokio::task::yield_now().await;
    compress.abort();
    assert!(compress.await.unwrap_err().is_cancelled());
    // The runtime's shutdown waits for the reading thread, which sees the stop flag.
}

#[cfg(feature = "zstd")]
#[tokio::test(start_paused = true)]
async fn zstd_is_there_for_those_who_ask_for_it() {
    let saved = saved_by_old_docker(&[layer(2_000_000)]).save();
    let image = Image::open(saved.path()).compression(Compression::Zstd).await.unwrap();
    let layers = json_of(image.compress().await.unwrap().manifest())["layers"].clone();
    assert_eq!(layers[0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
    World::new().await.takes(&image).await;
}
