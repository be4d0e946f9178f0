//! A push on the screen: a bar for each layer on a terminal, lines elsewhere.

use std::collections::HashMap;

use ecr_push::events::Event;
use ecr_push::image::Layer;
use ecr_push::{Digest, Error, Push, Pushed, Repository};
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

/// A bar for each layer on its way into each repository, by the two.
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
                // What came before took no time now, and is not in the rate.
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
                bar.finish_with_message("already there");
            }
            Event::LayerStarted { repository, layer, .. } => self.bar(repository, layer).reset(),
            other => {
                if let Event::LayerRestarted { repository, layer, .. } = other {
                    self.bar(repository, layer).reset();
                }
                if let Some(line) = line(other) {
                    // An error here means that the terminal is gone, and nobody to tell.
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
    // The template is a constant, and the default is as good where it were wrong.
    ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// What is told of an event where there are no bars; `None` for what would be noise there.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::CheckpointIgnored { path, reason, .. } => {
            format!("  the checkpoint {} is ignored: {reason}", path.display())
        }
        Event::LayerFinished { layer, .. } => format!("  layer {}: pushed", short(layer)),
        Event::LayerMounted { layer, .. } => format!("  layer {}: mounted", short(layer)),
        Event::LayerRestarted { layer, reason, .. } => {
            format!("  layer {}: sending it again, {reason}", short(layer))
        }
        Event::LayerResumed { layer, sent, .. } => {
            format!("  layer {}: going on after {}", short(layer), BinaryBytes(*sent))
        }
        Event::LayerSkipped { layer, .. } => format!("  layer {}: already there", short(layer)),
        Event::LayerStarted { layer, .. } => {
            format!("  layer {}: sending {}", short(layer), BinaryBytes(layer.size()))
        }
        Event::ManifestPut { digest, .. } => format!("  manifest {digest}"),
        Event::Planned { repository, layers, missing, bytes, .. } => {
            let bytes = BinaryBytes(*bytes);
            format!("  {missing} of {layers} layers to send to {repository}, {bytes}")
        }
        Event::RepositoryCreated { repository, .. } => format!("  created {repository}"),
        Event::RequestRetried { operation, attempt, reason, .. } => {
            format!("  {operation}, attempt {attempt}: {reason}")
        }
        Event::Tagged { tag, change, .. } => format!("  tagged {tag}: {change}"),
        _ => return None,
    })
}

/// As much of the digest as people compare by eye.
fn short(layer: &Layer) -> String {
    let digest = layer.digest().as_str();
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    hex.chars().take(12).collect()
}
