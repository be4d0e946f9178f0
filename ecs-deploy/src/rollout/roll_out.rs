//! [`RollOut`]: a deployment from the first call to its outcome.

use std::fmt;
use std::time::Duration;

use aws_sdk_ecs::types::{DeploymentConfiguration, PropagateTags};
use tokio::time::Instant;

use crate::deployer::Deployer;
use crate::ecs::limit::{Limit, deadline};
use crate::ecs::update::Update;
use crate::error::Error;
use crate::model::handle::{Handle, Origin};
use crate::model::terms::{OnFailure, OnPause, Patience, Terms, terms};
use crate::names::service::Service;
use crate::report::{Story, awaited};
use crate::revision::Revision;
use crate::rollout::launch::{Begin, Expected, Order, Seen};
use crate::rollout::plan::Plan;
use crate::rollout::preflight::{FindingKind, Refused};
use crate::watch::batch::Member;
use crate::watch::fold::running;
use crate::watch::wait::Wait;

/// A rollout that has yet to begin: await it for the outcome, or call [`events`](Self::events) for
/// the story.
///
/// `Ok(Deployed)` means that the deployment that this call started is complete. Where the service already runs the revision, nothing is registered and
/// nothing deployed; where a deployment of it is still going on, that one is watched; where it has
/// failed and nobody rolled it back, another one of the same revision is forced. For that, what
/// [`Deployer::current`] saw is believed for 30 seconds; later the service is looked at again.
///
/// What was deployed between [`Deployer::current`] and here is not silently undone. Where the
/// revision is registered here, the number that it gets shows that no other one of the family has
/// been, without a further call; where there was one, or the revision was registered before, the
/// service is looked at. What isn't noticed is a deployment of an older revision, or of another
/// family's, before a change that is registered here; and one that begins at the same moment, of
/// which one of the two then reports that it was superseded.
///
/// # Errors
/// [`RolledBack`](crate::ErrorKind::RolledBack), [`Superseded`](crate::ErrorKind::Superseded),
/// [`Stopped`](crate::ErrorKind::Stopped), [`PausedAtHook`](crate::ErrorKind::PausedAtHook),
/// [`RolloutFailed`](crate::ErrorKind::RolloutFailed) and [`TimedOut`](crate::ErrorKind::TimedOut),
/// as soon as it shows; before it has begun, [`NotReady`](crate::ErrorKind::NotReady),
/// [`Outdated`](crate::ErrorKind::Outdated) and those of
/// [`Deployer::current`], [`Deployer::register`] and UpdateService. Throttling, errors of ECS's own
/// and lost connections don't end the wait. A permission or credentials that are lost do, with
/// their kind and the [`deployment`](Error::deployment), which goes on.
///
/// # Cancellation
/// Dropping the future stops watching, and no more: ECS goes on with the deployment. Dropped before
/// UpdateService, it may leave a registered revision behind that nobody uses.
#[must_use = "nothing is deployed until it is awaited or its events are"]
#[derive(Debug)]
pub struct RollOut {
    order: Order,
    revision: Revision,
    terms: Terms,
    /// When the time began that it may take, where that was before.
    began: Option<Instant>,
    /// Where others are watched too.
    member: Option<Member>,
}

impl RollOut {
    pub(crate) fn new(deployer: Deployer, service: Service, revision: Revision) -> Self {
        let order = Order {
            deployer,
            service,
            update: Update::default(),
            refused: Refused::default(),
            expected: None,
            #[cfg(feature = "ecr")]
            images: None,
        };
        Self { order, revision, terms: Terms::default(), began: None, member: None }
    }

    /// How long it may take where [`timeout`](Self::timeout) doesn't say otherwise: 30 minutes.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

    terms!();

    /// Starts a deployment also where the service runs the revision already: new tasks, of which
    /// each pulls its image anew.
    pub fn force_new_deployment(mut self) -> Self {
        self.order.update.force();
        self
    }

    /// How many tasks the service is to run from now on. ECS starts no deployment for this alone,
    /// so that where nothing else changes, the new tasks aren't waited for.
    pub fn desired_count(mut self, count: u32) -> Self {
        self.order.update.desired_count(count);
        self
    }

    /// How deployments of the service go from now on, this one too: strategy, circuit breaker,
    /// alarms, minimum and maximum percent, bake time. What it leaves out stays as it is.
    pub fn deployment_configuration(mut self, configuration: &DeploymentConfiguration) -> Self {
        self.order.update.deployment_configuration(configuration);
        self
    }

    /// The version of the Fargate platform, such as `LATEST` or `1.4.0`.
    pub fn platform_version(mut self, version: impl Into<String>) -> Self {
        self.order.update.platform_version(version.into());
        self
    }

    /// From where the tasks get their tags from now on.
    pub fn propagate_tags(mut self, from: &PropagateTags) -> Self {
        self.order.update.propagate_tags(from);
        self
    }

    /// Ends with [`NotReady`](crate::ErrorKind::NotReady), before anything is registered, where a
    /// first look at the service finds this. By default, what can't succeed is refused
    /// ([`NoProgress`](FindingKind::NoProgress)), and the rest only told, as
    /// [`Event::Warning`](crate::Event::Warning).
    pub fn refuse(mut self, kind: FindingKind) -> Self {
        self.order.refused.insert(kind);
        self
    }

    /// Begins nevertheless where the first look finds this.
    pub fn tolerate(mut self, kind: FindingKind) -> Self {
        self.order.refused.remove(kind);
        self
    }

    /// Looks first whether the images are in ECR and fit the tasks' platform; what is missing or
    /// doesn't fit is refused, unless it is [tolerated](Self::tolerate).
    #[cfg(feature = "ecr")]
    pub fn check_images(mut self, check: &crate::ImageCheck) -> Self {
        self.order.images = Some(check.clone());
        self
    }

    /// What the rollout would do, found out without changing anything: DescribeServices, unless
    /// [`Deployer::current`] has just looked, and DescribeTaskDefinition for a revision from a file.
    /// [`Deployer::apply`] does it.
    ///
    /// # Errors
    /// Those of [`Deployer::current`]. What would keep the rollout from beginning is no error here,
    /// but [in the plan](Plan::refused).
    ///
    /// # Cancellation
    /// It may be dropped at any time.
    pub async fn plan(self) -> Result<Plan, Error> {
        let Self { order, mut revision, terms, .. } = self;
        // Nobody is told.
        let story = Story::default();
        let begin = begin(&order, &story, deadline(Instant::now(), terms.timeout), terms);
        let Seen { description, .. } = begin.look(&mut revision).await?;
        let is_unchanged = begin.is_unchanged(&description, &revision);
        let (findings, update) = match is_unchanged {
            true => (Vec::new(), Update::default()),
            false => {
                let findings = begin.findings(&description, &revision).await;
                (findings, begin.update(&description, &revision))
            }
        };
        let running = running(&description).unwrap_or_default().to_owned();
        let Order { service, refused, .. } = order;
        Ok(Plan { service, running, revision, update, findings, refused, is_unchanged })
    }

    /// As a plan says.
    pub(crate) fn planned(mut self, update: Update, refused: Refused, expected: Expected) -> Self {
        (self.order.update, self.order.refused) = (update, refused);
        self.order.expected = Some(expected);
        self
    }

    /// Only as long as this deployment is PRIMARY.
    pub(crate) fn instead_of(mut self, deployment: &str) -> Self {
        self.order.expected = Some(Expected::Deployment(deployment.to_owned()));
        self
    }

    /// On these terms, in the time that began at `began`.
    pub(crate) fn on(mut self, terms: Terms, began: Instant) -> Self {
        (self.terms, self.began) = (terms, Some(began));
        self
    }

    /// Watched together with others.
    pub(crate) fn watched_by(mut self, member: Option<Member>) -> Self {
        self.member = member;
        self
    }

    pub(crate) fn deployer(&self) -> &Deployer {
        &self.order.deployer
    }

    pub(crate) fn service(&self) -> &Service {
        &self.order.service
    }

    pub(crate) fn terms(&self) -> Terms {
        self.terms
    }

    pub(crate) async fn run(self, story: Story) -> Result<Deployed, Error> {
        let Self { order, mut revision, terms, began, member } = self;
        let began = began.unwrap_or_else(Instant::now);
        let deadline = deadline(began, terms.timeout);
        let begin = begin(&order, &story, deadline, terms);
        let (handle, start) = begin.run(&mut revision).await?;
        let wait = Wait::new(&order.deployer, &handle, terms, deadline, member, &story);
        wait.run(Some(start)).await?;
        Ok(Deployed::new(&handle, began.elapsed()))
    }
}

awaited!(RollOut);

fn begin<'a>(order: &'a Order, story: &'a Story, deadline: Instant, terms: Terms) -> Begin<'a> {
    let (service, timeout) = (&order.service, terms.timeout);
    Begin { order, limit: Limit { what: "the rollout to", service, deadline, timeout }, story }
}

/// A deployment that is complete. What somebody deployed since, it doesn't say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    revision: String,
    deployment: String,
    elapsed: Duration,
    was_changed: bool,
    images: Vec<(String, String)>,
}

impl Deployed {
    pub(crate) fn new(handle: &Handle, elapsed: Duration) -> Self {
        let followed = handle.followed();
        Self {
            revision: followed.revision.clone(),
            deployment: followed.deployment.clone(),
            elapsed,
            was_changed: followed.origin == Origin::Started,
            images: followed.images.clone(),
        }
    }

    /// The ARN of the task definition's revision that now runs.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The id of the deployment that brought it, such as `ecs-svc/1234567890123456789`.
    pub fn deployment(&self) -> &str {
        &self.deployment
    }

    /// How long it took, from the first call of the rollout to when it showed as complete.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Whether a deployment was started; not where the service ran the revision already.
    pub fn was_changed(&self) -> bool {
        self.was_changed
    }

    /// The containers' names and images, in the order of the task definition.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        self.images.iter().map(|(name, image)| (name.as_str(), image.as_str()))
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.revision)
    }
}
