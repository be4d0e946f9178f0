//! What happens between the client and AWS: devices that answer in its place, bodies that stall.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use local_aws::{Fault, LocalAws, Middlebox, When};
use tokio::time::Instant;

use crate::ecr::{REPOSITORY, World, digest};
use crate::ecr_images::{OCI, manifest};
use crate::v2::Registry;
use crate::wire::{ECR, Wire, head};

const ANSWERS: [(Middlebox, u16, &str); 6] = [
    (Middlebox::Forbidden, 403, "Access Denied"),
    (Middlebox::GatewayTimeout, 504, "504 Gateway Time-out"),
    (Middlebox::Portal, 200, "Sign in to the network"),
    (Middlebox::ProxyAuthentication, 407, "Proxy Authentication Required"),
    (Middlebox::Redirect, 302, "302 Found"),
    (Middlebox::TooLarge, 413, "413 Request Entity Too Large"),
];

/// The first half of a body of `length` bytes, of which no more comes.
struct Half {
    length: u64,
    sent: bool,
}

impl Body for Half {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.sent {
            return Poll::Pending;
        }
        self.sent = true;
        let half = vec![b' '; (self.length / 2) as usize];
        Poll::Ready(Some(Ok(Frame::data(half.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

fn half(length: u64) -> SdkBody {
    SdkBody::from_body_1_x(BoxBody::new(Half { length, sent: false }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_device_on_the_way_answers_in_html_on_the_wire() {
    let server = LocalAws::start().await.unwrap();
    for (middlebox, status, title) in ANSWERS {
        server.local().clear_faults();
        server.local().inject(When::every("CreateRepository"), Fault::Middlebox(middlebox));
        let mut wire = Wire::connect(&server);
        let answer = wire.ecr("CreateRepository", r#"{ "repositoryName": "app" }"#);
        assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/html")));
        assert!(answer.body.contains(&format!("<h1>{title}</h1>")), "{}", answer.body);
        // It isn't AWS's: it has no id.
        assert_eq!(answer.header("x-amzn-requestid"), None);
        let location = (middlebox == Middlebox::Redirect).then_some("http://portal.example/login");
        assert_eq!(answer.header("location"), location);
        let challenge =
            (middlebox == Middlebox::ProxyAuthentication).then_some("Basic realm=\"proxy\"");
        assert_eq!(answer.header("proxy-authenticate"), challenge);
    }
    let journal = server.local().journal();
    let errors: Vec<_> = journal.calls().iter().map(|call| call.error.as_deref()).collect();
    assert_eq!(errors, [Some("middlebox"); ANSWERS.len()]);
    // The call never arrived.
    server.local().clear_faults();
    let mut wire = Wire::connect(&server);
    assert_eq!(wire.ecr("CreateRepository", r#"{ "repositoryName": "app" }"#).status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_device_on_the_way_answers_for_the_registry() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let layer = world.push_layer(b"layer").await;
    let image = manifest(OCI, &layer, &[&layer]);
    for (middlebox, status, title) in ANSWERS {
        world.local.clear_faults();
        world.local.inject(When::every("V2.PutManifest"), Fault::Middlebox(middlebox));
        let answer = registry.put("1.0", &image).await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/html")));
        let body = String::from_utf8(answer.body).unwrap();
        assert!(body.contains(&format!("<h1>{title}</h1>")), "{body}");
    }
    let list = world.ecr.list_images().repository_name(REPOSITORY).send().await.unwrap();
    assert_eq!(list.image_ids(), []);
    let error = world.local.journal().calls().iter().rev().nth(1).unwrap().error.clone();
    assert_eq!(error.as_deref(), Some("middlebox"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_cut_after_its_time() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let upload = registry.start().await;
    world.local.set_body_timeout(Duration::from_secs(20));
    let began = Instant::now();
    assert!(registry.call("PATCH", &upload, &[], half(1000)).await.is_none());
    assert_eq!(began.elapsed(), Duration::from_secs(20));
    let target = format!("{ECR}.ListImages");
    let headers = [("x-amz-target", target.as_str())];
    let registry = Registry { host: "api.ecr.us-east-1.amazonaws.com".to_owned(), ..registry };
    assert!(registry.call("POST", "/", &headers, half(1000)).await.is_none());
    assert_eq!(began.elapsed(), Duration::from_secs(40));
    let journal = world.local.journal();
    let [.., patch, list] = journal.calls() else { panic!("{journal:?}") };
    assert_eq!((patch.operation.as_str(), patch.request_bytes), ("V2.PatchUpload", 500));
    assert_eq!(list.operation, "ListImages");
    assert_eq!(patch.error.as_deref(), Some("connection reset"));
    assert_eq!(list.error.as_deref(), Some("connection reset"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_that_stalls_is_cut_on_the_wire() {
    let server = LocalAws::start().await.unwrap();
    server.local().set_body_timeout(Duration::from_millis(20));
    let target = format!("{ECR}.ListImages");
    let headers = [("x-amz-target", target.as_bytes()), ("content-length", b"1000".as_slice())];
    let mut wire = Wire::connect(&server);
    wire.write(&[head(&headers), vec![b' '; 600]].concat());
    assert!(wire.read().is_none());
    let journal = server.local().journal();
    assert_eq!(journal.operations(), ["ListImages"]);
    assert_eq!(journal.calls()[0].error.as_deref(), Some("connection reset"));
    assert_eq!(journal.calls()[0].request_bytes, 600);
}

#[tokio::test(start_paused = true)]
async fn the_last_bytes_of_a_body_do_not_come() {
    const MIB: usize = 1024 * 1024;
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    let stall = Fault::StallMidBody(Duration::from_secs(30));
    world.local.inject(When::nth("V2.PatchUpload", 1), stall.clone());
    world.local.inject(When::nth("InitiateLayerUpload", 1), stall);
    let upload = registry.start().await;
    let began = Instant::now();
    let content = vec![1; 30 * MIB];
    assert!(registry.call("PATCH", &upload, &[], content.clone()).await.is_none());
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    // The whole part of the half that came is there.
    let rest = registry.patch(&upload, 10 * MIB, &content[10 * MIB..]).await.unwrap();
    assert_eq!(rest.status, 201);
    assert_eq!(registry.complete(&upload, &digest(&content)).await.status, 201);

    let began = Instant::now();
    // The SDK takes the broken connection for a passing failure, and calls again.
    world.ecr.initiate_layer_upload().repository_name(REPOSITORY).send().await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(30));
    assert_eq!(world.local.journal().count("InitiateLayerUpload"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_its_service_time() {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    world.local.set_service_time("ListImages", Duration::from_millis(70));
    world.local.set_service_time("V2.ListTags", Duration::from_millis(90));
    let mut link = local_aws::Link::default();
    link.round_trip = Duration::from_millis(30);
    world.local.set_link(link);
    let began = Instant::now();
    world.ecr.list_images().repository_name(REPOSITORY).send().await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(100));
    registry.get("/v2/team/app/tags/list").await;
    assert_eq!(began.elapsed(), Duration::from_millis(220));
    world.ecr.describe_images().repository_name(REPOSITORY).send().await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(250), "another operation takes no time");
}
