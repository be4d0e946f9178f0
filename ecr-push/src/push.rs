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
use crate::image::{Blob, Image, Manifest};
use crate::names::{Digest, Repository, Tag};
use crate::tasks::joined;
use crate::upload::upload;

/// Pushes images with one configuration: credentials, HTTP client, retries.
///
/// A push goes to the region of its repository, whatever region the configuration has. Cheap to
/// clone: clones share their clients and one bound on memory, 256 MiB for the parts of all their
/// pushes together.
#[derive(Debug, Clone)]
pub struct Pusher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: SdkConfig,
    clients: Mutex<HashMap<String, Client>>,
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

    fn client(&self, region: &str) -> Client {
        let mut clients = self.shared.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(region) {
            return client.clone();
        }
        let config = aws_sdk_ecr::config::Builder::from(&self.shared.config)
            .region(Region::new(region.to_owned()))
            .build();
        let client = Client::from_conf(config);
        clients.insert(region.to_owned(), client.clone());
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
        let calls = Arc::new(Calls::new(pusher.client(repository.region()), repository));
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

/// The bound on the memory of all parts in flight, in bytes rather than in layers: two parts of
/// 10 MiB weigh as much as ten of 2 MiB.
#[derive(Debug)]
pub(crate) struct Memory {
    /// A permit is a KiB.
    permits: Arc<Semaphore>,
    /// What ECR asked for last, so that it is known before the next upload begins.
    part_size: AtomicU64,
}

/// Enough for six layers at once in parts of 10 MiB.
const MEMORY_KIB: u32 = 256 * 1024;

/// A part is in memory as it was read, as base64, and in the request's body, and while the last
/// grows, in its old and its new place.
const COPIES_OF_A_PART: u64 = 4;

impl Default for Memory {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MEMORY_KIB as usize)),
            // What AWS's examples show; corrected by the first answer.
            part_size: AtomicU64::new(10 * 1024 * 1024),
        }
    }
}

/// Room for one part of a layer, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    _permit: Option<OwnedSemaphorePermit>,
    /// The largest part that there is room for.
    pub(crate) part_size: u64,
}

impl Memory {
    /// Waits until there is room for a part of a layer of `size` bytes.
    pub(crate) async fn reserve(&self, size: u64) -> Reserved {
        let part_size = self.part_size.load(Ordering::Relaxed);
        let kib = (part_size.min(size) * COPIES_OF_A_PART).div_ceil(1024);
        let kib = u32::try_from(kib).unwrap_or(MEMORY_KIB).min(MEMORY_KIB);
        // The semaphore is never closed, so that this is never `None`.
        let permit = self.permits.clone().acquire_many_owned(kib).await.ok();
        Reserved { _permit: permit, part_size }
    }

    /// Notes the size of parts that ECR asks for.
    pub(crate) fn learn_part_size(&self, part_size: u64) {
        self.part_size.store(part_size, Ordering::Relaxed);
    }
}
