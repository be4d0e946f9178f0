#![doc = include_str!("../README.md")]

/// What services and task definitions are called.
mod names {
    pub(crate) mod reference;
    pub(crate) mod service;
}

/// JSON with nothing lost.
mod json {
    pub(crate) mod sdk;
    pub(crate) mod value;
}

/// What is known of a deployment, its tasks and its outcome: data, and no calls.
mod model {
    pub(crate) mod cause;
    pub(crate) mod handle;
    pub(crate) mod obstacle;
    pub(crate) mod terms;
}

mod error;
mod report;
mod revision;

/// The calls to ECS.
mod ecs {
    pub(crate) mod capture;
    pub(crate) mod definitions;
    pub(crate) mod limit;
    pub(crate) mod patience;
    pub(crate) mod update;
}

#[cfg(feature = "ecr")]
mod image_check;

/// From looks at a service to what became of its deployment.
mod watch {
    pub(crate) mod batch;
    pub(crate) mod diagnosis;
    pub(crate) mod fold;
    pub(crate) mod poll;
    pub(crate) mod staged;
    pub(crate) mod wait;
}

/// A deployment from the first call to its outcome.
mod rollout {
    pub(crate) mod follow;
    pub(crate) mod launch;
    pub(crate) mod plan;
    pub(crate) mod preflight;
    pub(crate) mod roll_out;
    pub(crate) mod rollback;
}

mod deployer;
mod fleet;
mod policy;
mod prune;
mod task;

pub use crate::deployer::Deployer;
pub use crate::error::{Error, ErrorKind};
pub use crate::fleet::{Fleet, FleetEvents, FleetPolicy, Outcome};
#[cfg(feature = "ecr")]
pub use crate::image_check::{ImageCheck, ImageFinding, ImageProblem};
pub use crate::model::cause::FailureCause;
pub use crate::model::handle::Handle;
pub use crate::model::obstacle::Obstacle;
pub use crate::model::terms::{OnFailure, OnPause, Patience};
pub use crate::names::service::Service;
pub use crate::policy::{DeployPolicy, Permission};
pub use crate::prune::{Kept, Prune, PrunePlan, Pruned};
pub use crate::report::{Event, Events, Progress};
pub use crate::revision::ContainerMut;
pub use crate::revision::Revision;
pub use crate::revision::diff::{Change, Diff};
pub use crate::rollout::follow::Follow;
pub use crate::rollout::plan::Plan;
pub use crate::rollout::preflight::{Finding, FindingKind};
pub use crate::rollout::roll_out::{Deployed, RollOut};
pub use crate::rollout::rollback::RollBack;
pub use crate::task::{Logs, OnTimeout, Ran, RunTask};
pub use crate::watch::diagnosis::TaskFailure;
pub use crate::watch::staged::{Pause, Resolution, RollbackCause};
