//! [`Push`]: an image into a repository, or several.

pub(crate) mod events;
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
use crate::image::graph::Image;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::push::events::Events;
use crate::push::plan::Plan;
use crate::push::policy::PushPolicy;
use crate::push::pushed::Pushed;
use crate::push::pusher::{Pusher, shares_registry};
use crate::push::run::Run;
use crate::push::survey::{LookUp, MissingRepository};
use crate::push::tag_order::in_order;
use crate::report::Reporter;
use crate::tasks::blocking;
use crate::upload::Uploader;
use crate::upload::checkpoint::Checkpoint;
use crate::upload::part_size::LargeLayers;
use crate::wire::new_repository::NewRepository;
use crate::wire::transport::{RegistryEndpoint, Transport};

impl Pusher {
    /// Prepares the push of `image` into `repository`; nothing happens before it is awaited.
    pub fn push(&self, image: &Image, repository: &Repository) -> Push {
        Push {
            pusher: self.clone(),
            image: image.clone(),
            repositories: vec![repository.clone()],
            tags: Vec::new(),
            look_up: LookUp::default(),
            missing_repository: MissingRepository::default(),
            large_layers: LargeLayers::default(),
            checkpoint: None,
            transport: Transport::default(),
            mount_from: None,
        }
    }
}

/// A push that is prepared. Await it for the outcome, take its [`events`](Self::events), or ask for
/// its [`plan`](Self::plan) first.
///
/// Layers that the repository has are skipped; the others are sent several at once, the largest
/// first, each in parts of the size that ECR asks for. Then come the manifests, an index after
/// those that it lists, and the tags last: a tag never points at an image that isn't complete.
///
/// # Errors
/// [`RepositoryNotFound`](crate::ErrorKind::RepositoryNotFound),
/// [`Unsupported`](crate::ErrorKind::Unsupported) before the first byte,
/// [`BlobMismatch`](crate::ErrorKind::BlobMismatch) where what was sent of a file isn't what its
/// digest says, [`Io`](crate::ErrorKind::Io) where it can't be read,
/// [`InvalidOptions`](crate::ErrorKind::InvalidOptions) for options that don't go together,
/// [`TagImmutable`](crate::ErrorKind::TagImmutable), and whatever else ECR refuses: each a
/// kind of its own.
///
/// # Cancellation
/// Dropping the future cancels the push: nothing is sent after the requests that are on their way.
/// ECR keeps layers that are complete for a later push to skip, and forgets unfinished uploads by
/// itself; with a [`checkpoint`](Self::checkpoint), a later push goes on with those, too. No tag
/// has moved before the last steps.
#[derive(Debug, Clone)]
#[must_use = "a push does nothing until it is awaited"]
pub struct Push {
    pusher: Pusher,
    image: Image,
    /// Never empty, each once.
    repositories: Vec<Repository>,
    tags: Vec<Tag>,
    look_up: LookUp,
    missing_repository: MissingRepository,
    large_layers: LargeLayers,
    checkpoint: Option<PathBuf>,
    transport: Transport,
    mount_from: Option<Repository>,
}

impl Push {
    /// Tags the image as well. Without any, it can be had by its digest alone.
    ///
    /// Whatever the order in which they are given, tags that look like the name of one version
    /// (`1.4.2`, a commit) are set before those that move from version to version (`1.4`,
    /// `latest`): where a repository's tags are immutable and `1.4.2` is taken, `latest` stays
    /// where it was.
    pub fn tag(mut self, tag: Tag) -> Self {
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }

    /// Pushes to another repository as well, of any region and account: the same image with the
    /// same tags. Each blob is read once for all of them, and the slowest sets the pace; by
    /// [`Transport::Registry`], each repository has a reader and a pace of its own.
    ///
    /// No tag moves in any of them before all of them have every layer. Where one fails, the push
    /// fails, and what the others have got by then stays there.
    pub fn also_to(mut self, repository: &Repository) -> Self {
        // By any of its hosts it is the same repository.
        if self.repositories.iter().all(|other| other.arn() != repository.arn()) {
            self.repositories.push(repository.clone());
        }
        self
    }

    /// Creates the repository where it is missing, with these settings. Needs
    /// `ecr:CreateRepository`. Without this, a missing repository is an error.
    pub fn create_repository(mut self, settings: NewRepository) -> Self {
        self.missing_repository = MissingRepository::Create(settings);
        self
    }

    /// Decides whether the image and its tags are looked up first, which takes
    /// `ecr:BatchGetImage`: a push of what is there already puts nothing then, and says of each tag
    /// where it was. Unless set, they are [where that is allowed](LookUp::WhereAllowed).
    pub fn look_up(mut self, look_up: LookUp) -> Self {
        self.look_up = look_up;
        self
    }

    /// Decides what becomes of layers of more than 4,200 parts: 42,000 MiB in the 10 MiB that ECR
    /// asks for. They are [refused](LargeLayers::Refuse) unless set, because that ECR takes larger
    /// parts than it asks for is documented by its API, and contradicted by its quotas.
    pub fn large_layers(mut self, large_layers: LargeLayers) -> Self {
        self.large_layers = large_layers;
        self
    }

    /// Notes in a file how far each upload is, so that another push of the same image to the same
    /// repositories, by another process, goes on in the middle of a layer where this one was
    /// killed. It is removed when the push has succeeded, unless it has uploads of other pushes that
    /// began within a day.
    ///
    /// A file that is out of date, belongs to other pushes, or ends in the middle of a line does
    /// no harm. One that is no checkpoint is left as it is, and
    /// [reported](crate::events::Event::CheckpointIgnored). It holds names, digests and the ids of uploads,
    /// and no secret. Two pushes at the same time need a file each.
    pub fn checkpoint(mut self, file: impl AsRef<Path>) -> Self {
        self.checkpoint = Some(file.as_ref().to_owned());
        self
    }

    /// Sends layers and manifests by another protocol than [ECR's API](Transport::Api).
    ///
    /// All options hold for both, but for these: [`checkpoint`](Self::checkpoint) is for the API
    /// alone, [`mount_from`](Self::mount_from) for the registry's protocol alone, and
    /// [`create_repository`](Self::create_repository) needs ECR's API, which a registry that isn't
    /// ECR's hasn't. [`large_layers`](Self::large_layers) lets larger layers through in both, but
    /// only the API has parts that could grow.
    ///
    /// # Errors
    /// A push with options that don't go together ends with
    /// [`InvalidOptions`](crate::ErrorKind::InvalidOptions) before anything is sent.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Takes layers over from another repository of the same registry that has them, such as that of
    /// a base image, in place of sending them; those that can't be are sent. By
    /// [`Transport::Registry`] alone: the API has no operation for it. Of several repositories that
    /// are pushed to, it concerns those of the same account and region.
    ///
    /// ECR mounts a layer where the account setting `BLOB_MOUNTING` is on, both repositories are
    /// encrypted alike, and the policy allows `ecr:GetDownloadUrlForLayer` on the other one (user
    /// guide, "Blob mounting in Amazon ECR"); and, as users report, only one that an image there
    /// names.
    pub fn mount_from(mut self, repository: &Repository) -> Self {
        self.mount_from = Some(repository.clone());
        self
    }

    /// Finds out what the push is going to do, and changes nothing: what is skipped and sent, which
    /// tags are created and moved, and what ECR is going to refuse.
    ///
    /// # Errors
    /// [`InvalidOptions`](crate::ErrorKind::InvalidOptions) for options that don't go together;
    /// otherwise where ECR can't be asked, or a repository doesn't exist and isn't to be created.
    ///
    /// # Cancellation
    /// Dropping the future ends the asking. Nothing is left behind.
    pub async fn plan(&self) -> Result<Plan, Error> {
        self.check_options()?;
        self.clone().prepare(Reporter::default(), None).plan().await
    }

    /// The least that an IAM policy has to allow for this push.
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

    /// The push as a story to follow, for progress bars and logs.
    pub fn events(self) -> Events {
        let (reporter, receiver) = Reporter::channel();
        Events::new(self.run(reporter), receiver)
    }

    async fn run(mut self, reporter: Reporter) -> Result<Pushed, Error> {
        self.check_options()?;
        let started = Instant::now();
        let digest = self.image.digest().clone();
        let repository = &self.repositories[0];
        let span = tracing::info_span!("push", %repository, %digest);
        let file = self.checkpoint.take();
        let work = async {
            let checkpoint = match file {
                Some(path) => {
                    let reporter = reporter.clone();
                    blocking(move || Checkpoint::open(path, &reporter)).await
                }
                None => None,
            };
            let run = self.prepare(reporter, checkpoint.clone());
            let outcome = run.run().await?;
            if let Some(checkpoint) = checkpoint {
                blocking(move || checkpoint.finish()).await;
            }
            Ok::<_, Error>(outcome)
        };
        let (repositories, bytes_read) = work.instrument(span).await?;
        Ok(Pushed::new(digest, repositories, bytes_read, started.elapsed()))
    }

    fn check_options(&self) -> Result<(), Error> {
        let is_ecr = self.pusher.registry.as_ref().is_none_or(RegistryEndpoint::is_ecr);
        let creates = matches!(self.missing_repository, MissingRepository::Create(_));
        let problem = match self.transport {
            Transport::Registry if self.checkpoint.is_some() => {
                "a checkpoint is for `Transport::Api` alone, since uploads of another process can't \
                 be gone on with otherwise"
            }
            Transport::Registry if creates && !is_ecr => {
                "a repository can be created by ECR's API alone, which a registry with another \
                 login hasn't"
            }
            Transport::Api if self.mount_from.is_some() => {
                "`mount_from` is for `Transport::Registry` alone, since ECR's API can't mount layers"
            }
            _ => match &self.mount_from {
                Some(source) if !self.repositories.iter().any(|to| shares_registry(source, to)) => {
                    return Err(Error::invalid_options(format!(
                        "no layer of {source} can be mounted, it is in another account or region"
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
        let Self { pusher, image, tags, look_up, missing_repository, transport, .. } = self;
        Run {
            image,
            tags: in_order(&tags),
            repositories,
            transport,
            look_up,
            missing_repository,
            reporter: reporter.clone(),
            uploader: Uploader {
                memory: pusher.memory.clone(),
                reporter,
                checkpoint,
                large_layers: self.large_layers,
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
