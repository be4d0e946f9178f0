#![doc = include_str!("../README.md")]

// The chapters, from the ground up: each chapter uses only those above it.

mod outside;

/// The names of services, task definitions and images, and the errors of invalid names.
pub mod names {
    pub(crate) mod arn;
    pub(crate) mod ecr_host;
    pub(crate) mod image;
    pub(crate) mod invalid;
    pub(crate) mod nearest;
    pub(crate) mod reference;
    pub(crate) mod service;

    pub use crate::names::invalid::InvalidName;
}

/// Lossless JSON, and its conversion to and from the SDK's types.
mod json {
    pub(crate) mod parse;
    pub(crate) mod places;
    mod print;
    pub(crate) mod sdk;
    pub(crate) mod value;
}

/// The data of a deployment, its tasks and its outcome. Makes no calls.
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
    pub(crate) mod body_limit;
    pub(crate) mod capture;
    pub(crate) mod client;
    pub(crate) mod definitions;
    mod describe;
    pub(crate) mod limit;
    pub(crate) mod patience;
    mod services;
    pub(crate) mod snapshots;
    pub(crate) mod turns;
    pub(crate) mod update;
}

#[cfg(feature = "ecr")]
pub mod image_check;

/// Lookups of a service, and the conclusions about its deployment.
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

// The root exports what a first deployment needs. The other types are in modules named after their
// subjects.

pub use crate::deployer::Deployer;
pub use crate::error::{Error, ErrorKind};
pub use crate::model::deployed::Deployed;
pub use crate::model::handle::Handle;
pub use crate::model::terms::OnFailure;
pub use crate::names::service::Service;
pub use crate::revision::Revision;
pub use crate::rollout::roll_out::RollOut;

pub mod check {
    //! The check of a task definition without a call to AWS.
    //!
    //! [`Revision::check`](crate::Revision::check) returns the [`Problem`]s of a revision;
    //! [`Examination`] checks a file, also one that isn't a valid task definition, and makes the
    //! certain repairs. A rollout checks its revision first.

    pub use crate::revision::check::examination::Examination;
    pub use crate::revision::check::problem::{Problem, ProblemKind, Severity};
}

pub mod container {
    //! Edits of a container.
    //!
    //! [`Revision::container_mut`](crate::Revision::container_mut) returns a [`ContainerMut`],
    //! which edits the image, the variables and secrets, the command and the memory of a container.
    //! [`Revision::edit`](crate::Revision::edit) edits everything else.

    pub use crate::revision::container::ContainerMut;
}

pub mod diagnosis {
    //! The reasons why a rollout doesn't succeed.
    //!
    //! As soon as tasks of a deployment fail, each is reported as a [`TaskFailure`] with a
    //! [`FailureCause`]: a missing image, a denied secret, an exit code. If ECS starts no task, the
    //! service's own messages state the reason, and [`Obstacle`] parses them. With
    //! [`Patience::UntilHopeless`], a rollout ends when the first task fails for a reason that no
    //! retry can fix.

    pub use crate::model::cause::FailureCause;
    pub use crate::model::obstacle::Obstacle;
    pub use crate::model::task_failure::TaskFailure;
    pub use crate::model::terms::Patience;
}

pub mod diff {
    //! The differences between two task definitions.
    //!
    //! [`Revision::diff`](crate::Revision::diff) returns a [`Diff`]: the [`Change`]s that make a
    //! difference to ECS, with the values of environment variables masked.

    pub use crate::revision::diff::{Change, Diff};
}

pub mod events {
    //! The events of a rollout, as they happen.
    //!
    //! [`RollOut::events`](crate::RollOut::events) returns [`Events`], whose `next` returns one
    //! [`Event`] after the other. In serde's formats an event is an object whose member `event`
    //! names the event, so that a program can write one line of JSON for each.

    pub use crate::model::progress::Progress;
    pub use crate::model::terms::Complete;
    pub use crate::report::Event;
    pub use crate::rollout::events::Events;
}

pub mod follow {
    //! Deployments that have begun, perhaps in another process.
    //!
    //! A [`Handle`](crate::Handle) has all the data to follow a deployment. It comes from
    //! [`Event::Started`](crate::events::Event::Started) or from
    //! [`Error::handle`](crate::Error::handle), can be saved, and is followed by
    //! [`Deployer::follow`](crate::Deployer::follow).

    pub use crate::rollout::follow::Follow;
}

pub mod plan {
    //! Dry runs and saved plans.
    //!
    //! [`RollOut::plan`](crate::RollOut::plan) returns a [`Plan`]: the change, the [`Finding`]s
    //! about the service before the rollout, and the calls. A plan can be saved, reviewed, and
    //! applied by another process with [`Deployer::apply`](crate::Deployer::apply).

    pub use crate::model::finding::{Finding, FindingKind};
    pub use crate::rollout::plan::Plan;
}

pub mod rollback {
    //! Rollbacks to the revision that last ran successfully.
    //!
    //! ECS rolls a deployment back by itself if its circuit breaker or its alarms are configured to
    //! do so; the [`RollbackCause`] names the trigger. [`OnFailure`](crate::OnFailure) rolls back
    //! at the end of a rollout, and [`Deployer::roll_back`](crate::Deployer::roll_back) at any
    //! time.

    pub use crate::model::pause::RollbackCause;
    pub use crate::rollout::rollback::RollBack;
}

pub mod stages {
    //! Deployments with stages: blue/green, linear and canary.
    //!
    //! A deployment that is paused at a lifecycle hook waits for a decision. A rollout ends there
    //! with the [`Pause`], or waits with [`OnPause::Wait`];
    //! [`Deployer::resolve`](crate::Deployer::resolve) makes the decision, a [`Resolution`].

    pub use crate::model::pause::{Pause, Resolution};
    pub use crate::model::terms::OnPause;
}
