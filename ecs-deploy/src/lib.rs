#![doc = include_str!("../README.md")]

// The chapters, from the ground up: each knows only those before it.

/// What services, task definitions and images are called, and what is wrong with a name.
pub mod names {
    pub(crate) mod arn;
    pub(crate) mod ecr_host;
    pub(crate) mod invalid;
    pub(crate) mod nearest;
    pub(crate) mod reference;
    pub(crate) mod service;

    pub use crate::names::invalid::InvalidName;
}

/// JSON with nothing lost, and the way between it and the SDK's types.
mod json {
    pub(crate) mod parse;
    mod print;
    pub(crate) mod sdk;
    pub(crate) mod value;
}

/// What is known of a deployment, its tasks and its outcome: data, and no calls.
mod model {
    pub(crate) mod cause;
    pub(crate) mod deployed;
    pub(crate) mod description;
    pub(crate) mod finding;
    pub(crate) mod handle;
    pub(crate) mod logs;
    pub(crate) mod obstacle;
    pub(crate) mod pause;
    pub(crate) mod progress;
    pub(crate) mod saved;
    pub(crate) mod task_failure;
    pub(crate) mod terms;
}

mod error;
mod report;
mod revision;

/// The calls to ECS.
mod ecs {
    pub(crate) mod capture;
    pub(crate) mod client;
    mod definitions;
    mod describe;
    pub(crate) mod limit;
    pub(crate) mod patience;
    mod services;
    pub(crate) mod snapshots;
    pub(crate) mod update;
}

#[cfg(feature = "ecr")]
pub mod image_check;

/// Looks at a service, and what they say of its deployment.
mod watch {
    pub(crate) mod batch;
    pub(crate) mod diagnosis;
    pub(crate) mod fold;
    pub(crate) mod history;
    pub(crate) mod identify;
    pub(crate) mod poll;
    mod stage_reader;
    mod stage_view;
    pub(crate) mod wait;
}

/// A deployment from the first call to its outcome.
mod rollout {
    pub(crate) mod events;
    pub(crate) mod follow;
    mod launch;
    pub(crate) mod plan;
    mod preflight;
    pub(crate) mod request;
    pub(crate) mod roll_out;
    pub(crate) mod rollback;
}

pub mod task;

pub mod prune;

pub mod policy;

pub mod fleet;

mod deployer;

// What a first deployment needs. The rest is in the modules that are named after their subjects.

pub use crate::deployer::Deployer;
pub use crate::error::{Error, ErrorKind};
pub use crate::model::deployed::Deployed;
pub use crate::model::handle::Handle;
pub use crate::model::terms::OnFailure;
pub use crate::names::service::Service;
pub use crate::revision::Revision;
pub use crate::rollout::roll_out::RollOut;

pub mod container {
    //! Edits of a container.
    //!
    //! [`Revision::container_mut`](crate::Revision::container_mut) hands out a [`ContainerMut`]:
    //! its image, its variables and secrets, its command, its memory. For everything else there is
    //! [`Revision::edit`](crate::Revision::edit).

    pub use crate::revision::container::ContainerMut;
}

pub mod diagnosis {
    //! Why a rollout doesn't succeed.
    //!
    //! As soon as tasks of a deployment fail, each is reported as a [`TaskFailure`] with a
    //! [`FailureCause`]: an image that is missing, a secret that is denied, an exit code. If no
    //! task even begins, the service's own messages say why, and [`Obstacle`] reads them. With
    //! [`Patience::UntilHopeless`], a rollout ends when the first task fails of something that no
    //! further attempt will cure.

    pub use crate::model::cause::FailureCause;
    pub use crate::model::obstacle::Obstacle;
    pub use crate::model::task_failure::TaskFailure;
    pub use crate::model::terms::Patience;
}

pub mod diff {
    //! What changes from one task definition to the next.
    //!
    //! [`Revision::diff`](crate::Revision::diff) returns a [`Diff`]: the [`Change`]s that make a
    //! difference to ECS, with the values of environment variables masked.

    pub use crate::revision::diff::{Change, Diff};
}

pub mod events {
    //! The story of a rollout, as it happens.
    //!
    //! [`RollOut::events`](crate::RollOut::events) returns [`Events`], whose `next` returns one
    //! [`Event`] after the other. In serde's formats an event is an object whose member `event`
    //! says which it is, so that a program can write one line of JSON for each.

    pub use crate::model::progress::Progress;
    pub use crate::report::Event;
    pub use crate::rollout::events::Events;
}

pub mod follow {
    //! Deployments that have begun, perhaps in another process.
    //!
    //! A [`Handle`](crate::Handle) is all that it takes: it comes from
    //! [`Event::Started`](crate::events::Event::Started) or from
    //! [`Error::handle`](crate::Error::handle), can be saved, and is followed by
    //! [`Deployer::follow`](crate::Deployer::follow).

    pub use crate::rollout::follow::Follow;
}

pub mod plan {
    //! A dry run.
    //!
    //! [`RollOut::plan`](crate::RollOut::plan) returns a [`Plan`]: the change, the [`Finding`]s of
    //! a first look at the service, and the calls. It can be saved, reviewed, and applied by
    //! another process with [`Deployer::apply`](crate::Deployer::apply).

    pub use crate::model::finding::{Finding, FindingKind};
    pub use crate::rollout::plan::Plan;
}

pub mod rollback {
    //! Back to the revision that last ran successfully.
    //!
    //! ECS rolls a deployment back by itself if its circuit breaker or its alarms are set up for
    //! that; the [`RollbackCause`] says which it was. [`OnFailure`](crate::OnFailure) does it at
    //! the end of a rollout, and [`Deployer::roll_back`](crate::Deployer::roll_back) at any time.

    pub use crate::model::pause::RollbackCause;
    pub use crate::rollout::rollback::RollBack;
}

pub mod stages {
    //! Deployments by stages: blue/green, linear and canary.
    //!
    //! A deployment that stops at a lifecycle hook waits for a decision. A rollout ends there with
    //! the [`Pause`], or waits with [`OnPause::Wait`];
    //! [`Deployer::resolve`](crate::Deployer::resolve) makes the decision, a [`Resolution`].

    pub use crate::model::pause::{Pause, Resolution};
    pub use crate::model::terms::OnPause;
}
