//! [`RollBack`]: a service back to the revision that last ran on it.

use std::cmp::Reverse;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use aws_sdk_ecs::types::{DeploymentRolloutState, Service as Description, ServiceDeploymentStatus};
use tokio::time::{Instant, sleep_until};

use crate::deploy::Deployer;
use crate::error::{Error, Remedy, Repr, Rollout};
use crate::events::{Event, Events, Story};
use crate::handle::Handle;
use crate::limit::{Limit, deadline};
use crate::poll::{Look, Poller};
use crate::revision::short;
use crate::rollout::{Deployed, RollOut};
use crate::service::Service;
use crate::terms::{OnFailure, OnPause, Patience, Terms, terms};
use crate::wait::Wait;
use crate::watch::primary;

/// A service on its way back: await it for the outcome, or call [`events`](Self::events) for the
/// story.
///
/// Where a deployment is in progress, ECS is told to undo it, by StopServiceDeployment; where that
/// isn't possible or not allowed, the revision of the last complete deployment is deployed. Where
/// none is in progress, the revision is deployed that last ran successfully before the one that
/// runs now: by the service's own history, which ECS keeps for 90 days, and not the one with the
/// next lower number, which may never have run.
///
/// # Errors
/// [`NothingToRollBackTo`](crate::ErrorKind::NothingToRollBackTo); those of the calls, such as
/// [`AccessDenied`](crate::ErrorKind::AccessDenied) where `ecs:ListServiceDeployments` or
/// `ecs:DescribeServiceRevisions` is needed and not allowed; and those of
/// [`RollOut`](crate::RollOut) for the deployment that brings the old revision.
///
/// # Cancellation
/// Dropping the future stops watching, and no more.
#[must_use = "nothing is rolled back until it is awaited or its events are"]
#[derive(Debug)]
pub struct RollBack {
    deployer: Deployer,
    service: Service,
    terms: Terms,
    /// Where only this deployment is to be undone.
    of: Option<Handle>,
}

impl Deployer {
    /// Puts `service` back to the revision that last ran successfully. Nothing happens until the
    /// returned [`RollBack`] is awaited.
    pub fn roll_back(&self, service: &Service) -> RollBack {
        let (deployer, service) = (self.clone(), service.clone());
        RollBack { deployer, service, terms: Terms::default(), of: None }
    }
}

impl RollBack {
    /// Of this deployment only: where another one has taken over, nothing is done.
    pub(crate) fn of(deployer: Deployer, handle: Handle) -> Self {
        let service = handle.service().clone();
        Self { deployer, service, terms: Terms::default(), of: Some(handle) }
    }

    terms!();

    /// The way back as a story. Nothing happens until its [`next`](Events::next) or
    /// [`finish`](Events::finish) is awaited.
    pub fn events(self) -> Events {
        Events::new(|story| self.run(story))
    }

    async fn run(self, story: Story) -> Result<Deployed, Error> {
        let began = Instant::now();
        let Self { deployer, service, terms, of } = self;
        let deadline = deadline(began, terms.timeout);
        let limit =
            Limit { what: "the way back of", service: &service, deadline, timeout: terms.timeout };
        let description = limit.hold("DescribeServices", deployer.describe(&service)).await?;
        if let Some(handle) = of.as_ref().filter(|handle| !is_primary(&description, handle)) {
            return Err(superseded(handle, &description));
        }
        let state = primary(&description).and_then(|it| it.rollout_state());
        if state == Some(&DeploymentRolloutState::InProgress) {
            let back = undone(&deployer, &limit, &description).await?;
            if let Some(back) = back {
                let arn = primary(&back).and_then(|it| it.task_definition()).unwrap_or_default();
                story.tell(Event::RollingBack(short(arn).to_owned()));
                let reading = deployer.revision(arn);
                let revision = limit.hold("DescribeTaskDefinition", reading).await?;
                let handle = Handle::returned(&service, &revision, &back, &description);
                let handle = handle.ok_or_else(|| no_primary(&service))?;
                let wait = Wait::new(&deployer, &handle, terms, deadline, None, &story);
                wait.run(Some(back)).await?;
                return Ok(Deployed::new(&handle, began.elapsed()));
            }
        }
        let target = target(&deployer, &limit, &description, of.as_ref()).await?;
        story.tell(Event::RollingBack(short(&target).to_owned()));
        let revision = limit.hold("DescribeTaskDefinition", deployer.revision(&target)).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let roll_out = RollOut::new(deployer.clone(), service.clone(), revision);
        roll_out.on(Terms { timeout: left, ..terms }).run(story).await
    }
}

/// As a future, it is the outcome without its story.
impl IntoFuture for RollBack {
    type Output = Result<Deployed, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.events().finish())
    }
}

/// Has ECS undo the deployment that is in progress, and returns the service when another one is
/// PRIMARY. `None` where it can't be undone: not any more, or not by these credentials.
async fn undone(
    deployer: &Deployer,
    limit: &Limit<'_>,
    description: &Description,
) -> Result<Option<Description>, Error> {
    let Some(arn) = description.current_service_deployment() else {
        return Ok(None);
    };
    let stop = deployer.stop(limit.service, arn);
    if let Err(error) = limit.hold("StopServiceDeployment", stop).await {
        tracing::debug!(service = %limit.service, %error, "it can't be undone");
        return Ok(None);
    }
    let undone = primary(description).and_then(|it| it.id());
    let mut poller = Poller::new(deployer, limit.service, None);
    let look = async {
        loop {
            if let Look::Found(now) = poller.look().await? {
                if primary(&now).and_then(|it| it.id()) != undone {
                    return Ok(Some(*now));
                }
                poller.slow_down();
            }
            sleep_until(Instant::now() + poller.interval()).await;
        }
    };
    limit.hold("StopServiceDeployment", look).await
}

/// The task definition to go back to.
async fn target(
    deployer: &Deployer,
    limit: &Limit<'_>,
    description: &Description,
    of: Option<&Handle>,
) -> Result<String, Error> {
    let followed = of.map(Handle::followed);
    if let Some(before) = followed.and_then(|it| it.completed.as_ref().or(it.before.as_ref())) {
        return Ok(before.clone());
    }
    let ours = primary(description);
    let is_complete =
        ours.and_then(|it| it.rollout_state()) == Some(&DeploymentRolloutState::Completed);
    let completed = description
        .deployments()
        .iter()
        .filter(|it| it.id() != ours.and_then(|it| it.id()))
        .find(|it| it.rollout_state() == Some(&DeploymentRolloutState::Completed))
        .and_then(|it| it.task_definition());
    // While an old deployment drains, it is complete too; but then it is the one before.
    if let Some(completed) = completed.filter(|_| !is_complete) {
        return Ok(completed.to_owned());
    }
    let running = ours.and_then(|it| it.task_definition()).unwrap_or_default();
    let search = last_successful(deployer, limit.service, running);
    limit.hold("ListServiceDeployments", search).await
}

/// The task definition of the last successful deployment that isn't one of `running`.
pub(crate) async fn last_successful(
    deployer: &Deployer,
    service: &Service,
    running: &str,
) -> Result<String, Error> {
    let list = deployer
        .client()
        .list_service_deployments()
        .cluster(service.cluster_reference())
        .service(service.name())
        .status(ServiceDeploymentStatus::Successful)
        .max_results(MOST_REVISIONS);
    let listed =
        list.send().await.map_err(|it| Error::api("ListServiceDeployments", service, it))?;
    let mut briefs = listed.service_deployments.unwrap_or_default();
    briefs.sort_by_key(|it| Reverse(it.created_at().map(|at| at.as_nanos())));
    let arns: Vec<&str> = briefs.iter().filter_map(|it| it.target_service_revision_arn()).collect();
    if arns.is_empty() {
        return Err(nothing(service, "ECS knows no successful deployment of it"));
    }
    let of = arns.iter().map(|arn| (*arn).to_owned()).collect();
    let describe = deployer.client().describe_service_revisions();
    let described = describe.set_service_revision_arns(Some(of)).send().await;
    let described = described.map_err(|it| Error::api("DescribeServiceRevisions", service, it))?;
    let task_definition = |arn: &str| {
        let mut revisions = described.service_revisions().iter();
        revisions.find(|it| it.service_revision_arn() == Some(arn))?.task_definition()
    };
    let found = arns.into_iter().filter_map(task_definition).find(|it| *it != running);
    let problem = "all its successful deployments that ECS knows ran what it runs now";
    found.map(str::to_owned).ok_or_else(|| nothing(service, problem))
}

fn nothing(service: &Service, problem: &str) -> Error {
    Repr::NothingToRollBackTo { service: service.clone(), problem: problem.to_owned() }.into()
}

fn no_primary(service: &Service) -> Error {
    let problem = format!("{service} has no PRIMARY deployment");
    Error::protocol("DescribeServices", problem)
}

fn is_primary(description: &Description, handle: &Handle) -> bool {
    primary(description).and_then(|it| it.id()) == Some(handle.deployment())
}

fn superseded(handle: &Handle, description: &Description) -> Error {
    let by = primary(description);
    let rollout = Rollout {
        handle: handle.clone(),
        last: None,
        reason: String::new(),
        failures: Vec::new(),
        remedy: Remedy::NotAsked,
    };
    let id = by.and_then(|it| it.id()).unwrap_or_default().to_owned();
    let by_revision = by.and_then(|it| it.task_definition()).map(short).unwrap_or_default();
    Repr::Superseded { rollout, by: id, by_revision: by_revision.to_owned() }.into()
}

/// So many service revisions can be described by one call (API reference).
const MOST_REVISIONS: i32 = 20;
