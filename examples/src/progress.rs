//! A push on the screen: a bar per layer on a terminal, lines elsewhere.

use std::collections::HashMap;

use ecr_push::{Digest, Error, Event, Layer, Push, Pushed};
use indicatif::{BinaryBytes, MultiProgress, ProgressBar, ProgressStyle};

use crate::story::Story;

/// Awaits a push and shows how it goes.
///
/// # Errors
/// As the push itself.
pub async fn show_push(push: Push, story: &Story) -> Result<Pushed, Error> {
    let mut events = push.events();
    match story.bars() {
        Some(target) => {
            let mut bars = Bars::new(MultiProgress::with_draw_target(target));
            while let Some(event) = events.next().await {
                bars.draw(&event);
            }
        }
        None => {
            while let Some(event) = events.next().await {
                if let Some(line) = line(&event) {
                    story.tell(line);
                }
            }
        }
    }
    events.finish().await
}

struct Bars {
    all: MultiProgress,
    layers: HashMap<Digest, ProgressBar>,
}

impl Bars {
    fn new(all: MultiProgress) -> Self {
        Self { all, layers: HashMap::new() }
    }

    fn draw(&mut self, event: &Event) {
        match event {
            Event::LayerFinished { layer, .. } => self.bar(layer).finish_with_message("pushed"),
            Event::LayerProgress { layer, sent, .. } => self.bar(layer).set_position(*sent),
            Event::LayerSkipped { layer, .. } => {
                let bar = self.bar(layer);
                bar.set_position(layer.size());
                bar.finish_with_message("already there");
            }
            // Started again, where an upload was lost: from the beginning.
            Event::LayerStarted { layer, .. } => self.bar(layer).reset(),
            other => {
                if let Some(line) = line(other) {
                    // An error here means that the terminal is gone, and nobody to tell.
                    let _ = self.all.println(line);
                }
            }
        }
    }

    fn bar(&mut self, layer: &Layer) -> ProgressBar {
        let new = || {
            let bar = self.all.add(ProgressBar::new(layer.size()).with_prefix(short(layer)));
            bar.with_style(style())
        };
        self.layers.entry(layer.digest().clone()).or_insert_with(new).clone()
    }
}

fn style() -> ProgressStyle {
    const TEMPLATE: &str = "  {prefix} [{wide_bar:.cyan}] {bytes:>11} of {total_bytes:11} {binary_bytes_per_sec} {msg}";
    // The template is a constant, and the default is as good where it were wrong.
    ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// What is told of an event where there are no bars; `None` for what would be noise there.
fn line(event: &Event) -> Option<String> {
    match event {
        Event::LayerFinished { layer, .. } => Some(format!("  layer {}: pushed", short(layer))),
        Event::LayerSkipped { layer, .. } => {
            Some(format!("  layer {}: already there", short(layer)))
        }
        Event::LayerStarted { layer, .. } => {
            Some(format!("  layer {}: sending {}", short(layer), BinaryBytes(layer.size())))
        }
        Event::ManifestPut { digest, .. } => Some(format!("  manifest {digest}")),
        Event::Planned { layers, missing, bytes, .. } => {
            Some(format!("  {missing} of {layers} layers to send, {}", BinaryBytes(*bytes)))
        }
        Event::Tagged { tag, .. } => Some(format!("  tagged {tag}")),
        _ => None,
    }
}

/// As much of the digest as people compare by eye.
fn short(layer: &Layer) -> String {
    let digest = layer.digest().as_str();
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    hex.chars().take(12).collect()
}
