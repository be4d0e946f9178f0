//! Tests of pushes: their calls, and their failures.

use std::fs;

use aws_sdk_ecr::types::{ImageIdentifier, ImageTagMutability};
use ecr_push::events::Event;
use ecr_push::{ErrorKind, Image};
use serde_json::json;

use crate::layout::{INDEX, Layout, MANIFEST, digest};
use crate::world::{URI, World, repository};

const MIB: usize = 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn an_image_arrives_to_the_byte() {
    let world = World::new().await;
    let layout = Layout::image(&[100, 3000]);
    let pushed = world.push(&layout, &["1.4.2", "latest"]).await.unwrap();

    let expected = Image::open(layout.path()).await.unwrap().digest().to_string();
    assert_eq!(pushed.digest().as_str(), expected);
    assert_eq!(pushed.image_uri(), format!("{URI}@{expected}"));
    assert_eq!(pushed.layers_sent(), 3);
    assert_eq!(pushed.layers_skipped(), 0);
    let tags: Vec<&str> = pushed.tags().iter().map(|tag| tag.tag().as_str()).collect();
    assert_eq!(tags, ["1.4.2", "latest"]);
    assert_eq!(world.tagged("1.4.2").await, Some(expected.clone()));
    assert_eq!(world.tagged("latest").await, Some(expected.clone()));

    let stored = world
        .client
        .batch_get_image()
        .repository_name("demo/web")
        .image_ids(ImageIdentifier::builder().image_digest(&expected).build())
        .send()
        .await
        .unwrap();
    let manifest = fs::read_to_string(layout.blob_path(&expected)).unwrap();
    assert_eq!(stored.images()[0].image_manifest(), Some(manifest.as_str()));
    assert_eq!(stored.images()[0].image_manifest_media_type(), Some(MANIFEST));
}

#[tokio::test(start_paused = true)]
async fn the_five_calls_and_no_other() {
    let world = World::new().await;
    let pushed = world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap();
    let mut calls = world.calls();
    calls.sort_unstable();
    let expected = [
        "BatchCheckLayerAvailability",
        "CompleteLayerUpload",
        "CompleteLayerUpload",
        "InitiateLayerUpload",
        "InitiateLayerUpload",
        "PutImage",
        "UploadLayerPart",
        "UploadLayerPart",
    ];
    assert_eq!(calls, expected);
    assert_eq!(pushed.calls(), 10, "two more look up the tag");
}

#[tokio::test(start_paused = true)]
async fn parts_have_the_size_that_ecr_asks_for() {
    for (part_size, size, parts) in [
        (10 * MIB, 10 * MIB, 1),
        (10 * MIB, 10 * MIB + 1, 2),
        (5 * MIB, 12 * MIB, 3),
        (20 * MIB, 21 * MIB, 2),
    ] {
        let world = World::new().await;
        world.local.set_part_size(part_size as u64);
        let pushed = world.push(&Layout::image(&[size]), &[]).await.unwrap();
        // The config adds one part.
        assert_eq!(world.local.journal().count("UploadLayerPart"), parts + 1, "{size}");
        let config = pushed.bytes_sent() - size as u64;
        assert!(config < 200, "the config has {config} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_push_sends_nothing() {
    let world = World::new().await;
    let layout = Layout::image(&[100, 200]);
    world.push(&layout, &["1.0"]).await.unwrap();
    let before = world.calls().len();

    let again = world.push(&layout, &["1.0"]).await.unwrap();
    assert_eq!(again.layers_sent(), 0);
    assert_eq!(again.layers_skipped(), 3);
    assert_eq!(again.bytes_sent(), 0);
    assert_eq!(world.calls()[before..], ["BatchCheckLayerAvailability"]);
    assert_eq!(again.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_missing_is_sent() {
    let world = World::new().await;
    world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap();
    let pushed = world.push(&Layout::image(&[100, 200]), &["1.1"]).await.unwrap();
    assert_eq!(pushed.layers_skipped(), 1);
    assert_eq!(pushed.layers_sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_layers_are_asked_for_at_once() {
    let world = World::new().await;
    // 100 layers and the config are 101 digests.
    let sizes: Vec<usize> = (1..=100).collect();
    let pushed = world.push(&Layout::image(&sizes), &[]).await.unwrap();
    assert_eq!(pushed.layers_sent(), 101);
    assert_eq!(world.local.journal().count("BatchCheckLayerAvailability"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_two_platforms_share_is_sent_once() {
    let world = World::new().await;
    let layout = Layout::new();
    let children = [layout.manifest(&[100, 200]), layout.manifest(&[100, 300])];
    let index = layout.index(&children);
    layout.set_index(std::slice::from_ref(&index));
    let pushed = world.push(&layout, &["multi"]).await.unwrap();

    assert_eq!(pushed.digest().as_str(), index["digest"]);
    assert_eq!(pushed.layers_sent(), 5);
    assert_eq!(world.local.journal().count("PutImage"), 3);
    assert_eq!(world.tagged("multi").await.as_deref(), index["digest"].as_str());
    let described =
        world.client.describe_images().repository_name("demo/web").send().await.unwrap();
    for image in described.image_details() {
        let is_index = image.image_manifest_media_type() == Some(INDEX);
        // If a child manifest had the tag, it would be pulled instead of the index, and an
        // immutable tag would fail.
        let expected = if is_index { vec!["multi".to_owned()] } else { vec![] };
        assert_eq!(image.image_tags(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_manifest_without_a_media_type_keeps_its_bytes() {
    let world = World::new().await;
    let layout = Layout::new();
    let config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let layer = layout.blob("application/vnd.oci.image.layer.v1.tar", b"layer");
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] }).to_string();
    layout.set_index(&[layout.blob(MANIFEST, manifest.as_bytes())]);
    let pushed = world.push(&layout, &["1.0"]).await.unwrap();
    assert_eq!(pushed.digest().as_str(), digest(manifest.as_bytes()));
}

#[tokio::test(start_paused = true)]
async fn a_push_goes_to_the_region_of_its_repository() {
    let world = World::new().await;
    let elsewhere = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web".parse().unwrap();
    let layout = Layout::image(&[10]);
    let image = Image::open(layout.path()).await.unwrap();
    let error = world.pusher.push(&image, &elsewhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RepositoryNotFound);
    assert_eq!(
        error.to_string(),
        "repository `demo/web` not found in account 123456789012, region eu-west-1: create it \
         with `aws ecr create-repository --repository-name demo/web --region eu-west-1`, or \
         correct the URI"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_repository_gets_no_byte() {
    let world = World::empty();
    let error = world.push(&Layout::image(&[10]), &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RepositoryNotFound);
    assert_eq!(error.operation(), Some("BatchCheckLayerAvailability"));
    assert!(!error.is_retryable());
    assert_eq!(world.calls(), ["BatchCheckLayerAvailability"]);
}

#[tokio::test(start_paused = true)]
async fn an_immutable_tag_keeps_its_image() {
    let world = World::with(ImageTagMutability::Immutable).await;
    let first = world.push(&Layout::image(&[10]), &["1.0"]).await.unwrap();
    let other = Layout::image(&[20]);
    let error = world.push(&other, &["1.0"]).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TagImmutable);
    let wanted = Image::open(other.path()).await.unwrap().digest().clone();
    assert_eq!(
        error.to_string(),
        format!(
            "tag `1.0` of {URI} is immutable and refers to {}, so it can't be moved to {wanted}: \
             choose another tag",
            first.digest()
        )
    );
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(first.digest().as_str()));
}

#[tokio::test(start_paused = true)]
async fn an_immutable_tag_may_be_pushed_again() {
    let world = World::with(ImageTagMutability::Immutable).await;
    let layout = Layout::image(&[10]);
    let first = world.push(&layout, &["1.0"]).await.unwrap();
    let again = world.push(&layout, &["1.0"]).await.unwrap();
    assert_eq!(first.image_uri(), again.image_uri());
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_changed_is_named_and_not_stored() {
    let world = World::new().await;
    let layout = Layout::image(&[1000]);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 1000).unwrap().digest().to_string();
    let path = layout.blob_path(&layer);
    let mut content = fs::read(&path).unwrap();
    content[500] ^= 1;
    fs::write(&path, &content).unwrap();

    let error = world.pusher.push(&image, &repository()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobMismatch);
    assert_eq!(
        error.to_string(),
        format!(
            "blob {layer} has the digest {}: the file {} was changed or is damaged",
            digest(&content),
            path.display()
        )
    );
    let journal = world.local.journal();
    assert_eq!(journal.count("PutImage"), 0);
    // ECR detected the mismatch, and the push did not retry with the same file.
    let calls = journal.calls();
    let refused: Vec<_> = calls.iter().filter_map(|call| call.error.as_deref()).collect();
    assert_eq!(refused, ["InvalidLayerException"]);
    assert_eq!(journal.count("InitiateLayerUpload"), 2, "the layer and the config");
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_changed_and_was_cut_off_then_is_named_with_its_size() {
    let world = World::new().await;
    let layout = Layout::image(&[1000]);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 1000).unwrap().digest().to_string();
    let path = layout.blob_path(&layer);
    fs::write(&path, [0; 1000]).unwrap();
    let mut events = world.pusher.push(&image, &repository()).events();
    while let Some(event) = events.next().await {
        if matches!(event, Event::LayerProgress { sent: 1000, .. }) {
            fs::write(&path, [0; 10]).unwrap();
        }
    }
    let error = events.finish().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BlobMismatch);
    assert!(error.to_string().contains("has 10 bytes instead of 1000"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_was_cut_off_is_named() {
    let world = World::new().await;
    let layout = Layout::image(&[1000]);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 1000).unwrap().digest().to_string();
    let path = layout.blob_path(&layer);
    fs::write(&path, [0; 10]).unwrap();

    let error = world.pusher.push(&image, &repository()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "blob {layer} has 10 bytes instead of 1000: the file {} was cut off or changed",
            path.display()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_it_is_awaited() {
    let world = World::new().await;
    let layout = Layout::image(&[10]);
    let image = Image::open(layout.path()).await.unwrap();
    drop(world.pusher.push(&image, &repository()));
    drop(world.pusher.push(&image, &repository()).events());
    assert_eq!(world.calls(), [""; 0]);
}
