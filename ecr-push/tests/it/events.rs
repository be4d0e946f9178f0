//! Tests of the events of a push.

use std::time::Duration;

use ecr_push::Image;
use ecr_push::events::Event;
use local_aws::{Fault, When};

use crate::layout::Layout;
use crate::world::{World, repository};

/// Returns the kind of an event, and the size of its layer.
fn told(event: &Event) -> String {
    match event {
        Event::LayerFinished { layer, .. } => format!("finished {}", layer.size()),
        Event::LayerProgress { layer, sent, .. } => format!("{sent} of {}", layer.size()),
        Event::LayerSkipped { layer, .. } => format!("skipped {}", layer.size()),
        Event::LayerStarted { layer, .. } => format!("started {}", layer.size()),
        Event::ManifestPut { .. } => "manifest".to_owned(),
        Event::Planned { layers, missing, .. } => format!("planned {missing} of {layers}"),
        Event::Tagged { tag, change, .. } => format!("tagged {tag}, {change}"),
        other => panic!("untested event: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_layer_starts_moves_and_finishes_and_the_tag_comes_last() {
    let world = World::new().await;
    world.push(&Layout::image(&[100]), &[]).await.unwrap();

    const MIB: usize = 1024 * 1024;
    let layout = Layout::image(&[100, 12 * MIB]);
    let image = Image::open(layout.path()).await.unwrap();
    let config =
        image.layers().map(ecr_push::image::Layer::size).min_by_key(|size| size.abs_diff(80));
    let config = config.unwrap();
    let push = world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap());
    let mut events = push.events();
    let mut story = Vec::new();
    while let Some(event) = events.next().await {
        story.push(told(&event));
    }
    let pushed = events.finish().await.unwrap();
    assert_eq!(pushed.layers_sent(), 2);

    let (large, part) = (12 * MIB, 10 * MIB);
    assert_eq!(story[..2], ["planned 2 of 3".to_owned(), "skipped 100".to_owned()]);
    assert_eq!(story[story.len() - 2..], ["manifest", "tagged 1.0, new"]);
    let of_the_layer: Vec<&String> =
        story.iter().filter(|told| told.ends_with(&large.to_string())).collect();
    assert_eq!(
        of_the_layer,
        [
            &format!("started {large}"),
            &format!("{part} of {large}"),
            &format!("{large} of {large}"),
            &format!("finished {large}"),
        ]
    );
    let of_the_config: Vec<&String> =
        story.iter().filter(|told| told.ends_with(&format!(" {config}"))).collect();
    assert_eq!(of_the_config.len(), 3, "{story:?}");
}

#[tokio::test(start_paused = true)]
async fn the_outcome_can_be_had_without_the_rest_of_the_story() {
    let world = World::new().await;
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let mut events = world.pusher.push(&image, &repository()).events();
    assert!(matches!(events.next().await, Some(Event::Planned { .. })));
    assert_eq!(events.finish().await.unwrap().layers_sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_ends_the_story_and_is_the_outcome() {
    let world = World::empty();
    let layout = Layout::image(&[100]);
    let image = Image::open(layout.path()).await.unwrap();
    let mut events = world.pusher.push(&image, &repository()).events();
    assert_eq!(events.next().await, None);
    assert_eq!(events.next().await, None);
    assert!(events.finish().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn dropping_it_ends_every_upload() {
    const MIB: usize = 1024 * 1024;
    let world = World::new().await;
    // Each part takes a second, so the push is dropped in the middle of two layers.
    world.local.inject(When::every("UploadLayerPart"), Fault::Delay(Duration::from_secs(1)));
    let layout = Layout::image(&[40 * MIB, 50 * MIB]);
    let image = Image::open(layout.path()).await.unwrap();
    let push = world.pusher.push(&image, &repository()).tag("1.0".parse().unwrap());
    let mut events = push.events();
    while let Some(event) = events.next().await {
        if matches!(event, Event::LayerProgress { sent, .. } if sent >= 20 * MIB as u64) {
            break;
        }
    }
    drop(events);
    let sent = || world.local.journal().count("UploadLayerPart");
    // Requests in flight may still arrive.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = sent();
    assert!(before < 9, "{before} parts of 9 were sent already");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(sent(), before);
    assert_eq!(world.tagged("1.0").await, None);
}
