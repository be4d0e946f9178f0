#![doc = include_str!("../README.md")]

mod deploy;
mod diagnose;
mod diff;
mod error;
mod events;
mod patience;
mod policy;
mod poll;
mod prune;
mod raw;
mod revision;
mod rollback;
mod rollout;
mod service;
mod task;
mod wait;
mod watch;

pub use crate::deploy::Deployer;
pub use crate::diagnose::TaskFailure;
pub use crate::diff::{Change, Diff};
pub use crate::error::{Error, ErrorKind};
pub use crate::events::{Event, Events, Progress};
pub use crate::policy::{DeployPolicy, Permission};
pub use crate::prune::{Kept, Prune, PrunePlan, Pruned};
pub use crate::revision::Revision;
pub use crate::rollback::OnFailure;
pub use crate::rollout::{Deployed, RollOut};
pub use crate::service::Service;
pub use crate::task::{Logs, OnTimeout, Ran, RunTask};
