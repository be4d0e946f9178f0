//! Tests of pushes that can't start, and of their errors.

use std::error::Error as _;
use std::fs::File;

use ecr_push::{ErrorKind, Image, Pusher};
use local_aws::{Fault, LocalAws, When};
use serde_json::{Value, json};

use crate::client;
use crate::layout::{Layout, MANIFEST, digest};
use crate::world::{URI, World, repository};

/// Returns the error's text, and the text of every cause.
fn chain(error: &ecr_push::Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts
}

#[tokio::test(start_paused = true)]
async fn missing_credentials_are_a_matter_of_the_configuration() {
    let world = World::new().await;
    let mut config = world.local.sdk_config().to_builder();
    config.set_credentials_provider(None);
    let layout = Layout::image(&[10]);
    let image = Image::open(layout.path()).await.unwrap();
    let push = Pusher::new(&config.build()).push(&image, &repository());
    let error = push.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(!error.is_retryable());
    let chain = chain(&error);
    assert_eq!(chain[0], format!("BatchCheckLayerAvailability on {URI} can't be sent"));
    assert!(chain.iter().any(|text| text.contains("credentials")), "{chain:?}");
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_a_matter_of_the_network() {
    let world = World::new().await;
    world.local.inject(When::every("BatchCheckLayerAvailability"), Fault::Reset);
    let error = world.push(&Layout::image(&[10]), &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!("BatchCheckLayerAvailability on {URI} got no answer from ECR")
    );
}

#[tokio::test(start_paused = true)]
async fn a_denied_action_is_named_with_the_repository() {
    let world = World::new().await;
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": [
                "ecr:BatchCheckLayerAvailability",
                "ecr:InitiateLayerUpload",
                "ecr:UploadLayerPart",
                "ecr:CompleteLayerUpload",
            ],
            "Resource": repository().arn(),
        },
    });
    world.local.set_policy(LocalAws::USER, &policy.to_string()).unwrap();
    let layout = Layout::image(&[10]);
    let image = Image::open(layout.path()).await.unwrap();
    let error = world.push_image(&image, &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    let digest = image.digest();
    assert_eq!(
        chain(&error),
        [
            format!(
                "PutImage of {digest} as `1.0` on {URI} is not allowed: add \
                 {{\"Effect\":\"Allow\",\"Action\":\"ecr:PutImage\",\"Resource\":\
                 \"arn:aws:ecr:us-east-1:123456789012:repository/demo/web\"}} to the policy"
            ),
            "AccessDeniedException: User: arn:aws:iam::123456789012:user/local is not authorized \
             to perform: ecr:PutImage on resource: \
             arn:aws:ecr:us-east-1:123456789012:repository/demo/web because no identity-based \
             policy allows the ecr:PutImage action"
                .to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn five_actions_on_one_repository_are_enough() {
    let world = World::new().await;
    let actions = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    ];
    let policy = |actions: &[&str]| {
        json!({
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow", "Action": actions, "Resource": repository().arn(),
            },
        })
        .to_string()
    };
    let layout = Layout::image(&[10]);
    for without in 0..actions.len() {
        let mut fewer = actions.to_vec();
        let denied = fewer.remove(without).trim_start_matches("ecr:");
        world.local.set_policy(LocalAws::USER, &policy(&fewer)).unwrap();
        let error = world.push(&layout, &["1.0"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
        assert_eq!(error.operation(), Some(denied));
        // The next push must find no content of this one.
        world.local.inject(When::every("BatchCheckLayerAvailability"), Fault::CollectLayers);
    }
    world.local.set_policy(LocalAws::USER, &policy(&actions)).unwrap();
    world.push(&layout, &["1.0"]).await.unwrap();
}

/// Returns the error of the push, which must come before anything is sent.
async fn unsupported(layout: &Layout) -> String {
    let world = World::new().await;
    let error = world.push(layout, &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(world.local.journal().count("InitiateLayerUpload"), 0);
    let (image, problem) =
        error.to_string().split_once(": ").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let digest = Image::open(layout.path()).await.unwrap().digest().to_string();
    assert_eq!(image, format!("image {digest} can't be stored by ECR"));
    problem
}

/// Adds an image to the layout, with a config and a layer with this descriptor.
fn with_layer(layout: &Layout, layer: &Value) {
    let config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
    });
    layout.set_index(&[layout.blob(MANIFEST, manifest.to_string().as_bytes())]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_blob_is_found_before_the_first_byte() {
    assert_eq!(
        unsupported(&Layout::image(&[0])).await,
        format!(
            "blob {}: the blob is empty: for an artifact without content, use \
             the blob `{{}}` (the OCI empty descriptor)",
            digest(b"")
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_over_the_quota_is_found_before_the_first_byte() {
    let layout = Layout::new();
    let size = 54_525_952_001_u64;
    let layer = json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": digest(b"huge"),
        "size": size,
    });
    with_layer(&layout, &layer);
    // The file is sparse: it takes no space.
    File::create(layout.blob_path(&digest(b"huge"))).unwrap().set_len(size).unwrap();
    assert_eq!(
        unsupported(&layout).await,
        format!(
            "blob {}: 54525952001 bytes exceed ECR's limit of 52,000 \
             MiB for a layer",
            digest(b"huge")
        )
    );
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_cannot_be_ecrs_is_refused() {
    for (id, part_size) in [("1".repeat(257), 10), ("a\nb".to_owned(), 10), ("1".to_owned(), 0)] {
        let world = World::new().await;
        let pusher = client::pusher(&world.local, move |request| {
            let answer = json!({ "uploadId": id, "partSize": part_size });
            (client::operation(request) == "InitiateLayerUpload").then(|| answer.to_string())
        });
        let layout = Layout::image(&[100]);
        let image = Image::open(layout.path()).await.unwrap();
        let error = pusher.push(&image, &repository()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(error.operation(), Some("InitiateLayerUpload"));
        assert_eq!(world.local.journal().count("UploadLayerPart"), 0);
    }
}
