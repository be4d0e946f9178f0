//! Uploads by the registry endpoint: the position of the cursor, and how ECR reports it.

use aws_smithy_types::body::SdkBody;
use local_aws::{Blobs, Fault, When};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::ecr::{REPOSITORY, World, digest};
use crate::v2::{Answer, Registry, UPLOADS, blob, problem};

const MIB: usize = 1024 * 1024;

async fn registry() -> (World, Registry) {
    let world = World::new().await;
    let registry = Registry::new(&world).await;
    (world, registry)
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n / 1000) as u8).collect()
}

fn out_of_order(first: usize, expected: usize) -> (u16, String, String) {
    let message = format!("First byte of the layer part is {first} instead of {expected}");
    problem(416, "BLOB_UPLOAD_INVALID", &message)
}

async fn put(registry: &Registry, upload: &str, query: &str, body: &[u8]) -> Answer {
    registry.call("PUT", &format!("{upload}{query}"), &[], body.to_vec()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn chunks_are_created_and_their_range_goes_stale() {
    let (world, registry) = registry().await;
    let content = content(16 * MIB);
    let upload = registry.start().await;
    for first in [0, 5 * MIB, 10 * MIB] {
        let answer =
            registry.patch(&upload, first, &content[first..first + 5 * MIB]).await.unwrap();
        assert_eq!((answer.status, answer.header("range")), (201, Some("0-5242879")));
        assert!(answer.header("location").unwrap().ends_with(&upload));
        assert_eq!(answer.header("docker-upload-uuid"), upload.rsplit('/').next());
    }
    // The last chunk comes with the end.
    let sha = digest(&content);
    let answer = put(&registry, &upload, &format!("?digest={sha}"), &content[15 * MIB..]).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("docker-content-digest"), Some(sha.as_str()));
    assert!(answer.header("location").unwrap().ends_with(&blob(&sha)));
    assert!(world.local.layer(REPOSITORY, &sha).is_some_and(|kept| kept == content));
}

#[tokio::test(start_paused = true)]
async fn a_body_of_any_size_is_taken_in_parts() {
    let (world, registry) = registry().await;
    let content = content(21 * MIB);
    let sha = digest(&content);
    let upload = registry.start().await;
    // Docker says no range, and sends all at once.
    let answer = registry.call("PATCH", &upload, &[], content.clone()).await.unwrap();
    assert_eq!(answer.header("range"), Some("0-22020095"));
    assert_eq!(registry.complete(&upload, &sha).await.status, 201);

    let other = [&content[..], b"other"].concat();
    let upload = registry.start().await;
    let query = format!("?digest={}", digest(&other));
    assert_eq!(put(&registry, &upload, &query, &other).await.status, 201);
    assert!(world.local.layer(REPOSITORY, &digest(&other)).is_some_and(|kept| kept == other));
}

#[tokio::test(start_paused = true)]
async fn what_is_out_of_order_is_refused_with_the_cursor() {
    let (_, registry) = registry().await;
    let upload = registry.start().await;
    registry.patch(&upload, 0, b"layer").await.unwrap();
    for first in [0, 4, 6] {
        let refused = registry.patch(&upload, first, b"layer").await.unwrap();
        assert_eq!(refused.refusal(), out_of_order(first, 5));
    }
    for (range, message) in [
        ("5-8", "Layer part has 5 bytes, and says that it is bytes 5 to 8"),
        ("9-5", "Content-Range '9-5' is not the range of a part"),
        ("bytes 5-9/10", "Content-Range 'bytes 5-9/10' is not the range of a part"),
    ] {
        let headers = [("content-range", range)];
        let refused = registry.call("PATCH", &upload, &headers, "other").await.unwrap();
        assert_eq!(refused.refusal(), problem(416, "BLOB_UPLOAD_INVALID", message));
    }
    // A part that would have been whole is lost, too.
    let headers = [("content-range", "5-8")];
    let refused = registry.call("PATCH", &upload, &headers, content(11 * MIB)).await.unwrap();
    assert_eq!(refused.status, 416);
    // None of that has moved the cursor.
    assert_eq!(registry.complete(&upload, &digest("layer")).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn what_can_t_be_completed_is_refused() {
    let (_, registry) = registry().await;
    let invalid = |message: &str| problem(400, "BLOB_UPLOAD_INVALID", message);
    let upload = registry.start().await;
    let id = upload.rsplit('/').next().unwrap();
    assert_eq!(
        registry.complete(&upload, &digest("")).await.refusal(),
        invalid(&format!(
            "Layer upload with id '{id}' in the repository with name 'team/app' in the registry \
             with id '123456789012' cannot be completed because it does not have any parts"
        ))
    );
    registry.patch(&upload, 0, b"la").await.unwrap();
    let refused = put(&registry, &upload, "", b"").await.refusal();
    let message = "provided digest did not match uploaded content";
    assert_eq!(refused, problem(400, "DIGEST_INVALID", message));
    assert_eq!(
        registry.complete(&upload, &digest("layer")).await.refusal(),
        invalid("None of the provided layer digests match the calculated layer digest")
    );
    registry.patch(&upload, 2, b"yer").await.unwrap();
    assert_eq!(
        registry.complete(&upload, &digest("layer")).await.refusal(),
        invalid("All layer parts except the last part should be at least 5MB")
    );
    let absent = "/v2/team/app/blobs/uploads/00000000-0000-4000-8000-ffffffffffff";
    let refused = registry.patch(absent, 0, b"layer").await.unwrap().refusal();
    assert_eq!((refused.0, refused.1.as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_there_already_is_created_all_the_same() {
    let (world, registry) = registry().await;
    let by_api = world.push_layer(b"layer").await;
    assert_eq!(registry.push(b"layer").await, by_api);
    // The journal has no error for it, like the answer.
    assert_eq!(world.local.journal().calls().last().unwrap().error, None);
}

#[tokio::test(start_paused = true)]
async fn an_upload_has_one_cursor_for_both_doors() {
    let (world, registry) = registry().await;
    let content = content(6 * MIB);
    let upload = registry.start().await;
    let id = upload.rsplit('/').next().unwrap();
    assert_eq!(world.send(id, 0, &content[..5 * MIB]).await, Ok(5 * MIB as i64 - 1));
    let answer = registry.patch(&upload, 5 * MIB, &content[5 * MIB..]).await.unwrap();
    assert_eq!(answer.status, 201);
    let sha = digest(&content);
    assert_eq!(world.complete(id, &sha).await, Ok(sha.clone()));
    assert!(world.local.layer(REPOSITORY, &sha).is_some_and(|kept| kept == content));
}

#[tokio::test(start_paused = true)]
async fn what_ecr_s_api_can_t_do_isn_t_supported() {
    let (world, registry) = registry().await;
    let upload = registry.start().await;
    let unsupported = problem(405, "UNSUPPORTED", "The operation is unsupported.");
    for (method, target) in
        [("GET", &upload), ("DELETE", &upload), ("DELETE", &blob(&digest("layer")))]
    {
        let answer = registry.call(method, target, &[], SdkBody::empty()).await.unwrap();
        assert_eq!(answer.refusal(), unsupported);
    }
    // All of the blob in one POST starts an upload, and no more.
    let target = format!("{UPLOADS}?digest={}", digest("layer"));
    let answer = registry.call("POST", &target, &[], "layer").await.unwrap();
    assert_eq!((answer.status, answer.header("range")), (202, Some("0-0")));
    let page = registry.get("/v2/_catalog").await;
    assert_eq!((page.status, page.body.as_slice()), (404, &b"404 page not found\n"[..]));
    let journal = world.local.journal();
    let names = &journal.operations()[3..];
    assert_eq!(
        names,
        ["V2.GetUpload", "V2.DeleteUpload", "V2.DeleteBlob", "V2.StartUpload", "V2.Unknown"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_only_counted_is_hashed_all_the_same() {
    let (world, registry) = registry().await;
    world.local.set_blobs(Blobs::Count);
    let content = content(11 * MIB);
    let sha = registry.push(&content).await;
    assert_eq!(world.local.layer(REPOSITORY, &sha), None);
    let there = registry.head(&blob(&sha)).await;
    assert_eq!((there.status, there.header("content-length")), (200, Some("11534336")));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_leaves_whole_parts() {
    let (world, registry) = registry().await;
    let content = content(25 * MIB);
    let upload = registry.start().await;
    world.local.inject(When::nth("V2.PatchUpload", 1), Fault::ResetMidBody);
    assert_eq!(registry.patch(&upload, 0, &content).await, None);
    let call = world.local.journal().calls().last().unwrap().clone();
    assert_eq!(call.error.as_deref(), Some("connection reset"));
    assert_eq!(call.request_bytes, 25 * MIB as u64 / 2);

    let refused = registry.patch(&upload, 0, &content).await.unwrap();
    assert_eq!(refused.refusal(), out_of_order(0, 10 * MIB));
    let rest = registry.patch(&upload, 10 * MIB, &content[10 * MIB..]).await.unwrap();
    assert_eq!(rest.status, 201);
    assert_eq!(registry.complete(&upload, &digest(&content)).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn half_a_body_may_be_taken_and_an_answer_lost() {
    let (world, registry) = registry().await;
    let content = content(12 * MIB);
    let upload = registry.start().await;
    world.local.inject(When::nth("V2.PatchUpload", 1), Fault::HalfPart);
    assert_eq!(registry.patch(&upload, 0, &content).await, None);
    let refused = registry.patch(&upload, 0, &content).await.unwrap();
    assert_eq!(refused.refusal(), out_of_order(0, 6 * MIB));

    world.local.inject(When::nth("V2.PatchUpload", 3), Fault::LoseResponse);
    assert_eq!(registry.patch(&upload, 6 * MIB, &content[6 * MIB..]).await, None);
    let refused = registry.patch(&upload, 6 * MIB, &content[6 * MIB..]).await.unwrap();
    assert_eq!(refused.refusal(), out_of_order(6 * MIB, 12 * MIB));
    assert_eq!(registry.complete(&upload, &digest(&content)).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn other_faults_are_those_of_the_api() {
    let (world, registry) = registry().await;
    let upload = registry.start().await;
    for (fault, refusal) in [
        (Fault::Throttle, problem(429, "TOOMANYREQUESTS", "Rate exceeded")),
        (Fault::ServerError, problem(500, "UNKNOWN", "Service encountered an internal error.")),
        (Fault::Unavailable, problem(503, "UNAVAILABLE", "Service is unable to handle request.")),
        (
            Fault::ExpiredToken,
            problem(
                403,
                "DENIED",
                "Your authorization token has expired. Reauthenticate and try again.",
            ),
        ),
    ] {
        world.local.inject(When::every("V2.PatchUpload"), fault);
        assert_eq!(registry.patch(&upload, 0, b"layer").await.unwrap().refusal(), refusal);
        world.local.clear_faults();
    }
    world.local.inject(When::every("V2.PatchUpload"), Fault::Reset);
    assert_eq!(registry.patch(&upload, 0, b"layer").await, None);
    world.local.clear_faults();

    // Which calls, by the method and the target.
    let about_this = |line: &[u8]| line.starts_with(b"PATCH /v2/team/app/blobs/uploads/");
    world.local.inject(When::matching("V2.PatchUpload", about_this), Fault::CorruptPart);
    assert_eq!(registry.patch(&upload, 0, b"layer").await.unwrap().status, 201);
    let refused = registry.complete(&upload, &digest("layer")).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (400, "BLOB_UPLOAD_INVALID"));

    world.local.inject(When::every("V2.PutUpload"), Fault::ExpireUploads);
    let refused = registry.complete(&upload, &digest("layer")).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
}

/// The cursor of an upload, from the refusal of a part far beyond it.
async fn cursor(registry: &Registry, upload: &str) -> usize {
    let (status, _, message) = registry.patch(upload, 1 << 40, b"x").await.unwrap().refusal();
    assert_eq!(status, 416);
    message.rsplit_once(' ').unwrap().1.parse().unwrap()
}

proptest! {
    #[test]
    fn whatever_breaks_the_cursor_says_what_is_there(
        chunks in vec(
            (
                1_usize..40,
                option::of(select(vec![
                    Fault::HalfPart,
                    Fault::LoseResponse,
                    Fault::Reset,
                    Fault::ResetMidBody,
                    Fault::ServerError,
                ])),
            ),
            1..12,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            const PART: usize = 8;
            let (world, registry) = registry().await;
            world.local.set_part_size(PART as u64);
            world.local.set_min_part_size(1);
            let content: Vec<u8> = (0..500_u16).map(|n| n as u8).collect();
            let upload = registry.start().await;
            let mut at = 0;
            for (length, fault) in chunks {
                let chunk = &content[at..at + length];
                fault.iter().for_each(|it| {
                    world.local.inject(When::every("V2.PatchUpload"), it.clone());
                });
                let answer = registry.patch(&upload, at, chunk).await;
                world.local.clear_faults();
                let taken = match &fault {
                    None | Some(Fault::LoseResponse) => length,
                    Some(Fault::HalfPart) => length / 2,
                    // Whole parts of half of it.
                    Some(Fault::ResetMidBody) => length / 2 / PART * PART,
                    Some(_) => 0,
                };
                let status = answer.map(|answer| answer.status);
                let expected = match &fault {
                    None => Some(201),
                    Some(Fault::ServerError) => Some(500),
                    Some(_) => None,
                };
                assert_eq!(status, expected, "{fault:?}");
                at += taken;
                assert_eq!(cursor(&registry, &upload).await, at, "{fault:?}");
            }
            let rest = registry.patch(&upload, at, &content[at..]).await.unwrap();
            assert_eq!(rest.status, 201);
            let sha = digest(&content);
            assert_eq!(registry.complete(&upload, &sha).await.status, 201);
            assert!(world.local.layer(REPOSITORY, &sha).is_some_and(|kept| kept == content));
        });
    }
}
