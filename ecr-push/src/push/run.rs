//! The run of a push, from its survey to its tags.
//!
//! The run passes through these phases:
//!
//! ```text
//! survey ──> plan ──> create repositories ──> send layers ──> put manifests ──> set tags
//!             │                               compress them
//!             └─> fails, if the plan has obstacles
//! ```
//!
//! Layers to compress (`compress.rs`) join those that are sent one by one, as soon as each is
//! compressed. The manifests get their digests after the last of them.
//!
//! The registry's tokens are requested during the survey. If layers are sent, the tags are looked up
//! again while ECR completes the last of them. A repository that loses layers gets them again while
//! its manifests are put.
//!
//! Three invariants hold. No manifest or tag is put in any repository before every repository has
//! every layer. If layers were sent, the tag lookup is at most a second old when the run puts the
//! manifests. No upload outlives the run.

use std::collections::HashSet;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, join_all, select, try_join, try_join_all};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::image::blob::Blob;
use crate::image::graph::Manifest;
use crate::image::opened::Image;
use crate::names::digest::Digest;
use crate::names::tag::Tag;
use crate::push::compress::Compressor;
use crate::push::foreign_layers::ForeignLayers;
use crate::push::obstacles::obstacles;
use crate::push::plan::Plan;
use crate::push::pushed::RepositoryOutcome;
use crate::push::put::{Manifests, PutReceipt};
use crate::push::repository_plan::{LayerStep, RepositoryPlan};
use crate::push::send::{MissingLayer, missing_layers, send};
use crate::push::survey::{LookUp, MissingRepository, RepositoryState, Survey};
use crate::report::{Event, Reporter};
use crate::tasks::Working;
use crate::upload::Uploader;
use crate::upload::part_size::PartSizes;
use crate::upload::receipt::{LayersReceipt, RepositoryReceipt};
use crate::wire::answers::Round;
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

/// The result of a push.
#[derive(Debug)]
pub(crate) struct RunOutcome {
    /// The digest of the pushed image.
    pub(crate) digest: Digest,
    pub(crate) repositories: Vec<RepositoryOutcome>,
    /// How many bytes were read in order to send them.
    pub(crate) bytes_read: u64,
}

/// How long a tag lookup is trusted.
const FRESH: Duration = Duration::from_secs(1);

impl Run {
    /// Surveys the repositories and returns the plan. Changes nothing.
    pub(crate) async fn plan(&self) -> Result<Plan, Error> {
        Ok(self.plan_by(&self.image, &self.survey().await?))
    }

    /// Plans the push and carries the plan out.
    pub(crate) async fn run(&self) -> Result<RunOutcome, Error> {
        let work = async {
            let surveys = self.survey().await?;
            self.carry_out(&self.plan_by(&self.image, &surveys), surveys).await
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
        let missing = &self.missing_repository;
        let survey = |to| Survey::new(to, &self.image, &self.tags, self.look_up, missing);
        try_join_all(self.repositories.iter().map(survey)).await
    }

    fn plan_by(&self, image: &Image, surveys: &[Survey]) -> Plan {
        let parts = self.part_sizes();
        let left_out = self.foreign_layers.left_out(image.graph());
        let plans = self.repositories.iter().zip(surveys).map(|(to, survey)| {
            let (repository, sizes) = (to.repository().clone(), (parts, self.transport));
            RepositoryPlan::new(repository, survey, image, &left_out, &self.tags, sizes)
        });
        let plans: Vec<RepositoryPlan> = plans.collect();
        let graph = image.graph();
        let obstacles = obstacles(graph, &plans, &self.tags, parts);
        Plan::new(graph.root().digest.clone(), plans, obstacles, graph.notices.clone())
    }

    fn compressor(&self) -> Compressor<'_> {
        Compressor {
            image: &self.image,
            repositories: &self.repositories,
            parts: self.part_sizes(),
            reporter: &self.reporter,
        }
    }

    fn part_sizes(&self) -> PartSizes {
        let asked = self.uploader.memory.usual_part_size();
        PartSizes::new(asked, self.uploader.large_layers)
    }

    /// Carries the plan out.
    async fn carry_out(&self, plan: &Plan, surveys: Vec<Survey>) -> Result<RunOutcome, Error> {
        if !plan.obstacles().is_empty() {
            return Err(self.obstructed(plan));
        }
        self.create_repositories(plan).await?;
        // Sends all layers to all repositories first: no tag moves in one repository before every
        // repository has all its layers.
        let layers = missing_layers(self.image.graph(), plan.repositories());
        // The tags may move while layers are sent.
        let look_again = !layers.is_empty();
        let (sending, all_on_the_way) = Working::new();
        let (compressed, later) = mpsc::unbounded_channel();
        // Looks up the tags again while ECR completes the last layers.
        let compress_and_look = async {
            let (image, surveys) = self.compressor().run(surveys, compressed).await?;
            all_on_the_way.wait().await;
            let at = Instant::now();
            let looked = self.look_again(&image, &surveys, look_again).await;
            Ok((image, surveys, at, looked))
        };
        let sent = send(&self.uploader, &self.repositories, layers, later, sending);
        let (sent, (image, surveys, at, looked)) = try_join(sent, compress_and_look).await?;
        // Completing the layers took too long, or layers were sent again: the tags may have moved.
        let plan = if at.elapsed() > FRESH {
            self.look_again(&image, &surveys, look_again).await?
        } else {
            looked?
        };
        let put = self.repositories.iter().zip(plan.repositories()).enumerate();
        let put = put.map(|(at, (to, plan))| self.put(at, to, &image, plan));
        let put = try_join_all(put).await?;
        Ok(self.outcome(&plan, &sent, put))
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
            missing: missing.len() + plan.count(LayerStep::Compress),
            bytes: plan.bytes(),
        });
        for planned in plan.layers() {
            let (repository, layer) = (repository.clone(), planned.layer().clone());
            match planned.step() {
                LayerStep::LeaveOut => {
                    self.reporter.report(Event::LayerLeftOut { repository, layer });
                }
                LayerStep::Skip => self.reporter.report(Event::LayerSkipped { repository, layer }),
                LayerStep::Compress | LayerStep::Missing | LayerStep::Send { .. } => {}
            }
        }
    }

    /// Returns the plan for the manifests and tags. Looks them up again if layers were sent or
    /// compressed.
    async fn look_again(
        &self,
        image: &Image,
        surveys: &[Survey],
        layers_sent: bool,
    ) -> Result<Plan, Error> {
        // The surveys couldn't ask for the manifests whose digests depend on compressed layers.
        let known: HashSet<&Digest> = self.image.graph().all_manifests().map(digest).collect();
        let manifests = image.graph().all_manifests().map(digest);
        let new: Vec<&Digest> = manifests.filter(|digest| !known.contains(digest)).collect();
        let is_late = layers_sent || !new.is_empty();
        let renew = |(to, survey): (_, &Survey)| {
            let (mut survey, new) = (survey.clone(), &new);
            async move {
                if is_late && survey.lookup.is_some() {
                    self.renew(to, &mut survey, new).await?;
                }
                Ok::<_, Error>(survey)
            }
        };
        let surveys = self.repositories.iter().zip(surveys).map(renew);
        Ok(self.plan_by(image, &try_join_all(surveys).await?))
    }

    async fn renew(
        &self,
        to: &Destination,
        survey: &mut Survey,
        manifests: &[&Digest],
    ) -> Result<(), Error> {
        if self.tags.is_empty() && manifests.is_empty() {
            return Ok(());
        }
        match to.look_up(&self.tags, manifests).await {
            Ok(lookup) => survey.renew(lookup),
            Err(error) if error.kind() == ErrorKind::AccessDenied => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn put(
        &self,
        at: usize,
        to: &Destination,
        image: &Image,
        plan: &RepositoryPlan,
    ) -> Result<PutReceipt, Error> {
        let (graph, reporter, look_up) = (image.graph(), &self.reporter, self.look_up);
        let manifests = Manifests { graph, to, reporter, look_up };
        manifests.put(plan, |blobs| self.send_again(at, blobs)).await
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
        let (_, none) = mpsc::unbounded_channel();
        let uploader = Uploader { round: Round::Again, ..self.uploader.clone() };
        let receipt = send(&uploader, &self.repositories, layers, none, sending).await?;
        Ok((receipt.repositories[at], receipt.bytes_read))
    }

    fn outcome(&self, plan: &Plan, sent: &LayersReceipt, put: Vec<PutReceipt>) -> RunOutcome {
        let digest = plan.image();
        let mut bytes_read = sent.bytes_read;
        let mut repositories = Vec::new();
        for (((to, plan), sent), put) in
            self.repositories.iter().zip(plan.repositories()).zip(&sent.repositories).zip(put)
        {
            bytes_read += put.read_again;
            let missing = plan.missing().len();
            let repository = to.repository().clone();
            repositories.push(RepositoryOutcome {
                image_uri: format!("{repository}@{digest}"),
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
        RunOutcome { digest: digest.clone(), repositories, bytes_read }
    }
}

fn digest(manifest: &Manifest) -> &Digest {
    &manifest.digest
}
