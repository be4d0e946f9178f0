#![doc = include_str!("../README.md")]

mod caller;
mod clock;
mod context;
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
mod registry;
mod sts;
mod tokens;
mod transcript;
mod wire;

pub use crate::clock::Timestamp;
pub use crate::context::Blobs;
pub use crate::ecr::{MissingLayers, RefusedUploads};
pub use crate::ecs::{
    AlarmState, ContainerExit, HealthCheck, HookAnswer, RollbackId, RunTaskFailure, Script,
    UnknownMembers,
};
pub use crate::faults::{Fault, Middlebox, When};
pub use crate::iam::InvalidPolicy;
pub use crate::journal::{Call, Journal};
pub use crate::link::Link;
pub use crate::listener::Server;
pub use crate::local::LocalAws;
