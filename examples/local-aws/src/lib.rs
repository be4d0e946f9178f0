#![doc = include_str!("../README.md")]

mod caller;
mod clock;
mod core;
mod ecr;
mod ecs;
mod error;
mod faults;
mod iam;
mod in_process;
mod journal;
mod link;
mod listener;
mod local;
mod orders;
mod quotas;
mod sts;
mod wire;

pub use crate::clock::Timestamp;
pub use crate::core::Blobs;
pub use crate::ecr::{MissingLayers, RefusedUploads};
pub use crate::ecs::{AlarmState, HealthCheck, HookAnswer, RollbackId, Script};
pub use crate::faults::{Fault, When};
pub use crate::iam::InvalidPolicy;
pub use crate::journal::{Call, Journal};
pub use crate::link::Link;
pub use crate::listener::Server;
pub use crate::local::LocalAws;
