//! Tests of pushes that compress layers while they send others.

use std::collections::HashSet;

use aws_sdk_ecr::config::Region;
use ecr_push::events::Event;
use ecr_push::outcome::TagChange;
use ecr_push::plan::{LayerStep, ManifestStep};
use ecr_push::settings::LookUp;
use ecr_push::transport::Transport;
use ecr_push::{Image, Push, Pushed};
use serde_json::{Value, json};

use crate::layout::{INDEX, Layout, MANIFEST, digest};
use crate::tarball::{Saved, Tar, config, hex, layer, saved_by_old_docker, tar_image};
use crate::world::{World, repository};

async fn opened(saved: &Saved) -> Image {
    Image::open(saved.path()).await.unwrap()
}

fn saved(sizes: &[usize]) -> Saved {
    let layers: Vec<Vec<u8>> = sizes.iter().map(|&size| layer(size)).collect();
    saved_by_old_docker(&layers).save()
}

/// Returns the events of a push and its outcome.
async fn followed(push: Push) -> (Vec<Event>, Pushed) {
    let mut events = push.events();
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event);
    }
    (all, events.finish().await.unwrap())
}

/// Returns the compressed layers in the order in which they became ready.
fn compressed(events: &[Event]) -> Vec<&str> {
    let compressed = events.iter().filter_map(|event| match event {
        Event::LayerCompressed { compressed, .. } => Some(compressed.digest().as_str()),
        _ => None,
    });
    compressed.collect()
}

#[tokio::test(start_paused = true)]
async fn opening_compresses_nothing_and_the_push_sends_what_the_image_alone_becomes() {
    let saved = saved(&[2_000_000, 100, 3_000_000]);
    let image = opened(&saved).await;
    let sizes: Vec<u64> = image.layers_to_compress().map(|layer| layer.size()).collect();
    assert!(sizes.is_sorted_by(|one, next| one >= next), "{sizes:?}");
    assert_eq!(sizes.len(), 3);

    let world = World::new().await;
    let (events, pushed) =
        followed(world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap())).await;
    // Another image of the same file has nothing that the push has compressed.
    let alone = opened(&saved).await.compress().await.unwrap();
    assert_ne!(image.digest(), alone.digest());
    assert_eq!(pushed.digest(), alone.digest());
    assert_eq!(pushed.image_uri(), format!("{}@{}", repository(), alone.digest()));
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(alone.digest().as_str()));
    assert_eq!(world.manifest(alone.digest().as_str()).await.as_deref(), Some(alone.manifest()));
    assert_eq!(alone.layers_to_compress().count(), 0);
    let size: u64 = alone.layers().map(|layer| layer.size()).sum();
    assert_eq!((pushed.bytes_sent(), pushed.layers_sent()), (size, 4));
    let ready: HashSet<&str> = compressed(&events).into_iter().collect();
    assert_eq!(ready.len(), 3);
    assert!(alone.layers().filter(|layer| ready.contains(layer.digest().as_str())).count() == 3);
}

/// The upload of the largest layer starts before the compression of the smallest one ends.
#[tokio::test(start_paused = true)]
async fn a_layer_is_sent_while_the_next_is_compressed() {
    let saved = saved(&[40_000_000, 30_000_000, 20_000_000]);
    let world = World::new().await;
    let (events, _) = followed(world.pusher.push(&opened(&saved).await, &repository())).await;
    let first = compressed(&events)[0].to_owned();
    let started = events.iter().position(|event| {
        matches!(event, Event::LayerStarted { layer, .. } if layer.digest().as_str() == first)
    });
    let last = events.iter().rposition(|event| matches!(event, Event::LayerCompressed { .. }));
    assert!(started.unwrap() < last.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_the_repository_has_is_skipped_once_its_digest_is_known() {
    let world = World::new().await;
    world.push_image(&opened(&saved(&[2_000_000])).await, &["1.0"]).await.unwrap();
    let larger = saved(&[2_000_000, 3_000_000]);
    let both = opened(&larger).await;
    let (events, pushed) =
        followed(world.pusher.push(&both, &repository()).tag("1.0".parse().unwrap())).await;
    // The config and one layer are new.
    assert_eq!((pushed.layers_sent(), pushed.layers_skipped()), (2, 1));
    let ready = compressed(&events);
    let skipped = events.iter().filter_map(|event| match event {
        Event::LayerSkipped { layer, .. } => Some(layer.digest().as_str()),
        _ => None,
    });
    assert_eq!(skipped.collect::<Vec<_>>(), [ready[1]]);
    assert!(matches!(pushed.tags()[0].change(), TagChange::Moved { .. }));

    // The third push finds everything, and changes nothing.
    let before = world.local.journal().calls().len();
    let again = world.push_image(&opened(&larger).await, &["1.0"]).await;
    let again = again.unwrap();
    assert_eq!((again.layers_sent(), again.layers_skipped()), (0, 3));
    assert_eq!(*again.tags()[0].change(), TagChange::Kept);
    let calls = world.local.journal().calls()[before..].to_vec();
    assert!(calls.iter().all(|call| call.operation.starts_with("Batch")), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn several_repositories_and_pushes_share_what_was_compressed() {
    let world = World::new().await;
    let sdk = world.local.sdk_config().to_builder().region(Region::new("eu-west-1")).build();
    let create = aws_sdk_ecr::Client::new(&sdk).create_repository().repository_name("demo/web");
    create.send().await.unwrap();
    let other = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web".parse().unwrap();
    let saved = saved(&[2_000_000, 100]);
    let image = opened(&saved).await;
    let (events, pushed) = followed(world.pusher.push(&image, &repository()).also_to(&other)).await;
    assert_eq!(compressed(&events).len(), 2);
    assert_eq!(pushed.bytes_sent(), 2 * pushed.bytes_read());
    assert_eq!(pushed.layers_sent(), 6);
    // The content is gone, but a clone has the compressed layers.
    let clone = image.clone();
    drop(image);
    drop(saved);
    let third = World::new().await;
    assert_eq!(third.push_image(&clone, &[]).await.unwrap().digest(), pushed.digest());
}

#[tokio::test(start_paused = true)]
async fn by_the_registrys_protocol_it_is_the_same() {
    let saved = saved(&[2_000_000, 100]);
    let image = opened(&saved).await;
    let world = World::new().await;
    let push = || world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap());
    let pushed = push().transport(Transport::Registry).await.unwrap();
    assert_eq!(pushed.digest(), image.compress().await.unwrap().digest());
    assert_eq!(world.tagged("1.0").await.as_deref(), Some(pushed.digest().as_str()));
    let again = push().await.unwrap();
    assert_eq!((again.digest(), again.layers_sent()), (pushed.digest(), 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_lookup_all_manifests_are_put() {
    let saved = saved(&[100]);
    let image = opened(&saved).await;
    let world = World::new().await;
    for _ in 0..2 {
        let push = world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap());
        let pushed = push.look_up(LookUp::Never).await.unwrap();
        assert_eq!(pushed.digest(), image.compress().await.unwrap().digest());
    }
    let puts = world.calls().iter().filter(|call| *call == "PutImage").count();
    assert_eq!(puts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_is_to_be_compressed() {
    let contents = [layer(2_000_000), layer(100)];
    let saved = saved_by_old_docker(&contents).save();
    let image = opened(&saved).await;
    let world = World::new().await;
    let push = world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap());
    let plan = push.plan().await.unwrap();
    assert_eq!(plan.image(), image.digest());
    let to = &plan.repositories()[0];
    let steps: Vec<LayerStep> = to.layers().iter().map(|planned| planned.step()).collect();
    assert!(matches!(
        steps[..],
        [LayerStep::Send { parts: 1, .. }, LayerStep::Compress, LayerStep::Compress]
    ));
    assert_eq!(to.manifests()[0].step(), ManifestStep::Rewrite);
    let config = config(&contents).to_string();
    let (first, second) = (contents[0].len(), contents[1].len());
    let total = config.len() + first + second;
    assert_eq!(
        plan.to_string(),
        format!(
            "image {}\n\
             to {}\n\
             \x20 send  {} {} bytes\n\
             \x20 send  {} {first} bytes, to be compressed\n\
             \x20 send  {} {second} bytes, to be compressed\n\
             \x20 put   {}, with compressed layers\n\
             \x20 tag   1.0, new\n\
             \x20 {total} bytes before compression\n",
            image.digest(),
            repository(),
            digest(config.as_bytes()),
            config.len(),
            digest(&contents[0]),
            digest(&contents[1]),
            image.digest(),
        )
    );
    let json: Value = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["repositories"][0]["layers"][1]["step"], "compress");
    assert_eq!(json["repositories"][0]["manifests"][0]["step"], "rewrite");

    // The plan of the compressed image is exact.
    let exact = image.compress().await.unwrap();
    let plan = world.pusher.push(&exact, &repository()).plan().await.unwrap();
    let pushed = push.await.unwrap();
    assert_eq!((plan.image(), plan.bytes()), (pushed.digest(), pushed.bytes_sent()));
}

/// Before the push, only the image that the tag had is known.
#[tokio::test(start_paused = true)]
async fn a_planned_tag_names_the_image_that_it_has() {
    let world = World::new().await;
    let saved = saved(&[100]);
    let image = opened(&saved).await;
    let pushed = world.push_image(&image, &["1.0"]).await.unwrap();
    let push = world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap());
    let plan = push.plan().await.unwrap();
    let change = plan.repositories()[0].tags()[0].change().to_string();
    assert_eq!(change, format!("moved from {}", pushed.digest()));
    assert_eq!(*push.await.unwrap().tags()[0].change(), TagChange::Kept);
}

#[tokio::test(start_paused = true)]
async fn the_events_of_a_compressed_layer_name_both_forms() {
    let content = layer(100);
    let saved = saved_by_old_docker(std::slice::from_ref(&content)).save();
    let image = opened(&saved).await;
    let world = World::new().await;
    let (events, _) = followed(world.pusher.push(&image, &repository())).await;
    let compressed = image.compress().await.unwrap();
    let manifest: Value = serde_json::from_str(compressed.manifest()).unwrap();
    let new = &manifest["layers"][0];
    let planned = serde_json::to_value(&events[0]).unwrap();
    let config = manifest["config"]["size"].as_u64().unwrap();
    assert_eq!(planned["bytes"], config + content.len() as u64);
    assert_eq!((&planned["layers"], &planned["missing"]), (&json!(2), &json!(2)));
    let event = events.iter().find(|event| matches!(event, Event::LayerCompressed { .. }));
    assert_eq!(
        serde_json::to_value(event.unwrap()).unwrap(),
        json!({
            "event": "layerCompressed",
            "layer": { "digest": digest(&content), "size": content.len() },
            "compressed": { "digest": new["digest"], "size": new["size"] },
        })
    );
}

/// A layer that another media type keeps as it is goes out in both forms.
#[tokio::test(start_paused = true)]
async fn a_blob_that_is_also_kept_is_sent_in_both_forms() {
    let layout = Layout::new();
    let content = layer(100);
    let tar = layout.blob("application/vnd.oci.image.layer.v1.tar", &content);
    let other = layout.blob("application/vnd.example.tar", &content);
    let config = layout.blob("application/vnd.oci.image.config.v1+json", b"{}");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [tar, other],
    });
    layout.set_index(&[layout.blob(MANIFEST, manifest.to_string().as_bytes())]);
    let open = Image::open(layout.path()).compression(ecr_push::image::Compression::Gzip);
    let image = open.await.unwrap();
    let world = World::new().await;
    let plan = world.pusher.push(&image, &repository()).plan().await.unwrap();
    assert_eq!(plan.repositories()[0].layers().len(), 3);
    world.takes(&image).await;
    let pushed = world.push_image(&image, &[]).await.unwrap();
    assert_eq!(pushed.layers_skipped(), 3);
}

/// In an index, only the manifests above compressed layers change.
#[tokio::test(start_paused = true)]
async fn a_plan_tells_changed_manifests_from_others() {
    let layout = Layout::new();
    let (packed, plain) = (layout.manifest(&[50]), tar_image(&layout, &[layer(100)]));
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [packed.clone(), plain.clone()],
    });
    layout.set_index(&[layout.blob(INDEX, index.to_string().as_bytes())]);
    let open = Image::open(layout.path()).compression(ecr_push::image::Compression::Gzip);
    let image = open.await.unwrap();
    let world = World::new().await;
    let plan = world.pusher.push(&image, &repository()).plan().await.unwrap();
    let steps: Vec<(&str, ManifestStep)> = plan.repositories()[0]
        .manifests()
        .iter()
        .map(|planned| (planned.digest().as_str(), planned.step()))
        .collect();
    assert_eq!(
        steps,
        [
            (packed["digest"].as_str().unwrap(), ManifestStep::Put),
            (plain["digest"].as_str().unwrap(), ManifestStep::Rewrite),
            (image.digest().as_str(), ManifestStep::Rewrite),
        ]
    );
    world.takes(&image).await;
}

/// A push that fails while it compresses leaves neither a manifest nor a tag.
#[tokio::test(start_paused = true)]
async fn a_layer_that_fails_ends_the_push_before_its_manifest() {
    let (good, bad) = (layer(2_000_000), layer(100));
    let config = config(&[good.clone(), layer(200)]).to_string();
    let names = [format!("{}.tar", hex(&good)), "bad.tar".to_owned()];
    let entries = json!([{ "Config": "config.json", "Layers": names }]);
    let saved = Tar::new()
        .file("config.json", config.as_bytes())
        .file(&names[0], &good)
        .file(&names[1], &bad)
        .file("manifest.json", entries.to_string().as_bytes())
        .save();
    let world = World::new().await;
    let error = world.push_image(&opened(&saved).await, &["1.0"]).await.unwrap_err();
    let start = format!("blob {} has the digest {}", digest(&layer(200)), digest(&bad));
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(!world.calls().contains(&"PutImage".to_owned()));
}
