//! A push at work: what is there, what is missing, and then layers, manifests, tags.

use std::cmp::Reverse;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, join_all, select, try_join, try_join_all};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::image::blob::Blob;
use crate::image::graph::{Graph, Image};
use crate::names::tag::Tag;
use crate::push::events::Event;
use crate::push::limits::{Parts, obstacles};
use crate::push::plan::{Plan, RepositoryPlan, RepositoryState, Survey};
use crate::push::pushed::PushedTo;
use crate::push::tags::TagChange;
use crate::tasks::{Working, joined};
use crate::upload::{Moved, SentTo, Uploader};
use crate::wire::api::Found;
use crate::wire::destination::{Destination, Surveyed};
use crate::wire::new_repository::NewRepository;
use crate::wire::transport::Transport;

/// One push of an image to its repositories.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) image: Image,
    /// In the order in which they are set.
    pub(crate) tags: Vec<Tag>,
    pub(crate) repositories: Vec<Destination>,
    pub(crate) transport: Transport,
    pub(crate) look_up: LookUp,
    pub(crate) missing_repository: MissingRepository,
    pub(crate) uploader: Uploader,
}

/// How long it is believed where the tags are.
const FRESH: Duration = Duration::from_secs(1);

/// What was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    /// To each repository of the push.
    pub(crate) to: Vec<SentTo>,
    /// How many bytes were read for that.
    pub(crate) read: u64,
}

/// Whether a push looks up what is in the repository, with `ecr:BatchGetImage`; see
/// [`Push::look_up`](crate::Push::look_up).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookUp {
    /// Never: a policy of the five actions that a push can't do without is enough, and nothing is
    /// refused. Manifests are put whether they are there or not.
    Never,
    /// Yes; where the policy doesn't allow it, the push goes on as with [`Never`](Self::Never).
    #[default]
    WhereAllowed,
}

/// What becomes of a push into a repository that doesn't exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum MissingRepository {
    Create(NewRepository),
    #[default]
    Fail,
}

impl Run {
    /// Finds out what is there and what is to be done; changes nothing.
    pub(crate) async fn plan(&self) -> Result<Plan, Error> {
        let plans = self.repositories.iter().map(|calls| self.plan_for(calls));
        let mut plans = try_join_all(plans).await?;
        if plans.iter().any(|plan| !plan.missing().is_empty()) {
            plans.iter_mut().for_each(RepositoryPlan::look_again);
        }
        let graph = self.image.graph();
        let obstacles = obstacles(graph, &plans, &self.tags, self.parts());
        Ok(Plan::new(graph.root().digest.clone(), plans, obstacles))
    }

    /// Plans, and does what the plan says.
    pub(crate) async fn run(&self) -> Result<(Vec<PushedTo>, u64), Error> {
        let work = async {
            let plan = self.plan().await?;
            self.carry_out(&plan).await
        };
        // Asked for together with what is there, so that no layer has to wait for them. Whether
        // they come is seen when one is needed.
        let tokens = async {
            join_all(self.repositories.iter().map(Destination::get_ready)).await;
            std::future::pending::<Infallible>().await
        };
        match select(pin!(work), pin!(tokens)).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    }

    /// Does what the plan says. Returns what was done in each repository, and how many bytes were
    /// read.
    async fn carry_out(&self, plan: &Plan) -> Result<(Vec<PushedTo>, u64), Error> {
        if !plan.obstacles().is_empty() {
            return Err(Error::unsupported(self.image.digest(), plan.obstacles()));
        }
        for (calls, plan) in self.repositories.iter().zip(plan.repositories()) {
            self.report_missing(calls, plan);
            if let (RepositoryState::ToBeCreated, MissingRepository::Create(new)) =
                (plan.state(), &self.missing_repository)
                && calls.create_repository(new).await?
            {
                let repository = calls.repository().clone();
                self.uploader.reporter.report(Event::RepositoryCreated { repository });
            }
        }
        // All layers everywhere first: a tag moves in no repository before every one of them has
        // what it takes.
        let all = || (0..self.repositories.len()).zip(plan.repositories());
        let (sending, all_on_the_way) = Working::new();
        let changes = || try_join_all(all().map(|(at, plan)| self.changes(at, plan)));
        // While ECR completes the last of them, it is looked at once more where the tags are.
        let looked = async {
            all_on_the_way.wait().await;
            Ok((Instant::now(), changes().await))
        };
        let sent = self.send(self.missing(plan.repositories()), sending);
        let (Sent { to: sent, mut read }, (at, looked)) = try_join(sent, looked).await?;
        // That took its time, or layers had to be sent again: the tags may have moved meanwhile.
        let changes = if at.elapsed() > FRESH { changes().await? } else { looked? };
        let put = all().zip(&changes).map(|((at, plan), changes)| self.put(at, plan, changes));
        let done = try_join_all(put).await?;
        let mut pushed = Vec::new();
        for (((calls, plan), sent), done) in
            self.repositories.iter().zip(plan.repositories()).zip(sent).zip(done)
        {
            read += done.read_again;
            let missing = plan.missing().len();
            let repository = calls.repository().clone();
            pushed.push(PushedTo {
                image_uri: format!("{repository}@{}", self.image.digest()),
                repository,
                tags: done.tags,
                layers_sent: missing - sent.mounted + done.layers_again,
                layers_mounted: sent.mounted,
                layers_skipped: plan.layers().len() - missing,
                bytes_sent: sent.bytes + done.bytes_again,
                calls: calls.made(),
            });
        }
        Ok((pushed, read))
    }

    /// Sends layers, each to those of the repositories that lack it. `sending` is dropped when all
    /// that is left to do is to complete them, which by the registry's protocol takes small ones
    /// along.
    pub(crate) async fn send(
        &self,
        mut work: Vec<(Blob, Vec<usize>)>,
        sending: Working,
    ) -> Result<Sent, Error> {
        // The largest first: it takes longest, and nothing can speed up a layer of its own.
        work.sort_by_key(|(blob, _)| Reverse(blob.layer.size()));
        // Dropped with this future, and all uploads with it: none outlives the push.
        let mut uploads = JoinSet::new();
        for (blob, to) in work {
            let digest = blob.layer.digest();
            let span = tracing::info_span!("layer", %digest, size = blob.layer.size());
            let mut by_api = (Vec::new(), Vec::new());
            for at in to {
                match &self.repositories[at] {
                    Destination::Api(calls) => {
                        by_api.0.push(at);
                        by_api.1.push(calls.clone());
                    }
                    // A file that is streamed has one reader for each line.
                    Destination::Registry(registry) => {
                        let (uploader, blob) = (self.uploader.clone(), blob.clone());
                        let (registry, sending) = (registry.clone(), sending.clone());
                        let upload = async move {
                            let arrived = uploader.stream(blob, &registry, sending).await?;
                            Ok::<_, Error>(Moved::by_stream(at, arrived))
                        };
                        uploads.spawn(upload.instrument(span.clone()));
                    }
                }
            }
            let (to, calls) = by_api;
            if !calls.is_empty() {
                let (uploader, sending) = (self.uploader.clone(), sending.clone());
                let upload = async move { uploader.upload(blob, to, &calls, sending).await };
                uploads.spawn(upload.instrument(span));
            }
        }
        drop(sending);
        let mut all = Sent { to: vec![SentTo::default(); self.repositories.len()], read: 0 };
        while let Some(ended) = uploads.join_next().await {
            let moved: Moved = joined(ended).await?;
            all.read += moved.read;
            for (at, sent) in moved.to {
                all.to[at].bytes += sent.bytes;
                all.to[at].mounted += sent.mounted;
            }
        }
        Ok(all)
    }

    fn parts(&self) -> Parts {
        let size = self.uploader.memory.usual_part_size();
        Parts { size, large_layers: self.uploader.large_layers }
    }

    async fn plan_for(&self, to: &Destination) -> Result<RepositoryPlan, Error> {
        let graph = self.image.graph();
        let survey = self.survey(to, graph).await?;
        let (repository, transport) = (to.repository().clone(), self.transport);
        Ok(RepositoryPlan::new(repository, &survey, graph, &self.tags, self.parts(), transport))
    }

    async fn survey(&self, to: &Destination, graph: &Graph) -> Result<Survey, Error> {
        let looks_up = self.look_up == LookUp::WhereAllowed;
        let Surveyed { available, found } = to.survey(graph, &self.tags, looks_up).await;
        let mut survey = Survey {
            state: RepositoryState::Exists,
            available: Default::default(),
            found: None,
            calls: to.made(),
        };
        let is_missing = |error: &Error| error.kind() == ErrorKind::RepositoryNotFound;
        let creates = matches!(self.missing_repository, MissingRepository::Create(_));
        match available {
            Ok(available) => survey.available = available,
            Err(error) if creates && is_missing(&error) => {
                survey.state = RepositoryState::ToBeCreated;
                survey.found = Some(Found::default());
                return Ok(survey);
            }
            Err(error) => return Err(error),
        }
        match found {
            Ok(found) => survey.found = found,
            // A push doesn't need it.
            Err(error) if error.kind() == ErrorKind::AccessDenied => {
                tracing::info!(repository = %to.repository(), "tags can't be looked up");
            }
            Err(error) => return Err(error),
        }
        Ok(survey)
    }

    fn report_missing(&self, to: &Destination, plan: &RepositoryPlan) {
        let missing = plan.missing();
        let reporter = &self.uploader.reporter;
        let repository = to.repository();
        reporter.report(Event::Planned {
            repository: repository.clone(),
            layers: plan.layers().len(),
            missing: missing.len(),
            bytes: plan.bytes(),
        });
        for planned in plan.layers() {
            if !missing.contains(planned.layer().digest()) {
                let (repository, layer) = (repository.clone(), planned.layer().clone());
                reporter.report(Event::LayerSkipped { repository, layer });
            }
        }
    }

    /// Each layer that any repository lacks, and which.
    fn missing(&self, plans: &[RepositoryPlan]) -> Vec<(Blob, Vec<usize>)> {
        let missing: Vec<_> = plans.iter().map(RepositoryPlan::missing).collect();
        let lacking = |blob: &Blob| -> Vec<usize> {
            let digest = blob.layer.digest();
            (0..missing.len()).filter(|&at| missing[at].contains(digest)).collect()
        };
        let blobs = self.image.graph().blobs.iter();
        blobs.map(|blob| (blob.clone(), lacking(blob))).filter(|(_, to)| !to.is_empty()).collect()
    }

    /// What setting the tags changes, looked up once more where sending the layers took its time.
    async fn changes(&self, at: usize, plan: &RepositoryPlan) -> Result<Vec<TagChange>, Error> {
        let planned = || plan.tags().iter().map(|planned| planned.change().clone()).collect();
        if !plan.looks_again() {
            return Ok(planned());
        }
        match self.repositories[at].look_up(&self.tags, &[]).await {
            Ok(found) => {
                let digest = self.image.digest();
                let change = |tag| TagChange::of(tag, digest, Some(&found));
                Ok(self.tags.iter().map(change).collect())
            }
            Err(error) if error.kind() == ErrorKind::AccessDenied => Ok(planned()),
            Err(error) => Err(error),
        }
    }
}
