//! A pure fold over what DescribeServices says: from descriptions to events and a verdict.
//!
//! All is decided by the id of our deployment, never by comparing times: the machine's clock and
//! AWS's may differ by minutes.

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

/// What is known of one deployment.
#[derive(Debug)]
pub(crate) struct Watch {
    record: DeploymentRecord,
    messages: BTreeSet<String>,
    progress: Option<Progress>,
    stage: Option<Stage>,
    pause: Option<Pause>,
    /// In how many looks on end ours hasn't shown at all.
    absent: u32,
    /// In how many looks the newer view had it stopped.
    stopped: u32,
    /// Why ours failed, in ECS's words; empty until it says so. Ours vanishes soon after.
    failure: String,
    /// The last message of the service about something in the way.
    obstacle: String,
}

/// What one look tells.
#[derive(Debug, PartialEq)]
pub(crate) struct Observation {
    pub(crate) events: Vec<Event>,
    /// Whether something of it suggests that tasks have failed since the last one.
    pub(crate) is_worrying: bool,
    /// Whether ours is PRIMARY. Without it, [`Verdict::Pending`] says nothing about ours.
    pub(crate) is_primary: bool,
    pub(crate) verdict: Verdict,
}

/// What has become of our deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Completed,
    /// It won't run, and nobody has rolled it back.
    Failed {
        reason: String,
        cause: RollbackCause,
    },
    /// The service is being deleted.
    Gone {
        status: String,
    },
    /// Its tasks fail of something that no further attempt will cure. A look never tells.
    Hopeless,
    /// It stands still until somebody decides.
    Paused(Pause),
    Pending,
    /// ECS goes back to this task definition, by the deployment `by`.
    RolledBack {
        to: Option<String>,
        by: String,
        reason: String,
        cause: RollbackCause,
    },
    /// Another deployment is PRIMARY, and whether as a rollback or by somebody else's doing doesn't
    /// show here.
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
            stage: None,
            pause: None,
            absent: 0,
            stopped: 0,
            failure: String::new(),
            obstacle: String::new(),
        }
    }

    /// What stood in the way last, in the service's words; empty where nothing did.
    pub(crate) fn obstacle(&self) -> String {
        self.obstacle.clone()
    }

    /// As it was last seen.
    pub(crate) fn progress(&self) -> Option<Progress> {
        self.progress
    }

    /// `newer` is the newer view of the deployment, where it was asked for and is to be had.
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
            let progress = Progress {
                desired: count(description.desired_count()),
                running: count(ours.running_count()),
                pending: count(ours.pending_count()),
                failed: count(ours.failed_tasks()),
            };
            if self.progress != Some(progress) {
                is_worrying |= progress.failed > self.progress.unwrap_or_default().failed;
                if progress.desired == 0 && self.progress.is_some_and(|before| before.desired > 0) {
                    events.push(Event::Warning { finding: Finding::desired_count_zero() });
                }
                self.progress = Some(progress);
                events.push(Event::Progress { progress });
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

    /// Messages that weren't there before, oldest first. By id: the same text may come again.
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
        // Complete, before another one took over. By stages, only the newer view knows.
        let is_rolling = self.record.form == Form::Rolling;
        if is_rolling && ours.is_some_and(is_complete) {
            return Verdict::Completed;
        }
        if (1..ABSENT_LOOKS).contains(&self.absent) {
            return Verdict::Pending;
        }
        let task_definition = primary.task_definition().unwrap_or_default().to_owned();
        // "…: rolling back to deploymentId …" is about ours; anything else that the new PRIMARY one
        // has to say is about itself, such as that it was completed.
        let words = primary.rollout_state_reason().unwrap_or_default();
        let about_ours = words.contains("rolling back").then_some(words);
        let reason = match (newer.map(|it| it.reason.as_str()), self.failure.as_str()) {
            (Some(reason), _) if !reason.is_empty() => reason,
            (_, "") => about_ours.unwrap_or_default(),
            (_, failure) => failure,
        };
        let reason = reason.to_owned();
        // A rollback makes the old deployment PRIMARY by its old id (reported). Should ECS give it
        // a new one, its reason or ours still tell.
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

    /// While it is PRIMARY.
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
            // Behind a Classic Load Balancer ECS gives no state (API reference): what is left
            // is that nothing else runs and all of ours does.
            None => {
                let settled = description.deployments().len() == 1
                    && ours.running_count() == description.desired_count()
                    && ours.pending_count() == 0;
                if settled { Verdict::Completed } else { Verdict::Pending }
            }
        };
        // Where there are stages, only the newer view knows where in them it is.
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
            // The description may be from before another one took over: the next one tells.
            (Status::Stopped, _) if self.stopped < ABSENT_LOOKS => Verdict::Pending,
            (Status::Stopped, _) => {
                Verdict::Failed { reason: newer.reason.clone(), cause: newer.cause }
            }
            // What was found in progress may be the way back to it, and its own success long ago.
            (Status::Successful, verdict) if self.record.origin == Origin::Found => verdict,
            (Status::Successful, _) => Verdict::Completed,
        }
    }
}

/// What ECS's words say of the cause, where nothing else does; the circuit breaker's are reported.
fn in_words(reason: &str) -> RollbackCause {
    match () {
        () if reason.contains("circuit breaker") => RollbackCause::CircuitBreaker,
        () if reason.contains("alarm") => RollbackCause::Alarm,
        () => RollbackCause::Unknown,
    }
}

/// In messages that are worth a look at stopped tasks: AWS documentation, "Service event messages".
const WORRYING: [&str; 4] = [
    "deployment failed",
    "failed container health checks",
    "is unhealthy in",
    "unable to consistently start tasks",
];

/// A description may be older than the one before it: ECS is eventually consistent. One without
/// our deployment at all is believed when as many on end say so; none fails and is forgotten so
/// soon after it began.
const ABSENT_LOOKS: u32 = 3;

/// ECS's counts are never negative.
fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests;
