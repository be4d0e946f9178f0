//! Tests of rejections in the middle of a push, and of the recovery: the protocol's error table.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_ecr::types::{ImageIdentifier, ImageTagMutability};
use ecr_push::events::Event;
use ecr_push::{ErrorKind, Image};
use local_aws::{Fault, When};
use serde_json::json;

use crate::image_platform::artifact;
use crate::layout::{Layout, MANIFEST, digest};
use crate::world::{URI, World, repository};

const MIB: usize = 1024 * 1024;

/// Matches the first part of more than 1 MiB, which excludes configs.
fn first_large_part() -> When {
    let met = AtomicBool::new(false);
    When::matching("UploadLayerPart", move |body| {
        body.len() > MIB && !met.swap(true, Ordering::Relaxed)
    })
}

#[tokio::test(start_paused = true)]
async fn half_a_part_that_arrived_is_not_sent_again() {
    let world = World::new().await;
    // Half of 12 MiB is large enough for a part of its own.
    world.local.set_part_size(12 * MIB as u64);
    world.local.inject(first_large_part(), Fault::HalfPart);
    let layout = Layout::image(&[30 * MIB]);
    let pushed = world.push(&layout, &["1.0"]).await.unwrap();
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
    let calls = world.local.journal().calls().to_vec();
    let large: Vec<u64> = calls
        .iter()
        .filter(|call| call.operation == "UploadLayerPart" && call.request_bytes > 1000)
        .map(|call| call.request_bytes * 3 / 4 / MIB as u64)
        .collect();
    // The SDK retries the first part. ECR rejects the retry and reports the upload's position: 6
    // MiB.
    assert_eq!(large, [12, 12, 12, 12]);
    assert_eq!(world.local.journal().count("InitiateLayerUpload"), 2);
}

#[tokio::test(start_paused = true)]
async fn half_a_part_that_is_too_small_is_sent_anew() {
    let world = World::new().await;
    world.local.set_part_size(6 * MIB as u64);
    world.local.inject(first_large_part(), Fault::HalfPart);
    let pushed = world.push(&Layout::image(&[20 * MIB]), &["1.0"]).await.unwrap();
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
    let journal = world.local.journal();
    let refused: Vec<&str> =
        journal.calls().iter().filter_map(|call| call.error.as_deref()).collect();
    assert_eq!(refused, ["InvalidLayerPartException", "LayerPartTooSmallException"]);
}

#[tokio::test(start_paused = true)]
async fn parts_that_are_always_too_small_are_given_up() {
    let world = World::new().await;
    world.local.set_part_size(4 * MIB as u64);
    let layout = Layout::image(&[9 * MIB]);
    let error = world.push(&layout, &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let image = Image::open(layout.path()).await.unwrap();
    let layer = image.layers().find(|layer| layer.size() == 9 * MIB as u64).unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "CompleteLayerUpload on {URI}: {} could not be uploaded in two attempts: \
             LayerPartTooSmallException: All layer parts except the last part should be at least \
             5MB",
            layer.digest()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn content_that_changes_on_the_way_is_sent_once_more() {
    let world = World::new().await;
    world.local.inject(When::nth("UploadLayerPart", 1), Fault::CorruptPart);
    let pushed = world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap();
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
    assert_eq!(world.local.journal().count("UploadLayerPart"), 3, "one of two layers twice");
}

#[tokio::test(start_paused = true)]
async fn content_that_always_changes_on_the_way_is_said() {
    let world = World::new().await;
    world.local.inject(When::every("UploadLayerPart"), Fault::CorruptPart);
    let error = world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let expected = "could not be uploaded in two attempts: InvalidLayerException: None of the \
                    provided layer digests match the calculated layer digest";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_not_tried_again() {
    for operation in ["UploadLayerPart", "PutImage"] {
        let world = World::new().await;
        world.local.inject(When::every(operation), Fault::LimitExceeded);
        // Its config is its only layer.
        let layout = Layout::new();
        layout.set_index(&[artifact(&layout, &digest(b"subject"))]);
        let image = Image::open(layout.path()).await.unwrap();
        let error = world.push_image(&image, &["1.0"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(!error.is_retryable());
        let what = match operation {
            "PutImage" => format!("{} as `1.0`", image.digest()),
            _ => image.layers().next().unwrap().digest().to_string(),
        };
        assert_eq!(
            error.to_string(),
            format!(
                "{operation} of {what} on {URI} exceeded a quota of account 123456789012 in us-east-1"
            )
        );
        assert_eq!(world.local.journal().count(operation), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_kms_refuses_is_said_in_its_words() {
    let world = World::new().await;
    world.local.set_kms_error("demo/web", Some("DisabledException"));
    let error = world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EncryptionKey);
    let expected = format!(" on {URI} can't use the repository's KMS key");
    assert!(error.to_string().ends_with(&expected), "{error}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.ends_with("(KMS: DisabledException)"), "{source}");
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_vanishes_before_its_index_is_put_again() {
    let world = World::new().await;
    let layout = Layout::new();
    let children = [layout.manifest(&[100]), layout.manifest(&[200])];
    let index = layout.index(&children);
    layout.set_index(&[index]);
    let image = Image::open(layout.path()).await.unwrap();
    let mut events = world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap()).events();
    // Slow manifests leave time for the deletion between two of them.
    world.local.inject(When::every("PutImage"), Fault::Delay(Duration::from_secs(1)));
    let mut deleted = false;
    while let Some(event) = events.next().await {
        if let Event::ManifestPut { digest, .. } = event
            && !deleted
        {
            let id = ImageIdentifier::builder().image_digest(digest.as_str()).build();
            let delete = world.client.batch_delete_image().repository_name("demo/web");
            delete.image_ids(id).send().await.unwrap();
            world.local.collect_layers();
            deleted = true;
        }
    }
    let pushed = events.finish().await.unwrap();
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
    for child in &children {
        assert!(world.manifest(child["digest"].as_str().unwrap()).await.is_some());
    }
    // At that moment, no image referred to any of the layers.
    assert_eq!(pushed.layers_sent(), 4 + 4);
}

#[tokio::test(start_paused = true)]
async fn an_image_of_too_many_layers_is_said_in_ecr_s_words() {
    let world = World::new().await;
    world.local.limit_layers_per_image(2);
    let error = world.push(&Layout::image(&[1, 2, 3]), &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Service);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("Limit on number of layers per image exceeded"), "{source}");
}

#[tokio::test(start_paused = true)]
async fn an_archived_image_is_restored() {
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    world.push(&layout, &["1.0"]).await.unwrap();
    assert!(world.local.archive_image("demo/web", "1.0"));
    assert_eq!(world.tagged("1.0").await, None);
    let pushed = world.push(&layout, &["1.0"]).await.unwrap();
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
}

/// Two CI jobs of one commit push the same image.
#[tokio::test(start_paused = true)]
async fn two_pushes_of_one_image_at_once_both_succeed() {
    for mutability in [ImageTagMutability::Mutable, ImageTagMutability::Immutable] {
        let world = World::with(mutability).await;
        world
            .local
            .inject(When::every("UploadLayerPart"), Fault::Delay(Duration::from_millis(100)));
        let layout = Layout::image(&[12 * MIB, 100]);
        let tags = ["1.0", "latest"];
        let (first, second) = tokio::join!(world.push(&layout, &tags), world.push(&layout, &tags));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.image_uri(), second.image_uri());
        for tag in tags {
            assert_eq!(world.tagged(tag).await.as_deref(), Some(first.digest().as_str()));
        }
        let journal = world.local.journal();
        let refused: Vec<&str> =
            journal.calls().iter().filter_map(|call| call.error.as_deref()).collect();
        assert!(refused.contains(&"LayerAlreadyExistsException"), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_retried_and_restarted_can_be_seen() {
    let world = World::new().await;
    world.local.inject(When::nth("UploadLayerPart", 1), Fault::Throttle);
    world.local.inject(When::nth("CompleteLayerUpload", 1), Fault::Reset);
    world.local.inject(When::nth("CompleteLayerUpload", 2), Fault::ExpireUploads);
    // One blob is config and layer at once, because ECR refuses an image without a layer.
    let layout = Layout::new();
    let config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let mut layer = config.clone();
    layer["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
    });
    layout.set_index(&[layout.blob(MANIFEST, manifest.to_string().as_bytes())]);
    let image = Image::open(layout.path()).await.unwrap();
    let mut events = world.pusher.push(&image, &repository()).events();
    let mut story = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Event::LayerRestarted { reason, .. } => story.push(reason),
            Event::RequestRetried { operation, attempt, reason, .. } => {
                story.push(format!("{operation} {attempt}: {reason}"));
            }
            _ => {}
        }
    }
    events.finish().await.unwrap();
    assert_eq!(
        story,
        [
            "UploadLayerPart 2: HTTP 400, ThrottlingException",
            "CompleteLayerUpload 2: no response",
            "the upload no longer exists",
        ]
    );
}
