//! [`Wait`]: the wait for one deployment, and the reaction if it doesn't succeed.
//!
//! ```text
//! watch ─┬─ Completed ──────────────────────────▶ soak ──▶ Ok, or FailedAfterCompletion
//!        ├─ RolledBack, Unclear, Paused, Gone ──▶ conclude
//!        ├─ Draining (at the time limit) ───────▶ look again ──▶ conclude
//!        ├─ Failed, Hopeless, time limit ───────▶ give up ──▶ conclude
//!        └─ a lookup fails for good ────────────▶ Lost or Gone
//! `OnPause::Wait` continues the watch at a pause; only `Patience::UntilHopeless` ends as Hopeless.
//! give up:  read the stopped tasks; describe the service again; roll back if asked for
//! conclude: ask for the service deployment if the cause is open; return the error, or Ok
//! ```
//!
//! Invariants: a rollback call follows only a new description in which the deployment is still
//! PRIMARY and not complete. Everything after the watch takes at most [`AFTERWARDS`].

mod conclusion;
mod remedy;
mod soak;

use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::error::rollout::{Remedy, RolloutReport};
use crate::model::deployed::End;
use crate::model::handle::{DeploymentRecord, Form, Handle};
use crate::model::progress::Progress;
use crate::model::terms::{OnPause, Patience, Terms};
use crate::report::Story;
use crate::watch::batch::Member;
use crate::watch::diagnosis::Diagnosis;
use crate::watch::fold::{Observation, Verdict, Watch};
use crate::watch::poll::{Look, Poller};
use crate::watch::stage_reader::StageReader;
use crate::watch::stage_view::StageView;

/// The wait for a deployment that has begun.
pub(crate) struct Wait<'a> {
    ecs: &'a Ecs,
    handle: &'a Handle,
    record: &'a DeploymentRecord,
    poller: Poller<'a>,
    watch: Watch,
    stages: StageReader,
    diagnosis: Diagnosis,
    terms: Terms,
    /// The deadline of the watch; after the watch, the deadline of the remaining steps.
    deadline: Instant,
    /// The time of the last progress or of the last reading of stopped tasks.
    quiet_since: Instant,
    /// The time since which only old tasks keep the deployment from being complete.
    draining_since: Option<Instant>,
    /// Whether the deployment was seen before it was complete.
    was_open: bool,
    story: &'a Story,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(
        ecs: &'a Ecs,
        handle: &'a Handle,
        terms: Terms,
        deadline: Instant,
        member: Option<Member>,
        story: &'a Story,
    ) -> Self {
        let record = handle.record();
        Self {
            ecs,
            handle,
            record,
            poller: Poller::new(ecs, &record.service, member),
            watch: Watch::new(handle),
            stages: StageReader::new(record),
            diagnosis: Diagnosis::default(),
            terms,
            deadline,
            quiet_since: Instant::now(),
            draining_since: None,
            was_open: false,
            story,
        }
    }

    /// Runs the wait. `start` is UpdateService's description of the service, if the deployment has
    /// just begun.
    pub(crate) async fn run(mut self, start: Option<Description>) -> Result<End, Error> {
        let verdict = match self.decided(start).await {
            Ok(verdict) => verdict,
            Err(error) => return Err(self.lost(error)),
        };
        self.deadline = self.deadline.min(Instant::now()) + AFTERWARDS;
        match verdict {
            Verdict::Completed if self.is_to_soak() => self.soak().await,
            Verdict::Draining => self.stop_waiting().await,
            Verdict::Failed { .. } | Verdict::Hopeless | Verdict::Pending => {
                self.give_up(verdict).await
            }
            verdict => self.conclude(verdict, Remedy::NotAsked).await,
        }
    }

    /// Watches until there is a verdict; returns `Pending` or `Draining` at the time limit.
    async fn decided(&mut self, start: Option<Description>) -> Result<Verdict, Error> {
        let mut look = start.map(Look::Found);
        loop {
            if let Some(Look::Found(description)) = &look {
                match self.step(description).await {
                    Verdict::Pending => self.was_open = true,
                    Verdict::Paused(_) if self.terms.on_pause == OnPause::Wait => {}
                    verdict => return Ok(verdict),
                }
            }
            // Without a description, the first lookup happens at once.
            if look.is_some() {
                let next = Instant::now() + self.poller.interval();
                if next >= self.deadline {
                    sleep_until(self.deadline).await;
                    return Ok(self.at_the_limit());
                }
                sleep_until(next).await;
            }
            look = match timeout_at(self.deadline, self.poller.look()).await {
                Ok(look) => Some(look?),
                Err(_) => return Ok(self.at_the_limit()),
            };
        }
    }

    /// Evaluates a description, sets the next interval, and reads stopped tasks if it is needed.
    async fn step(&mut self, description: &Description) -> Verdict {
        let observation = self.observe(description, self.deadline).await;
        if observation.events.is_empty() {
            self.poller.pace().slow_down();
        } else {
            self.poller.pace().hurry();
            self.quiet_since = Instant::now();
        }
        let progress = self.watch.progress().unwrap_or_default();
        let since = self.draining_since.unwrap_or_else(Instant::now);
        self.draining_since = progress.is_draining.then_some(since);
        let Progress { desired, running, pending, .. } = progress;
        self.poller.pace().expect_the_end(running >= desired && pending == 0);
        // Another deployment may have replaced ours: the next lookups decide that.
        if observation.verdict == Verdict::Pending && !observation.is_primary {
            self.poller.pace().hurry();
        }
        // Some failures don't appear in the service's description for a long time.
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

    /// Returns the verdict at the time limit.
    fn at_the_limit(&self) -> Verdict {
        match self.draining_since {
            Some(since) if since.elapsed() >= HEALTHY => Verdict::Draining,
            _ => Verdict::Pending,
        }
    }

    /// Evaluates a description. A deployment with stages also needs its service deployment, if ECS
    /// returns it in time.
    async fn observe(&mut self, description: &Description, until: Instant) -> Observation {
        let newer = match self.record.form {
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
        let DeploymentRecord { service, deployment, .. } = self.record;
        let look = self.diagnosis.look(self.ecs, service, deployment, self.story);
        // Stopped tasks only explain a failure, so their lookup must not delay the wait.
        if timeout_at(until, look).await.is_err() {
            tracing::debug!(%service, "no response about stopped tasks");
        }
    }

    /// Returns the state of the service deployment, if ECS returns it in time.
    async fn newer(&mut self, until: Instant) -> Option<StageView> {
        let until = until.min(Instant::now() + STEP);
        let look = self.stages.look(self.ecs, self.record);
        timeout_at(until, look).await.ok().flatten()
    }

    /// Returns whether a task failed for a reason that no retry can fix.
    fn is_hopeless(&self) -> bool {
        self.diagnosis.failures().iter().any(|it| !it.cause().can_heal())
    }

    fn report(self, reason: String, remedy: Remedy) -> RolloutReport {
        RolloutReport {
            handle: self.handle.clone(),
            last: self.watch.progress(),
            reason,
            failures: self.diagnosis.into_failures(),
            remedy,
        }
    }

    /// Returns the deadline of one step outside the watch.
    fn soon(&self) -> Instant {
        self.deadline.min(Instant::now() + STEP)
    }
}

/// The time limit of all steps after the watch, which `RollOut::timeout` documents.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// The time limit of one such step.
const STEP: Duration = Duration::from_secs(10);
/// The time without progress after which the stopped tasks are read.
const QUIET: Duration = Duration::from_secs(30);
/// The time after which ECS counts a running task without a health check as healthy (developer
/// guide, "How the Amazon ECS deployment circuit breaker detects failures").
const HEALTHY: Duration = Duration::from_secs(40);
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
