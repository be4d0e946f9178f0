//! Tests of registries that keep less than they are sent, that lie, and that aren't reached.

use std::error::Error as _;

use ecr_push::ErrorKind;

use crate::layout::{Layout, digest};
use crate::registry::World;
use crate::v2::Quirk;

const MIB: usize = 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn what_a_registry_does_not_keep_of_a_chunk_comes_with_the_completing_request() {
    let layout = Layout::image(&[12 * MIB]);
    // ECR doesn't say what it keeps: the first upload fails, and the second one sends the end last.
    let world = World::new().await;
    world.v2.keeps_whole(10 * MIB);
    let pushed = world.push(&layout).await.unwrap();
    world.has(&layout, &pushed);
    assert_eq!(world.v2.count("PATCH upload"), 2, "{:?}", world.v2.journal());
    let tail = format!("PUT upload {}-{}", 10 * MIB, 12 * MIB - 1);
    assert_eq!(world.v2.count(&tail), 1, "{:?}", world.v2.journal());
    // Another registry says it, and no byte is sent again that it has.
    let world = World::new().await;
    world.v2.keeps_whole(10 * MIB);
    let pushed = world.push_elsewhere(&layout).await.unwrap();
    world.has(&layout, &pushed);
    assert_eq!(world.v2.count("PATCH upload"), 1, "{:?}", world.v2.journal());
    assert_eq!(world.v2.count(&tail), 1, "{:?}", world.v2.journal());
}

#[tokio::test(start_paused = true)]
async fn a_completion_that_names_a_position_continues_there() {
    let world = World::new().await;
    world.v2.keeps_whole(10 * MIB);
    let short = "First byte of the layer part is 12582912 instead of 10485760";
    // The first completing request is the config's.
    world.v2.quirk("PUT upload", 2, Quirk::Refuse(416, "BLOB_UPLOAD_INVALID", short));
    let layout = Layout::image(&[12 * MIB]);
    let pushed = world.push(&layout).await.unwrap();
    world.has(&layout, &pushed);
    assert_eq!(world.v2.count("POST upload"), 2, "{:?}", world.v2.journal());
    assert_eq!(world.v2.count("PATCH upload"), 1);
    assert_eq!(world.v2.count("PUT upload 10485760-12582911"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_mount_that_lies_is_sent_once() {
    let world = World::new().await;
    world.v2.mounts_lie();
    let layout = Layout::image(&[100]);
    let source = "123456789012.dkr.ecr.us-east-1.amazonaws.com/base/image".parse().unwrap();
    let pushed = world.prepare(&layout).await.mount_from(&source).await.unwrap();
    world.has(&layout, &pushed);
    assert_eq!(world.v2.count("POST mount"), 2, "{:?}", world.v2.journal());
    assert_eq!(world.v2.count("POST upload"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_good_for_few_requests_is_renewed_as_often_as_needed() {
    let world = World::new().await;
    world.v2.tokens_are_good_for(3);
    let sizes: Vec<usize> = (1..=20).collect();
    let layout = Layout::image(&sizes);
    let pushed = world.push(&layout).await.unwrap();
    world.has(&layout, &pushed);
    let world = World::new().await;
    world.v2.tokens_are_good_for(0);
    let error = world.push(&layout).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_the_registry_did_not_set_is_not_reported_as_set() {
    let layout = Layout::image(&[100]);
    let other = digest(b"other");
    let other: &'static str = other.leak();
    for stored in [None, Some(other)] {
        let world = World::new().await;
        world.v2.quirk("PUT manifest", 1, Quirk::Stored(stored));
        let error = world.push(&layout).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        let text = error.to_string();
        let problem = match stored {
            None => "the registry accepted the tag `1.0`, but doesn't have it".to_owned(),
            Some(other) => format!("under the digest `{other}`"),
        };
        assert!(text.ends_with(&problem), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_a_proxy_is_no_answer_of_the_registry() {
    for (kind, status) in [
        ("POST upload", 200),
        ("POST upload", 202),
        ("POST upload", 302),
        ("PUT upload", 403),
        ("PUT manifest", 413),
        ("PUT manifest", 201),
    ] {
        let world = World::new().await;
        world.v2.quirk(kind, 1, Quirk::Html(status));
        let error = world.push(&Layout::image(&[100])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{kind} {status}: {error}");
        assert!(!error.is_retryable() && error.missing_statement().is_none());
        assert!(error.to_string().contains("did not reach AWS: a proxy"), "{error}");
        assert_eq!(
            error.source().unwrap().to_string(),
            format!(
                "HTTP {status}, text/html: \"Sign in to \\u{{1b}}[31mthe network\", not an answer \
                 of the registry's"
            )
        );
        assert!(world.v2.count("PUT manifest") <= 1, "{:?}", world.v2.journal());
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_stops_reading_is_left() {
    let world = World::new().await;
    world.v2.stalls();
    let error = world.push(&Layout::image(&[12 * MIB])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.is_retryable());
    let mut texts = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    let stall = "minimum throughput was specified at 1 B/s, but throughput of 0 B/s was observed";
    assert!(texts.iter().any(|text| text == stall), "{texts:?}");
    assert_eq!(world.v2.count("PATCH upload"), 3, "the SDK's three attempts");
}
