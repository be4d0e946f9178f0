#![doc = include_str!("../README.md")]

mod batch;
mod begin;
mod deploy;
mod diagnose;
mod diff;
mod error;
mod events;
mod follow;
mod handle;
mod poll;
mod preflight;
mod raw;
mod revision;
mod rollout;
mod service;
mod staged;
mod terms;
mod update;
mod wait;
mod watch;

pub use crate::deploy::Deployer;
pub use crate::diagnose::TaskFailure;
pub use crate::diff::{Change, Diff};
pub use crate::error::{Error, ErrorKind};
pub use crate::events::{Event, Events, Progress};
pub use crate::follow::Follow;
pub use crate::handle::Handle;
pub use crate::preflight::{Finding, FindingKind};
pub use crate::revision::Revision;
pub use crate::rollout::{Deployed, RollOut};
pub use crate::service::Service;
pub use crate::staged::{Pause, Resolution, RollbackCause};
pub use crate::terms::{OnFailure, OnPause, Patience};
