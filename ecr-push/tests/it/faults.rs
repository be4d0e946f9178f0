//! Tests of lost responses: the push succeeds, and only the affected bytes are sent again.

use ecr_push::ErrorKind;
use local_aws::{Fault, When};

use crate::layout::Layout;
use crate::world::World;

const MIB: usize = 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_any_call_is_made_good() {
    for operation in [
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
    ] {
        let world = World::new().await;
        world.local.inject(When::nth(operation, 1), Fault::LoseResponse);
        let pushed = world.push(&Layout::image(&[12 * MIB]), &["1.0"]).await.unwrap();
        let tagged = world.tagged("1.0").await;
        assert_eq!(tagged.as_deref(), Some(pushed.digest().as_str()), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_had_arrived_is_not_sent_a_third_time() {
    let world = World::new().await;
    world.local.inject(When::nth("UploadLayerPart", 2), Fault::LoseResponse);
    world.push(&Layout::image(&[25 * MIB]), &[]).await.unwrap();
    // Three parts and the config, and the SDK's second attempt at the part whose response was lost.
    assert_eq!(world.local.journal().count("UploadLayerPart"), 5);
    let refused: Vec<String> =
        world.local.journal().calls().iter().filter_map(|call| call.error.clone()).collect();
    assert_eq!(refused, ["InvalidLayerPartException"]);
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_expires_is_started_again() {
    for operation in ["UploadLayerPart", "CompleteLayerUpload"] {
        let world = World::new().await;
        world.local.inject(When::nth(operation, 2), Fault::ExpireUploads);
        let pushed = world.push(&Layout::image(&[12 * MIB]), &["1.0"]).await.unwrap();
        let tagged = world.tagged("1.0").await;
        assert_eq!(tagged.as_deref(), Some(pushed.digest().as_str()), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_always_expires_is_given_up() {
    let world = World::new().await;
    world.local.inject(When::every("UploadLayerPart"), Fault::ExpireUploads);
    let error = world.push(&Layout::image(&[100]), &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.is_retryable());
    let problem = "could not be uploaded in two attempts: the upload no longer exists";
    assert!(error.to_string().ends_with(problem), "{error}");
}

#[tokio::test(start_paused = true)]
async fn layers_that_were_collected_are_sent_again() {
    let world = World::new().await;
    world.local.inject(When::nth("PutImage", 1), Fault::CollectLayers);
    let pushed = world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap();
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
    assert_eq!(pushed.layers_sent(), 4, "two layers, each twice");
    assert_eq!(world.local.journal().count("PutImage"), 2);
}

#[tokio::test(start_paused = true)]
async fn layers_that_keep_being_collected_are_said_to() {
    let world = World::new().await;
    world.local.inject(When::every("PutImage"), Fault::CollectLayers);
    let error = world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(error.operation(), Some("PutImage"));
    assert_eq!(world.local.journal().count("PutImage"), 2);
}

#[tokio::test(start_paused = true)]
async fn throttling_and_server_errors_pass() {
    let world = World::new().await;
    world.local.inject(When::nth("UploadLayerPart", 1), Fault::Throttle);
    world.local.inject(When::nth("CompleteLayerUpload", 1), Fault::ServerError);
    world.local.inject(When::nth("PutImage", 1), Fault::ServerError);
    let pushed = world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap();
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
}

#[tokio::test(start_paused = true)]
async fn throttling_without_end_is_said() {
    let world = World::new().await;
    for nth in 1..=3 {
        world.local.inject(When::nth("BatchCheckLayerAvailability", nth), Fault::Throttle);
    }
    let error = world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert!(error.is_retryable());
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "ThrottlingException: Rate exceeded");
}
