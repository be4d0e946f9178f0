//! [`Wait`]: the wait for one deployment, from the first look to its outcome.

mod conclusion;
mod remedy;

use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::error::rollout::{Remedy, RolloutReport};
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

/// A deployment that has begun.
pub(crate) struct Wait<'a> {
    ecs: &'a Ecs,
    handle: &'a Handle,
    record: &'a DeploymentRecord,
    poller: Poller<'a>,
    watch: Watch,
    stages: StageReader,
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
        let mut look = start.map(Look::Found);
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
            self.poller.pace().slow_down();
        } else {
            self.poller.pace().hurry();
            self.quiet_since = Instant::now();
        }
        let Progress { desired, running, pending, .. } = self.watch.progress().unwrap_or_default();
        self.poller.pace().expect_the_end(running >= desired && pending == 0);
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

    /// Beside the description, what goes by stages takes the newer view, where it is to be had by
    /// then.
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
        // The wait must not hang on what is only there to explain.
        if timeout_at(until, look).await.is_err() {
            tracing::debug!(%service, "no answer about stopped tasks");
        }
    }

    /// The newer view, where it is to be had by then.
    async fn newer(&mut self, until: Instant) -> Option<StageView> {
        let until = until.min(Instant::now() + STEP);
        let look = self.stages.look(self.ecs, self.record);
        timeout_at(until, look).await.ok().flatten()
    }

    /// Whether a task has failed of something that no further attempt will cure.
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

    /// Until when one step may take that isn't the wait itself.
    fn soon(&self) -> Instant {
        self.deadline.min(Instant::now() + STEP)
    }
}

/// For all that comes after the wait: so much is promised by `RollOut::timeout`.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// For one step of it.
const STEP: Duration = Duration::from_secs(10);
/// Without progress, for the stopped tasks to be read nevertheless.
const QUIET: Duration = Duration::from_secs(30);
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
