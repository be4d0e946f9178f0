//! [`RollOut`]: a rollout from the first call to its outcome.

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
use crate::model::terms::{Complete, OnFailure, OnPause, Patience, Terms, terms};
use crate::names::service::Service;
use crate::report::Story;
use crate::revision::Revision;
use crate::rollout::events::outcome_and_events;
use crate::rollout::launch::Launch;
use crate::rollout::request::{DeploymentRequest, Expectation};
use crate::watch::batch::Member;
use crate::watch::wait::Wait;

/// A rollout of a revision to a service. Await it for the outcome, or call
/// [`events`](Self::events) for the events.
///
/// `Ok(Deployed)` means that the deployment that this call started is complete. If the service
/// already runs the revision, the rollout registers and deploys nothing. If a deployment of the
/// revision is in progress, the rollout watches it. If the service's last deployment of the
/// revision failed without a rollback, the rollout forces a new deployment of it. For 30 seconds
/// after [`Deployer::current`](crate::Deployer::current), these decisions use the service state
/// that it read. After that, the rollout reads the state again.
///
/// The rollout detects deployments by other callers after
/// [`Deployer::current`](crate::Deployer::current). After it registers the revision, it compares
/// revision numbers: if the new one isn't the next number, or if the revision was registered
/// before, it reads the service's state again and may fail with
/// [`Outdated`](crate::ErrorKind::Outdated). It can't detect two cases: a deployment of an older
/// revision or of another family before the rollout registers a change, and a deployment that
/// begins at the same moment. In the second case, one of the two reports that it was superseded.
///
/// # Errors
/// Returns [`RolledBack`](crate::ErrorKind::RolledBack),
/// [`Superseded`](crate::ErrorKind::Superseded), [`Stopped`](crate::ErrorKind::Stopped),
/// [`PausedAtHook`](crate::ErrorKind::PausedAtHook),
/// [`RolloutFailed`](crate::ErrorKind::RolloutFailed) or [`TimedOut`](crate::ErrorKind::TimedOut)
/// as soon as ECS shows it. Before the deployment begins, it returns
/// [`NotReady`](crate::ErrorKind::NotReady), [`Outdated`](crate::ErrorKind::Outdated) or an error
/// of [`Deployer::current`](crate::Deployer::current),
/// [`Deployer::register`](crate::Deployer::register) or UpdateService. Throttling, internal errors
/// of ECS and lost connections don't end the wait. A revoked permission or expired credentials do:
/// the error has their kind and the [`deployment`](Error::deployment), which continues.
///
/// # Cancellation
/// Dropping the future stops the watch. ECS continues the deployment. If the future is dropped
/// before UpdateService, an unused registered revision may remain.
#[must_use = "nothing is deployed until it is awaited or its events are"]
#[derive(Debug)]
pub struct RollOut {
    request: DeploymentRequest,
    revision: Revision,
    terms: Terms,
    /// The start of the time limit, if it began before this rollout.
    began: Option<Instant>,
    /// The membership in a shared lookup, if other services are watched too.
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

    /// The time limit of a rollout without a [`timeout`](Self::timeout): 30 minutes.
    pub const DEFAULT_TIMEOUT: Duration = Terms::DEFAULT_TIMEOUT;

    terms!();

    /// Starts a deployment even if the service already runs the revision. ECS starts new tasks, and
    /// each pulls its image again.
    pub fn force_new_deployment(mut self) -> Self {
        self.request.update.force();
        self
    }

    /// Sets the number of tasks that the service runs from now on. ECS starts no deployment for
    /// this alone, so if nothing else changes, the rollout doesn't wait for the new tasks.
    pub fn desired_count(mut self, count: u32) -> Self {
        self.request.update.desired_count(count);
        self
    }

    /// Sets the configuration of this and later deployments of the service: strategy, circuit
    /// breaker, alarms, minimum and maximum percent, bake time. Omitted members stay unchanged.
    pub fn deployment_configuration(mut self, configuration: &DeploymentConfiguration) -> Self {
        self.request.update.deployment_configuration(configuration);
        self
    }

    /// Sets the version of the Fargate platform, such as `LATEST` or `1.4.0`.
    pub fn platform_version(mut self, version: impl Into<String>) -> Self {
        self.request.update.platform_version(version.into());
        self
    }

    /// Sets the source of the tasks' tags from now on.
    pub fn propagate_tags(mut self, from: &PropagateTags) -> Self {
        self.request.update.propagate_tags(from);
        self
    }

    /// Refuses the rollout with [`NotReady`](crate::ErrorKind::NotReady), before any registration,
    /// if the check before the rollout reports a finding of this kind. By default, the rollout
    /// refuses the kinds with which it can't succeed, such as
    /// [`NoProgress`](FindingKind::NoProgress), and reports the others as
    /// [`Event::Warning`](crate::events::Event::Warning).
    pub fn refuse(mut self, kind: FindingKind) -> Self {
        self.request.refused.insert(kind);
        self
    }

    /// Begins the rollout even if the check before it reports a finding of this kind.
    pub fn tolerate(mut self, kind: FindingKind) -> Self {
        self.request.refused.remove(kind);
        self
    }

    /// Checks first that the images are in ECR and fit the tasks' platform. The rollout refuses a
    /// missing or unfit image, unless the kind is [tolerated](Self::tolerate).
    #[cfg(feature = "ecr")]
    pub fn check_images(mut self, check: &ImageCheck) -> Self {
        self.request.images = Some(check.clone());
        self
    }

    /// Sets the update, the refused kinds and the expected state of a plan.
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

    /// Makes the rollout fail unless this deployment is PRIMARY.
    pub(crate) fn instead_of(mut self, deployment: &str) -> Self {
        self.request.expected = Some(Expectation::Deployment(deployment.to_owned()));
        self
    }

    /// Sets the terms, with a time limit that began at `began`.
    pub(crate) fn on(mut self, terms: Terms, began: Instant) -> Self {
        (self.terms, self.began) = (terms, Some(began));
        self
    }

    /// Shares the lookups with other rollouts.
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
        let deadline = deadline(began, terms.time_left());
        let launch = Launch::new(&request, &story, deadline, terms.timeout);
        let (handle, start) = launch.run(&mut revision).await?;
        let wait = Wait::new(&request.ecs, &handle, terms, deadline, member, &story);
        let end = wait.run(Some(start)).await?;
        Ok(Deployed::new(&handle, began.elapsed(), end))
    }
}

outcome_and_events!(RollOut);
