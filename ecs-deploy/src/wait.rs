//! The wait for one deployment, and what is done when it didn't succeed.

use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::deploy::Deployer;
use crate::diagnose::Diagnosis;
use crate::error::{Error, Remedy, Repr, Rollout};
use crate::events::Story;
use crate::poll::{Look, Poller};
use crate::revision::{Revision, short};
use crate::rollback::{OnFailure, Way, previous};
use crate::service::Service;
use crate::watch::{Observation, Verdict, Watch, was_rolled_back};

/// A deployment that has begun.
pub(crate) struct Wait<'a> {
    pub(crate) deployer: &'a Deployer,
    pub(crate) service: &'a Service,
    pub(crate) revision: &'a Revision,
    pub(crate) watch: Watch,
    pub(crate) deployment: &'a str,
    /// The service as it was when the deployment began.
    pub(crate) start: &'a Description,
    pub(crate) diagnosis: Diagnosis,
    /// First that of the wait, then that of what comes after it.
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
    pub(crate) on_failure: OnFailure,
    pub(crate) story: Story,
}

impl Wait<'_> {
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let verdict = match self.decided().await {
            Ok(verdict) => verdict,
            Err(error) => return Err(self.lost(error)),
        };
        self.deadline = Instant::now() + AFTERWARDS;
        match verdict {
            Verdict::Failed { .. } | Verdict::Pending => self.give_up(verdict).await,
            verdict => self.conclude(verdict, Remedy::NotAsked).await,
        }
    }

    /// Watches until it is decided or the time is up, when it is still pending.
    async fn decided(&mut self) -> Result<Verdict, Error> {
        let mut poller = Poller::new(self.deployer, self.service);
        let mut look = Look::Found(Box::new(self.start.clone()));
        loop {
            if let Look::Found(description) = look {
                let observation = self.observe(&description);
                if observation.events.is_empty() {
                    poller.slow_down();
                } else {
                    poller.hurry();
                }
                if observation.tasks_failed || self.diagnosis.is_unfinished() {
                    self.diagnose().await;
                }
                if observation.verdict != Verdict::Pending {
                    return Ok(observation.verdict);
                }
            }
            let next = Instant::now() + poller.interval();
            if next >= self.deadline {
                sleep_until(self.deadline).await;
                return Ok(Verdict::Pending);
            }
            sleep_until(next).await;
            look = match timeout_at(self.deadline, poller.look()).await {
                Ok(look) => look?,
                Err(_) => return Ok(Verdict::Pending),
            };
        }
    }

    /// It has failed, or its time is up. What was last seen of it may be long ago, so that nothing
    /// is done about it before another look.
    async fn give_up(mut self, seen: Verdict) -> Result<(), Error> {
        self.diagnose().await;
        let (verdict, remedy) = match self.on_failure {
            OnFailure::RollBack => self.roll_back(seen).await,
            OnFailure::Leave if seen == Verdict::Pending => {
                (self.look_again().await.unwrap_or(seen), Remedy::NotAsked)
            }
            OnFailure::Leave => (seen, Remedy::NotAsked),
        };
        self.conclude(verdict, remedy).await
    }

    /// What became of the deployment by now, and what was done about it: nothing where it is
    /// complete after all, or where somebody else or ECS has put another one in its place.
    async fn roll_back(&mut self, mut seen: Verdict) -> (Verdict, Remedy) {
        let Some(previous) = previous(self.start, self.deployment) else {
            let problem = "no deployment before it was complete".to_owned();
            return (self.look_again().await.unwrap_or(seen), Remedy::Unavailable(problem));
        };
        let mut problem = String::new();
        for way in [Way::StopServiceDeployment, Way::UpdateService] {
            match self.look_again().await {
                Some(verdict @ (Verdict::Failed { .. } | Verdict::Pending)) => seen = verdict,
                Some(verdict) => return (verdict, Remedy::NotAsked),
                None => {
                    let problem = "what the service runs by now can't be seen".to_owned();
                    return (seen, Remedy::Unavailable(problem));
                }
            }
            let to = short(previous).to_owned();
            let going = self.deployer.go_back(way, self.service, self.start, previous);
            match timeout_at(self.soon(), going).await {
                Ok(Ok(())) => return (seen, Remedy::RollingBack(to)),
                // Not in progress any more, or not allowed.
                Ok(Err(error)) => {
                    tracing::debug!(service = %self.service, ?way, %error, "no way back");
                    problem = error.to_string();
                }
                Err(_) => return (seen, Remedy::Unanswered(to)),
            }
        }
        (seen, Remedy::Unavailable(problem))
    }

    /// What has become of the deployment by now; `None` where that can't be seen.
    async fn look_again(&mut self) -> Option<Verdict> {
        let until = self.soon();
        loop {
            match timeout_at(until, self.deployer.find(self.service)).await {
                Ok(Ok(Some(description))) => {
                    let Observation { is_primary, verdict, .. } = self.observe(&description);
                    if is_primary || verdict != Verdict::Pending {
                        return Some(verdict);
                    }
                }
                Ok(Err(error)) if !error.is_retryable() => {
                    tracing::debug!(service = %self.service, %error, "no last look");
                    return None;
                }
                Ok(_) => {}
                Err(_) => return None,
            }
            if Instant::now() + BETWEEN_TRIES >= until {
                return None;
            }
            sleep(BETWEEN_TRIES).await;
        }
    }

    async fn conclude(self, verdict: Verdict, remedy: Remedy) -> Result<(), Error> {
        let repr = match verdict {
            Verdict::Completed => return Ok(()),
            Verdict::Failed { reason } => {
                Repr::RolloutFailed { rollout: self.rollout(reason, remedy) }
            }
            Verdict::Gone { status } => {
                Repr::ServiceInactive { service: self.service.clone(), status }
            }
            Verdict::Pending => {
                let (after, last) = (self.timeout, self.watch.progress());
                Repr::TimedOut { rollout: self.rollout(String::new(), remedy), after, last }
            }
            Verdict::RolledBack { to, reason } => self.rolled_back(to, reason).await,
            Verdict::Unclear { by, task_definition, reason } => {
                let known = timeout_at(self.soon(), self.ecs_rolled_back()).await;
                if known.unwrap_or(false) {
                    self.rolled_back(task_definition, reason).await
                } else {
                    let rollout = self.rollout(reason, Remedy::NotAsked);
                    Repr::Superseded { rollout, by, by_revision: task_definition }
                }
            }
        };
        Err(repr.into())
    }

    async fn rolled_back(mut self, to: String, reason: String) -> Repr {
        self.diagnose().await;
        Repr::RolledBack { rollout: self.rollout(reason, Remedy::NotAsked), to }
    }

    /// The deployment can't be watched any more.
    fn lost(self, error: Error) -> Error {
        match error.operation() {
            Some(_) => {
                let rollout = self.rollout(String::new(), Remedy::NotAsked);
                Repr::Lost { rollout, source: error }.into()
            }
            // The service itself is gone, and the deployment with it.
            None => error,
        }
    }

    fn observe(&mut self, description: &Description) -> Observation {
        let observation = self.watch.observe(description);
        for event in &observation.events {
            self.story.tell(event.clone());
        }
        observation
    }

    async fn diagnose(&mut self) {
        let until = self.soon();
        let client = self.deployer.client();
        let look = self.diagnosis.look(client, self.service, self.deployment, &self.story);
        // The wait must not hang on what is only there to explain.
        if timeout_at(until, look).await.is_err() {
            tracing::debug!(service = %self.service, "no answer about stopped tasks");
        }
    }

    fn rollout(self, reason: String, remedy: Remedy) -> Rollout {
        Rollout {
            service: self.service.clone(),
            revision: self.revision.short(),
            deployment: self.deployment.to_owned(),
            reason,
            failures: self.diagnosis.into_failures(),
            remedy,
        }
    }

    /// Until when one step may take that isn't the wait itself.
    fn soon(&self) -> Instant {
        self.deadline.min(Instant::now() + STEP)
    }

    /// Whether ECS's newer view of the deployment says that it was rolled back. The two views are
    /// joined by the number at the end of the deployment's id and of the service revision's ARN
    /// (reported). Where the action isn't allowed, or the newer view lags behind for long, it
    /// wasn't, as far as can be known.
    async fn ecs_rolled_back(&self) -> bool {
        let number = short(self.deployment);
        for attempt in 0..TRIES {
            if attempt > 0 {
                sleep(BETWEEN_TRIES).await;
            }
            let list = self
                .deployer
                .client()
                .list_service_deployments()
                .cluster(self.service.cluster_reference())
                .service(self.service.name());
            match list.send().await {
                Ok(output) => {
                    let ours = output.service_deployments().iter().find(|it| {
                        let target = it.target_service_revision_arn();
                        target.is_some_and(|arn| short(arn) == number)
                    });
                    let status = ours.and_then(|it| it.status());
                    if let Some(known) = status.and_then(was_rolled_back) {
                        return known;
                    }
                }
                Err(error) => {
                    let error = Error::api("ListServiceDeployments", self.service, error);
                    if !error.is_retryable() {
                        tracing::debug!(service = %self.service, %error, "doing without");
                        return false;
                    }
                }
            }
        }
        false
    }
}

/// For all that comes after the wait: so much is promised by `RollOut::timeout`.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// For one step of it.
const STEP: Duration = Duration::from_secs(10);
/// The newer view of a rollout lags behind by seconds (reported).
const TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
