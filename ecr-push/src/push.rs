//! [`Pusher`] and [`Push`]: an image into a repository.

use std::collections::HashMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use aws_types::SdkConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::api::{Calls, PutAnswer};
use crate::error::Error;
use crate::events::{Event, Events, Reporter};
use crate::image::{Blob, Image, Manifest, Source};
use crate::names::{Digest, Endpoint, Repository, Tag};
use crate::tasks::joined;
use crate::upload::upload;

/// Pushes images with one configuration: credentials, HTTP client, retries.
///
/// A push goes to the region of its repository, whatever region the configuration has, and to the
/// FIPS or dual-stack endpoint where its host is of that kind. Cheap to clone: clones share their
/// clients and one bound on what is in flight, 256 MiB for the parts and 16 layers of all their
/// pushes together.
///
/// The SDK's clients wait for an answer for ever unless the configuration has a time-out.
#[derive(Debug, Clone)]
pub struct Pusher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: SdkConfig,
    clients: Mutex<HashMap<Endpoint, Client>>,
    memory: Arc<Memory>,
}

impl Pusher {
    /// A pusher with the credentials and the HTTP client of `config`, as `aws_config::load_…`
    /// returns it.
    pub fn new(config: &SdkConfig) -> Self {
        let shared = Shared {
            config: config.clone(),
            clients: Mutex::default(),
            memory: Arc::new(Memory::default()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Prepares the push of `image` into `repository`; nothing happens before it is awaited.
    pub fn push(&self, image: &Image, repository: &Repository) -> Push {
        Push {
            pusher: self.clone(),
            image: image.clone(),
            repository: repository.clone(),
            tags: Vec::new(),
        }
    }

    fn client(&self, repository: &Repository) -> Client {
        let mut clients = self.shared.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = repository.endpoint();
        if let Some(client) = clients.get(&endpoint) {
            return client.clone();
        }
        let Endpoint { region, fips, dual_stack } = &endpoint;
        let mut config = aws_sdk_ecr::config::Builder::from(&self.shared.config)
            .region(Region::new(region.clone()));
        // What the configuration asks for stays: a host of the ordinary kind forbids neither.
        if *fips {
            config = config.use_fips(true);
        }
        if *dual_stack {
            config = config.use_dual_stack(true);
        }
        let client = Client::from_conf(config.build());
        clients.insert(endpoint, client.clone());
        client
    }
}

/// A push that is prepared. Await it for the outcome, or take its [`events`](Self::events).
///
/// Layers that the repository has are skipped; the others are sent several at once, the largest
/// first, each in parts of the size that ECR asks for. Then come the manifests, an index after
/// those that it lists, and the tags last: a tag never points at an image that isn't complete.
/// Calls of `ecr:BatchCheckLayerAvailability`, `ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`,
/// `ecr:CompleteLayerUpload` and `ecr:PutImage` on the repository are all that is needed.
///
/// # Errors
/// [`RepositoryNotFound`](crate::ErrorKind::RepositoryNotFound),
/// [`BlobMismatch`](crate::ErrorKind::BlobMismatch) where a file has changed since the image was
/// opened, [`TagImmutable`](crate::ErrorKind::TagImmutable), and whatever else ECR refuses: each a
/// kind of its own.
///
/// # Cancellation
/// Dropping the future cancels the push: nothing is sent after the requests that are on their way.
/// ECR keeps layers that are complete for a later push to skip, and forgets unfinished uploads by
/// itself. No tag has moved before the last steps.
#[derive(Debug, Clone)]
#[must_use = "a push does nothing until it is awaited"]
pub struct Push {
    pusher: Pusher,
    image: Image,
    repository: Repository,
    tags: Vec<Tag>,
}

impl Push {
    /// Tags the image as well. Without any, it can be had by its digest alone.
    pub fn tag(mut self, tag: Tag) -> Self {
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }

    /// The push as a story to follow, for progress bars and logs.
    pub fn events(self) -> Events {
        let (reporter, receiver) = Reporter::channel();
        Events::new(self.run(reporter), receiver)
    }

    async fn run(self, reporter: Reporter) -> Result<Pushed, Error> {
        let started = Instant::now();
        let Self { pusher, image, repository, tags } = self;
        let digest = image.digest().clone();
        let span = tracing::info_span!("push", %repository, %digest);
        let calls = Arc::new(Calls::new(pusher.client(&repository), repository));
        let mut run = Run { image, calls, memory: pusher.shared.memory.clone(), reporter };
        let work = async {
            let first = run.send_missing().await?;
            let again = run.put_manifests(&tags).await?;
            Ok::<_, Error>((first, again))
        };
        let (Sent { layers, bytes, skipped }, again) = work.instrument(span).await?;
        Ok(Pushed {
            image_uri: format!("{}@{digest}", run.calls.repository()),
            digest,
            tags,
            layers_sent: layers + again.layers,
            layers_skipped: skipped,
            bytes_sent: bytes + again.bytes,
            calls: run.calls.made(),
            elapsed: started.elapsed(),
        })
    }
}

impl IntoFuture for Push {
    type Output = Result<Pushed, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run(Reporter::default()))
    }
}

/// An image that is in its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    image_uri: String,
    digest: Digest,
    tags: Vec<Tag>,
    layers_sent: usize,
    layers_skipped: usize,
    bytes_sent: u64,
    calls: u64,
    elapsed: Duration,
}

impl Pushed {
    /// `REPOSITORY@sha256:…`: this image and no other, whatever becomes of its tags. What belongs
    /// into an image definition or a task definition.
    pub fn image_uri(&self) -> &str {
        &self.image_uri
    }

    /// The image's digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The tags that are on the image now, in the order in which they were asked for.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// How many layers and configs were sent.
    pub fn layers_sent(&self) -> usize {
        self.layers_sent
    }

    /// How many layers and configs the repository had already.
    pub fn layers_skipped(&self) -> usize {
        self.layers_skipped
    }

    /// How many bytes of layers and configs were sent, before base64 makes a third more of them.
    pub fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }

    /// How many API operations were called; the SDK's retries of one count as one.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// How long the push took.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

/// One push at work.
struct Run {
    image: Image,
    calls: Arc<Calls>,
    memory: Arc<Memory>,
    reporter: Reporter,
}

#[derive(Debug, Default)]
struct Sent {
    layers: usize,
    bytes: u64,
    skipped: usize,
}

impl Run {
    /// Sends what the repository lacks.
    async fn send_missing(&self) -> Result<Sent, Error> {
        let blobs = &self.image.graph().blobs;
        let digests: Vec<&Digest> = blobs.iter().map(|blob| blob.layer.digest()).collect();
        let available = self.calls.available(&digests).await?;
        let (present, mut missing): (Vec<&Blob>, Vec<&Blob>) =
            blobs.iter().partition(|blob| available.contains(blob.layer.digest()));
        for blob in &missing {
            check_storable(blob)?;
        }
        // The largest first: it takes longest, and nothing can speed up a layer of its own.
        missing.sort_by_key(|blob| std::cmp::Reverse(blob.layer.size()));
        self.reporter.report(Event::Planned {
            layers: blobs.len(),
            missing: missing.len(),
            bytes: missing.iter().map(|blob| blob.layer.size()).sum(),
        });
        for blob in &present {
            self.reporter.report(Event::LayerSkipped { layer: blob.layer.clone() });
        }
        // Dropped with this future, and all uploads with it: none outlives the push.
        let mut uploads = JoinSet::new();
        for blob in &missing {
            let blob = (*blob).clone();
            let Self { calls, memory, reporter, .. } = self;
            let (calls, memory, reporter) = (calls.clone(), memory.clone(), reporter.clone());
            let digest = blob.layer.digest();
            let span = tracing::info_span!("layer", %digest, size = blob.layer.size());
            let work = async move { upload(&blob, &calls, &memory, &reporter).await };
            uploads.spawn(work.instrument(span));
        }
        let mut sent = Sent { layers: missing.len(), bytes: 0, skipped: present.len() };
        while let Some(ended) = uploads.join_next().await {
            sent.bytes += joined(ended).await?;
        }
        Ok(sent)
    }

    /// Children by digest, then the root, then its tags. Returns what had to be sent once more.
    async fn put_manifests(&mut self, tags: &[Tag]) -> Result<Sent, Error> {
        let mut again = Sent::default();
        let image = self.image.clone();
        for child in image.graph().children() {
            self.put(child, None, &mut again).await?;
            self.reporter.report(Event::ManifestPut { digest: child.digest.clone() });
        }
        let root = image.graph().root();
        let digest = || root.digest.clone();
        if tags.is_empty() {
            self.put(root, None, &mut again).await?;
            self.reporter.report(Event::ManifestPut { digest: digest() });
        }
        for (put_before, tag) in tags.iter().enumerate() {
            self.put(root, Some(tag), &mut again).await?;
            if put_before == 0 {
                self.reporter.report(Event::ManifestPut { digest: digest() });
            }
            self.reporter.report(Event::Tagged { tag: tag.clone(), digest: digest() });
        }
        Ok(again)
    }

    async fn put(
        &self,
        manifest: &Manifest,
        tag: Option<&Tag>,
        again: &mut Sent,
    ) -> Result<(), Error> {
        if self.calls.put_manifest(manifest, tag).await? == PutAnswer::There {
            return Ok(());
        }
        // ECR may clean up layers that no image refers to yet: once that is made good.
        tracing::warn!(digest = %manifest.digest, "layers have vanished, sending them again");
        let sent = self.send_missing().await?;
        again.layers += sent.layers;
        again.bytes += sent.bytes;
        match self.calls.put_manifest(manifest, tag).await? {
            PutAnswer::There => Ok(()),
            PutAnswer::LayersMissing => {
                let problem = format!(
                    "ECR says that layers of {} are missing, and has them when asked",
                    manifest.digest
                );
                Err(Error::protocol("PutImage", self.calls.repository(), problem))
            }
        }
    }
}

/// ECR's Service Quotas page: 52,000 MiB for a layer.
const MAX_LAYER: u64 = 52_000 * 1024 * 1024;

/// Finds out what ECR can't store, before the first byte.
fn check_storable(blob: &Blob) -> Result<(), Error> {
    let size = blob.layer.size();
    let problem = if matches!(blob.source, Source::Elsewhere) {
        "it is a foreign layer, whose content is elsewhere: fetch it into the image first"
            .to_owned()
    } else if size == 0 {
        "it is empty; artifacts without content have the blob `{}` (the OCI empty descriptor) \
         instead"
            .to_owned()
    } else if size > MAX_LAYER {
        format!("it has {size} bytes, over ECR's limit of 52,000 MiB for a layer")
    } else {
        return Ok(());
    };
    Err(Error::unsupported(blob.layer.digest(), problem))
}

/// The bounds on what all pushes of a pusher have in flight: in bytes rather than in layers, since
/// two parts of 10 MiB weigh as much as ten of 2 MiB; and in layers, since each has a file and a
/// connection open.
#[derive(Debug)]
pub(crate) struct Memory {
    /// A permit is a KiB.
    permits: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    /// What ECR asked for last, so that it is known before the next upload begins.
    part_size: AtomicU64,
}

/// Enough for four layers at once in parts of 10 MiB.
const MEMORY_KIB: u32 = 256 * 1024;

/// A part is in memory as it was read, as base64, and in the request's body, and while either grows,
/// in its old and its new place: measured, not more than so many times its size.
const COPIES_OF_A_PART: u64 = 6;

/// Small layers would be hundreds at once otherwise, each with a file and a connection. On a line
/// of 100 ms, 16 start 160 uploads a second, which is over ECR's default quota of 100 already.
const UPLOADS: usize = 16;

impl Default for Memory {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MEMORY_KIB as usize)),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            // What AWS's examples show; corrected by the first answer.
            part_size: AtomicU64::new(10 * 1024 * 1024),
        }
    }
}

/// Room for one part of a layer, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    _permits: [Option<OwnedSemaphorePermit>; 2],
    /// The largest part that there is room for.
    pub(crate) part_size: u64,
}

impl Memory {
    /// Waits until there is room for a part of at most `part_size` bytes of a layer of `size`
    /// bytes.
    pub(crate) async fn reserve(&self, size: u64, part_size: u64) -> Reserved {
        let kib = (part_size.min(size) * COPIES_OF_A_PART).div_ceil(1024);
        let kib = u32::try_from(kib).unwrap_or(MEMORY_KIB).min(MEMORY_KIB);
        // The semaphores are never closed, so that these are never `None`. Always in this order:
        // whoever waits for the second has the first, and whoever has both waits for nothing.
        let upload = self.uploads.clone().acquire_owned().await.ok();
        let memory = self.permits.clone().acquire_many_owned(kib).await.ok();
        Reserved { _permits: [upload, memory], part_size }
    }

    pub(crate) fn usual_part_size(&self) -> u64 {
        self.part_size.load(Ordering::Relaxed)
    }

    /// Notes the size of parts that ECR asks for.
    pub(crate) fn learn_part_size(&self, part_size: u64) {
        self.part_size.store(part_size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// How many layers of `size` get room at once.
    async fn at_once(memory: &Memory, size: u64, part_size: u64) -> usize {
        let mut reserved = Vec::new();
        let wait = Duration::from_secs(1);
        while let Ok(room) = tokio::time::timeout(wait, memory.reserve(size, part_size)).await {
            reserved.push(room);
        }
        reserved.len()
    }

    #[tokio::test(start_paused = true)]
    async fn large_parts_are_bounded_in_bytes_and_small_layers_in_number() {
        assert_eq!(at_once(&Memory::default(), 100 * MIB, 10 * MIB).await, 4);
        assert_eq!(at_once(&Memory::default(), 100 * MIB, 20 * MIB).await, 2);
        assert_eq!(at_once(&Memory::default(), MIB, 10 * MIB).await, UPLOADS);
        assert_eq!(at_once(&Memory::default(), 100 * MIB, 1000 * MIB).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_given_back() {
        let memory = Memory::default();
        assert_eq!(at_once(&memory, 100 * MIB, 10 * MIB).await, 4);
        assert_eq!(at_once(&memory, 100 * MIB, 10 * MIB).await, 4);
    }
}
