//! [`Push`]: the entry point for pushing an image to one or several repositories.

mod compress;
pub(crate) mod events;
pub(crate) mod foreign_layers;
pub(crate) mod obstacles;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod pushed;
pub(crate) mod pusher;
mod put;
pub(crate) mod repository_plan;
mod run;
mod send;
pub(crate) mod survey;
mod tag_order;
mod versioned;

use std::future::{Future, IntoFuture};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tokio::time::Instant;
use tracing::Instrument as _;

use crate::error::Error;
use crate::image::opened::Image;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::push::events::Events;
use crate::push::foreign_layers::ForeignLayers;
use crate::push::plan::Plan;
use crate::push::policy::PushPolicy;
use crate::push::pushed::Pushed;
use crate::push::pusher::{Pusher, shares_registry};
use crate::push::run::{Run, RunOutcome};
use crate::push::survey::{LookUp, MissingRepository};
use crate::push::tag_order::in_order;
use crate::report::Reporter;
use crate::tasks::blocking;
use crate::upload::Uploader;
use crate::upload::checkpoint::{Checkpoint, HeldCheckpoint};
use crate::upload::part_size::LargeLayers;
use crate::wire::answers::Round;
use crate::wire::new_repository::NewRepository;
use crate::wire::transport::{RegistryEndpoint, Transport};

impl Pusher {
    /// Prepares the push of `image` to `repository`. The push starts when it is awaited.
    pub fn push(&self, image: &Image, repository: &Repository) -> Push {
        Push {
            pusher: self.clone(),
            image: image.clone(),
            repositories: vec![repository.clone()],
            tags: Vec::new(),
            look_up: LookUp::default(),
            missing_repository: MissingRepository::default(),
            foreign_layers: ForeignLayers::default(),
            large_layers: LargeLayers::default(),
            checkpoint: None,
            transport: Transport::default(),
            mount_from: None,
        }
    }
}

/// A prepared push. Await it for the outcome, follow its [`events`](Self::events), or get its
/// [`plan`](Self::plan) first.
///
/// The push skips the layers that the repository has and sends the others concurrently, the largest
/// first, each in parts of the size that ECR requests. Then it puts the manifests; an index is put
/// after the manifests that it lists. Finally it sets the tags. A tag never points to an incomplete
/// image.
///
/// If the image has [layers to compress](Image::layers_to_compress), the push compresses them one
/// after another, the largest first. It sends each as soon as it is compressed, unless the repository
/// has it, and compresses the next one meanwhile.
///
/// # Errors
/// Returns [`RepositoryNotFound`](crate::ErrorKind::RepositoryNotFound) if a repository is missing
/// and [`create_repository`](Self::create_repository) isn't set,
/// [`InvalidImage`](crate::ErrorKind::InvalidImage) before the first byte if neither the image nor a
/// repository has a blob,
/// [`Unsupported`](crate::ErrorKind::Unsupported) before the first byte if ECR can't store the
/// image, [`BlobMismatch`](crate::ErrorKind::BlobMismatch) if the content of a file doesn't match
/// its digest, [`Io`](crate::ErrorKind::Io) if a file can't be read, or a compressed layer can't be
/// written into a temporary file,
/// [`InvalidOptions`](crate::ErrorKind::InvalidOptions) if options conflict, and
/// [`TagImmutable`](crate::ErrorKind::TagImmutable) if a tag can't be moved. Other rejections by
/// ECR have the kinds that [`ErrorKind`](crate::ErrorKind) lists, or
/// [`Service`](crate::ErrorKind::Service) if ECR gives another reason.
///
/// # Cancellation
/// Dropping the future cancels the push: it sends nothing after the requests in flight. ECR keeps
/// complete layers, which a later push skips, and discards unfinished uploads itself. With a
/// [`checkpoint`](Self::checkpoint), a later push also resumes unfinished uploads. Tags move only
/// in the last steps, so a push that is cancelled earlier moves none.
#[derive(Debug, Clone)]
#[must_use = "a push does nothing until it is awaited"]
pub struct Push {
    pusher: Pusher,
    image: Image,
    /// The repositories: at least one, without duplicates.
    repositories: Vec<Repository>,
    tags: Vec<Tag>,
    look_up: LookUp,
    missing_repository: MissingRepository,
    foreign_layers: ForeignLayers,
    large_layers: LargeLayers,
    checkpoint: Option<PathBuf>,
    transport: Transport,
    mount_from: Option<Repository>,
}

impl Push {
    /// Adds a tag to the image. Without a tag, the image can be pulled only by its digest.
    ///
    /// Tags that look like the name of one version (`1.4.2`, a commit) are set before those that
    /// move from version to version (`1.4`, `latest`). Otherwise they are set in the order in which
    /// they were added. If a repository's tags are immutable and `1.4.2` is taken, `latest` stays
    /// unchanged.
    pub fn tag(mut self, tag: Tag) -> Self {
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }

    /// Adds another repository, of any region and account, that gets the same image and the same
    /// tags. The push reads each blob once for all repositories, at the pace of the slowest; with
    /// [`Transport::Registry`], each repository has its own reader and its own pace.
    ///
    /// Tags are set only after all repositories have all layers. If one repository fails, the push
    /// fails, and the others keep what they have received by then.
    pub fn also_to(mut self, repository: &Repository) -> Self {
        // A repository is the same under each of its hosts.
        if self.repositories.iter().all(|other| other.arn() != repository.arn()) {
            self.repositories.push(repository.clone());
        }
        self
    }

    /// Creates the repository with these settings if it is missing. Needs `ecr:CreateRepository`.
    /// Without this option, a missing repository is an error.
    pub fn create_repository(mut self, settings: NewRepository) -> Self {
        self.missing_repository = MissingRepository::Create(settings);
        self
    }

    /// Decides whether the push looks up the image and its tags first, which needs
    /// `ecr:BatchGetImage`. With the lookup, the push puts no manifest that exists already, and
    /// reports the previous image of each tag. By default, the push looks them up [if the
    /// policy allows it](LookUp::WhereAllowed).
    pub fn look_up(mut self, look_up: LookUp) -> Self {
        self.look_up = look_up;
        self
    }

    /// Decides whether the push sends foreign layers, such as those of Windows base images. By
    /// default it [leaves them out](ForeignLayers::LeaveOut): ECR's user guide says that such layers
    /// aren't pushed, and that nodes fetch them from elsewhere ("Amazon ECR interface VPC
    /// endpoints", considerations for Windows images).
    ///
    /// A layer is foreign if it has a media type of Docker's foreign or OCI's non-distributable
    /// layers, and `urls`.
    pub fn foreign_layers(mut self, foreign_layers: ForeignLayers) -> Self {
        self.foreign_layers = foreign_layers;
        self
    }

    /// Decides how the push treats layers of more than 4,200 parts, which is 42,000 MiB at the 10
    /// MiB that ECR requests. By default the push [refuses](LargeLayers::Refuse) them: ECR's API
    /// documentation allows parts larger than ECR requests, but its quotas contradict that.
    pub fn large_layers(mut self, large_layers: LargeLayers) -> Self {
        self.large_layers = large_layers;
        self
    }

    /// Records the progress of each upload in a file. If the process is killed, another push of the
    /// same image to the same repositories resumes in the middle of a layer. A successful push
    /// removes the file, unless it holds uploads of other pushes that started within a day.
    ///
    /// A file that is out of date, belongs to other pushes, or ends in the middle of a line does no
    /// harm. If the file is not a checkpoint, the push leaves it unchanged and
    /// [reports](crate::events::Event::CheckpointIgnored) it. The file holds names, digests and
    /// upload ids, but no secret; only its owner can read it. Each concurrent push needs its own
    /// file: a push locks it, and another push reports that it ignores the file. The file must be a
    /// regular file, not a link or a pipe.
    pub fn checkpoint(mut self, file: impl AsRef<Path>) -> Self {
        self.checkpoint = Some(file.as_ref().to_owned());
        self
    }

    /// Sends layers and manifests through another protocol than [ECR's API](Transport::Api).
    ///
    /// All options work with both protocols, except these: [`checkpoint`](Self::checkpoint) needs
    /// the API, and [`mount_from`](Self::mount_from) needs the registry's protocol.
    /// [`create_repository`](Self::create_repository) works with both on ECR; a
    /// [`RegistryEndpoint`](crate::transport::RegistryEndpoint) with another login, or an anonymous
    /// one, refuses it. [`large_layers`](Self::large_layers) accepts layers of more than 4,200
    /// parts with both protocols; only the API has parts that it can enlarge.
    ///
    /// # Errors
    /// A push with conflicting options fails with
    /// [`InvalidOptions`](crate::ErrorKind::InvalidOptions) before it sends anything.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Mounts layers from another repository of the same registry, such as that of a base image,
    /// instead of sending them. The push sends the layers that can't be mounted. This needs
    /// [`Transport::Registry`], because the API has no operation for it. If the push has several
    /// repositories, it applies to those in the same account and region.
    ///
    /// ECR mounts a layer if the account setting `BLOB_MOUNTING` is on, both repositories have the
    /// same encryption, and the policy allows `ecr:GetDownloadUrlForLayer` on the other one (user
    /// guide, "Blob mounting in Amazon ECR"). Users report that an image in the other repository
    /// must also refer to the layer.
    pub fn mount_from(mut self, repository: &Repository) -> Self {
        self.mount_from = Some(repository.clone());
        self
    }

    /// Returns a preview of the push without changing anything: the layers that it skips and sends,
    /// the tags that it creates and moves, and what ECR will reject. It compresses nothing: the plan
    /// of [`Image::compress`] is exact for layers that are to be compressed.
    ///
    /// # Errors
    /// Returns [`InvalidOptions`](crate::ErrorKind::InvalidOptions) if options conflict. Otherwise
    /// returns an error if a lookup fails, or if a repository is missing and the push doesn't
    /// create it.
    ///
    /// # Cancellation
    /// Dropping the future drops the lookups and has no side effects.
    pub async fn plan(&self) -> Result<Plan, Error> {
        self.check_options()?;
        self.clone().prepare(Reporter::default(), None).plan().await
    }

    /// Returns the least IAM policy for this push.
    pub fn policy(&self) -> PushPolicy {
        let mut policy =
            PushPolicy::new(&self.repositories[0]).look_up(self.look_up).transport(self.transport);
        if let Some(source) = &self.mount_from {
            policy = policy.mount_from(source);
        }
        for repository in &self.repositories[1..] {
            policy = policy.also_to(repository);
        }
        match &self.missing_repository {
            MissingRepository::Create(settings) => policy.create_repository(settings.clone()),
            MissingRepository::Fail => policy,
        }
    }

    /// Returns the push as a stream of events, for progress bars and logs.
    pub fn events(self) -> Events {
        let (reporter, receiver) = Reporter::channel();
        Events::new(self.run(reporter), receiver)
    }

    async fn run(mut self, reporter: Reporter) -> Result<Pushed, Error> {
        self.check_options()?;
        let started = Instant::now();
        let (repository, digest) = (&self.repositories[0], self.image.digest());
        let span = tracing::info_span!("push", %repository, %digest);
        let file = self.checkpoint.take();
        let work = async {
            let held = match file {
                Some(path) => {
                    let reporter = reporter.clone();
                    blocking(move || Ok(HeldCheckpoint::open(path, &reporter))).await?
                }
                None => None,
            };
            let checkpoint = held.as_ref().map(HeldCheckpoint::checkpoint);
            let outcome = self.prepare(reporter, checkpoint).run().await?;
            if let Some(held) = held {
                blocking(move || {
                    held.finish();
                    Ok(())
                })
                .await?;
            }
            Ok::<_, Error>(outcome)
        };
        let RunOutcome { digest, repositories, bytes_read } = work.instrument(span).await?;
        Ok(Pushed::new(digest, repositories, bytes_read, started.elapsed()))
    }

    fn check_options(&self) -> Result<(), Error> {
        let is_ecr = self.pusher.registry.as_ref().is_none_or(RegistryEndpoint::is_ecr);
        let creates = matches!(self.missing_repository, MissingRepository::Create(_));
        let is_unnamed = |file: &PathBuf| file.as_os_str().is_empty();
        let problem = match self.transport {
            _ if self.checkpoint.as_ref().is_some_and(is_unnamed) => {
                "the path of `checkpoint` is empty: name a file"
            }
            Transport::Registry if self.checkpoint.is_some() => {
                "`checkpoint` needs `Transport::Api`: the registry's protocol can't resume the \
                 uploads of another process"
            }
            Transport::Registry if creates && !is_ecr => {
                "`create_repository` needs ECR's API, which a registry with another login doesn't \
                 have"
            }
            Transport::Api if self.mount_from.is_some() => {
                "`mount_from` needs `Transport::Registry`: ECR's API can't mount layers"
            }
            _ => match &self.mount_from {
                Some(source) if !self.repositories.iter().any(|to| shares_registry(source, to)) => {
                    return Err(Error::invalid_options(format!(
                        "can't mount layers of {source}: it is in another account or region"
                    )));
                }
                _ => return Ok(()),
            },
        };
        Err(Error::invalid_options(problem))
    }

    fn prepare(self, reporter: Reporter, checkpoint: Option<Checkpoint>) -> Run {
        let (to, source) = (self.repositories.iter(), self.mount_from.as_ref());
        let repositories = to
            .map(|to| self.pusher.destination(to.clone(), self.transport, source, &reporter))
            .collect();
        let Self { pusher, image, tags, look_up, missing_repository, foreign_layers, .. } = self;
        Run {
            image,
            tags: in_order(&tags),
            repositories,
            transport: self.transport,
            look_up,
            missing_repository,
            foreign_layers,
            reporter: reporter.clone(),
            uploader: Uploader {
                memory: pusher.memory.clone(),
                reporter,
                checkpoint,
                large_layers: self.large_layers,
                round: Round::First,
            },
        }
    }
}

impl IntoFuture for Push {
    type Output = Result<Pushed, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run(Reporter::default()))
    }
}

#[cfg(test)]
mod tests;
