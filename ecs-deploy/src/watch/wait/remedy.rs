//! The reaction to a deployment that failed or timed out.

use tokio::time::{Instant, sleep, timeout_at};

use crate::ecs::patience::Attempts;
use crate::ecs::update::Update;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::error::rollout::Remedy;
use crate::model::deployed::End;
use crate::model::description::running;
use crate::model::handle::DeploymentRecord;
use crate::model::terms::OnFailure;
use crate::names::arn::short;
use crate::report::Event;
use crate::watch::fold::Verdict;
use crate::watch::history::last_successful;
use crate::watch::wait::{BETWEEN_TRIES, Wait};

impl Wait<'_> {
    /// Reacts to a failure or the time limit. The last description may be old, so a rollback needs
    /// a new one first.
    pub(super) async fn give_up(mut self, seen: Verdict) -> Result<End, Error> {
        self.diagnose().await;
        let (verdict, remedy) = match self.terms.on_failure {
            OnFailure::RollBack => self.roll_back(seen).await,
            OnFailure::Leave if seen == Verdict::Pending => {
                (self.look_again().await.unwrap_or(seen), Remedy::NotAsked)
            }
            OnFailure::Leave if seen == Verdict::Hopeless => (seen, Remedy::GoesOn),
            OnFailure::Leave => (seen, Remedy::NotAsked),
        };
        self.conclude(verdict, remedy).await
    }

    /// Ends the wait at the time limit although only old tasks keep the deployment from being
    /// complete. The last description may be old.
    pub(super) async fn stop_waiting(mut self) -> Result<End, Error> {
        let verdict = match self.look_again().await {
            Some(verdict @ Verdict::Failed { .. }) => return self.give_up(verdict).await,
            Some(Verdict::Pending) if !self.watch.progress().is_some_and(|it| it.is_draining) => {
                return self.give_up(Verdict::Pending).await;
            }
            Some(Verdict::Pending) | None => Verdict::Draining,
            Some(verdict) => verdict,
        };
        self.conclude(verdict, Remedy::NotAsked).await
    }

    /// Rolls back; returns the latest verdict and the result. It does nothing if the deployment is
    /// complete by now, or if a caller or ECS has replaced it.
    async fn roll_back(&mut self, mut seen: Verdict) -> (Verdict, Remedy) {
        let (ways, previous) = match self.ways().await {
            Ok(ways) => ways,
            Err(problem) => {
                let verdict = self.look_again().await.unwrap_or(seen);
                return (verdict, Remedy::Unavailable(problem));
            }
        };
        let mut problem = String::new();
        for way in ways {
            match self.look_again().await {
                // A description from before the failure adds nothing.
                Some(Verdict::Pending)
                    if matches!(seen, Verdict::Hopeless | Verdict::Failed { .. }) => {}
                Some(verdict @ (Verdict::Failed { .. } | Verdict::Pending)) => seen = verdict,
                Some(verdict) => return (verdict, Remedy::NotAsked),
                None => {
                    let problem = "the service's current state is unknown".to_owned();
                    return (seen, Remedy::Unavailable(problem));
                }
            }
            // ECS would start nothing if the revision is PRIMARY already.
            if previous == self.record.revision && matches!(way, Way::UpdateService) {
                break;
            }
            match self.go_back(*way, &previous).await {
                Ok(remedy) => return (seen, remedy),
                // The deployment isn't in progress any more, or the call isn't allowed.
                Err(error) => {
                    tracing::debug!(?way, %error, "rollback call failed");
                    problem = error.chain();
                }
            }
        }
        (seen, Remedy::Unavailable(problem))
    }

    /// Returns the calls that can roll back, best first, and the task definition to which they
    /// lead.
    ///
    /// # Errors
    /// Returns why the deployment can't be rolled back.
    pub(super) async fn ways(&self) -> Result<(&'static [Way], String), String> {
        let DeploymentRecord { service, revision, completed, .. } = self.record;
        if let Some(completed) = completed {
            return Ok((&[Way::StopServiceDeployment, Way::UpdateService], completed.clone()));
        }
        // StopServiceDeployment would stop this one and start nothing (reported).
        let search = last_successful(self.ecs, service, revision, Attempts::Single);
        match timeout_at(self.soon(), search).await {
            Ok(Ok(found)) => Ok((&[Way::UpdateService], found)),
            Ok(Err(error)) if error.kind() == ErrorKind::NothingToRollBackTo => {
                Err("no earlier deployment was complete".to_owned())
            }
            Ok(Err(error)) => Err(error.chain()),
            Err(_) => Err("the lookup of the last successful deployment timed out".to_owned()),
        }
    }

    /// Asks ECS to roll back in this way.
    pub(super) async fn go_back(&self, way: Way, previous: &str) -> Result<Remedy, Error> {
        let result = match way {
            Way::StopServiceDeployment => timeout_at(self.soon(), self.stop()).await,
            Way::UpdateService => {
                let (service, update) = (&self.record.service, Update::default());
                let call = async {
                    let updated = self.ecs.update(service, previous, &update).await?;
                    match running(&updated) == Some(previous) {
                        true => Ok(()),
                        false => {
                            let previous = short(previous);
                            let problem = format!("its PRIMARY deployment doesn't run {previous}");
                            Err(Error::protocol("UpdateService", problem))
                        }
                    }
                };
                timeout_at(self.soon(), call).await
            }
        };
        match result {
            Ok(Ok(())) => Ok(self.rolling_back(previous)),
            Ok(Err(error)) if error.is_inactive_revision() => {
                match timeout_at(self.deadline, self.deploy_again(previous)).await {
                    Ok(deployed) => Ok(self.rolling_back(&deployed?)),
                    Err(_) => Ok(Remedy::Unanswered(short(previous).to_owned())),
                }
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(Remedy::Unanswered(short(previous).to_owned())),
        }
    }

    fn rolling_back(&self, to: &str) -> Remedy {
        let to = short(to).to_owned();
        self.story.tell(Event::RollingBack { to: Some(to.clone()) });
        Remedy::RollingBack(to)
    }

    /// Registers the content of an INACTIVE revision again, tags included, and deploys it. Returns
    /// the ARN of the new revision.
    async fn deploy_again(&self, inactive: &str) -> Result<String, Error> {
        let mut revision = self.ecs.revision(inactive).await?;
        revision.found_inactive();
        let arn = self.ecs.register(&mut revision).await?;
        let (revision, inactive) = (arn.clone(), inactive.to_owned());
        self.story.tell(Event::RegisteredAgain { revision, inactive });
        self.ecs.update(&self.record.service, &arn, &Update::default()).await?;
        Ok(arn)
    }

    async fn stop(&self) -> Result<(), Error> {
        let Some(arn) = self.stages.arn().or(self.record.service_deployment.as_deref()) else {
            let problem = "the service deployment is missing".to_owned();
            return Err(Error::protocol("DescribeServices", problem));
        };
        self.ecs.stop(&self.record.service, arn).await
    }

    /// Describes the deployment once more; `None` if that fails.
    async fn look_again(&mut self) -> Option<Verdict> {
        let until = self.soon();
        loop {
            match timeout_at(until, self.ecs.find(&self.record.service)).await {
                Ok(Ok(Some(description))) => {
                    let observation = self.observe(&description, until).await;
                    match observation.verdict {
                        Verdict::Pending if !observation.is_primary => {}
                        // The time limit for the decision at the hook has passed too.
                        Verdict::Paused(_) => return Some(Verdict::Pending),
                        verdict => return Some(verdict),
                    }
                }
                Ok(Err(error)) if !error.is_retryable() => {
                    tracing::debug!(%error, "last lookup failed");
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
}

/// The call that rolls back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// Rolls back exactly this deployment, or fails.
    StopServiceDeployment,
    /// Replaces what the service runs.
    UpdateService,
}
