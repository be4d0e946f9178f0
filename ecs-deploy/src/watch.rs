//! A pure fold over what DescribeServices says: from descriptions to events and a verdict.
//!
//! All is decided by the id of our deployment, never by comparing times: the machine's clock and
//! AWS's may differ by minutes.

use std::collections::HashSet;

use aws_sdk_ecs::types::{
    Deployment, DeploymentRolloutState, Service as Description, ServiceDeploymentStatus,
};

use crate::events::{Event, Progress};
use crate::revision::short;

/// What is known of one deployment.
#[derive(Debug)]
pub(crate) struct Watch {
    deployment: String,
    /// Deployments that were there before ours. One of them becoming PRIMARY again is a rollback.
    earlier: HashSet<String>,
    /// What ran before ours.
    before: Option<String>,
    messages: HashSet<String>,
    progress: Option<Progress>,
    /// In how many looks on end ours hasn't shown at all.
    absent: u32,
    /// Why ours failed, in ECS's words; empty until it says so. Ours vanishes soon after.
    failure: String,
}

/// What one description tells.
#[derive(Debug, PartialEq)]
pub(crate) struct Observation {
    pub(crate) events: Vec<Event>,
    /// Whether tasks have failed since the last one.
    pub(crate) tasks_failed: bool,
    /// Whether ours is PRIMARY. Without it, [`Verdict::Pending`] says nothing about ours.
    pub(crate) is_primary: bool,
    pub(crate) verdict: Verdict,
}

/// What has become of our deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Completed,
    /// It is PRIMARY and has failed.
    Failed {
        reason: String,
    },
    /// The service is being deleted.
    Gone {
        status: String,
    },
    Pending,
    /// An older deployment is PRIMARY again, with this task definition.
    RolledBack {
        to: String,
        reason: String,
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
    /// Begins with the description that the deployment's id is from.
    pub(crate) fn new(deployment: &str, description: &Description) -> Self {
        let others = || description.deployments().iter().filter(|it| it.id() != Some(deployment));
        Self {
            deployment: deployment.to_owned(),
            earlier: others().filter_map(|it| it.id()).map(str::to_owned).collect(),
            before: others()
                .find(|it| it.rollout_state() == Some(&DeploymentRolloutState::Completed))
                .or_else(|| others().next())
                .and_then(|it| it.task_definition())
                .map(str::to_owned),
            messages: description
                .events()
                .iter()
                .filter_map(|event| event.id())
                .map(str::to_owned)
                .collect(),
            progress: None,
            absent: 0,
            failure: String::new(),
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.unwrap_or_default()
    }

    pub(crate) fn observe(&mut self, description: &Description) -> Observation {
        let mut events = self.new_messages(description);
        let mut tasks_failed = false;
        let ours = description.deployments().iter().find(|it| it.id() == Some(&self.deployment));
        if let Some(ours) = ours {
            let progress = Progress {
                desired: count(description.desired_count()),
                running: count(ours.running_count()),
                pending: count(ours.pending_count()),
                failed: count(ours.failed_tasks()),
            };
            if self.progress != Some(progress) {
                tasks_failed = progress.failed > self.progress().failed;
                if progress.desired == 0 && self.progress.is_none_or(|before| before.desired > 0) {
                    events.push(Event::ScaledToZero);
                }
                self.progress = Some(progress);
                events.push(Event::Progress(progress));
            }
            if has_failed(ours) {
                ours.rollout_state_reason().unwrap_or_default().clone_into(&mut self.failure);
            }
        }
        self.absent = if ours.is_some() { 0 } else { self.absent + 1 };
        let is_primary = ours.is_some_and(|it| it.status() == Some(PRIMARY));
        let verdict = self.judge(description, ours);
        Observation { events, tasks_failed, is_primary, verdict }
    }

    /// Messages that weren't there before, oldest first. By id: the same text may come again.
    fn new_messages(&mut self, description: &Description) -> Vec<Event> {
        let new = description.events().iter().rev().filter_map(|event| {
            let is_new = self.messages.insert(event.id()?.to_owned());
            is_new.then(|| Event::Message(event.message().unwrap_or_default().to_owned()))
        });
        new.collect()
    }

    fn judge(&self, description: &Description, ours: Option<&Deployment>) -> Verdict {
        match description.status() {
            None | Some("ACTIVE") => {}
            Some(status) => {
                return Verdict::Gone { status: status.to_owned() };
            }
        }
        let Some(primary) = primary(description) else {
            return Verdict::Pending;
        };
        if primary.id() == Some(&self.deployment) {
            return match primary.rollout_state() {
                Some(DeploymentRolloutState::Completed) => Verdict::Completed,
                Some(DeploymentRolloutState::Failed) => {
                    Verdict::Failed { reason: self.failure.clone() }
                }
                Some(_) => Verdict::Pending,
                // Behind a Classic Load Balancer ECS gives no state (API reference): what is left
                // is that nothing else runs and all of ours does.
                None => {
                    let settled = description.deployments().len() == 1
                        && primary.running_count() == description.desired_count()
                        && primary.pending_count() == 0;
                    if settled { Verdict::Completed } else { Verdict::Pending }
                }
            };
        }
        if (1..ABSENT_LOOKS).contains(&self.absent) {
            return Verdict::Pending;
        }
        let task_definition = primary.task_definition().unwrap_or_default().to_owned();
        // "…: rolling back to deploymentId …" is about ours; anything else that the new PRIMARY one
        // has to say is about itself, such as that it was completed.
        let words = primary.rollout_state_reason().unwrap_or_default();
        let about_ours = words.contains("rolling back").then_some(words);
        let reason = match self.failure.as_str() {
            "" => about_ours.unwrap_or_default().to_owned(),
            failure => failure.to_owned(),
        };
        // A rollback makes the old deployment PRIMARY by its old id (reported). Should ECS give it
        // a new one, its reason or ours still tell.
        let is_rollback = primary.id().is_some_and(|id| self.earlier.contains(id))
            || about_ours.is_some()
            || (ours.is_some_and(has_failed) && self.before.as_ref() == Some(&task_definition));
        if is_rollback {
            return Verdict::RolledBack { to: short(&task_definition).to_owned(), reason };
        }
        Verdict::Unclear {
            by: primary.id().unwrap_or_default().to_owned(),
            task_definition: short(&task_definition).to_owned(),
            reason,
        }
    }
}

pub(crate) fn primary(description: &Description) -> Option<&Deployment> {
    description.deployments().iter().find(|it| it.status() == Some(PRIMARY))
}

pub(crate) fn has_failed(deployment: &Deployment) -> bool {
    deployment.rollout_state() == Some(&DeploymentRolloutState::Failed)
}

/// Whether the status of our service deployment says that it was rolled back; `None` where it
/// doesn't say yet, because the newer view may lag behind the older one.
pub(crate) fn was_rolled_back(status: &ServiceDeploymentStatus) -> Option<bool> {
    match status {
        ServiceDeploymentStatus::RollbackFailed
        | ServiceDeploymentStatus::RollbackInProgress
        | ServiceDeploymentStatus::RollbackRequested
        | ServiceDeploymentStatus::RollbackSuccessful => Some(true),
        ServiceDeploymentStatus::Stopped | ServiceDeploymentStatus::Successful => Some(false),
        _ => None,
    }
}

const PRIMARY: &str = "PRIMARY";

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
