//! The watch over a complete deployment: a task that fails soon after is a failure too.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::Error;
use crate::error::repr::Repr;
use crate::error::rollout::Remedy;
use crate::model::cause::FailureCause;
use crate::model::deployed::End;
use crate::model::handle::{DeploymentRecord, Origin};
use crate::model::terms::OnFailure;
use crate::report::Event;
use crate::watch::fold::{Observation, Verdict};
use crate::watch::poll::Look;
use crate::watch::wait::remedy::Way;
use crate::watch::wait::{AFTERWARDS, Wait};

impl Wait<'_> {
    /// Returns whether the tasks are watched after the deployment is complete. A service that
    /// already ran the revision isn't watched, because nothing was deployed.
    pub(super) fn is_to_soak(&self) -> bool {
        let is_new = self.was_open || self.record.origin == Origin::Started;
        is_new && !self.terms.soak.is_zero()
    }

    /// Watches the tasks of the complete deployment. It describes the service at each look, and
    /// reads stopped tasks only if a number or a message shows that a task started or stopped.
    pub(super) async fn soak(mut self) -> Result<End, Error> {
        let began = Instant::now();
        let end = began.checked_add(self.terms.soak).unwrap_or(began + NEVER);
        self.deadline = end + AFTERWARDS;
        self.story.tell(Event::Soaking { seconds: self.terms.soak.as_secs() });
        self.diagnosis.start_again(self.watch.completed_at());
        let failed_before = self.watch.progress().unwrap_or_default().failed;
        self.poller.pace().expect_the_end(false);
        let mut is_blind = true;
        loop {
            // A task that began to stop in time may stop later, and the last look has to succeed.
            let is_open = is_blind || self.diagnosis.is_unfinished();
            let until = if is_open { end + AFTERWARDS } else { end };
            let now = Instant::now();
            if now >= until {
                break;
            }
            let next = now + self.poller.interval();
            sleep_until(if now < end { next.min(end) } else { next.min(until) }).await;
            let look = match timeout_at(until + AFTERWARDS, self.poller.look()).await {
                Ok(Ok(look)) => look,
                Ok(Err(error)) => return Err(self.lost(error)),
                Err(_) => Look::Trouble,
            };
            is_blind = !matches!(look, Look::Found(_));
            let Look::Found(description) = look else { continue };
            let observation = self.watch.observe(&description, None);
            match self.soaked(observation).await {
                Some(Soaked::Replaced) => return Ok(End::Complete),
                Some(Soaked::Gone(verdict)) => {
                    return self.conclude(verdict, Remedy::NotAsked).await;
                }
                Some(Soaked::Failed) => return Err(self.failed_after(began).await),
                None => {}
            }
        }
        // Without permission to read tasks, only the number of failures shows them.
        let failed = self.watch.progress().unwrap_or_default().failed;
        match failed > failed_before && self.diagnosis.failures().is_empty() {
            true => Err(self.failed_after(began).await),
            false if is_blind => {
                let (subject, within) = (self.record.service.to_string(), AFTERWARDS);
                let operation = "DescribeServices";
                Err(self.lost(Repr::Unanswered { operation, subject, within }.into()))
            }
            false => Ok(End::Complete),
        }
    }

    /// Evaluates one look.
    async fn soaked(&mut self, observation: Observation) -> Option<Soaked> {
        let Observation { events, is_worrying, is_primary, verdict } = observation;
        let has_moved = is_worrying
            || events.iter().any(|event| match event {
                Event::Message { text } => text.contains("(task "),
                Event::Progress { .. } => true,
                _ => false,
            });
        for event in events {
            if !matches!(event, Event::RollingBack { .. }) {
                self.story.tell(event);
            }
        }
        match verdict {
            Verdict::Gone { .. } => return Some(Soaked::Gone(verdict)),
            Verdict::RolledBack { .. } | Verdict::Unclear { .. } => return Some(Soaked::Replaced),
            Verdict::Completed if !is_primary => return Some(Soaked::Replaced),
            _ => {}
        }
        if !has_moved && !self.diagnosis.is_unfinished() {
            self.poller.pace().slow_down();
            return None;
        }
        self.poller.pace().hurry();
        self.diagnose().await;
        self.diagnosis
            .failures()
            .iter()
            .any(|it| is_of_revision(it.cause()))
            .then_some(Soaked::Failed)
    }

    /// Returns the error of a task that failed, after the reaction to it.
    async fn failed_after(mut self, began: Instant) -> Error {
        let within = began.elapsed();
        self.deadline = Instant::now() + AFTERWARDS;
        let remedy = match self.terms.on_failure {
            OnFailure::Leave => Remedy::NotAsked,
            OnFailure::RollBack => match self.undo_completed().await {
                Ok(remedy) => remedy,
                Err(problem) => Remedy::Unavailable(problem),
            },
        };
        Repr::FailedAfterCompletion { rollout: self.report(String::new(), remedy), within }.into()
    }

    /// Deploys the last complete revision, if the failed one is still PRIMARY. ECS can't stop a
    /// complete deployment.
    async fn undo_completed(&mut self) -> Result<Remedy, String> {
        let (_, previous) = self.ways().await?;
        let DeploymentRecord { service, deployment, revision, .. } = self.record;
        if previous == *revision {
            return Err("the last complete deployment has the same revision".to_owned());
        }
        let found = timeout_at(self.soon(), self.ecs.find(service)).await;
        let Ok(Ok(Some(description))) = found else {
            return Err("the service's current state is unknown".to_owned());
        };
        if !self.watch.observe(&description, None).is_primary {
            return Err(format!("another deployment has replaced {deployment}"));
        }
        self.go_back(Way::UpdateService, &previous).await.map_err(|error| error.chain())
    }
}

/// The length of a watch that is too long for the clock.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The end of the watch over a complete deployment.
enum Soaked {
    Failed,
    /// The service is being deleted.
    Gone(Verdict),
    /// Another deployment is PRIMARY.
    Replaced,
}

/// Returns whether a failure says something about the revision.
fn is_of_revision(cause: FailureCause) -> bool {
    !matches!(
        cause,
        FailureCause::Infrastructure | FailureCause::SpotInterruption | FailureCause::StoppedByUser
    )
}
