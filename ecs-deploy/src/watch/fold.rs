//! A state machine over descriptions of a service, without I/O: it returns events and a verdict.
//!
//! ```text
//!          ┌────── our deployment is PRIMARY and in progress, or absent for fewer than 3 lookups
//!          ▼
//! Pending ─┼─▶ Paused       a lifecycle hook waits
//!          ├─▶ Completed    ours is complete, also if another one is PRIMARY by now
//!          ├─▶ Failed       ours failed and is still PRIMARY
//!          ├─▶ RolledBack   another one is PRIMARY, and ECS shows a rollback
//!          ├─▶ Unclear      another one is PRIMARY without a sign of a rollback
//!          └─▶ Gone         the service isn't ACTIVE
//! ```
//!
//! Invariant: only the id of our deployment decides, never a comparison of times, because the local
//! clock and AWS's may differ by minutes.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service as Description};

use crate::model::description::{has_failed, is_complete, is_primary, primary};
use crate::model::finding::Finding;
use crate::model::handle::{DeploymentRecord, Form, Handle, Origin};
use crate::model::obstacle::Obstacle;
use crate::model::pause::{Pause, RollbackCause};
use crate::model::progress::Progress;
use crate::names::arn::short;
use crate::report::Event;
use crate::watch::stage_view::{Stage, StageView, Status};

/// The state of one deployment, from all descriptions so far.
#[derive(Debug)]
pub(crate) struct Watch {
    record: DeploymentRecord,
    messages: BTreeSet<String>,
    progress: Option<Progress>,
    /// The time at which ECS last changed ours, in seconds of AWS's clock: its completion, once it is
    /// complete.
    updated_at: Option<f64>,
    stage: Option<Stage>,
    pause: Option<Pause>,
    /// The number of consecutive descriptions without our deployment.
    absent: u32,
    /// The number of observations in which the service deployment was stopped.
    stopped: u32,
    /// ECS's reason why ours failed; empty until then. It is kept because ours disappears soon
    /// after the failure.
    failure: String,
    /// The last message of the service that names an obstacle.
    obstacle: String,
}

/// The result of one description.
#[derive(Debug, PartialEq)]
pub(crate) struct Observation {
    pub(crate) events: Vec<Event>,
    /// Whether it suggests that tasks have failed since the last one.
    pub(crate) is_worrying: bool,
    /// Whether ours is PRIMARY. If not, [`Verdict::Pending`] doesn't describe our deployment.
    pub(crate) is_primary: bool,
    pub(crate) verdict: Verdict,
}

/// The verdict on our deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Completed,
    /// Only old tasks keep it from being complete at the time limit. The wait sets it; `observe`
    /// never does.
    Draining,
    /// It failed without a rollback.
    Failed {
        reason: String,
        cause: RollbackCause,
    },
    /// The service is being deleted.
    Gone {
        status: String,
    },
    /// Its tasks fail for a reason that no retry can fix. The wait sets it; `observe` never does.
    Hopeless,
    /// It is paused until a caller decides.
    Paused(Pause),
    Pending,
    /// ECS rolls back to this task definition with the deployment `by`.
    RolledBack {
        to: Option<String>,
        by: String,
        reason: String,
        cause: RollbackCause,
    },
    /// Another deployment is PRIMARY. The description doesn't show whether ECS rolled back or
    /// another caller deployed.
    Unclear {
        by: String,
        task_definition: String,
        reason: String,
    },
}

impl Watch {
    pub(crate) fn new(handle: &Handle) -> Self {
        let record = handle.record().clone();
        Self {
            messages: record.messages.clone(),
            record,
            progress: None,
            updated_at: None,
            stage: None,
            pause: None,
            absent: 0,
            stopped: 0,
            failure: String::new(),
            obstacle: String::new(),
        }
    }

    /// Returns the service's last message about an obstacle; empty if there was none.
    pub(crate) fn obstacle(&self) -> String {
        self.obstacle.clone()
    }

    /// Returns the time at which ours was complete, in seconds of AWS's clock.
    pub(crate) fn completed_at(&self) -> Option<f64> {
        self.updated_at
    }

    /// Returns the latest progress.
    pub(crate) fn progress(&self) -> Option<Progress> {
        self.progress
    }

    /// Evaluates a description. `newer` is the state of the service deployment, if it was read.
    pub(crate) fn observe(
        &mut self,
        description: &Description,
        newer: Option<&StageView>,
    ) -> Observation {
        let mut events = self.new_messages(description);
        let mut is_worrying = events.iter().any(|event| match event {
            Event::Message { text } => WORRYING.iter().any(|words| text.contains(words)),
            _ => false,
        });
        for event in &events {
            if let Event::Message { text } = event
                && Obstacle::from_message(text).is_some()
            {
                self.obstacle.clone_from(text);
            }
        }
        let id = Some(self.record.deployment.as_str());
        let ours = description.deployments().iter().find(|it| it.id() == id);
        if let Some(ours) = ours {
            self.updated_at = ours.updated_at().map(|at| at.as_secs_f64());
            let progress = self.progress_of(description, ours);
            let before = self.progress.replace(progress);
            if before.is_none_or(|before| !before.has_same_numbers(&progress)) {
                is_worrying |= progress.failed > before.unwrap_or_default().failed;
                if progress.desired == 0 && before.is_some_and(|before| before.desired > 0) {
                    events.push(Event::Warning { finding: Finding::desired_count_zero() });
                }
                events.push(Event::Progress { progress });
            }
            let old = |it: Progress| it.is_draining.then_some(it.old);
            if old(progress) != before.and_then(old) {
                events.extend(old(progress).map(|old| Event::Draining { old }));
            }
            if has_failed(ours) {
                ours.rollout_state_reason().unwrap_or_default().clone_into(&mut self.failure);
            }
        }
        if let Some(newer) = newer {
            if newer.stage.is_some() && newer.stage != self.stage {
                self.stage.clone_from(&newer.stage);
                events.extend(newer.stage.clone().map(|Stage { name: stage, traffic_percent }| {
                    Event::Stage { stage, traffic_percent }
                }));
            }
            if newer.pause != self.pause {
                self.pause = newer.pause.clone();
                events.extend(newer.pause.clone().map(|pause| Event::Paused { pause }));
            }
        }
        self.stopped += u32::from(newer.is_some_and(|it| it.status == Status::Stopped));
        self.absent = if ours.is_some() { 0 } else { self.absent + 1 };
        let is_primary = ours.is_some_and(is_primary);
        let verdict = self.judge(description, ours, newer);
        if let Verdict::RolledBack { to, .. } = &verdict {
            events.push(Event::RollingBack { to: to.clone() });
        }
        Observation { events, is_worrying, is_primary, verdict }
    }

    /// Returns the numbers of ours, which is one of the service's deployments.
    fn progress_of(&self, description: &Description, ours: &Deployment) -> Progress {
        let others = || description.deployments().iter().filter(|it| it.id() != ours.id());
        let mut progress = Progress {
            desired: count(description.desired_count()),
            running: count(ours.running_count()),
            pending: count(ours.pending_count()),
            failed: count(ours.failed_tasks()),
            old: others().map(|it| count(it.running_count()) + count(it.pending_count())).sum(),
            is_draining: false,
        };
        // A deployment is listed as long as a task of it exists, also one that is stopping.
        progress.is_draining = self.record.form == Form::Rolling
            && is_primary(ours)
            // With a Classic Load Balancer, ECS reports no state (API reference).
            && matches!(ours.rollout_state(), None | Some(DeploymentRolloutState::InProgress))
            && others().next().is_some()
            && progress.all_run();
        progress
    }

    /// Returns the new messages, oldest first. Ids identify them, because a text may repeat.
    fn new_messages(&mut self, description: &Description) -> Vec<Event> {
        let new = description.events().iter().rev().filter_map(|event| {
            let is_new = self.messages.insert(event.id()?.to_owned());
            is_new.then(|| Event::Message { text: event.message().unwrap_or_default().to_owned() })
        });
        new.collect()
    }

    fn judge(
        &self,
        description: &Description,
        ours: Option<&Deployment>,
        newer: Option<&StageView>,
    ) -> Verdict {
        match description.status() {
            None | Some("ACTIVE") => {}
            Some(status) => {
                return Verdict::Gone { status: status.to_owned() };
            }
        }
        let Some(primary) = primary(description) else {
            return Verdict::Pending;
        };
        if primary.id() == Some(&self.record.deployment) {
            return self.judge_ours(description, primary, newer);
        }
        // Ours was complete before another one replaced it. With stages, only the service
        // deployment shows that.
        let is_rolling = self.record.form == Form::Rolling;
        if is_rolling && ours.is_some_and(is_complete) {
            return Verdict::Completed;
        }
        if (1..ABSENT_LOOKS).contains(&self.absent) {
            return Verdict::Pending;
        }
        let task_definition = primary.task_definition().unwrap_or_default().to_owned();
        // The reason "…: rolling back to deploymentId …" is about ours. Any other reason of the new
        // PRIMARY deployment is about itself, such as its completion.
        let words = primary.rollout_state_reason().unwrap_or_default();
        let about_ours = words.contains("rolling back").then_some(words);
        let reason = match (newer.map(|it| it.reason.as_str()), self.failure.as_str()) {
            (Some(reason), _) if !reason.is_empty() => reason,
            (_, "") => about_ours.unwrap_or_default(),
            (_, failure) => failure,
        };
        let reason = reason.to_owned();
        // A rollback makes the old deployment PRIMARY with its old id (reported). If ECS gave it a
        // new id, its reason or the failure of ours would still show the rollback.
        let is_rollback = primary.id().is_some_and(|id| self.record.earlier.contains(id))
            || about_ours.is_some()
            || newer.is_some_and(|it| it.status == Status::GoingBack)
            || (ours.is_some_and(has_failed)
                && self.record.before.as_ref() == Some(&task_definition));
        let task_definition = short(&task_definition).to_owned();
        let by = primary.id().unwrap_or_default().to_owned();
        if is_rollback {
            let cause = newer.map_or_else(|| in_words(&reason), |it| it.cause);
            return Verdict::RolledBack { to: Some(task_definition), by, reason, cause };
        }
        Verdict::Unclear { by, task_definition, reason }
    }

    /// Returns the verdict while ours is PRIMARY.
    fn judge_ours(
        &self,
        description: &Description,
        ours: &Deployment,
        newer: Option<&StageView>,
    ) -> Verdict {
        let verdict = match ours.rollout_state() {
            Some(DeploymentRolloutState::Completed) => Verdict::Completed,
            Some(DeploymentRolloutState::Failed) => {
                let reason = self.failure.clone();
                Verdict::Failed { cause: in_words(&reason), reason }
            }
            Some(_) => Verdict::Pending,
            // With a Classic Load Balancer, ECS reports no state (API reference). Then ours is
            // complete if no other deployment is left and all its tasks run.
            None => {
                let settled = description.deployments().len() == 1
                    && ours.running_count() == description.desired_count()
                    && ours.pending_count() == 0;
                if settled { Verdict::Completed } else { Verdict::Pending }
            }
        };
        // With stages, only the service deployment shows the current one.
        let Some(newer) = newer else {
            return verdict;
        };
        match (newer.status, verdict) {
            (_, verdict @ Verdict::Failed { .. }) => verdict,
            (Status::GoingBack, _) => {
                let to = self.record.before.as_deref().map(|it| short(it).to_owned());
                let (by, reason) = (String::new(), newer.reason.clone());
                Verdict::RolledBack { to, by, reason, cause: newer.cause }
            }
            (Status::Open, _) => newer.pause.clone().map_or(Verdict::Pending, Verdict::Paused),
            // The description may be from before another deployment replaced ours; a later one
            // shows that.
            (Status::Stopped, _) if self.stopped < ABSENT_LOOKS => Verdict::Pending,
            (Status::Stopped, _) => {
                Verdict::Failed { reason: newer.reason.clone(), cause: newer.cause }
            }
            // A found deployment may be the target of a rollback in progress; its own success may
            // be from long ago.
            (Status::Successful, verdict) if self.record.origin == Origin::Found => verdict,
            (Status::Successful, _) => Verdict::Completed,
        }
    }
}

/// Returns the cause from ECS's reason. The circuit breaker's text is reported, not documented.
fn in_words(reason: &str) -> RollbackCause {
    match () {
        () if reason.contains("circuit breaker") => RollbackCause::CircuitBreaker,
        () if reason.contains("alarm") => RollbackCause::Alarm,
        () => RollbackCause::Unknown,
    }
}

/// Phrases in messages after which stopped tasks are read (AWS documentation, "Service event
/// messages").
const WORRYING: [&str; 4] = [
    "deployment failed",
    "failed container health checks",
    "is unhealthy in",
    "unable to consistently start tasks",
];

/// The number of consecutive descriptions without our deployment that count as proof. A description
/// may be older than the one before it, because ECS is eventually consistent. ECS doesn't drop a
/// failed deployment so soon after it began.
const ABSENT_LOOKS: u32 = 3;

/// Converts a count of ECS, which is never negative.
fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests;
