//! Tests of `Transport::Registry` against the emulator's registry, which shares its rules with the
//! API.

use std::fs;
use std::time::Duration;

use aws_sdk_ecr::types::ImageTagMutability;
use ecr_push::outcome::TagChange;
use ecr_push::transport::Transport;
use ecr_push::{Error, ErrorKind, Image, Push, Pushed, Repository};
use local_aws::{Fault, Link, LocalAws, RefusedUploads, When};
use serde_json::Value;

use crate::layout::Layout;
use crate::world::{World, repository};

const MIB: usize = 1024 * 1024;

async fn prepare(world: &World, layout: &Layout) -> Push {
    let image = Image::open(layout.path()).await.unwrap();
    let push = world.pusher.push(&image, &repository()).transport(Transport::Registry);
    push.tag("1.0".parse().unwrap())
}

async fn push(world: &World, layout: &Layout) -> Result<Pushed, Error> {
    prepare(world, layout).await.await
}

/// Checks that every layer has arrived, byte for byte, and that the tag points to the image.
async fn is_there(world: &World, layout: &Layout, pushed: &Pushed) {
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
    for layer in Image::open(layout.path()).await.unwrap().layers() {
        let digest = layer.digest().as_str();
        let stored = world.local.layer("demo/web", digest).unwrap_or_default();
        assert!(stored == fs::read(layout.blob_path(digest)).unwrap(), "{digest}");
    }
}

/// Returns the number of requests to the registry with this name.
fn requests(world: &World, name: &str) -> usize {
    world.local.journal().count(&format!("V2.{name}"))
}

#[tokio::test(start_paused = true)]
async fn an_image_arrives_to_the_byte_and_again_costs_two_calls() {
    let world = World::new().await;
    let layout = Layout::image(&[100, 6 * MIB, 51 * MIB]);
    let pushed = push(&world, &layout).await.unwrap();
    is_there(&world, &layout, &pushed).await;
    // 2 look up, 4 start uploads, 3 send, 4 complete, 1 looks up again, and 1 puts.
    assert_eq!(pushed.calls(), 2 + 4 + 3 + 4 + 1 + 1);
    assert_eq!(requests(&world, "PatchUpload"), 3);
    assert_eq!(requests(&world, "PutUpload"), 4);
    assert_eq!(world.local.journal().count("UploadLayerPart"), 0);

    let again = push(&world, &layout).await.unwrap();
    assert_eq!((again.calls(), again.layers_skipped()), (2, 4));
    assert_eq!(again.tags()[0].change(), &TagChange::Kept);
}

#[tokio::test(start_paused = true)]
async fn an_index_comes_after_what_it_lists() {
    let world = World::new().await;
    let layout = Layout::new();
    let children = [layout.manifest(&[100, 200]), layout.manifest(&[100, 300])];
    let index = layout.index(&children);
    layout.set_index(std::slice::from_ref(&index));
    let pushed = push(&world, &layout).await.unwrap();
    is_there(&world, &layout, &pushed).await;
    assert_eq!(pushed.digest().as_str(), index["digest"]);
    assert_eq!(requests(&world, "PutManifest"), 3);
}

#[tokio::test(start_paused = true)]
async fn each_destination_has_a_line_of_its_own() {
    let world = World::new().await;
    let there: Repository =
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web".parse().unwrap();
    let layout = Layout::image(&[6 * MIB]);
    let push = prepare(&world, &layout).await.also_to(&there);
    let pushed =
        push.create_repository(ecr_push::settings::NewRepository::default()).await.unwrap();
    is_there(&world, &layout, &pushed).await;
    assert_eq!(pushed.bytes_sent(), pushed.bytes_read());
    let sent: Vec<usize> = pushed.repositories().iter().map(|to| to.layers_sent()).collect();
    assert_eq!(sent, [2, 2]);
    // A token is valid for one region.
    assert_eq!(world.local.journal().count("GetAuthorizationToken"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_expired_meanwhile_is_renewed() {
    for operation in ["V2.StartUpload", "V2.PatchUpload", "V2.PutUpload", "V2.PutManifest"] {
        let world = World::new().await;
        world.local.inject(When::nth(operation, 1), Fault::ExpiredToken);
        let layout = Layout::image(&[6 * MIB]);
        let pushed = push(&world, &layout).await.unwrap();
        is_there(&world, &layout, &pushed).await;
        assert_eq!(world.local.journal().count("GetAuthorizationToken"), 2, "{operation}");
    }
}

/// The account and the policy decide which layers are mounted. The image arrives in any case.
#[tokio::test(start_paused = true)]
async fn layers_are_mounted_where_that_is_on_and_allowed() {
    let layout = Layout::image(&[100, 6 * MIB]);
    let base: Repository =
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/base".parse().unwrap();
    for (setting, allowed, mounted) in
        [("ENABLED", true, 3), ("ENABLED", false, 0), ("DISABLED", true, 0)]
    {
        let world = World::new().await;
        world.client.create_repository().repository_name("demo/base").send().await.unwrap();
        let set = world.client.put_account_setting().name("BLOB_MOUNTING").value(setting);
        set.send().await.unwrap();
        let image = Image::open(layout.path()).await.unwrap();
        world.pusher.push(&image, &base).await.unwrap();

        let push = prepare(&world, &layout).await.mount_from(&base);
        let mut policy = push.policy().to_string();
        if !allowed {
            policy = without(&policy, "ecr:GetDownloadUrlForLayer");
        }
        world.local.set_policy(LocalAws::USER, &policy).unwrap();
        let pushed = push.await.unwrap();
        is_there(&world, &layout, &pushed).await;
        assert_eq!((pushed.layers_mounted(), pushed.layers_sent()), (mounted, 3 - mounted));
        assert_eq!(requests(&world, "MountBlob"), 3);
        // A mounted layer takes one request. Without mounts, each small layer takes two, and the
        // large one three. Beside them, 2 look up, 1 looks up again, and 1 puts.
        let uploads = if mounted > 0 { 3 } else { 2 + 2 + 3 };
        assert_eq!(pushed.calls(), 2 + uploads + 1 + 1, "{setting}, {allowed}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_always_expires_is_given_up() {
    let world = World::new().await;
    world.local.inject(When::every("V2.PatchUpload"), Fault::ExpireUploads);
    // The second upload sends what doesn't fill 10 MiB with the completing request.
    let error = push(&world, &Layout::image(&[12 * MIB])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let problem = "could not be uploaded in two attempts: the upload no longer exists";
    assert!(error.to_string().ends_with(problem), "{error}");
}

#[tokio::test(start_paused = true)]
async fn layers_that_were_collected_are_sent_again() {
    let world = World::new().await;
    world.local.inject(When::nth("V2.PutManifest", 1), Fault::CollectLayers);
    let layout = Layout::image(&[6 * MIB]);
    let pushed = push(&world, &layout).await.unwrap();
    is_there(&world, &layout, &pushed).await;
    assert_eq!(pushed.layers_sent(), 4, "two layers, each twice");
}

#[tokio::test(start_paused = true)]
async fn an_immutable_tag_keeps_its_image_and_takes_it_again() {
    let world = World::with(ImageTagMutability::Immutable).await;
    let layout = Layout::image(&[100]);
    let first = push(&world, &layout).await.unwrap();
    push(&world, &layout).await.unwrap();
    let error = push(&world, &Layout::image(&[200])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TagImmutable);
    assert!(
        error.to_string().contains(&format!("is immutable and refers to {}", first.digest())),
        "{error}"
    );
}

/// Returns the policy without one of its actions, in all statements.
fn without(policy: &str, action: &str) -> String {
    let mut document: Value = serde_json::from_str(policy).unwrap();
    let statements = document["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| statement["Action"] != action);
    for statement in statements {
        if let Some(actions) = statement["Action"].as_array_mut() {
            actions.retain(|other| other != action);
        }
    }
    document.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_push_runs_under_just_its_policy_and_without_an_action_it_says_which() {
    let layout = Layout::image(&[100, 6 * MIB]);
    let world = World::new().await;
    let policy = prepare(&world, &layout).await.policy();
    world.local.set_policy(LocalAws::USER, &policy.to_string()).unwrap();
    push(&world, &layout).await.unwrap();

    for refused in [RefusedUploads::Answered, RefusedUploads::Dropped] {
        for permission in policy.permissions() {
            let action = permission.action();
            let world = World::new().await;
            world.local.set_refused_uploads(refused);
            let lacking = without(&policy.to_string(), action);
            world.local.set_policy(LocalAws::USER, &lacking).unwrap();
            let outcome = push(&world, &layout).await;
            if action == "ecr:BatchGetImage" {
                assert_eq!(outcome.unwrap().tags()[0].change(), &TagChange::Set);
                continue;
            }
            let error = outcome.unwrap_err();
            assert!(error.to_string().contains(action), "{error}");
            let uploads = action.ends_with("LayerUpload") || action.ends_with("LayerPart");
            if uploads && refused == RefusedUploads::Dropped {
                assert_eq!(error.kind(), ErrorKind::Network, "{action}");
            } else {
                assert_eq!(error.kind(), ErrorKind::AccessDenied, "{action}");
                let statement = error.missing_statement().unwrap();
                let statement: Value = serde_json::from_str(&statement).unwrap();
                assert_eq!(statement["Action"], action);
                assert_eq!(statement["Resource"], permission.resource());
            }
        }
    }
}

/// While one layer waits, others use the link. Virtual time makes the result the same on every
/// machine.
#[tokio::test(start_paused = true)]
async fn a_line_is_idle_for_the_first_round_trips_and_the_last_alone() {
    const BYTES_PER_SECOND: f64 = 12_500_000.0;
    const ROUND_TRIP: f64 = 0.08;
    let world = World::new().await;
    let mut link = Link::default();
    link.round_trip = Duration::from_secs_f64(ROUND_TRIP);
    link.in_total = Some(BYTES_PER_SECOND as u64);
    world.local.set_link(link);
    let sizes: Vec<usize> = (0..10).map(|at| 11 * MIB + at).collect();
    let pushed = push(&world, &Layout::image(&sizes)).await.unwrap();
    let sending = sizes.iter().sum::<usize>() as f64 / BYTES_PER_SECOND;
    let idle = (pushed.elapsed().as_secs_f64() - sending) / ROUND_TRIP;
    // Before the content: the survey with the token, and the start of an upload. After it: the end
    // of the content, the end of the upload together with the tag lookup, and the manifest. The
    // requests' own bytes add a little.
    assert!((4.9..5.5).contains(&idle), "{idle} round trips");
}
