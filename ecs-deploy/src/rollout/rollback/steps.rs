//! The steps of a rollback: stop the deployment in progress, or deploy the previous revision.

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{Instant, sleep};

use crate::ecs::limit::{Limit, deadline};
use crate::ecs::patience::Attempts;
use crate::error::Error;
use crate::error::repr::Repr;
use crate::error::rollout::{Remedy, RolloutReport};
use crate::model::deployed::Deployed;
use crate::model::description::{is_complete, is_in_progress, primary, running};
use crate::model::handle::Handle;
use crate::names::arn::short;
use crate::names::service::Service;
use crate::report::{Event, Story};
use crate::rollout::roll_out::RollOut;
use crate::rollout::rollback::RollBack;
use crate::watch::batch::{Batch, Member};
use crate::watch::fold::{Observation, Verdict, Watch};
use crate::watch::history::{last_successful, nothing};
use crate::watch::identify::{primary_deployment, returned_deployment};
use crate::watch::poll::{Look, Poller};
use crate::watch::wait::Wait;

impl RollBack {
    pub(super) async fn run(self, story: Story) -> Result<Deployed, Error> {
        let began = Instant::now();
        let deadline = deadline(began, self.terms.time_left());
        let limit = Limit {
            what: "the rollback of",
            service: &self.service,
            deadline,
            timeout: self.terms.timeout,
        };
        let steps = RollBackSteps { roll_back: &self, began, limit: &limit, story: &story };
        let description = limit.hold("DescribeServices", self.first_look()).await?;
        let (state, description) = match &self.only {
            Some(handle) => steps.state_of(handle, description).await?,
            None => (primary_state(&description), description),
        };
        let mut why = None;
        match state {
            PrimaryState::GoingBack => return steps.watch(description).await,
            PrimaryState::InProgress => match steps.undo(&description).await? {
                UndoResult::Returned(description) => return steps.watch(*description).await,
                UndoResult::NotUndone(problem) => why = problem,
            },
            PrimaryState::Ended => {}
        }
        steps.deploy_target(&description, why).await
    }

    async fn first_look(&self) -> Result<Description, Error> {
        match self.member() {
            Some(member) => found(&mut self.poller(Some(member))).await,
            None => {
                let describe = || self.ecs.describe(&self.service);
                Attempts::Patient.make("DescribeServices", &self.service, describe).await
            }
        }
    }

    fn poller(&self, member: Option<Member>) -> Poller<'_> {
        Poller::new(&self.ecs, &self.service, member)
    }

    fn member(&self) -> Option<Member> {
        self.batch.as_ref().map(Batch::member)
    }
}

/// The state of a service's PRIMARY deployment.
enum PrimaryState {
    /// It is complete, or it failed.
    Ended,
    /// ECS rolls back to it, or has done so.
    GoingBack,
    InProgress,
}

fn primary_state(description: &Description) -> PrimaryState {
    let Some(primary) = primary(description).filter(|it| is_in_progress(it)) else {
        return PrimaryState::Ended;
    };
    let others = description.deployments().iter().filter(|it| it.id() != primary.id());
    // After a rollback, the PRIMARY deployment is older than another one. Both times are AWS's.
    let is_again = others.filter_map(|it| it.created_at()).max() > primary.created_at();
    if is_again || primary.rollout_state_reason().is_some_and(|it| it.contains("rolling back")) {
        return PrimaryState::GoingBack;
    }
    PrimaryState::InProgress
}

/// The result of StopServiceDeployment.
enum UndoResult {
    /// It was too late, or ECS refused the call; holds ECS's error.
    NotUndone(Option<Error>),
    /// Another deployment is PRIMARY again; holds the service's description.
    Returned(Box<Description>),
}

/// The steps of one rollback.
struct RollBackSteps<'a> {
    roll_back: &'a RollBack,
    began: Instant,
    limit: &'a Limit<'a>,
    story: &'a Story,
}

impl RollBackSteps<'_> {
    /// Returns the state of this deployment: it is PRIMARY, or ECS has rolled it back. Returns an
    /// error if another deployment has replaced it.
    async fn state_of(
        &self,
        handle: &Handle,
        mut description: Description,
    ) -> Result<(PrimaryState, Description), Error> {
        let mut watch = Watch::new(handle);
        let mut poller = self.roll_back.poller(self.roll_back.member());
        loop {
            let Observation { verdict, is_primary, .. } = watch.observe(&description, None);
            match verdict {
                Verdict::RolledBack { .. } => return Ok((PrimaryState::GoingBack, description)),
                Verdict::Gone { status } => return Err(self.gone(status)),
                Verdict::Completed | Verdict::Failed { .. } if is_primary => {
                    return Ok((PrimaryState::Ended, description));
                }
                _ if is_primary => return Ok((PrimaryState::InProgress, description)),
                Verdict::Unclear { .. } | Verdict::Completed => {
                    return Err(superseded(handle, &description));
                }
                // The description may be from before the deployment.
                _ => {}
            }
            sleep(poller.interval()).await;
            description = self.limit.hold("DescribeServices", found(&mut poller)).await?;
        }
    }

    fn gone(&self, status: String) -> Error {
        Repr::ServiceInactive { service: self.roll_back.service.clone(), status }.into()
    }

    /// Stops the deployment that is in progress, and waits until another one is PRIMARY.
    async fn undo(&self, description: &Description) -> Result<UndoResult, Error> {
        let RollBack { ecs, service, .. } = self.roll_back;
        let Some(arn) = description.current_service_deployment() else {
            return Ok(UndoResult::NotUndone(None));
        };
        if let Err(error) = self.limit.hold("StopServiceDeployment", ecs.stop(service, arn)).await {
            tracing::debug!(%service, %error, "the deployment can't be stopped");
            return Ok(UndoResult::NotUndone(Some(error)));
        }
        let Some(handle) = primary_deployment(service, description) else {
            return Err(no_primary(service));
        };
        let mut watch = Watch::new(&handle);
        let mut poller = self.roll_back.poller(self.roll_back.member());
        loop {
            sleep(poller.interval()).await;
            let now = self.limit.hold("DescribeServices", found(&mut poller)).await?;
            poller.pace().slow_down();
            match watch.observe(&now, None).verdict {
                Verdict::RolledBack { .. } => return Ok(UndoResult::Returned(Box::new(now))),
                Verdict::Unclear { .. } => return Err(superseded(&handle, &now)),
                Verdict::Gone { status } => return Err(self.gone(status)),
                // The deployment was complete already, or had failed.
                Verdict::Completed | Verdict::Failed { .. } => {
                    return Ok(UndoResult::NotUndone(None));
                }
                Verdict::Draining | Verdict::Hopeless | Verdict::Paused(_) | Verdict::Pending => {}
            }
        }
    }

    /// Watches the deployment that is PRIMARY again.
    async fn watch(&self, description: Description) -> Result<Deployed, Error> {
        let RollBack { ecs, service, terms, .. } = self.roll_back;
        let arn = running(&description).ok_or_else(|| no_primary(service))?.to_owned();
        self.story.tell(Event::RollingBack { to: Some(short(&arn).to_owned()) });
        let revision = || ecs.revision(&arn);
        let revision = Attempts::Patient.make("DescribeTaskDefinition", &arn, revision);
        let revision = self.limit.hold("DescribeTaskDefinition", revision).await?;
        let handle = returned_deployment(service, &revision, &description)
            .ok_or_else(|| no_primary(service))?;
        self.story.tell(Event::Started { handle: handle.clone() });
        let (deadline, member) = (self.limit.deadline, self.roll_back.member());
        let wait = Wait::new(ecs, &handle, *terms, deadline, member, self.story);
        let end = wait.run(Some(description)).await?;
        Ok(Deployed::new(&handle, self.began.elapsed(), end))
    }

    /// Deploys the previous revision. `why` is ECS's error if it didn't stop the deployment in
    /// progress.
    async fn deploy_target(
        &self,
        description: &Description,
        why: Option<Error>,
    ) -> Result<Deployed, Error> {
        let RollBack { ecs, service, terms, .. } = self.roll_back;
        let ours = primary(description).ok_or_else(|| no_primary(service))?;
        let (target, why) = match (self.target(description).await, why) {
            (Err(error), why @ Some(_)) => return Err(error.because_of(why)),
            (target, why) => (target?, why),
        };
        // ECS starts no deployment of the revision that is already PRIMARY.
        if ours.task_definition() == Some(&target) && is_in_progress(ours) {
            return Err(why.unwrap_or_else(|| {
                nothing(service, "the deployment in progress has the same revision")
            }));
        }
        self.story.tell(Event::RollingBack { to: Some(short(&target).to_owned()) });
        let revision = || ecs.revision(&target);
        let revision = Attempts::Patient.make("DescribeTaskDefinition", &target, revision);
        let revision = self.limit.hold("DescribeTaskDefinition", revision).await?;
        RollOut::new(ecs.clone(), service.clone(), revision)
            .instead_of(ours.id().unwrap_or_default())
            .on(*terms, self.began)
            .watched_by(self.roll_back.member())
            .run(self.story.clone())
            .await
    }

    /// Returns the task definition to roll back to.
    async fn target(&self, description: &Description) -> Result<String, Error> {
        let RollBack { ecs, service, only, .. } = self.roll_back;
        let record = only.as_ref().map(Handle::record);
        if let Some(before) = record.and_then(|it| it.completed.as_ref().or(it.before.as_ref())) {
            return Ok(before.clone());
        }
        let ours = primary(description);
        let others =
            description.deployments().iter().filter(|it| it.id() != ours.and_then(|it| it.id()));
        let completed = others.filter(|it| is_complete(it)).find_map(|it| it.task_definition());
        // If the PRIMARY deployment isn't complete, a complete one is the target. If both are
        // complete, the other one is draining, and the history decides.
        if let Some(completed) = completed.filter(|_| !ours.is_some_and(is_complete)) {
            return Ok(completed.to_owned());
        }
        let running = running(description).unwrap_or_default();
        let search = last_successful(ecs, service, running, Attempts::Patient);
        self.limit.hold("ListServiceDeployments", search).await
    }
}

/// Returns the service's description after the first successful lookup.
async fn found(poller: &mut Poller<'_>) -> Result<Description, Error> {
    loop {
        if let Look::Found(description) = poller.look().await? {
            return Ok(description);
        }
        sleep(poller.interval()).await;
    }
}

fn no_primary(service: &Service) -> Error {
    Error::protocol("DescribeServices", format!("{service} has no PRIMARY deployment"))
}

/// Returns the error for a deployment that was replaced before its rollback.
fn superseded(handle: &Handle, description: &Description) -> Error {
    let by = primary(description).and_then(|it| it.id()).unwrap_or_default().to_owned();
    let by_revision = running(description).map(short).unwrap_or_default().to_owned();
    let rollout = RolloutReport {
        handle: handle.clone(),
        last: None,
        reason: String::new(),
        failures: Vec::new(),
        remedy: Remedy::NotAsked,
    };
    Repr::Superseded { rollout, by, by_revision }.into()
}
