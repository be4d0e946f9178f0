//! [`RollBack`]: a service back to the revision that last ran on it.

use std::cmp::Reverse;
use std::future::{Future, IntoFuture};
use std::time::Duration;

use aws_sdk_ecs::types::{Service as Description, ServiceDeploymentStatus};
use tokio::time::{Instant, sleep};

use crate::deployer::Deployer;
use crate::ecs::limit::{Limit, deadline};
use crate::ecs::patience::patiently;
use crate::error::{Error, Remedy, Repr, Rollout};
use crate::model::handle::Handle;
use crate::model::terms::{OnFailure, OnPause, Patience, Terms, terms};
use crate::names::service::Service;
use crate::report::{Event, Story, awaited};
use crate::revision::short;
use crate::rollout::roll_out::{Deployed, RollOut};
use crate::watch::batch::{Batch, Member};
use crate::watch::fold::{
    Observation, Verdict, Watch, is_complete, is_in_progress, primary, running,
};
use crate::watch::poll::{Look, Poller};
use crate::watch::wait::Wait;

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
    /// Where others are watched too.
    batch: Option<Batch>,
}

impl Deployer {
    /// Puts `service` back to the revision that last ran successfully. Nothing happens until the
    /// returned [`RollBack`] is awaited.
    pub fn roll_back(&self, service: &Service) -> RollBack {
        let (deployer, service) = (self.clone(), service.clone());
        RollBack { deployer, service, terms: Terms::default(), of: None, batch: None }
    }
}

impl RollBack {
    /// Of this deployment only: where somebody else's has taken over, nothing is done.
    pub(crate) fn of(deployer: Deployer, handle: Handle, timeout: Duration, batch: Batch) -> Self {
        let service = handle.service().clone();
        let terms = Terms { timeout, ..Terms::default() };
        Self { deployer, service, terms, of: Some(handle), batch: Some(batch) }
    }

    terms!();

    async fn run(self, story: Story) -> Result<Deployed, Error> {
        let began = Instant::now();
        let deadline = deadline(began, self.terms.timeout);
        let limit = Limit {
            what: "the way back of",
            service: &self.service,
            deadline,
            timeout: self.terms.timeout,
        };
        let back = Back { roll_back: &self, began, limit: &limit, story: &story };
        let description = limit.hold("DescribeServices", self.first_look()).await?;
        let (state, description) = match &self.of {
            Some(handle) => back.state_of(handle, description).await?,
            None => (state(&description), description),
        };
        let mut why = None;
        match state {
            State::GoingBack => return back.watch(description).await,
            State::InProgress => match back.undo(&description).await? {
                Undone::To(description) => return back.watch(*description).await,
                Undone::Not(problem) => why = problem,
            },
            State::Ended => {}
        }
        back.deploy_target(&description, why).await
    }

    async fn first_look(&self) -> Result<Description, Error> {
        match self.member() {
            Some(member) => found(&mut self.poller(Some(member))).await,
            None => {
                let describe = || self.deployer.describe(&self.service);
                patiently("DescribeServices", &self.service, describe).await
            }
        }
    }

    fn poller(&self, member: Option<Member>) -> Poller<'_> {
        Poller::new(&self.deployer, &self.service, member)
    }

    fn member(&self) -> Option<Member> {
        self.batch.as_ref().map(Batch::member)
    }
}

awaited!(RollBack);

/// What the PRIMARY deployment of a service is.
enum State {
    /// Complete, or failed.
    Ended,
    /// One that ECS goes back to, or has gone back to.
    GoingBack,
    InProgress,
}

fn state(description: &Description) -> State {
    let Some(primary) = primary(description).filter(|it| is_in_progress(it)) else {
        return State::Ended;
    };
    let others = description.deployments().iter().filter(|it| it.id() != primary.id());
    // One that is older than another is PRIMARY again: by AWS's clock alone.
    let is_again = others.filter_map(|it| it.created_at()).max() > primary.created_at();
    if is_again || primary.rollout_state_reason().is_some_and(|it| it.contains("rolling back")) {
        return State::GoingBack;
    }
    State::InProgress
}

/// How an attempt to have ECS undo a deployment ended.
enum Undone {
    /// Not: it was too late, or ECS refused it for this reason.
    Not(Option<Error>),
    /// The service, where another deployment is PRIMARY again.
    To(Box<Description>),
}

/// The steps of one way back.
struct Back<'a> {
    roll_back: &'a RollBack,
    began: Instant,
    limit: &'a Limit<'a>,
    story: &'a Story,
}

impl Back<'_> {
    /// The state, as far as it has to do with this deployment: it is PRIMARY, or ECS has gone back
    /// from it.
    async fn state_of(
        &self,
        handle: &Handle,
        mut description: Description,
    ) -> Result<(State, Description), Error> {
        let mut watch = Watch::new(handle);
        let mut poller = self.roll_back.poller(self.roll_back.member());
        loop {
            let Observation { verdict, is_primary, .. } = watch.observe(&description, None);
            match verdict {
                Verdict::RolledBack { .. } => return Ok((State::GoingBack, description)),
                Verdict::Gone { status } => return Err(self.gone(status)),
                Verdict::Completed | Verdict::Failed { .. } if is_primary => {
                    return Ok((State::Ended, description));
                }
                _ if is_primary => return Ok((State::InProgress, description)),
                Verdict::Unclear { .. } | Verdict::Completed => {
                    return Err(superseded(handle, &description));
                }
                // It may be from before the deployment.
                _ => {}
            }
            sleep(poller.interval()).await;
            description = self.limit.hold("DescribeServices", found(&mut poller)).await?;
        }
    }

    fn gone(&self, status: String) -> Error {
        Repr::ServiceInactive { service: self.roll_back.service.clone(), status }.into()
    }

    /// Has ECS undo the deployment that is in progress, and waits until another one is PRIMARY.
    async fn undo(&self, description: &Description) -> Result<Undone, Error> {
        let RollBack { deployer, service, .. } = self.roll_back;
        let Some(arn) = description.current_service_deployment() else {
            return Ok(Undone::Not(None));
        };
        if let Err(error) =
            self.limit.hold("StopServiceDeployment", deployer.stop(service, arn)).await
        {
            tracing::debug!(%service, %error, "it can't be undone");
            return Ok(Undone::Not(Some(error)));
        }
        let Some(handle) = Handle::of_primary(service, description, std::iter::empty(), None)
        else {
            return Err(no_primary(service));
        };
        let mut watch = Watch::new(&handle);
        let mut poller = self.roll_back.poller(self.roll_back.member());
        loop {
            sleep(poller.interval()).await;
            let now = self.limit.hold("DescribeServices", found(&mut poller)).await?;
            poller.slow_down();
            match watch.observe(&now, None).verdict {
                Verdict::RolledBack { .. } => return Ok(Undone::To(Box::new(now))),
                Verdict::Unclear { .. } => return Err(superseded(&handle, &now)),
                Verdict::Gone { status } => return Err(self.gone(status)),
                // It was too late, or it had failed.
                Verdict::Completed | Verdict::Failed { .. } => return Ok(Undone::Not(None)),
                Verdict::Hopeless | Verdict::Paused(_) | Verdict::Pending => {}
            }
        }
    }

    /// Watches the deployment that is PRIMARY again.
    async fn watch(&self, description: Description) -> Result<Deployed, Error> {
        let RollBack { deployer, service, terms, .. } = self.roll_back;
        let arn = running(&description).ok_or_else(|| no_primary(service))?.to_owned();
        self.story.tell(Event::RollingBack(short(&arn).to_owned()));
        let revision = || deployer.revision(&arn);
        let revision = patiently("DescribeTaskDefinition", &arn, revision);
        let revision = self.limit.hold("DescribeTaskDefinition", revision).await?;
        let handle = Handle::returned(service, &revision, &description)
            .ok_or_else(|| no_primary(service))?;
        self.story.tell(Event::Started(handle.clone()));
        let (deadline, member) = (self.limit.deadline, self.roll_back.member());
        let wait = Wait::new(deployer, &handle, *terms, deadline, member, self.story);
        wait.run(Some(description)).await?;
        Ok(Deployed::new(&handle, self.began.elapsed()))
    }

    /// Deploys the revision to go back to. `why` is why ECS didn't undo what is in progress.
    async fn deploy_target(
        &self,
        description: &Description,
        why: Option<Error>,
    ) -> Result<Deployed, Error> {
        let RollBack { deployer, service, terms, .. } = self.roll_back;
        let ours = primary(description).ok_or_else(|| no_primary(service))?;
        let target = self.target(description).await?;
        // ECS starts nothing for the revision that it is about to run.
        if ours.task_definition() == Some(&target) && is_in_progress(ours) {
            return Err(why.unwrap_or_else(|| {
                nothing(service, "the deployment in progress is one of the same revision")
            }));
        }
        self.story.tell(Event::RollingBack(short(&target).to_owned()));
        let revision = || deployer.revision(&target);
        let revision = patiently("DescribeTaskDefinition", &target, revision);
        let revision = self.limit.hold("DescribeTaskDefinition", revision).await?;
        RollOut::new(deployer.clone(), service.clone(), revision)
            .instead_of(ours.id().unwrap_or_default())
            .on(*terms, self.began)
            .watched_by(self.roll_back.member())
            .run(self.story.clone())
            .await
    }

    /// The task definition to go back to.
    async fn target(&self, description: &Description) -> Result<String, Error> {
        let RollBack { deployer, service, of, .. } = self.roll_back;
        let followed = of.as_ref().map(Handle::followed);
        if let Some(before) = followed.and_then(|it| it.completed.as_ref().or(it.before.as_ref())) {
            return Ok(before.clone());
        }
        let ours = primary(description);
        let others =
            description.deployments().iter().filter(|it| it.id() != ours.and_then(|it| it.id()));
        let completed = others.filter(|it| is_complete(it)).find_map(|it| it.task_definition());
        // While an old deployment drains, it is complete too; but then it is the one before.
        if let Some(completed) = completed.filter(|_| !ours.is_some_and(is_complete)) {
            return Ok(completed.to_owned());
        }
        let running = running(description).unwrap_or_default();
        let search = || last_successful(deployer, service, running);
        let search = patiently("ListServiceDeployments", service, search);
        self.limit.hold("ListServiceDeployments", search).await
    }
}

/// The service, as soon as it can be seen.
async fn found(poller: &mut Poller<'_>) -> Result<Description, Error> {
    loop {
        if let Look::Found(description) = poller.look().await? {
            return Ok(*description);
        }
        sleep(poller.interval()).await;
    }
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
        .status(ServiceDeploymentStatus::Successful);
    let (mut briefs, mut token) = (Vec::new(), None);
    loop {
        let page = list.clone().set_next_token(token).send().await;
        let page = page.map_err(|it| Error::api("ListServiceDeployments", service, it))?;
        briefs.extend(page.service_deployments.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    briefs.sort_by_key(|it| Reverse(it.created_at().map(|at| at.as_nanos())));
    let arns: Vec<&str> = briefs.iter().filter_map(|it| it.target_service_revision_arn()).collect();
    if arns.is_empty() {
        return Err(nothing(service, "ECS knows no successful deployment of it"));
    }
    for arns in arns.chunks(MOST_REVISIONS) {
        let of = arns.iter().map(|arn| (*arn).to_owned()).collect();
        let describe = deployer.client().describe_service_revisions();
        let described = describe.set_service_revision_arns(Some(of)).send().await;
        let described =
            described.map_err(|it| Error::api("DescribeServiceRevisions", service, it))?;
        let task_definition = |arn: &&str| {
            let mut revisions = described.service_revisions().iter();
            revisions.find(|it| it.service_revision_arn() == Some(*arn))?.task_definition()
        };
        if let Some(found) = arns.iter().filter_map(task_definition).find(|it| *it != running) {
            return Ok(found.to_owned());
        }
    }
    Err(nothing(service, "all its successful deployments that ECS knows ran what it runs now"))
}

fn nothing(service: &Service, problem: &str) -> Error {
    Repr::NothingToRollBackTo { service: service.clone(), problem: problem.to_owned() }.into()
}

fn no_primary(service: &Service) -> Error {
    Error::protocol("DescribeServices", format!("{service} has no PRIMARY deployment"))
}

/// It was to be undone.
fn superseded(handle: &Handle, description: &Description) -> Error {
    let by = primary(description).and_then(|it| it.id()).unwrap_or_default().to_owned();
    let by_revision = running(description).map(short).unwrap_or_default().to_owned();
    let rollout = Rollout {
        handle: handle.clone(),
        last: None,
        reason: String::new(),
        failures: Vec::new(),
        remedy: Remedy::NotAsked,
    };
    Repr::Superseded { rollout, by, by_revision }.into()
}

/// So many service revisions can be described by one call (API reference).
const MOST_REVISIONS: usize = 20;
