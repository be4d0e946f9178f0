//! The wait for one deployment, and what is done when it didn't succeed.

use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::deployer::Deployer;
use crate::ecs::update::Update;
use crate::error::{Error, Remedy, Repr, Rollout};
use crate::model::handle::{Followed, Form, Handle};
use crate::model::terms::{OnFailure, OnPause, Patience, Terms};
use crate::report::{Event, Progress, Story};
use crate::revision::short;
use crate::rollout::rollback::last_successful;
use crate::watch::batch::Member;
use crate::watch::diagnosis::Diagnosis;
use crate::watch::fold::{Observation, Verdict, Watch};
use crate::watch::poll::{Look, Poller};
use crate::watch::staged::{Newer, RollbackCause, Status, View};

/// A deployment that has begun.
pub(crate) struct Wait<'a> {
    deployer: &'a Deployer,
    handle: &'a Handle,
    followed: &'a Followed,
    poller: Poller<'a>,
    watch: Watch,
    view: View,
    diagnosis: Diagnosis,
    terms: Terms,
    /// First that of the wait, then that of what comes after it.
    deadline: Instant,
    /// When there last was any progress, or the stopped tasks were read.
    quiet_since: Instant,
    story: &'a Story,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(
        deployer: &'a Deployer,
        handle: &'a Handle,
        terms: Terms,
        deadline: Instant,
        member: Option<Member>,
        story: &'a Story,
    ) -> Self {
        let followed = handle.followed();
        Self {
            deployer,
            handle,
            followed,
            poller: Poller::new(deployer, &followed.service, member),
            watch: Watch::new(handle),
            view: View::new(followed),
            diagnosis: Diagnosis::default(),
            terms,
            deadline,
            quiet_since: Instant::now(),
            story,
        }
    }

    /// `start` is the service as it was when the deployment began, where that was just now.
    pub(crate) async fn run(mut self, start: Option<Description>) -> Result<(), Error> {
        let verdict = match self.decided(start).await {
            Ok(verdict) => verdict,
            Err(error) => return Err(self.lost(error)),
        };
        self.deadline = self.deadline.min(Instant::now()) + AFTERWARDS;
        match verdict {
            Verdict::Failed { .. } | Verdict::Hopeless | Verdict::Pending => {
                self.give_up(verdict).await
            }
            verdict => self.conclude(verdict, Remedy::NotAsked).await,
        }
    }

    /// Watches until it is decided or the time is up, when it is still pending.
    async fn decided(&mut self, start: Option<Description>) -> Result<Verdict, Error> {
        let mut look = start.map(|description| Look::Found(Box::new(description)));
        loop {
            if let Some(Look::Found(description)) = &look {
                match self.step(description).await {
                    Verdict::Pending => {}
                    Verdict::Paused(_) if self.terms.on_pause == OnPause::Wait => {}
                    verdict => return Ok(verdict),
                }
            }
            // A deployment that was only handed over is looked at first.
            if look.is_some() {
                let next = Instant::now() + self.poller.interval();
                if next >= self.deadline {
                    sleep_until(self.deadline).await;
                    return Ok(Verdict::Pending);
                }
                sleep_until(next).await;
            }
            look = match timeout_at(self.deadline, self.poller.look()).await {
                Ok(look) => Some(look?),
                Err(_) => return Ok(Verdict::Pending),
            };
        }
    }

    /// What a look shows, and what it makes worth looking at.
    async fn step(&mut self, description: &Description) -> Verdict {
        let observation = self.observe(description, self.deadline).await;
        if observation.events.is_empty() {
            self.poller.slow_down();
        } else {
            self.poller.hurry();
            self.quiet_since = Instant::now();
        }
        let Progress { desired, running, pending, .. } = self.watch.progress().unwrap_or_default();
        self.poller.expect_the_end(running >= desired && pending == 0);
        // Some failures don't show in the service's own description for long.
        let is_stuck = running < desired && self.quiet_since.elapsed() >= QUIET;
        if observation.is_worrying || is_stuck || self.diagnosis.is_unfinished() {
            self.diagnose().await;
            self.quiet_since = Instant::now();
        }
        let is_hopeless = self.terms.patience == Patience::UntilHopeless && self.is_hopeless();
        match observation.verdict {
            Verdict::Pending if is_hopeless => Verdict::Hopeless,
            verdict => verdict,
        }
    }

    /// It has failed, or its time is up. What was last seen of it may be long ago, so that nothing
    /// is done about it before another look.
    async fn give_up(mut self, seen: Verdict) -> Result<(), Error> {
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

    /// What became of the deployment by now, and what was done about it: nothing where it is
    /// complete after all, or where somebody else or ECS has put another one in its place.
    async fn roll_back(&mut self, mut seen: Verdict) -> (Verdict, Remedy) {
        let Followed { service, revision, completed, .. } = self.followed;
        let (ways, previous) = match completed {
            Some(completed) => {
                (&[Way::StopServiceDeployment, Way::UpdateService][..], completed.clone())
            }
            // ECS would stop this one and start nothing (reported): there is none to return to.
            None => {
                let search = last_successful(self.deployer, service, revision);
                match timeout_at(self.soon(), search).await {
                    Ok(Ok(found)) => (&[Way::UpdateService][..], found),
                    _ => {
                        let problem = "no deployment before it was complete".to_owned();
                        let verdict = self.look_again().await.unwrap_or(seen);
                        return (verdict, Remedy::Unavailable(problem));
                    }
                }
            }
        };
        let mut problem = String::new();
        for way in ways {
            match self.look_again().await {
                // One from before tells nothing new.
                Some(Verdict::Pending)
                    if matches!(seen, Verdict::Hopeless | Verdict::Failed { .. }) => {}
                Some(verdict @ (Verdict::Failed { .. } | Verdict::Pending)) => seen = verdict,
                Some(verdict) => return (verdict, Remedy::NotAsked),
                None => {
                    let problem = "what the service runs by now can't be seen".to_owned();
                    return (seen, Remedy::Unavailable(problem));
                }
            }
            // For the revision that is PRIMARY already, ECS would start nothing.
            if previous == *revision && matches!(way, Way::UpdateService) {
                break;
            }
            let to = short(&previous).to_owned();
            let going = async {
                match way {
                    Way::StopServiceDeployment => self.stop().await,
                    Way::UpdateService => {
                        let update = Update::default();
                        self.deployer.update(service, &previous, &update).await?;
                        Ok(())
                    }
                }
            };
            match timeout_at(self.soon(), going).await {
                Ok(Ok(())) => {
                    self.story.tell(Event::RollingBack(to.clone()));
                    return (seen, Remedy::RollingBack(to));
                }
                // Not in progress any more, or not allowed.
                Ok(Err(error)) => {
                    tracing::debug!(?way, %error, "no way back");
                    problem = error.to_string();
                }
                Err(_) => return (seen, Remedy::Unanswered(to)),
            }
        }
        (seen, Remedy::Unavailable(problem))
    }

    async fn stop(&self) -> Result<(), Error> {
        let Some(arn) = self.view.arn().or(self.followed.service_deployment.as_deref()) else {
            let problem = "it names no service deployment".to_owned();
            return Err(Error::protocol("DescribeServices", problem));
        };
        self.deployer.stop(&self.followed.service, arn).await
    }

    /// What has become of the deployment by now; `None` where that can't be seen.
    async fn look_again(&mut self) -> Option<Verdict> {
        let until = self.soon();
        loop {
            match timeout_at(until, self.deployer.find(&self.followed.service)).await {
                Ok(Ok(Some(description))) => {
                    let observation = self.observe(&description, until).await;
                    match observation.verdict {
                        Verdict::Pending if !observation.is_primary => {}
                        // The time that there was to decide is up, too.
                        Verdict::Paused(_) => return Some(Verdict::Pending),
                        verdict => return Some(verdict),
                    }
                }
                Ok(Err(error)) if !error.is_retryable() => {
                    tracing::debug!(%error, "no last look");
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

    async fn conclude(mut self, verdict: Verdict, remedy: Remedy) -> Result<(), Error> {
        let repr = match verdict {
            Verdict::Completed => return Ok(()),
            Verdict::Failed { reason, cause: RollbackCause::StopRequest } => {
                Repr::Stopped { rollout: self.rollout(reason, remedy), to: String::new() }
            }
            Verdict::Failed { reason, .. } => {
                Repr::RolloutFailed { rollout: self.rollout(reason, remedy) }
            }
            Verdict::Gone { status } => {
                let service = self.followed.service.clone();
                let source = Repr::ServiceInactive { service, status }.into();
                Repr::Gone { rollout: self.rollout(String::new(), remedy), source }
            }
            Verdict::Hopeless => {
                Repr::RolloutFailed { rollout: self.rollout(String::new(), remedy) }
            }
            Verdict::Paused(pause) => {
                Repr::Paused { rollout: self.rollout(String::new(), remedy), pause }
            }
            Verdict::Pending => {
                let (after, obstacle) = (self.terms.timeout, self.watch.obstacle());
                Repr::TimedOut { rollout: self.rollout(obstacle, remedy), after }
            }
            Verdict::RolledBack { to, by, reason, cause } => {
                let newer = match self.followed.form {
                    Form::Rolling => self.newer(self.soon()).await,
                    // It has been asked already.
                    Form::Staged => None,
                };
                match newer {
                    // Another one took over, and that was rolled back.
                    Some(Newer { status: Status::Stopped, .. }) => {
                        let rollout = self.rollout(String::new(), remedy);
                        Repr::Superseded { rollout, by, by_revision: to }
                    }
                    newer => self.rolled_back(to, reason, cause, newer).await,
                }
            }
            Verdict::Unclear { by, task_definition, reason } => {
                let newer = timeout_at(self.soon(), self.settled()).await.ok().flatten();
                match newer.as_ref().map(|it| it.status) {
                    Some(Status::Successful) => return Ok(()),
                    Some(Status::GoingBack) => {
                        self.rolled_back(task_definition, reason, RollbackCause::Unknown, newer)
                            .await
                    }
                    _ => {
                        let rollout = self.rollout(reason, remedy);
                        Repr::Superseded { rollout, by, by_revision: task_definition }
                    }
                }
            }
        };
        Err(repr.into())
    }

    /// `newer` may know more of why.
    async fn rolled_back(
        mut self,
        to: String,
        mut reason: String,
        mut cause: RollbackCause,
        newer: Option<Newer>,
    ) -> Repr {
        if let Some(newer) = newer {
            if reason.is_empty() {
                reason = newer.reason;
            }
            if newer.cause != RollbackCause::Unknown {
                cause = newer.cause;
            }
        }
        self.diagnose().await;
        let rollout = self.rollout(reason, Remedy::NotAsked);
        match cause {
            RollbackCause::StopRequest => Repr::Stopped { rollout, to },
            cause => Repr::RolledBack { rollout, to, cause },
        }
    }

    /// The deployment can't be watched any more.
    fn lost(self, source: Error) -> Error {
        let is_gone = source.operation().is_none();
        let rollout = self.rollout(String::new(), Remedy::NotAsked);
        match is_gone {
            true => Repr::Gone { rollout, source }.into(),
            false => Repr::Lost { rollout, source }.into(),
        }
    }

    /// Beside the description, what goes by stages takes the newer view, where it is to be had by
    /// then.
    async fn observe(&mut self, description: &Description, until: Instant) -> Observation {
        let newer = match self.followed.form {
            Form::Rolling => None,
            Form::Staged => self.newer(until).await,
        };
        let observation = self.watch.observe(description, newer.as_ref());
        for event in &observation.events {
            self.story.tell(event.clone());
        }
        observation
    }

    async fn diagnose(&mut self) {
        let until = self.soon();
        let Followed { service, deployment, .. } = self.followed;
        let look = self.diagnosis.look(self.deployer.client(), service, deployment, self.story);
        // The wait must not hang on what is only there to explain.
        if timeout_at(until, look).await.is_err() {
            tracing::debug!(%service, "no answer about stopped tasks");
        }
    }

    /// The newer view, where it is to be had by then.
    async fn newer(&mut self, until: Instant) -> Option<Newer> {
        let until = until.min(Instant::now() + STEP);
        let look = self.view.look(self.deployer.client(), self.followed);
        timeout_at(until, look).await.ok().flatten()
    }

    /// The newer view, when it has the deployment as ended. Where it isn't allowed, or lags behind
    /// for long, it is as if there were none.
    async fn settled(&mut self) -> Option<Newer> {
        for attempt in 0..TRIES {
            if attempt > 0 {
                sleep(BETWEEN_TRIES).await;
            }
            match self.view.look(self.deployer.client(), self.followed).await {
                Some(newer) if newer.status == Status::Open => {}
                Some(newer) => return Some(newer),
                None if self.view.is_denied() => return None,
                None => {}
            }
        }
        None
    }

    /// Whether a task has failed of something that no further attempt will cure.
    fn is_hopeless(&self) -> bool {
        self.diagnosis.failures().iter().any(|it| !it.cause().can_heal())
    }

    fn rollout(self, reason: String, remedy: Remedy) -> Rollout {
        Rollout {
            handle: self.handle.clone(),
            last: self.watch.progress(),
            reason,
            failures: self.diagnosis.into_failures(),
            remedy,
        }
    }

    /// Until when one step may take that isn't the wait itself.
    fn soon(&self) -> Instant {
        self.deadline.min(Instant::now() + STEP)
    }
}

/// How to go back.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Undoes this very deployment, or nothing.
    StopServiceDeployment,
    /// Replaces whatever the service runs.
    UpdateService,
}

/// For all that comes after the wait: so much is promised by `RollOut::timeout`.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// For one step of it.
const STEP: Duration = Duration::from_secs(10);
/// The newer view of a rollout lags behind by seconds (reported).
const TRIES: u32 = 4;
/// Without progress, for the stopped tasks to be read nevertheless.
const QUIET: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
