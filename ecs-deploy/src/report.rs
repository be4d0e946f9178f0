//! [`Event`]: the events of a rollout, and the [`Story`] that sends them.

use std::fmt;

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use crate::error::kind::ErrorKind;
use crate::model::finding::Finding;
use crate::model::handle::Handle;
use crate::model::pause::Pause;
use crate::model::progress::Progress;
use crate::model::task_failure::TaskFailure;
use crate::names::arn::short;
use crate::outside::Outside;

/// An event of a rollout. `Display` prints one line for people, in which text from ECS is quoted;
/// the fields hold it unquoted. In serde's formats it is an object
/// whose member `event` names the event, such as `{"event":"registered","revision":"arn:…"}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// All new tasks run and none has failed. ECS completes the deployment when the old tasks have
    /// stopped.
    #[non_exhaustive]
    Draining {
        /// The old tasks that still run; 0 if they are stopping.
        old: u32,
    },
    /// The rollout ended without success. This is the last event:
    /// [`Events::finish`](crate::events::Events::finish) has the error.
    #[non_exhaustive]
    Failed {
        /// The error's kind.
        kind: ErrorKind,
    },
    /// A message of the service itself. Each is reported once, in the order of ECS's list.
    #[non_exhaustive]
    Message {
        /// ECS's words.
        text: String,
    },
    /// The deployment is paused at a lifecycle hook until a caller decides.
    #[non_exhaustive]
    Paused {
        /// The pause to resolve.
        pause: Pause,
    },
    /// The number of the deployment's tasks changed.
    #[non_exhaustive]
    Progress {
        /// The numbers.
        progress: Progress,
    },
    /// The new revision has been registered.
    #[non_exhaustive]
    Registered {
        /// Its ARN.
        revision: String,
    },
    /// The revision to deploy is INACTIVE, so its content was registered again.
    #[non_exhaustive]
    RegisteredAgain {
        /// The ARN of the new revision.
        revision: String,
        /// The ARN of the INACTIVE revision with the same content.
        inactive: String,
    },
    /// ECS rolls the deployment back, by itself or on request.
    #[non_exhaustive]
    RollingBack {
        /// The `FAMILY:REVISION` that ECS rolls back to, if it is known.
        to: Option<String>,
    },
    /// The deployment is complete, and its tasks are watched for some more time.
    #[non_exhaustive]
    Soaking {
        /// The time, in seconds.
        seconds: u64,
    },
    /// A deployment with stages has reached this stage.
    #[non_exhaustive]
    Stage {
        /// ECS's name of the stage, such as `BAKE_TIME`.
        stage: String,
        /// The new revision's share of the traffic, if ECS reports it.
        traffic_percent: Option<f64>,
    },
    /// The deployment has begun. The handle lets this or another process follow it.
    #[non_exhaustive]
    Started {
        /// The data to follow the deployment.
        handle: Handle,
    },
    /// The rollout is complete. This is the last event.
    #[non_exhaustive]
    Succeeded {
        /// The ARN of the revision that runs.
        revision: String,
    },
    /// A task of this deployment failed, or a user stopped it.
    #[non_exhaustive]
    TaskFailed {
        /// The task, and the reason of its failure.
        failure: TaskFailure,
    },
    /// The service already runs this revision, so nothing is registered or deployed.
    #[non_exhaustive]
    Unchanged {
        /// Its ARN.
        revision: String,
        /// The images that are named by a tag: the tag may name another image by now, which only a
        /// forced deployment pulls.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        may_have_moved: Vec<String>,
    },
    /// A finding before the rollout that doesn't prevent it.
    #[non_exhaustive]
    Warning {
        /// The finding.
        finding: Finding,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Draining { old: 0 } => {
                f.write_str("all new tasks run, the old ones are stopping")
            }
            Event::Draining { old } => write!(f, "all new tasks run, {old} old ones remain"),
            Event::Failed { kind } => write!(f, "failed: {kind:?}"),
            Event::Message { text } => write!(f, "ECS: {}", Outside::new(text)),
            Event::Paused { pause } => pause.fmt(f),
            Event::Progress { progress } => progress.fmt(f),
            Event::Registered { revision } => write!(f, "registered {}", Outside::new(revision)),
            Event::RegisteredAgain { revision, inactive } => {
                let (revision, inactive) = (Outside::new(revision), Outside::new(short(inactive)));
                write!(f, "registered {revision}, because {inactive} is INACTIVE")
            }
            Event::RollingBack { to: None } => f.write_str("rolling back"),
            Event::RollingBack { to: Some(to) } => {
                write!(f, "rolling back to {}", Outside::new(to))
            }
            Event::Soaking { seconds } => {
                write!(f, "complete, watching the tasks for {seconds} s")
            }
            Event::Stage { stage, traffic_percent: None } => {
                write!(f, "at {}", Outside::new(stage))
            }
            Event::Stage { stage, traffic_percent: Some(percent) } => {
                write!(f, "at {}, {percent} % of the traffic", Outside::new(stage))
            }
            Event::Started { handle } => {
                write!(f, "started {}", Outside::new(handle.deployment()))
            }
            Event::Succeeded { revision } => {
                write!(f, "{} runs", Outside::new(revision).named("the revision"))
            }
            Event::TaskFailed { failure } => failure.fmt(f),
            Event::Unchanged { revision, may_have_moved } if may_have_moved.is_empty() => {
                write!(f, "unchanged {}", Outside::new(revision))
            }
            Event::Unchanged { revision, may_have_moved } => write!(
                f,
                "unchanged {}: {} may have moved; force a new deployment to pull it again, \
                 or name the image by its digest",
                Outside::new(revision),
                Outside::new(may_have_moved.join(" and "))
            ),
            Event::Warning { finding } => write!(f, "warning: {finding}"),
        }
    }
}

/// The sender of a rollout's events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    /// The channel; `None` if the events have no reader.
    sender: Option<UnboundedSender<Event>>,
}

impl Story {
    pub(crate) fn new(sender: UnboundedSender<Event>) -> Self {
        Self { sender: Some(sender) }
    }

    pub(crate) fn tell(&self, event: Event) {
        tracing::debug!(%event);
        if let Some(sender) = &self.sender {
            // The caller may have dropped the events; the rollout still returns its outcome.
            let _ = sender.send(event);
        }
    }
}

#[cfg(test)]
mod tests;
