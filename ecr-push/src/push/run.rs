//! The run of a push, from its survey to its tags.
//!
//! The run passes through these phases:
//!
//! ```text
//! survey ──> plan ──> create repositories ──> send layers ──> put manifests ──> set tags
//!             │
//!             └─> fails, if the plan has obstacles
//! ```
//!
//! The registry's tokens are requested during the survey. If layers are sent, the tags are looked up
//! again while ECR completes the last of them. A repository that loses layers gets them again while
//! its manifests are put.
//!
//! Three invariants hold. No manifest or tag is put in any repository before every repository has
//! every layer. If layers were sent, the tag lookup is at most a second old when the run puts the
//! manifests. No upload outlives the run.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, join_all, select, try_join, try_join_all};
use tokio::time::Instant;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::image::blob::Blob;
use crate::image::graph::Image;
use crate::names::tag::Tag;
use crate::push::foreign_layers::ForeignLayers;
use crate::push::obstacles::obstacles;
use crate::push::plan::Plan;
use crate::push::pushed::RepositoryOutcome;
use crate::push::put::{Manifests, PutReceipt};
use crate::push::repository_plan::{LayerStep, RepositoryPlan};
use crate::push::send::{MissingLayer, missing_layers, send};
use crate::push::survey::{LookUp, MissingRepository, RepositoryState, Survey, tag_change};
use crate::report::{Event, Reporter, TagChange};
use crate::tasks::Working;
use crate::upload::Uploader;
use crate::upload::part_size::PartSizes;
use crate::upload::receipt::{LayersReceipt, RepositoryReceipt};
use crate::wire::destination::Destination;
use crate::wire::transport::Transport;

/// One push of an image to its repositories.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) image: Image,
    /// The tags, in the order in which they are set.
    pub(crate) tags: Vec<Tag>,
    pub(crate) repositories: Vec<Destination>,
    pub(crate) transport: Transport,
    pub(crate) look_up: LookUp,
    pub(crate) missing_repository: MissingRepository,
    pub(crate) foreign_layers: ForeignLayers,
    pub(crate) reporter: Reporter,
    pub(crate) uploader: Uploader,
}

/// How long a tag lookup is trusted.
const FRESH: Duration = Duration::from_secs(1);

impl Run {
    /// Surveys the repositories and returns the plan. Changes nothing.
    pub(crate) async fn plan(&self) -> Result<Plan, Error> {
        Ok(self.plan_by(&self.survey().await?))
    }

    /// Plans the push and carries the plan out. Returns the outcome in each repository, and how
    /// many bytes were read.
    pub(crate) async fn run(&self) -> Result<(Vec<RepositoryOutcome>, u64), Error> {
        let work = async {
            let surveys = self.survey().await?;
            self.carry_out(&self.plan_by(&surveys), &surveys).await
        };
        // Tokens are requested during the survey, so that no upload waits for one. A failure
        // surfaces when a token is first used.
        let tokens = async {
            join_all(self.repositories.iter().map(Destination::get_ready)).await;
            std::future::pending::<Infallible>().await
        };
        match select(pin!(work), pin!(tokens)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right((never, _)) => match never {},
        }
    }

    async fn survey(&self) -> Result<Vec<Survey>, Error> {
        let (graph, missing) = (self.image.graph(), &self.missing_repository);
        let survey = |to| Survey::new(to, graph, &self.tags, self.look_up, missing);
        try_join_all(self.repositories.iter().map(survey)).await
    }

    fn plan_by(&self, surveys: &[Survey]) -> Plan {
        let graph = self.image.graph();
        let asked = self.uploader.memory.usual_part_size();
        let parts = PartSizes::new(asked, self.uploader.large_layers);
        let left_out = self.foreign_layers.left_out(graph);
        let plans = self.repositories.iter().zip(surveys).map(|(to, survey)| {
            let (repository, sizes) = (to.repository().clone(), (parts, self.transport));
            RepositoryPlan::new(repository, survey, graph, &left_out, &self.tags, sizes)
        });
        let plans: Vec<RepositoryPlan> = plans.collect();
        let obstacles = obstacles(graph, &plans, &self.tags, parts);
        Plan::new(graph.root().digest.clone(), plans, obstacles, graph.notices.clone())
    }

    /// Carries the plan out. Returns the outcome in each repository, and how many bytes were read.
    async fn carry_out(
        &self,
        plan: &Plan,
        surveys: &[Survey],
    ) -> Result<(Vec<RepositoryOutcome>, u64), Error> {
        if !plan.obstacles().is_empty() {
            return Err(self.obstructed(plan));
        }
        self.create_repositories(plan).await?;
        // Sends all layers to all repositories first: no tag moves in one repository before every
        // repository has all its layers.
        let layers = missing_layers(self.image.graph(), plan.repositories());
        // The tags may move while layers are sent.
        let look_again = !layers.is_empty();
        let all = || self.repositories.iter().zip(plan.repositories());
        let changes = || {
            let looked_up = all().zip(surveys);
            try_join_all(looked_up.map(|((to, plan), survey)| {
                self.changes(to, plan, look_again && survey.lookup.is_some())
            }))
        };
        let (sending, all_on_the_way) = Working::new();
        // Looks up the tags again while ECR completes the last layers.
        let looked = async {
            all_on_the_way.wait().await;
            Ok((Instant::now(), changes().await))
        };
        let sent = send(&self.uploader, &self.repositories, layers, sending);
        let (sent, (at, looked)) = try_join(sent, looked).await?;
        // Completing the layers took too long, or layers were sent again: the tags may have moved.
        let changes = if at.elapsed() > FRESH { changes().await? } else { looked? };
        let put = all().zip(&changes).enumerate();
        let put = put.map(|(at, ((to, plan), changes))| self.put(at, to, plan, changes));
        let put = try_join_all(put).await?;
        Ok(self.outcomes(plan, &sent, put))
    }

    fn obstructed(&self, plan: &Plan) -> Error {
        if plan.repositories().iter().all(|to| to.lacking().is_empty()) {
            return Error::unsupported(self.image.digest(), plan.obstacles());
        }
        let obstacles: Vec<String> = plan.obstacles().iter().map(ToString::to_string).collect();
        Error::image(&self.image.graph().gaps.subject, obstacles.join("; "))
    }

    async fn create_repositories(&self, plan: &Plan) -> Result<(), Error> {
        for (to, plan) in self.repositories.iter().zip(plan.repositories()) {
            self.report_missing(to, plan);
            if let (RepositoryState::ToBeCreated, MissingRepository::Create(new)) =
                (plan.state(), &self.missing_repository)
                && to.create_repository(new).await?
            {
                let repository = to.repository().clone();
                self.reporter.report(Event::RepositoryCreated { repository });
            }
        }
        Ok(())
    }

    fn report_missing(&self, to: &Destination, plan: &RepositoryPlan) {
        let missing = plan.missing();
        let repository = to.repository();
        self.reporter.report(Event::Planned {
            repository: repository.clone(),
            layers: plan.layers().len(),
            missing: missing.len(),
            bytes: plan.bytes(),
        });
        for planned in plan.layers() {
            let (repository, layer) = (repository.clone(), planned.layer().clone());
            match planned.step() {
                LayerStep::LeaveOut => {
                    self.reporter.report(Event::LayerLeftOut { repository, layer });
                }
                LayerStep::Skip => self.reporter.report(Event::LayerSkipped { repository, layer }),
                LayerStep::Missing | LayerStep::Send { .. } => {}
            }
        }
    }

    /// Returns the effect of setting each tag. Looks the tags up again if layers were sent first.
    async fn changes(
        &self,
        to: &Destination,
        plan: &RepositoryPlan,
        look_again: bool,
    ) -> Result<Vec<TagChange>, Error> {
        let planned = || plan.tags().iter().map(|planned| planned.change().clone()).collect();
        if !look_again || self.tags.is_empty() {
            return Ok(planned());
        }
        match to.look_up(&self.tags, &[]).await {
            Ok(lookup) => {
                let digest = self.image.digest();
                let change = |tag| tag_change(tag, digest, Some(&lookup));
                Ok(self.tags.iter().map(change).collect())
            }
            Err(error) if error.kind() == ErrorKind::AccessDenied => Ok(planned()),
            Err(error) => Err(error),
        }
    }

    async fn put(
        &self,
        at: usize,
        to: &Destination,
        plan: &RepositoryPlan,
        changes: &[TagChange],
    ) -> Result<PutReceipt, Error> {
        let (graph, reporter, look_up) = (self.image.graph(), &self.reporter, self.look_up);
        let manifests = Manifests { graph, to, reporter, look_up };
        manifests.put(plan, &self.tags, changes, |blobs| self.send_again(at, blobs)).await
    }

    /// Sends layers again to the repository with this number. Returns the receipt, and how many
    /// bytes were read.
    async fn send_again(
        &self,
        at: usize,
        blobs: Vec<Blob>,
    ) -> Result<(RepositoryReceipt, u64), Error> {
        let layers = blobs.into_iter().map(|blob| MissingLayer { blob, to: vec![at] }).collect();
        let (sending, _) = Working::new();
        let receipt = send(&self.uploader, &self.repositories, layers, sending).await?;
        Ok((receipt.repositories[at], receipt.bytes_read))
    }

    fn outcomes(
        &self,
        plan: &Plan,
        sent: &LayersReceipt,
        put: Vec<PutReceipt>,
    ) -> (Vec<RepositoryOutcome>, u64) {
        let mut bytes_read = sent.bytes_read;
        let mut outcomes = Vec::new();
        for (((to, plan), sent), put) in
            self.repositories.iter().zip(plan.repositories()).zip(&sent.repositories).zip(put)
        {
            bytes_read += put.read_again;
            let missing = plan.missing().len();
            let repository = to.repository().clone();
            outcomes.push(RepositoryOutcome {
                image_uri: format!("{repository}@{}", self.image.digest()),
                repository,
                tags: put.tags,
                layers_sent: missing - sent.mounted + put.layers_again,
                layers_mounted: sent.mounted,
                layers_skipped: plan.count(LayerStep::Skip),
                layers_left_out: plan.count(LayerStep::LeaveOut),
                bytes_sent: sent.bytes + put.bytes_again,
                calls: to.made(),
            });
        }
        (outcomes, bytes_read)
    }
}
