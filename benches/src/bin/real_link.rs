//! How near to a link's limit a push comes, and how much of it is in memory meanwhile: in virtual
//! time, with the emulator's link, so that this machine makes no difference.
//!
//! ```sh
//! cargo run --release -p benches --bin real_link
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use benches::layout::Layout;
use bytes::Bytes;
use ecr_push::settings::NewRepository;
use ecr_push::transport::Transport;
use ecr_push::{Image, Pusher, Repository};
use http_body_util::BodyExt as _;
use local_aws::{Blobs, Link, LocalAws};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const MIB: u64 = 1024 * 1024;
/// How much of a layer goes into one request at most: what ECR asks for, and what ecr-push takes.
const PART: u64 = 10 * MIB;
const CHUNK: u64 = 50 * MIB;
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

/// How a push goes.
#[derive(Clone, Copy)]
struct Way {
    transport: Transport,
    /// `None` for the default.
    limit: Option<u64>,
}

const WAYS: [Way; 5] = [
    Way { transport: Transport::Registry, limit: None },
    Way { transport: Transport::Api, limit: None },
    Way { transport: Transport::Api, limit: Some(128 * MIB) },
    Way { transport: Transport::Api, limit: Some(56 * MIB) },
    Way { transport: Transport::Api, limit: Some(28 * MIB) },
];

impl Way {
    /// How many seconds so many bytes of content take on the link, as if there were nothing else to
    /// send, and nothing to wait for.
    fn floor(self, bytes: u64) -> f64 {
        let wire = match self.transport {
            Transport::Registry => 1.0,
            _ => 4.0 / 3.0,
        };
        bytes as f64 * wire / LINK as f64
    }

    /// How many seconds one layer takes at best: its requests come one after another, so that each
    /// costs its time on the link and a round trip. Beside them there are four more: what is there,
    /// the upload's begin and end, and the manifest. All else goes meanwhile.
    fn sequential(self, layer: u64) -> f64 {
        let request = match self.transport {
            Transport::Registry => CHUNK,
            _ => PART,
        };
        let requests = layer.div_ceil(request) + 4;
        self.floor(layer) + requests as f64 * ROUND_TRIP.as_secs_f64()
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.transport, self.limit) {
            (Transport::Registry, _) => f.write_str("registry"),
            (_, None) => f.write_str("API"),
            (_, Some(limit)) => write!(f, "API, {} MiB", limit / MIB),
        }
    }
}

async fn speed() -> Result<(), BoxError> {
    println!("| work | by | time | bound | of the link | on the way at most |");
    println!("|---|---|---|---|---|---|");
    for (work, layers) in [("10 × 100 MiB", vec![100 * MIB; 10]), ("1 × 1 GiB", vec![1024 * MIB])]
    {
        let folder = TempDir::new()?;
        Layout::write(folder.path(), &layers)?;
        let image = Image::open(folder.path()).await?;
        let bytes: u64 = layers.iter().sum();
        // What is on the way of a single layer is a part, whatever the limit.
        let ways = if layers.len() == 1 { &WAYS[..2] } else { &WAYS };
        for &way in ways {
            let link = Watched::link(Duration::ZERO);
            let (took, peak) = push(&image, &["us-east-1"], way, LINK, &link).await?;
            let floor = way.floor(bytes);
            let bound = if let [layer] = layers[..] { way.sequential(layer) } else { floor };
            println!(
                "| {work} | {way} | {took:.2} s | {bound:.2} s | {:.1} % | {:.1} MiB |",
                floor / took * 100.0,
                peak as f64 / MIB as f64,
            );
        }
    }
    Ok(())
}

async fn memory() -> Result<(), BoxError> {
    println!("| 10 × 100 MiB | by | time | on the way at most | memory limit |");
    println!("|---|---|---|---|---|");
    let folder = TempDir::new()?;
    Layout::write(folder.path(), &[100 * MIB; 10])?;
    let image = Image::open(folder.path()).await?;
    let everywhere = ["us-east-1", "eu-west-1", "ap-southeast-2"];
    for (what, regions, link, slower) in [
        ("to one repository, at 10 Mbit/s", &everywhere[..1], LINK / 100, Duration::ZERO),
        ("to three, at 1 Gbit/s", &everywhere, LINK, Duration::ZERO),
        ("to three, of which one takes 2 s more for each call", &everywhere, LINK, SLOW),
    ] {
        for &way in &WAYS[..2] {
            let watched = Watched::link(slower);
            let (took, peak) = push(&image, regions, way, link, &watched).await?;
            let peak = peak as f64 / MIB as f64;
            let limit = match way.transport {
                Transport::Registry => "–",
                _ => "82 MiB",
            };
            println!("| {what} | {way} | {took:.0} s | {peak:.1} MiB | {limit} |");
        }
    }
    Ok(())
}

const SLOW: Duration = Duration::from_secs(2);

/// Pushes to a new emulator, and returns the seconds that it took, and the most bytes of requests
/// that there were at once.
async fn push(
    image: &Image,
    regions: &[&str],
    way: Way,
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
    if let Some(limit) = way.limit {
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
    let push = pusher.push(image, &repositories[0]).tag("1.0".parse()?).transport(way.transport);
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
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let Watched { on_the_way, slower } = self.watched.clone();
        let is_slow = request.uri().contains("eu-west-1") && !slower.is_zero();
        let whole = request.body().bytes().map(|body| Held::new(body.len(), &on_the_way));
        if whole.is_none() {
            let body = std::mem::replace(request.body_mut(), SdkBody::taken());
            let held = move |data: Bytes| {
                let _held = Held::new(data.len(), &on_the_way);
                Bytes::from_owner(Piece { data, _held })
            };
            let body = body.map_frame(move |frame| frame.map_data(&held));
            *request.body_mut() = SdkBody::from_body_1_x(body);
        }
        let connector = self.connector.clone();
        HttpConnectorFuture::new(async move {
            // As long as it may be sent again.
            let _whole = whole;
            if is_slow {
                sleep(slower).await;
            }
            connector.call(request).await
        })
    }
}

/// A piece of a request that is read while it is sent, until the line has let go of it.
struct Piece {
    data: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

/// So many bytes on the way.
struct Held {
    bytes: u64,
    on_the_way: Arc<OnTheWay>,
}

impl Held {
    fn new(bytes: usize, on_the_way: &Arc<OnTheWay>) -> Self {
        let bytes = bytes as u64;
        let now = on_the_way.now.fetch_add(bytes, Ordering::Relaxed) + bytes;
        on_the_way.most.fetch_max(now, Ordering::Relaxed);
        Self { bytes, on_the_way: on_the_way.clone() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.on_the_way.now.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
