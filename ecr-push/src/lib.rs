#![doc = include_str!("../README.md")]

mod aws {
    pub(crate) mod clients;
    pub(crate) mod pace;
    pub(crate) mod retries;
}
mod error;
pub mod image;
mod login;
pub mod names;
mod push;
mod tasks;
mod upload;
mod wire {
    pub(crate) mod api;
    pub(crate) mod destination;
    pub(crate) mod new_repository;
    pub(crate) mod registry;
    pub(crate) mod transport;
}

pub use crate::error::Error;
pub use crate::error::kind::ErrorKind;
pub use crate::image::graph::Image;
pub use crate::image::{Blob, Compression, FromFile, Layer, Open, Platform};
pub use crate::login::docker_config::DockerConfig;
pub use crate::login::token::{Token, TokenProvider};
pub use crate::names::digest::Digest;
pub use crate::names::repository::Repository;
pub use crate::names::tag::Tag;
pub use crate::push::events::{Event, Events};
pub use crate::push::limits::LargeLayers;
pub use crate::push::plan::{
    LayerStep, ManifestStep, Obstacle, Plan, PlannedLayer, PlannedManifest, PlannedTag,
    RepositoryPlan, RepositoryState,
};
pub use crate::push::policy::{Permission, PushPolicy};
pub use crate::push::pushed::{Pushed, PushedTag, PushedTo};
pub use crate::push::run::LookUp;
pub use crate::push::tags::TagChange;
pub use crate::push::{Push, Pusher};
pub use crate::wire::new_repository::NewRepository;
pub use crate::wire::transport::{RegistryEndpoint, Transport};
