#![doc = include_str!("../README.md")]

mod canonical;
mod deploy;
mod diagnose;
mod diff;
mod error;
mod events;
mod json;
mod poll;
mod raw;
mod reference;
mod register;
mod revision;
mod rollback;
mod rollout;
mod sdk;
mod service;
mod wait;
mod watch;

pub use crate::deploy::Deployer;
pub use crate::diagnose::TaskFailure;
pub use crate::diff::{Change, Diff};
pub use crate::error::{Error, ErrorKind};
pub use crate::events::{Event, Events, Progress};
pub use crate::revision::{ContainerMut, Revision};
pub use crate::rollback::OnFailure;
pub use crate::rollout::{Deployed, RollOut};
pub use crate::service::Service;
