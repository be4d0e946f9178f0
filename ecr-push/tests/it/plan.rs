//! Tests of plans: a plan changes nothing, and the push does what it says.

use std::time::Duration;

use aws_sdk_ecr::types::ImageTagMutability;
use ecr_push::outcome::TagChange;
use ecr_push::plan::{LayerStep, ManifestStep, Plan, RepositoryState};
use ecr_push::settings::{LookUp, NewRepository};
use ecr_push::{ErrorKind, Image, Push, Pushed};
use local_aws::{Fault, When};
use serde_json::json;

use crate::layout::{Layout, digest};
use crate::world::{URI, World, repository};

const MIB: usize = 1024 * 1024;

async fn prepared(world: &World, layout: &Layout, tags: &[&str]) -> Push {
    let image = Image::open(layout.path()).await.unwrap();
    let push = world.pusher.push(&image, &repository());
    tags.iter().fold(push, |push, tag| push.tag(tag.parse().unwrap()))
}

/// Plans, then pushes, and compares the two.
async fn plan_and_push(world: &World, push: Push) -> (Plan, Pushed) {
    let before = world.local.journal().calls().len();
    let plan = push.plan().await.unwrap();
    let planned = world.local.journal().calls().len();
    let operations = world.local.journal().calls()[before..].to_vec();
    assert!(
        operations.iter().all(|call| call.operation.starts_with("Batch")),
        "a plan changes nothing: {operations:?}"
    );
    let pushed = push.await.unwrap();
    let made = world.local.journal().calls().len() - planned;
    assert_eq!(pushed.calls(), made as u64);
    assert_eq!(plan.bytes(), pushed.bytes_sent());
    assert_eq!(plan.image(), pushed.digest());
    for (planned, done) in plan.repositories().iter().zip(pushed.repositories()) {
        let planned: Vec<_> = planned.tags().iter().map(|it| (it.tag(), it.change())).collect();
        let done: Vec<_> = done.tags().iter().map(|it| (it.tag(), it.change())).collect();
        assert_eq!(planned, done);
    }
    (plan, pushed)
}

#[tokio::test(start_paused = true)]
async fn a_first_push_sends_everything() {
    let world = World::new().await;
    let layout = Layout::image(&[25 * MIB]);
    let push = prepared(&world, &layout, &["latest", "1.0"]).await;
    let (plan, pushed) = plan_and_push(&world, push).await;
    assert_eq!(pushed.calls(), 13, "2 and 1 look, 3 and 5 send two layers, and 2 put");
    let [to] = plan.repositories() else { panic!() };
    assert_eq!(to.repository(), &repository());
    assert_eq!(to.state(), RepositoryState::Exists);
    let steps: Vec<LayerStep> = to.layers().iter().map(|planned| planned.step()).collect();
    assert!(matches!(
        steps[..],
        [LayerStep::Send { parts: 1, .. }, LayerStep::Send { parts: 3, .. }]
    ));
    assert_eq!(to.manifests()[0].step(), ManifestStep::Put);
    let tags: Vec<_> = to.tags().iter().map(|it| (it.tag().as_str(), it.change())).collect();
    assert_eq!(tags, [("1.0", &TagChange::Created), ("latest", &TagChange::Created)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_there_costs_two_calls() {
    let world = World::new().await;
    let layout = Layout::image(&[100, 200]);
    prepared(&world, &layout, &["1.0"]).await.await.unwrap();
    let (plan, pushed) = plan_and_push(&world, prepared(&world, &layout, &["1.0"]).await).await;
    assert_eq!(pushed.calls(), 2);
    assert_eq!(plan.bytes(), 0);
    assert_eq!(plan.repositories()[0].tags()[0].change(), &TagChange::Kept);
    assert_eq!(world.local.journal().count("PutImage"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_blobs_and_a_hundred_images_are_one_call_each() {
    let world = World::new().await;
    // The image has 101 blobs, and 101 tags with one manifest.
    let sizes: Vec<usize> = (1..=100).collect();
    let tags: Vec<String> = (0..101).map(|number| format!("t{number}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let layout = Layout::image(&sizes);
    prepared(&world, &layout, &tags).await.await.unwrap();
    let (_, pushed) = plan_and_push(&world, prepared(&world, &layout, &tags).await).await;
    assert_eq!(pushed.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_moves_says_from_where() {
    let world = World::new().await;
    let first = prepared(&world, &Layout::image(&[100]), &["latest"]).await.await.unwrap();
    let layout = Layout::image(&[200]);
    let (plan, _) =
        plan_and_push(&world, prepared(&world, &layout, &["latest", "1.1"]).await).await;
    let tags = plan.repositories()[0].tags();
    assert_eq!(tags[0].change(), &TagChange::Created);
    let TagChange::Moved { from, .. } = tags[1].change() else { panic!("{tags:?}") };
    assert_eq!(from, first.digest());
}

#[tokio::test(start_paused = true)]
async fn a_tag_on_an_image_that_is_there_is_all_that_is_put() {
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    prepared(&world, &layout, &["1.0"]).await.await.unwrap();
    let push = prepared(&world, &layout, &["1.0", "latest"]).await;
    let (plan, pushed) = plan_and_push(&world, push).await;
    assert_eq!(pushed.calls(), 3);
    assert_eq!(plan.repositories()[0].manifests()[0].step(), ManifestStep::Skip);
}

#[tokio::test(start_paused = true)]
async fn an_index_skips_the_platforms_that_are_there() {
    let world = World::new().await;
    let layout = Layout::new();
    let first = layout.manifest(&[100]);
    layout.set_index(std::slice::from_ref(&first));
    prepared(&world, &layout, &[]).await.await.unwrap();
    let index = layout.index(&[first, layout.manifest(&[200])]);
    layout.set_index(&[index]);
    let (plan, _) = plan_and_push(&world, prepared(&world, &layout, &["multi"]).await).await;
    let steps: Vec<ManifestStep> =
        plan.repositories()[0].manifests().iter().map(|planned| planned.step()).collect();
    assert_eq!(steps, [ManifestStep::Skip, ManifestStep::Put, ManifestStep::Put]);
}

#[tokio::test(start_paused = true)]
async fn without_looking_up_everything_is_put_and_nothing_is_known() {
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    let push = async || prepared(&world, &layout, &["1.0"]).await.look_up(LookUp::Never);
    let plan = push().await.plan().await.unwrap();
    assert_eq!(plan.repositories()[0].tags()[0].change(), &TagChange::Set);
    let first = push().await.await.unwrap();
    assert_eq!(first.tags()[0].change(), &TagChange::Set);
    let again = push().await.await.unwrap();
    assert_eq!(again.tags()[0].change(), &TagChange::Kept, "ECR reports that the tag existed");
    assert_eq!(world.local.journal().count("BatchGetImage"), 0);
}

#[tokio::test(start_paused = true)]
async fn version_tags_are_set_before_those_that_move() {
    let world = World::with(ImageTagMutability::Immutable).await;
    prepared(&world, &Layout::image(&[100]), &["1.4.2"]).await.await.unwrap();
    let layout = Layout::image(&[200]);
    let error = prepared(&world, &layout, &["latest", "1.4.2"]).await.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TagImmutable);
    assert_eq!(world.tagged("latest").await, None);
}

#[tokio::test(start_paused = true)]
async fn put_image_stays_under_its_quota() {
    let world = World::new().await;
    world.local.enforce_quotas();
    let tags: Vec<String> = (0..35).map(|number| format!("t{number}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    prepared(&world, &Layout::image(&[100]), &tags).await.await.unwrap();
    let journal = world.local.journal();
    let throttled = journal.calls().iter().filter(|call| call.error.is_some()).count();
    assert_eq!(throttled, 0);
    assert_eq!(journal.count("PutImage"), 35);
}

#[tokio::test(start_paused = true)]
async fn it_reads_well_and_is_json() {
    let world = World::new().await;
    prepared(&world, &Layout::image(&[100]), &["latest"]).await.await.unwrap();
    let layout = Layout::image(&[100, 25 * MIB, 0]);
    let push = prepared(&world, &layout, &["1.0", "latest"]).await;
    let plan = push.plan().await.unwrap();
    let before = plan.repositories()[0].tags()[1].change().to_string();
    let image = Image::open(layout.path()).await.unwrap();
    let [config, small, large, empty] = &image.layers().collect::<Vec<_>>()[..] else { panic!() };
    let (image, config_size) = (image.digest(), config.size());
    let bytes = 25 * MIB as u64 + config_size;
    assert_eq!(
        plan.to_string(),
        format!(
            "image {image}\n\
             to {URI}\n  \
               send  {} {config_size} bytes\n  \
               skip  {} 100 bytes, already exists\n  \
               send  {} 26214400 bytes in 3 parts\n  \
               send  {} 0 bytes in 0 parts\n  \
               put   {image}\n  \
               tag   1.0, new\n  \
               tag   latest, {before}\n  \
               {bytes} bytes\n\
             refused: blob {}: the blob is empty: for an artifact without content, use the blob \
             `{{}}` (the OCI empty descriptor)\n",
            config.digest(),
            small.digest(),
            large.digest(),
            empty.digest(),
            digest(b""),
        )
    );
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["image"], image.as_str());
    let to = &json["repositories"][0];
    assert_eq!(to["repository"], URI);
    assert_eq!(to["state"], "exists");
    assert_eq!(
        to["layers"][2],
        json!({ "digest": large.digest(), "size": 25 * MIB, "step": "send", "parts": 3 })
    );
    assert_eq!(to["manifests"][0], json!({ "digest": image, "step": "put" }));
    assert_eq!(to["tags"][0], json!({ "tag": "1.0", "change": "created" }));
    assert!(to["tags"][1]["change"]["moved"]["from"].is_string());
    assert_eq!(json["obstacles"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_missing_repository_is_created_with_its_settings() {
    let world = World::empty();
    let layout = Layout::image(&[100]);
    let settings = NewRepository::default()
        .immutable_tags()
        .scan_on_push()
        .encrypted_with("alias/ecr")
        .tag("team", "web");
    let push = prepared(&world, &layout, &["1.0"]).await.create_repository(settings);
    let plan = push.plan().await.unwrap();
    assert_eq!(plan.repositories()[0].state(), RepositoryState::ToBeCreated);
    assert!(plan.to_string().contains(&format!("to {URI}, to be created\n")), "{plan}");
    assert_eq!(world.local.journal().count("CreateRepository"), 0);
    let pushed = push.await.unwrap();
    assert_eq!(
        pushed.calls(),
        11,
        "2 look up without success, 1 creates, 6 send, 1 looks up again, 1 puts"
    );
    assert_eq!(pushed.tags()[0].change(), &TagChange::Created);

    let described = world.client.describe_repositories().send().await.unwrap();
    let [made] = described.repositories() else { panic!("{described:?}") };
    assert_eq!(made.image_tag_mutability(), Some(&ImageTagMutability::Immutable));
    assert!(made.image_scanning_configuration().unwrap().scan_on_push());
    let encryption = made.encryption_configuration().unwrap();
    assert_eq!(encryption.encryption_type().as_str(), "KMS");
    assert_eq!(encryption.kms_key(), Some("alias/ecr"));
    let arn = made.repository_arn().unwrap();
    let tags = world.client.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags()[0].key(), "team");
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_is_there_is_not_created() {
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    let push = prepared(&world, &layout, &[]).await.create_repository(NewRepository::default());
    push.await.unwrap();
    assert_eq!(world.local.journal().count("CreateRepository"), 1, "the call of the test itself");
}

#[tokio::test(start_paused = true)]
async fn a_tag_on_an_image_in_the_archive_is_not_called_new() {
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    prepared(&world, &layout, &["1.0"]).await.await.unwrap();
    assert!(world.local.archive_image("demo/web", "1.0"));
    let (plan, _) = plan_and_push(&world, prepared(&world, &layout, &["1.0", "1.1"]).await).await;
    let changes: Vec<_> =
        plan.repositories()[0].tags().iter().map(|planned| planned.change()).collect();
    assert_eq!(changes, [&TagChange::Set, &TagChange::Created]);
}

/// Sending a damaged layer again takes time as well.
#[tokio::test(start_paused = true)]
async fn a_tag_that_moves_while_a_layer_is_sent_again_is_looked_up_again() {
    let world = World::new().await;
    prepared(&world, &Layout::image(&[100]), &["latest"]).await.await.unwrap();
    world.local.inject(When::nth("UploadLayerPart", 3), Fault::CorruptPart);
    let minute = Fault::Delay(Duration::from_secs(60));
    world.local.inject(When::every("InitiateLayerUpload"), minute);
    let meanwhile = async {
        // By then the first uploads have ended, and another one has started.
        tokio::time::sleep(Duration::from_secs(90)).await;
        world.local.clear_faults();
        prepared(&world, &Layout::image(&[200]), &["latest"]).await.await.unwrap()
    };
    let layout = Layout::image(&[300]);
    let (pushed, other) = tokio::join!(prepared(&world, &layout, &["latest"]).await, meanwhile);
    let pushed = pushed.unwrap();
    assert_eq!(pushed.elapsed().as_secs(), 120);
    let TagChange::Moved { from, .. } = pushed.tags()[0].change() else { panic!("{pushed:?}") };
    assert_eq!(from, other.digest());
}

/// Another push runs while layers are sent.
#[tokio::test(start_paused = true)]
async fn a_tag_that_moves_while_layers_are_sent_is_looked_up_again() {
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    prepared(&world, &layout, &["latest"]).await.await.unwrap();
    let elsewhere = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web".parse().unwrap();
    let push = prepared(&world, &layout, &["latest"]).await;
    let push = push.also_to(&elsewhere).create_repository(NewRepository::default());
    let plan = push.plan().await.unwrap();
    assert_eq!(plan.repositories()[0].tags()[0].change(), &TagChange::Kept);

    let slow = Fault::Delay(Duration::from_secs(60));
    world.local.inject(When::every("CompleteLayerUpload"), slow);
    let meanwhile = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        world.local.clear_faults();
        prepared(&world, &Layout::image(&[200]), &["latest"]).await.await.unwrap()
    };
    let (pushed, other) = tokio::join!(push, meanwhile);
    let pushed = pushed.unwrap();
    let TagChange::Moved { from, .. } = pushed.tags()[0].change() else { panic!("{pushed:?}") };
    assert_eq!(from, other.digest());
    assert_eq!(world.tagged("latest").await.as_deref(), Some(pushed.digest().as_str()));
    // In the first repository, 2 look up, 2 look up again, and 1 puts. In the other one, also 1
    // creates and 6 send.
    assert_eq!(pushed.calls(), (2 + 2 + 1) + (2 + 1 + 6 + 2 + 1));
}
