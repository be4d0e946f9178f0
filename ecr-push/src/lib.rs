#![doc = include_str!("../README.md")]

mod api;
mod blob_reader;
mod caller;
mod checkpoint;
mod clients;
mod cursor;
mod destination;
mod docker_config;
mod error;
mod events;
mod frame;
mod image;
mod limits;
mod memory;
mod names;
mod new_repository;
mod pace;
mod parts;
mod plan;
mod policy;
mod push;
mod pushed;
mod put;
mod registry;
mod retries;
mod run;
mod tags;
mod tasks;
mod text;
mod token;
mod transport;
mod upload;

pub use crate::docker_config::DockerConfig;
pub use crate::error::{Error, ErrorKind};
pub use crate::events::{Event, Events};
pub use crate::image::{Blob, Compression, FromFile, Image, Layer, Open, Platform};
pub use crate::limits::LargeLayers;
pub use crate::names::{Digest, Repository, Tag};
pub use crate::new_repository::NewRepository;
pub use crate::plan::{
    LayerStep, ManifestStep, Obstacle, Plan, PlannedLayer, PlannedManifest, PlannedTag,
    RepositoryPlan, RepositoryState,
};
pub use crate::policy::{Permission, PushPolicy};
pub use crate::push::{Push, Pusher};
pub use crate::pushed::{Pushed, PushedTag, PushedTo};
pub use crate::run::LookUp;
pub use crate::tags::TagChange;
pub use crate::token::{Token, TokenProvider};
pub use crate::transport::{RegistryEndpoint, Transport};
