//! [`RollOut`]: a deployment from the first call to its outcome.

use std::future::{Future, IntoFuture};
use std::time::Duration;

use aws_sdk_ecs::types::{DeploymentConfiguration, PropagateTags};
use tokio::time::Instant;

use crate::ecs::client::Ecs;
use crate::ecs::limit::deadline;
use crate::ecs::update::Update;
use crate::error::Error;
#[cfg(feature = "ecr")]
use crate::image_check::ImageCheck;
use crate::model::deployed::Deployed;
use crate::model::finding::{FindingKind, RefusedKinds};
use crate::model::terms::{OnFailure, OnPause, Patience, Terms, terms};
use crate::names::service::Service;
use crate::report::Story;
use crate::revision::Revision;
use crate::rollout::events::outcome_and_events;
use crate::rollout::launch::Launch;
use crate::rollout::request::{DeploymentRequest, Expectation};
use crate::watch::batch::Member;
use crate::watch::wait::Wait;

/// A rollout that has yet to begin: await it for the outcome, or call [`events`](Self::events) for
/// the story.
///
/// `Ok(Deployed)` means that the deployment that this call started is complete. Where the service already runs the revision, nothing is registered and
/// nothing deployed; where a deployment of it is still going on, that one is watched; where it has
/// failed and nobody rolled it back, another one of the same revision is forced. For that, what
/// [`Deployer::current`](crate::Deployer::current) saw is believed for 30 seconds; later the service is looked at again.
///
/// What was deployed between [`Deployer::current`](crate::Deployer::current) and here is not silently undone. Where the
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
/// [`Deployer::current`](crate::Deployer::current), [`Deployer::register`](crate::Deployer::register) and UpdateService. Throttling, errors of ECS's own
/// and lost connections don't end the wait. A permission or credentials that are lost do, with
/// their kind and the [`deployment`](Error::deployment), which goes on.
///
/// # Cancellation
/// Dropping the future stops watching, and no more: ECS goes on with the deployment. Dropped before
/// UpdateService, it may leave a registered revision behind that nobody uses.
#[must_use = "nothing is deployed until it is awaited or its events are"]
#[derive(Debug)]
pub struct RollOut {
    request: DeploymentRequest,
    revision: Revision,
    terms: Terms,
    /// When the time began that it may take, where that was before.
    began: Option<Instant>,
    /// Where others are watched too.
    member: Option<Member>,
}

impl RollOut {
    pub(crate) fn new(ecs: Ecs, service: Service, revision: Revision) -> Self {
        let request = DeploymentRequest {
            ecs,
            service,
            update: Update::default(),
            refused: RefusedKinds::default(),
            expected: None,
            #[cfg(feature = "ecr")]
            images: None,
        };
        Self { request, revision, terms: Terms::default(), began: None, member: None }
    }

    /// How long it may take where [`timeout`](Self::timeout) doesn't say otherwise: 30 minutes.
    pub const DEFAULT_TIMEOUT: Duration = Terms::DEFAULT_TIMEOUT;

    terms!();

    /// Starts a deployment also where the service runs the revision already: new tasks, of which
    /// each pulls its image anew.
    pub fn force_new_deployment(mut self) -> Self {
        self.request.update.force();
        self
    }

    /// How many tasks the service is to run from now on. ECS starts no deployment for this alone,
    /// so that where nothing else changes, the new tasks aren't waited for.
    pub fn desired_count(mut self, count: u32) -> Self {
        self.request.update.desired_count(count);
        self
    }

    /// How deployments of the service go from now on, this one too: strategy, circuit breaker,
    /// alarms, minimum and maximum percent, bake time. What it leaves out stays as it is.
    pub fn deployment_configuration(mut self, configuration: &DeploymentConfiguration) -> Self {
        self.request.update.deployment_configuration(configuration);
        self
    }

    /// The version of the Fargate platform, such as `LATEST` or `1.4.0`.
    pub fn platform_version(mut self, version: impl Into<String>) -> Self {
        self.request.update.platform_version(version.into());
        self
    }

    /// From where the tasks get their tags from now on.
    pub fn propagate_tags(mut self, from: &PropagateTags) -> Self {
        self.request.update.propagate_tags(from);
        self
    }

    /// Ends with [`NotReady`](crate::ErrorKind::NotReady), before anything is registered, where a
    /// first look at the service finds this. By default, what can't succeed is refused
    /// ([`NoProgress`](FindingKind::NoProgress)), and the rest only told, as
    /// [`Event::Warning`](crate::events::Event::Warning).
    pub fn refuse(mut self, kind: FindingKind) -> Self {
        self.request.refused.insert(kind);
        self
    }

    /// Begins nevertheless where the first look finds this.
    pub fn tolerate(mut self, kind: FindingKind) -> Self {
        self.request.refused.remove(kind);
        self
    }

    /// Looks first whether the images are in ECR and fit the tasks' platform; what is missing or
    /// doesn't fit is refused, unless it is [tolerated](Self::tolerate).
    #[cfg(feature = "ecr")]
    pub fn check_images(mut self, check: &ImageCheck) -> Self {
        self.request.images = Some(check.clone());
        self
    }

    /// As a plan says.
    pub(crate) fn planned(
        mut self,
        update: Update,
        refused: RefusedKinds,
        expected: Expectation,
    ) -> Self {
        (self.request.update, self.request.refused) = (update, refused);
        self.request.expected = Some(expected);
        self
    }

    /// Only as long as this deployment is PRIMARY.
    pub(crate) fn instead_of(mut self, deployment: &str) -> Self {
        self.request.expected = Some(Expectation::Deployment(deployment.to_owned()));
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

    pub(super) fn into_parts(self) -> (DeploymentRequest, Revision, Terms) {
        (self.request, self.revision, self.terms)
    }

    pub(crate) fn ecs(&self) -> &Ecs {
        &self.request.ecs
    }

    pub(crate) fn service(&self) -> &Service {
        &self.request.service
    }

    pub(crate) fn terms(&self) -> Terms {
        self.terms
    }

    pub(crate) async fn run(self, story: Story) -> Result<Deployed, Error> {
        let Self { request, mut revision, terms, began, member } = self;
        let began = began.unwrap_or_else(Instant::now);
        let deadline = deadline(began, terms.timeout);
        let launch = Launch::new(&request, &story, deadline, terms.timeout);
        let (handle, start) = launch.run(&mut revision).await?;
        let wait = Wait::new(&request.ecs, &handle, terms, deadline, member, &story);
        wait.run(Some(start)).await?;
        Ok(Deployed::new(&handle, began.elapsed()))
    }
}

outcome_and_events!(RollOut);
