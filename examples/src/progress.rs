//! The progress of a push: bars on a terminal, lines in a log.

use std::collections::HashMap;

use ecr_push::events::Event;
use ecr_push::image::Layer;
use ecr_push::{Digest, Error, Push, Pushed, Repository};
use indicatif::{BinaryBytes, MultiProgress, ProgressBar, ProgressStyle};

use crate::story::Story;

/// Runs a push and shows its progress.
///
/// # Errors
/// Fails like the push itself.
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

/// Progress bars, one for each layer and repository.
struct Bars {
    all: MultiProgress,
    layers: HashMap<(Repository, Digest), ProgressBar>,
}

impl Bars {
    fn new(all: MultiProgress) -> Self {
        Self { all, layers: HashMap::new() }
    }

    fn draw(&mut self, event: &Event) {
        match event {
            Event::LayerFinished { repository, layer, .. } => {
                self.bar(repository, layer).finish_with_message("pushed");
            }
            Event::LayerProgress { repository, layer, sent, .. } => {
                self.bar(repository, layer).set_position(*sent);
            }
            Event::LayerResumed { repository, layer, sent, .. } => {
                // Excludes the bytes of an earlier push from the rate.
                let bar = self.bar(repository, layer);
                bar.set_position(*sent);
                bar.reset_eta();
            }
            Event::LayerMounted { repository, layer, .. } => {
                let bar = self.bar(repository, layer);
                bar.set_position(layer.size());
                bar.finish_with_message("mounted");
            }
            Event::LayerSkipped { repository, layer, .. } => {
                let bar = self.bar(repository, layer);
                bar.set_position(layer.size());
                bar.finish_with_message("already exists");
            }
            Event::LayerStarted { repository, layer, .. } => self.bar(repository, layer).reset(),
            other => {
                if let Event::LayerRestarted { repository, layer, .. } = other {
                    self.bar(repository, layer).reset();
                }
                if let Some(line) = line(other) {
                    // Fails only if the terminal is gone.
                    let _ = self.all.println(line);
                }
            }
        }
    }

    fn bar(&mut self, repository: &Repository, layer: &Layer) -> ProgressBar {
        let new = || {
            let bar = self.all.add(ProgressBar::new(layer.size()).with_prefix(short(layer)));
            bar.with_style(style())
        };
        let key = (repository.clone(), layer.digest().clone());
        self.layers.entry(key).or_insert_with(new).clone()
    }
}

fn style() -> ProgressStyle {
    const TEMPLATE: &str = "  {prefix} [{wide_bar:.cyan}] {bytes:>11} of {total_bytes:11} {binary_bytes_per_sec} {msg}";
    // The template is a valid constant; the default bar only avoids an unwrap.
    ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// The line for an event in a log, or `None` for events that would only be noise.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::CheckpointIgnored { path, reason, .. } => {
            format!("  ignoring the checkpoint {}: {reason}", path.display())
        }
        Event::LayerCompressed { layer, compressed, .. } => {
            let (before, after) = (BinaryBytes(layer.size()), BinaryBytes(compressed.size()));
            format!("  layer {}: compressed {before} to {after}", short(compressed))
        }
        Event::LayerFinished { layer, .. } => format!("  layer {}: pushed", short(layer)),
        Event::LayerLeftOut { layer, .. } => {
            format!("  layer {}: left out, it is foreign", short(layer))
        }
        Event::LayerMounted { layer, .. } => format!("  layer {}: mounted", short(layer)),
        Event::LayerRestarted { layer, reason, .. } => {
            format!("  layer {}: restarting, {reason}", short(layer))
        }
        Event::LayerResumed { layer, sent, .. } => {
            format!("  layer {}: resuming after {}", short(layer), BinaryBytes(*sent))
        }
        Event::LayerSkipped { layer, .. } => format!("  layer {}: already exists", short(layer)),
        Event::LayerStarted { layer, .. } => {
            format!("  layer {}: uploading {}", short(layer), BinaryBytes(layer.size()))
        }
        Event::ManifestPut { digest, .. } => format!("  manifest {digest}"),
        Event::Planned { repository, layers, missing, bytes, .. } => {
            let bytes = BinaryBytes(*bytes);
            format!("  {missing} of {layers} layers to upload to {repository}, {bytes}")
        }
        Event::RepositoryCreated { repository, .. } => format!("  created {repository}"),
        Event::RequestRetried { operation, attempt, reason, .. } => {
            format!("  retrying {operation}, attempt {attempt}: {reason}")
        }
        Event::Tagged { tag, change, .. } => format!("  tagged {tag}: {change}"),
        _ => return None,
    })
}

/// The first twelve digits of the digest, like Docker shows them.
fn short(layer: &Layer) -> String {
    let digest = layer.digest().as_str();
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    hex.chars().take(12).collect()
}
