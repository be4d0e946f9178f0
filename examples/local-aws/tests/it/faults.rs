//! What goes wrong by script: on the right calls, and with the right effect.

use std::time::Duration;

use aws_sdk_ecr::types::LayerAvailability;
use local_aws::{Fault, Link, LocalAws, When};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::ecr::{REPOSITORY, Refusal, World, digest, refusal, refused};

/// Calls that nothing happens to, one after another, with the error code of each.
async fn lists(world: &World, times: usize) -> Vec<Option<String>> {
    // The SDK's retries are off, so that each is one call.
    let no_retries = aws_sdk_ecr::config::retry::RetryConfig::disabled();
    let mut codes = Vec::new();
    for _ in 0..times {
        let list = world.ecr.list_images().repository_name(REPOSITORY).customize();
        let config = aws_sdk_ecr::config::Builder::default().retry_config(no_retries.clone());
        codes.push(list.config_override(config).send().await.err().map(|e| refusal(e).0));
    }
    codes
}

fn throttled() -> Refusal {
    refused("ThrottlingException", "Rate exceeded")
}

#[tokio::test(start_paused = true)]
async fn only_the_nth_call_meets_it() {
    let world = World::new().await;
    world.local.inject(When::nth("ListImages", 2), Fault::Throttle);
    let code = Some("ThrottlingException".to_owned());
    assert_eq!(lists(&world, 3).await, [None, code, None]);
}

#[tokio::test(start_paused = true)]
async fn every_call_meets_it_for_as_long_as_it_lasts() {
    let world = World::new().await;
    world
        .local
        .inject(When::for_the_next("ListImages", Duration::from_secs(60)), Fault::Unavailable);
    let code = Some("ServiceUnavailable".to_owned());
    assert_eq!(lists(&world, 2).await, [code.clone(), code.clone()]);
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(lists(&world, 1).await, [code]);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(lists(&world, 1).await, [None]);
}

#[tokio::test(start_paused = true)]
async fn only_calls_that_match_meet_it() {
    let world = World::new().await;
    let create = |name: &str| world.ecr.create_repository().repository_name(name).send();
    let about_b = |body: &[u8]| body.windows(3).any(|it| it == b"\"bb");
    world.local.inject(When::matching("CreateRepository", about_b), Fault::Throttle);
    create("aa").await.unwrap();
    assert_eq!(create("bb").await.map_err(refusal).unwrap_err(), throttled());
}

#[tokio::test(start_paused = true)]
async fn chance_is_the_same_in_every_run_and_another_by_seed() {
    let failed = |seed| async move {
        let world = World::new().await;
        world.local.inject(When::one_in("ListImages", 4).seed(seed), Fault::ServerError);
        let codes = lists(&world, 100).await;
        (0..100).filter(|&nth| codes[nth].is_some()).collect::<Vec<_>>()
    };
    let first = failed(1).await;
    assert_eq!(first, failed(1).await);
    assert_ne!(first, failed(2).await);
    assert!((10..40).contains(&first.len()), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_first_carries_nothing_out() {
    for fault in [Fault::Reset, Fault::ResetMidBody] {
        let local = LocalAws::new();
        local.inject(When::nth("CreateRepository", 1), fault);
        let ecr = aws_sdk_ecr::Client::new(&local.sdk_config());
        // The SDK's second attempt would be refused, had the first one been carried out.
        ecr.create_repository().repository_name("app").send().await.unwrap();
        let journal = local.journal();
        let errors: Vec<_> = journal.calls().iter().map(|it| it.error.as_deref()).collect();
        assert_eq!(errors, [Some("connection reset"), None]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_waited_for_on_the_clock() {
    let world = World::new().await;
    world.local.inject(When::every("ListImages"), Fault::Delay(Duration::from_secs(90)));
    let began = Instant::now();
    lists(&world, 2).await;
    assert_eq!(began.elapsed(), Duration::from_secs(180));
}

#[tokio::test(start_paused = true)]
async fn uploads_expire() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    world.send(&upload, 0, b"layer").await.unwrap();
    world.local.inject(When::nth("CompleteLayerUpload", 1), Fault::ExpireUploads);
    let (code, _) = world.complete(&upload, &digest("layer")).await.unwrap_err();
    assert_eq!(code, "UploadNotFoundException");
}

#[tokio::test(start_paused = true)]
async fn layers_without_an_image_are_collected() {
    let world = World::new().await;
    let layer = world.push_layer(b"layer").await;
    world.local.inject(When::nth("BatchCheckLayerAvailability", 2), Fault::CollectLayers);
    let check = || async {
        let check = world.ecr.batch_check_layer_availability().repository_name(REPOSITORY);
        let output = check.layer_digests(&layer).send().await.unwrap();
        output.layers()[0].layer_availability().unwrap().clone()
    };
    assert_eq!(check().await, LayerAvailability::Available);
    assert_eq!(check().await, LayerAvailability::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_token_can_come_expired() {
    let world = World::new().await;
    world.local.inject(When::nth("GetAuthorizationToken", 1), Fault::ExpiredToken);
    let expires = || async {
        let output = world.ecr.get_authorization_token().send().await.unwrap();
        output.authorization_data()[0].expires_at().unwrap().secs()
    };
    let (first, second) = (expires().await, expires().await);
    assert_eq!(second - first, 12 * 60 * 60);
}

#[tokio::test(start_paused = true)]
async fn quotas_are_enforced_when_asked_for() {
    let world = World::new().await;
    world.local.set_quota("ListImages", 3.0);
    let throttled = |codes: Vec<Option<String>>| codes.iter().flatten().count();
    assert_eq!(throttled(lists(&world, 5).await), 2);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(throttled(lists(&world, 5).await), 2);
    world.local.enforce_quotas();
    let put = |tag: &str| world.ecr.put_image().repository_name(REPOSITORY).image_manifest(tag);
    let mut codes = Vec::new();
    let no_retries = aws_sdk_ecr::config::retry::RetryConfig::disabled();
    for _ in 0..12 {
        let config = aws_sdk_ecr::config::Builder::default().retry_config(no_retries.clone());
        let answer = put("{").customize().config_override(config).send().await;
        codes.push(refusal(answer.unwrap_err()).0);
    }
    // ECR allows ten a second.
    assert_eq!(codes.iter().filter(|code| *code == "ThrottlingException").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_line_takes_its_time_in_process_too() {
    let world = World::new().await;
    let upload = world.start_upload().await;
    let mut link = Link::default();
    link.round_trip = Duration::from_millis(80);
    world.local.set_link(link);
    let began = Instant::now();
    lists(&world, 3).await;
    assert_eq!(began.elapsed(), Duration::from_millis(240));

    link.per_connection = Some(1_000_000);
    world.local.set_link(link);
    let before = world.local.journal().calls().len();
    let began = Instant::now();
    world.send(&upload, 0, &vec![7; 3_000_000]).await.unwrap();
    let bytes = world.local.journal().calls()[before].request_bytes;
    assert!(bytes > 4_000_000, "base64 makes more of them: {bytes}");
    let expected = Duration::from_secs_f64(bytes as f64 / 1e6) + Duration::from_millis(80);
    // The paused clock steps by milliseconds.
    assert!(began.elapsed().abs_diff(expected) <= Duration::from_millis(2));
}

#[tokio::test(start_paused = true)]
async fn a_read_can_be_from_before_the_last_change() {
    let world = World::new().await;
    world.local.inject(When::nth("BatchCheckLayerAvailability", 1), Fault::StaleRead);
    let layer = world.push_layer(b"layer").await;
    let check = || async {
        let check = world.ecr.batch_check_layer_availability().repository_name(REPOSITORY);
        let output = check.layer_digests(&layer).send().await.unwrap();
        output.layers()[0].layer_availability().unwrap().clone()
    };
    assert_eq!(check().await, LayerAvailability::Unavailable);
    assert_eq!(check().await, LayerAvailability::Available);
}

#[tokio::test(start_paused = true)]
async fn a_line_takes_its_time_over_http() {
    let server = LocalAws::start().await.unwrap();
    let mut link = Link::default();
    link.round_trip = Duration::from_millis(80);
    link.in_total = Some(1_000_000);
    server.local().set_link(link);
    let address = server.endpoint_url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-length: 3000000\r\n\r\n";
    let began = Instant::now();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; 3_000_000]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&answer));
    // The paused clock advances only by what is waited for.
    let elapsed = began.elapsed();
    let expected = Duration::from_millis(3080);
    assert!(elapsed >= expected && elapsed < expected * 2, "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_changed_on_the_way_has_another_digest() {
    let world = World::new().await;
    world.local.inject(When::nth("UploadLayerPart", 1), Fault::CorruptPart);
    let upload = world.start_upload().await;
    world.send(&upload, 0, b"layer").await.unwrap();
    let error = world.complete(&upload, &digest("layer")).await.unwrap_err();
    assert_eq!(error.0, "InvalidLayerException");
    // The first bit of `l` is that of `m`.
    world.complete(&upload, &digest("mayer")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn half_a_part_moves_the_cursor_half_of_the_way() {
    let world = World::new().await;
    world.local.set_min_part_size(2);
    world.local.inject(When::nth("UploadLayerPart", 1), Fault::HalfPart);
    let upload = world.start_upload().await;
    // Half is taken, no answer comes, and the SDK's second attempt finds out.
    let error = world.send(&upload, 0, b"layer").await.unwrap_err();
    assert_eq!(
        error,
        refused("InvalidLayerPartException", "First byte of the layer part is 0 instead of 2")
    );
    world.send(&upload, 2, b"yer").await.unwrap();
    world.complete(&upload, &digest("layer")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_part_has_what_it_has_to_have_at_least() {
    let world = World::new().await;
    world.local.set_min_part_size(3);
    let upload = world.start_upload().await;
    world.send(&upload, 0, b"la").await.unwrap();
    world.send(&upload, 2, b"yer").await.unwrap();
    let error = world.complete(&upload, &digest("layer")).await.unwrap_err();
    assert_eq!(error.0, "LayerPartTooSmallException");
}

#[tokio::test(start_paused = true)]
async fn a_quota_of_the_account_is_a_fault_too_and_all_of_them_can_be_taken_back() {
    let world = World::new().await;
    world.local.inject(When::every("ListImages"), Fault::LimitExceeded);
    let code = Some("LimitExceededException".to_owned());
    assert_eq!(lists(&world, 2).await, [code.clone(), code]);
    world.local.clear_faults();
    assert_eq!(lists(&world, 1).await, [None]);
}
