//! Shows a push event by event, with the rate of all layers together.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ecr_push::events::Event;
use ecr_push::{Digest, Pusher, Repository, Tag};
use examples::{BoxError, Session, Story, open_image, parse_arguments, run};
use indicatif::BinaryBytes;

/// Push an image to Amazon ECR and print a line on stderr for each event, with the progress and the
/// rate of the whole push.
///
/// The code shows how to build another display than the progress bars of `push`. The last line on
/// stdout is REPOSITORY@sha256:….
///
/// Leave out --aws to try it out: the program then starts an emulator and pushes to it.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 pushed, 1 failed, 2 bad usage.")]
struct Arguments {
    /// Push to AWS, in the repository's region
    #[arg(long)]
    aws: bool,

    /// Tag the image; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// The image
    image: PathBuf,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag
    repository: Repository,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(push(parse_arguments())).await
}

async fn push(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, tags, image, repository } = arguments;
    let story = Story::on_stderr();
    let image = open_image(&image)?.await?;
    let session = Session::of(aws, &repository).await?;
    let push = Pusher::new(session.config()).push(&image, &repository);
    let push = tags.into_iter().fold(push, |push, tag| push.tag(tag));

    let mut total = Total::new();
    let mut events = push.events();
    while let Some(event) = events.next().await {
        story.tell(total.describe(event));
    }
    let pushed = events.finish().await?;
    story.result(pushed.image_uri())
}

/// The progress of all layers together.
struct Total {
    started: Instant,
    bytes: u64,
    /// The bytes that arrived of each layer; layers are uploaded concurrently.
    arrived: HashMap<Digest, u64>,
    /// The bytes that earlier pushes sent, which don't count for the rate.
    resumed: u64,
}

impl Total {
    fn new() -> Self {
        Self { started: Instant::now(), bytes: 0, arrived: HashMap::new(), resumed: 0 }
    }

    fn describe(&mut self, event: Event) -> String {
        match event {
            Event::Planned { layers, missing, bytes, .. } => {
                self.bytes = bytes;
                format!("planned: {missing} of {layers} layers, {}", BinaryBytes(bytes))
            }
            Event::LayerCompressed { layer, compressed, .. } => {
                // The plan counted the uncompressed size.
                self.bytes = (self.bytes + compressed.size()).saturating_sub(layer.size());
                format!("compressed: {} to {}", layer.digest(), compressed.digest())
            }
            Event::LayerProgress { layer, sent, .. } => {
                self.arrived.insert(layer.digest().clone(), sent);
                format!("progress: {} of {} of {}; {}", sent, layer.size(), layer.digest(), self)
            }
            Event::LayerResumed { layer, sent, .. } => {
                self.arrived.insert(layer.digest().clone(), sent);
                self.resumed += sent;
                format!("resumed: {} after {sent} bytes", layer.digest())
            }
            Event::LayerRestarted { layer, reason, .. } => {
                self.arrived.insert(layer.digest().clone(), 0);
                format!("restarted: {}, {reason}", layer.digest())
            }
            Event::LayerFinished { layer, .. } => format!("finished: {}", layer.digest()),
            Event::LayerSkipped { layer, .. } => format!("skipped: {}", layer.digest()),
            Event::LayerStarted { layer, .. } => format!("started: {}", layer.digest()),
            Event::ManifestPut { digest, .. } => format!("manifest: {digest}"),
            Event::RequestRetried { operation, attempt, reason, .. } => {
                format!("retried: {operation}, attempt {attempt} after {reason}")
            }
            Event::Tagged { tag, change, .. } => format!("tagged: {tag}, {change}"),
            other => format!("{other:?}"),
        }
    }
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arrived: u64 = self.arrived.values().sum();
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let rate = (arrived.saturating_sub(self.resumed) as f64 / seconds) as u64;
        let (arrived, bytes, rate) =
            (BinaryBytes(arrived), BinaryBytes(self.bytes), BinaryBytes(rate));
        write!(f, "{arrived} of {bytes}, {rate}/s")
    }
}
