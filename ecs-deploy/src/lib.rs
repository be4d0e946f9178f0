#![doc = include_str!("../README.md")]

mod cause;
mod deploy;
mod diagnose;
mod diff;
mod error;
mod events;
#[cfg(feature = "ecr")]
mod image_check;
mod obstacle;
mod poll;
mod raw;
mod revision;
mod rollback;
mod rollout;
mod service;
mod wait;
mod watch;

pub use crate::cause::FailureCause;
pub use crate::deploy::Deployer;
pub use crate::diagnose::TaskFailure;
pub use crate::diff::{Change, Diff};
pub use crate::error::{Error, ErrorKind};
pub use crate::events::{Event, Events, Progress};
#[cfg(feature = "ecr")]
pub use crate::image_check::{ImageCheck, ImageFinding, ImageProblem};
pub use crate::obstacle::Obstacle;
pub use crate::revision::Revision;
pub use crate::rollback::OnFailure;
pub use crate::rollout::{Deployed, RollOut};
pub use crate::service::Service;
