//! What a push says where it can't even begin.

use std::error::Error as _;

use ecr_push::{ErrorKind, Image, Pusher};
use local_aws::{Fault, LocalAws, When};
use serde_json::json;

use crate::layout::Layout;
use crate::world::{URI, World, repository};

/// What is said, and every cause behind it.
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
    let error = world.push(&Layout::image(&[10]), &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(
        chain(&error),
        [
            format!(
                "PutImage on {URI} is not allowed: the policy needs `ecr:PutImage` on \
                 `arn:aws:ecr:us-east-1:123456789012:repository/demo/web`"
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
        // Whatever arrived before is not to be found the next time.
        world.local.inject(When::every("BatchCheckLayerAvailability"), Fault::CollectLayers);
    }
    world.local.set_policy(LocalAws::USER, &policy(&actions)).unwrap();
    world.push(&layout, &["1.0"]).await.unwrap();
}
