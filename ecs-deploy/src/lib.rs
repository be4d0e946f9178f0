#![doc = include_str!("../README.md")]

mod batch;
mod begin;
mod canonical;
mod cause;
mod deploy;
mod diagnose;
mod diff;
mod error;
mod events;
mod fleet;
mod follow;
mod handle;
#[cfg(feature = "ecr")]
mod image_check;
mod json;
mod obstacle;
mod policy;
mod poll;
mod preflight;
mod raw;
mod reference;
mod register;
mod revision;
mod rollback;
mod rollout;
mod sdk;
mod service;
mod staged;
mod task;
mod terms;
mod update;
mod wait;
mod watch;

pub use crate::cause::FailureCause;
pub use crate::deploy::Deployer;
pub use crate::diagnose::TaskFailure;
pub use crate::diff::{Change, Diff};
pub use crate::error::{Error, ErrorKind};
pub use crate::events::{Event, Events, Progress};
pub use crate::fleet::{Fleet, FleetEvents, FleetPolicy, Outcome};
pub use crate::follow::Follow;
pub use crate::handle::Handle;
#[cfg(feature = "ecr")]
pub use crate::image_check::{ImageCheck, ImageFinding, ImageProblem};
pub use crate::obstacle::Obstacle;
pub use crate::policy::{DeployPolicy, Permission};
pub use crate::preflight::{Finding, FindingKind};
pub use crate::revision::ContainerMut;
pub use crate::revision::Revision;
pub use crate::rollback::RollBack;
pub use crate::rollout::{Deployed, RollOut};
pub use crate::service::Service;
pub use crate::staged::{Pause, Resolution, RollbackCause};
pub use crate::task::{Logs, OnTimeout, Ran, RunTask};
pub use crate::terms::{OnFailure, OnPause, Patience};
