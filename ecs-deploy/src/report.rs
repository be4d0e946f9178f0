//! [`Event`]: what happens in a rollout, and the [`Story`] that reports it.

use std::fmt;

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use crate::error::kind::ErrorKind;
use crate::model::finding::Finding;
use crate::model::handle::Handle;
use crate::model::pause::Pause;
use crate::model::progress::Progress;
use crate::model::task_failure::TaskFailure;

/// Something that happened in a rollout. `Display` is one line for people; in serde's formats it is
/// an object whose member `event` says which it is, such as
/// `{"event":"registered","revision":"arn:…"}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The rollout ended without success. The last event:
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
    /// The deployment has stopped at a lifecycle hook and waits for a decision.
    #[non_exhaustive]
    Paused {
        /// What is to be decided.
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
    /// ECS rolls the deployment back, by itself or on request.
    #[non_exhaustive]
    RollingBack {
        /// The `FAMILY:REVISION` that it goes back to, if that is known.
        to: Option<String>,
    },
    /// A deployment by stages has reached another one.
    #[non_exhaustive]
    Stage {
        /// ECS's name of the stage, such as `BAKE_TIME`.
        stage: String,
        /// The new revision's share of the traffic, if ECS says it.
        traffic_percent: Option<f64>,
    },
    /// The deployment has begun. With the handle, another process can follow it too.
    #[non_exhaustive]
    Started {
        /// What identifies it.
        handle: Handle,
    },
    /// The deployment is complete. The last event.
    #[non_exhaustive]
    Succeeded {
        /// The ARN of the revision that runs.
        revision: String,
    },
    /// A task of this deployment failed, or was stopped on request.
    #[non_exhaustive]
    TaskFailed {
        /// Which task, and why.
        failure: TaskFailure,
    },
    /// The service already runs the revision: nothing is registered, and nothing is deployed.
    #[non_exhaustive]
    Unchanged {
        /// Its ARN.
        revision: String,
    },
    /// The first look found something that doesn't keep the rollout from beginning.
    #[non_exhaustive]
    Warning {
        /// What it found.
        finding: Finding,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Failed { kind } => write!(f, "failed: {kind:?}"),
            Event::Message { text } => f.write_str(text),
            Event::Paused { pause } => pause.fmt(f),
            Event::Progress { progress } => progress.fmt(f),
            Event::Registered { revision } => write!(f, "registered {revision}"),
            Event::RollingBack { to: None } => f.write_str("rolling back"),
            Event::RollingBack { to: Some(to) } => write!(f, "rolling back to {to}"),
            Event::Stage { stage, traffic_percent: None } => write!(f, "at {stage}"),
            Event::Stage { stage, traffic_percent: Some(percent) } => {
                write!(f, "at {stage}, {percent} % of the traffic")
            }
            Event::Started { handle } => write!(f, "started {}", handle.deployment()),
            Event::Succeeded { revision } => write!(f, "{revision} runs"),
            Event::TaskFailed { failure } => failure.fmt(f),
            Event::Unchanged { revision } => write!(f, "unchanged {revision}"),
            Event::Warning { finding } => write!(f, "warning: {finding}"),
        }
    }
}

/// Reports the events of a rollout.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    /// `None` if the events aren't wanted.
    sender: Option<UnboundedSender<Event>>,
}

impl Story {
    pub(crate) fn new(sender: UnboundedSender<Event>) -> Self {
        Self { sender: Some(sender) }
    }

    pub(crate) fn tell(&self, event: Event) {
        tracing::debug!(%event);
        if let Some(sender) = &self.sender {
            // The receiver may be gone: the outcome comes without the story, too.
            let _ = sender.send(event);
        }
    }
}

#[cfg(test)]
mod tests;
