//! How near to a link's limit a push comes, and how much of it is in memory meanwhile: in virtual
//! time, with the emulator's link, so that this machine makes no difference.
//!
//! ```sh
//! cargo run --release -p benches --bin real_link
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_types::SdkConfig;
use benches::layout::Layout;
use ecr_push::{Image, NewRepository, Pusher, Repository};
use local_aws::{Blobs, Link, LocalAws};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const MIB: u64 = 1024 * 1024;
const PART: u64 = 10 * MIB;
const ROUND_TRIP: Duration = Duration::from_millis(80);
/// 1 Gbit/s, in bytes.
const LINK: u64 = 125_000_000;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(async {
        speed().await?;
        println!();
        memory().await
    })
}

async fn speed() -> Result<(), BoxError> {
    println!("| work | memory limit | time | of 3/4 of the link | bound | on the way at most |");
    println!("|---|---|---|---|---|---|");
    for (work, layers) in [("10 × 100 MiB", vec![100 * MIB; 10]), ("1 × 1 GiB", vec![1024 * MIB])]
    {
        let folder = TempDir::new()?;
        Layout::write(folder.path(), &layers)?;
        let image = Image::open(folder.path()).await?;
        let bytes: u64 = layers.iter().sum();
        // As if base64 were all that there is to send, and nothing had to be waited for.
        let floor = bytes as f64 * 4.0 / 3.0 / LINK as f64;
        let bound = if let [layer] = layers[..] { sequential(layer) } else { floor };
        // What is on the way of a single layer is a part, whatever the limit.
        let limits = if layers.len() == 1 { &LIMITS[..1] } else { &LIMITS };
        for &limit in limits {
            let link = Watched::link(Duration::ZERO);
            let (took, peak) = push(&image, &["us-east-1"], limit, LINK, &link).await?;
            println!(
                "| {work} | {} | {took:.2} s | {:.1} % | {bound:.2} s | {:.0} MiB |",
                limit.map_or("as set by default".to_owned(), |it| format!("{} MiB", it / MIB)),
                floor / took * 100.0,
                peak as f64 / MIB as f64,
            );
        }
    }
    Ok(())
}

const LIMITS: [Option<u64>; 4] = [None, Some(128 * MIB), Some(56 * MIB), Some(28 * MIB)];

/// How long one layer takes at best, in seconds: ECR wants its parts one after another, so that
/// each costs its time on the link and a round trip. Beside them there are four more: what is there,
/// the upload's begin and end, and the manifest. The config goes meanwhile.
fn sequential(layer: u64) -> f64 {
    let calls = layer.div_ceil(PART) + 4;
    layer as f64 * 4.0 / 3.0 / LINK as f64 + calls as f64 * ROUND_TRIP.as_secs_f64()
}

async fn memory() -> Result<(), BoxError> {
    println!("| 10 × 100 MiB | time | on the way at most | limit |");
    println!("|---|---|---|---|");
    let folder = TempDir::new()?;
    Layout::write(folder.path(), &[100 * MIB; 10])?;
    let image = Image::open(folder.path()).await?;
    let everywhere = ["us-east-1", "eu-west-1", "ap-southeast-2"];
    for (what, regions, link, slower) in [
        ("to one repository, at 10 Mbit/s", &everywhere[..1], LINK / 100, Duration::ZERO),
        ("to three, at 1 Gbit/s", &everywhere, LINK, Duration::ZERO),
        ("to three, of which one takes 2 s more for each call", &everywhere, LINK, SLOW),
    ] {
        let watched = Watched::link(slower);
        let (took, peak) = push(&image, regions, None, link, &watched).await?;
        let peak = peak as f64 / MIB as f64;
        println!("| {what} | {took:.0} s | {peak:.0} MiB | {} MiB |", LIMIT / MIB);
    }
    Ok(())
}

const SLOW: Duration = Duration::from_secs(2);
/// A pusher's own.
const LIMIT: u64 = 82 * MIB;

/// Pushes to a new emulator, and returns the seconds that it took, and the most bytes of requests
/// that there were at once.
async fn push(
    image: &Image,
    regions: &[&str],
    limit: Option<u64>,
    bytes_per_second: u64,
    watched: &Watched,
) -> Result<(f64, u64), BoxError> {
    let local = LocalAws::new();
    local.set_blobs(Blobs::Count);
    let repositories = regions
        .iter()
        .map(|region| format!("123456789012.dkr.ecr.{region}.amazonaws.com/demo/web").parse())
        .collect::<Result<Vec<Repository>, _>>()?;
    let mut pusher = Pusher::new(&watched.over(local.sdk_config())?);
    if let Some(limit) = limit {
        pusher = pusher.memory_limit(limit);
    }
    // The repositories are made by another push, so that this one has a usual push's calls.
    let folder = TempDir::new()?;
    Layout::write(folder.path(), &[1])?;
    let first = Image::open(folder.path()).await?;
    let create = pusher.push(&first, &repositories[0]).create_repository(NewRepository::default());
    repositories[1..].iter().fold(create, |push, more| push.also_to(more)).await?;

    let mut link = Link::default();
    link.round_trip = ROUND_TRIP;
    link.in_total = Some(bytes_per_second);
    local.set_link(link);
    let push = pusher.push(image, &repositories[0]);
    let push = repositories[1..].iter().fold(push, |push, more| push.also_to(more));
    let began = Instant::now();
    push.await?;
    Ok((began.elapsed().as_secs_f64(), watched.on_the_way.most.load(Ordering::Relaxed)))
}

/// An HTTP client that counts the bytes of the requests on their way, and lets those to one region
/// take longer.
#[derive(Debug, Clone)]
struct Watched {
    on_the_way: Arc<OnTheWay>,
    slower: Duration,
}

#[derive(Debug, Default)]
struct OnTheWay {
    now: AtomicU64,
    most: AtomicU64,
}

impl Watched {
    fn link(slower: Duration) -> Self {
        Self { on_the_way: Arc::default(), slower }
    }

    fn over(&self, config: SdkConfig) -> Result<SdkConfig, BoxError> {
        let client = config.http_client().ok_or("the emulator has no client")?;
        let client = WatchedClient { client, watched: self.clone() };
        Ok(config.into_builder().http_client(client).build())
    }
}

#[derive(Debug)]
struct WatchedClient {
    client: SharedHttpClient,
    watched: Watched,
}

impl HttpClient for WatchedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(WatchedConnector { connector, watched: self.watched.clone() })
    }
}

#[derive(Debug)]
struct WatchedConnector {
    connector: SharedHttpConnector,
    watched: Watched,
}

impl HttpConnector for WatchedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Watched { on_the_way, slower } = self.watched.clone();
        let bytes = request.body().content_length().unwrap_or(0);
        let is_slow = request.uri().contains("eu-west-1") && !slower.is_zero();
        let connector = self.connector.clone();
        HttpConnectorFuture::new(async move {
            let now = on_the_way.now.fetch_add(bytes, Ordering::Relaxed) + bytes;
            on_the_way.most.fetch_max(now, Ordering::Relaxed);
            if is_slow {
                sleep(slower).await;
            }
            let answer = connector.call(request).await;
            on_the_way.now.fetch_sub(bytes, Ordering::Relaxed);
            answer
        })
    }
}
