//! Tests of answers that say success and don't prove it, and of answers that aren't AWS's.

use std::convert::Infallible;
use std::error::Error as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use ecr_push::settings::NewRepository;
use ecr_push::{Error, ErrorKind, Image, Pusher};
use http_body::{Body, Frame};
use local_aws::{Fault, LocalAws, Middlebox, When};
use serde_json::{Value, json};
use tokio::time::{Sleep, sleep};

use crate::client;
use crate::layout::{Layout, digest};
use crate::v2::html;
use crate::world::{URI, World, repository};

/// Pushes an image of one layer, and answers each call of `operation` with `answer`.
async fn push_with(operation: &'static str, answer: Value) -> Error {
    let world = World::new().await;
    let pusher = client::pusher(&world.local, move |request| {
        (client::operation(request) == operation).then(|| answer.to_string())
    });
    push(&pusher).await
}

async fn push(pusher: &Pusher) -> Error {
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    pusher.push(&image, &repository()).tag("1.0".parse().unwrap()).await.unwrap_err()
}

fn source(error: &Error) -> String {
    error.source().unwrap().to_string()
}

#[tokio::test(start_paused = true)]
async fn success_that_is_not_proven_is_a_protocol_error_that_says_what_is_missing() {
    let other = digest(b"other");
    for (operation, answer, problem) in [
        ("PutImage", json!({}), "the response has no `imageDigest`".to_owned()),
        ("PutImage", json!({ "image": {} }), "the response has no `imageDigest`".to_owned()),
        (
            "PutImage",
            json!({ "image": { "imageId": { "imageDigest": other } } }),
            format!("the response has the `imageDigest` `{other}` instead of `IMAGE`"),
        ),
        ("CompleteLayerUpload", json!({}), "the response has no `layerDigest`".to_owned()),
        ("InitiateLayerUpload", json!({}), "the response has no `uploadId`".to_owned()),
        (
            "InitiateLayerUpload",
            json!({ "uploadId": "a\u{1b}b", "partSize": 10 }),
            "the response has the invalid `uploadId` `a\\u{1b}b`".to_owned(),
        ),
        (
            "InitiateLayerUpload",
            json!({ "uploadId": "a" }),
            "the response has no `partSize`".to_owned(),
        ),
        (
            "InitiateLayerUpload",
            json!({ "uploadId": "a", "partSize": -1 }),
            "the response has the invalid `partSize` -1".to_owned(),
        ),
        ("UploadLayerPart", json!({}), "the response has no `lastByteReceived`".to_owned()),
        (
            "UploadLayerPart",
            json!({ "lastByteReceived": -7 }),
            "the response has the invalid `lastByteReceived` -7".to_owned(),
        ),
        (
            "BatchCheckLayerAvailability",
            json!({ "layers": [{ "layerDigest": other }] }),
            "the response has a layer without `layerDigest` or `layerAvailability`".to_owned(),
        ),
        ("BatchGetImage", json!({}), "the response has neither `images` nor `failures`".to_owned()),
        (
            "BatchGetImage",
            json!({ "images": [{ "imageId": { "imageTag": "1.0" } }] }),
            "the response has an image with the `imageDigest` ``".to_owned(),
        ),
    ] {
        let error = push_with(operation, answer).await;
        let image = Image::open(Layout::image(&[100]).path()).await.unwrap();
        let problem = problem.replace("IMAGE", image.digest().as_str());
        assert_eq!(error.to_string(), format!("{operation} on {URI}: {problem}"));
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(error.operation(), Some(operation));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unlisted_layer_and_another_completed_one_are_named() {
    let error = push_with("BatchCheckLayerAvailability", json!({ "layers": [] })).await;
    let start = format!("BatchCheckLayerAvailability on {URI}: the response has no ");
    let text = error.to_string();
    assert!(text.starts_with(&format!("{start}`layerAvailability` of sha256:")), "{text}");
    let other = digest(b"other");
    let error = push_with("CompleteLayerUpload", json!({ "layerDigest": other })).await;
    let text = error.to_string();
    let start = format!("the response has the `layerDigest` `{other}` instead of `sha256:");
    assert!(text.starts_with(&format!("CompleteLayerUpload on {URI}: {start}")), "{text}");
}

#[tokio::test(start_paused = true)]
async fn another_repository_than_the_requested_one_is_not_created() {
    for (answer, problem) in [
        (json!({}), "the response has no `repositoryName`"),
        (
            json!({ "repository": { "repositoryName": "x", "registryId": "123456789012" } }),
            "the response has the `repositoryName` `x` instead of `demo/web`",
        ),
        (
            json!({ "repository": { "repositoryName": "demo/web", "registryId": "999999999999" } }),
            "the response has the `registryId` `999999999999` instead of `123456789012`",
        ),
    ] {
        let local = LocalAws::new();
        let pusher = client::pusher(&local, move |request| {
            (client::operation(request) == "CreateRepository").then(|| answer.to_string())
        });
        let layout = Layout::image(&[100]);
        let image = Image::open(layout.path()).await.unwrap();
        let push = pusher.push(&image, &repository());
        let error = push.create_repository(NewRepository::default()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("CreateRepository on {URI}: {problem}"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_a_middlebox_is_not_ecr_s() {
    for (middlebox, status, title, is_retryable) in [
        (Middlebox::Forbidden, 403, "Access Denied", false),
        (Middlebox::GatewayTimeout, 504, "504 Gateway Time-out", true),
        (Middlebox::Portal, 200, "Sign in to the network", false),
        (Middlebox::ProxyAuthentication, 407, "Proxy Authentication Required", false),
        (Middlebox::Redirect, 302, "302 Found", false),
        (Middlebox::TooLarge, 413, "413 Request Entity Too Large", false),
    ] {
        let world = World::new().await;
        world.local.inject(When::every("InitiateLayerUpload"), Fault::Middlebox(middlebox));
        let error = world.push(&Layout::image(&[100]), &["1.0"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{middlebox:?}");
        assert_eq!(error.is_retryable(), is_retryable, "{middlebox:?}");
        assert_eq!(error.missing_statement(), None);
        let text = error.to_string();
        let problem = "did not reach AWS: a proxy, a firewall or a portal on the way answered, so \
                       check the network's settings";
        assert!(text.ends_with(problem), "{text}");
        let answer = format!("HTTP {status}, text/html: \"{title}\", not an answer of ECR's");
        assert_eq!(source(&error), answer);
    }
}

#[tokio::test(start_paused = true)]
async fn text_of_a_middlebox_is_quoted() {
    let world = World::new().await;
    let pusher = client::answering(&world.local, |request| {
        (client::operation(request) == "BatchCheckLayerAvailability").then(|| Ok(html(403)))
    });
    let error = push(&pusher).await;
    assert_eq!(
        source(&error),
        "HTTP 403, text/html: \"Sign in to \\u{1b}[31mthe network\", not an answer of ECR's"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_http_is_a_matter_of_the_network_and_retried() {
    let world = World::new().await;
    let pusher = client::answering(&world.local, |request| {
        let garbage = || ConnectorError::other("invalid HTTP version parsed".into(), None);
        (client::operation(request) == "BatchCheckLayerAvailability").then(|| Err(garbage()))
    });
    let error = push(&pusher).await;
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.is_retryable());
}

/// Returns an answer with this body.
fn answer(
    status: u16,
    body: impl Body<Data = Bytes, Error = Infallible> + Send + Sync + 'static,
) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), SdkBody::from_body_1_x(body))
}

/// A body that never ends: a piece at a time, each after a pause.
struct Endless {
    piece: Bytes,
    pause: Duration,
    sleep: Pin<Box<Sleep>>,
    /// How many bytes were read.
    read: Arc<AtomicUsize>,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        ready!(this.sleep.as_mut().poll(context));
        this.sleep = Box::pin(sleep(this.pause));
        this.read.fetch_add(this.piece.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(this.piece.clone()))))
    }
}

fn endless(piece: usize, pause: u64, read: &Arc<AtomicUsize>) -> Endless {
    let pause = Duration::from_millis(pause);
    let piece = Bytes::from(vec![b' '; piece]);
    Endless { piece, pause, sleep: Box::pin(sleep(pause)), read: read.clone() }
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_ends_at_its_limit() {
    const MIB: usize = 1024 * 1024;
    for (status, piece, pause, limit) in [
        (200, MIB, 1, "the answer is larger than 16 MiB"),
        (403, MIB, 1, "the answer is larger than 16 MiB"),
        (200, 1, 500, "the answer was not complete 120 s after its headers"),
    ] {
        let world = World::new().await;
        let read = Arc::default();
        let seen = Arc::clone(&read);
        let pusher = client::answering(&world.local, move |request| {
            let is_check = client::operation(request) == "BatchCheckLayerAvailability";
            is_check.then(|| Ok(answer(status, endless(piece, pause, &seen))))
        });
        let error = push(&pusher).await;
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(
            error.to_string(),
            format!("BatchCheckLayerAvailability on {URI} got an answer that can't be used")
        );
        assert_eq!(source(&error), format!("HTTP {status}: {limit}"));
        // The SDK tries three times.
        let read = read.load(Ordering::Relaxed);
        assert!(read <= 3 * 18 * MIB, "{read} bytes were read");
    }
}
