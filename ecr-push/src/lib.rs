#![doc = include_str!("../README.md")]

// The chapters. DESIGN.md has them from the ground up, and what each may know.
mod aws {
    pub(crate) mod clients;
    pub(crate) mod failure;
    pub(crate) mod pace;
    pub(crate) mod retries;
}
mod error;
pub mod image;
pub mod login;
pub mod names;
mod push;
mod report;
mod tasks;
mod upload;
mod wire {
    pub(crate) mod answers;
    pub(crate) mod api;
    pub(crate) mod destination;
    pub(crate) mod new_repository;
    pub(crate) mod registry;
    pub(crate) mod transport;
}

pub use crate::error::Error;
pub use crate::error::kind::ErrorKind;
pub use crate::image::graph::Image;
pub use crate::names::digest::Digest;
pub use crate::names::repository::Repository;
pub use crate::names::tag::Tag;
pub use crate::push::Push;
pub use crate::push::pushed::Pushed;
pub use crate::push::pusher::Pusher;

/// A push that is watched while it works.
///
/// [`Push::events`] starts a push and hands out [`Events`](events::Events), whose `next` is the story
/// step by step and whose `finish` is the outcome. Each [`Event`](events::Event) names its repository;
/// serde writes it for a program's log, with its name as `event`:
///
/// ```
/// # fn log(event: &ecr_push::events::Event) -> Result<(), serde_json::Error> {
/// println!("{}", serde_json::to_string(event)?); // {"event":"layerProgress","repository":…
/// # Ok(())
/// # }
/// ```
pub mod events {
    pub use crate::push::events::Events;
    pub use crate::report::Event;
}

/// What a push has done, in each repository and with each tag.
///
/// [`Pushed`] is the whole of it, and has a [`RepositoryOutcome`](outcome::RepositoryOutcome) for each
/// repository and in that a [`TagOutcome`](outcome::TagOutcome) for each tag. serde writes and reads
/// all of them, so that one program can push and another one report.
pub mod outcome {
    pub use crate::push::pushed::{RepositoryOutcome, TagOutcome};
    pub use crate::report::TagChange;
}

/// What a push is going to do, found out without changing anything.
///
/// [`Push::plan`] asks each repository what it has, and returns a [`Plan`](plan::Plan): which layers are
/// sent and which skipped, which manifests are put, what becomes of each tag, and what ECR is going to
/// refuse. It prints a report for people, and serde writes and reads it.
pub mod plan {
    pub use crate::push::obstacles::Obstacle;
    pub use crate::push::plan::Plan;
    pub use crate::push::repository_plan::{
        LayerPlan, LayerStep, ManifestPlan, ManifestStep, RepositoryPlan, TagPlan,
    };
    pub use crate::push::survey::RepositoryState;
}

/// The least that an IAM policy has to allow for a push.
///
/// [`PushPolicy`](policy::PushPolicy) prints the policy for repositories and options, and explains each
/// [`Permission`](policy::Permission) of it. [`Push::policy`] has the one for a push as it stands.
pub mod policy {
    pub use crate::push::policy::{Permission, PushPolicy};
}

/// What a push may be asked to do differently.
///
/// [`NewRepository`](settings::NewRepository) is what a missing repository is created with,
/// [`LookUp`](settings::LookUp) decides whether a push asks for the image and its tags first, and
/// [`LargeLayers`](settings::LargeLayers) what becomes of layers of too many parts.
pub mod settings {
    pub use crate::push::survey::LookUp;
    pub use crate::upload::part_size::LargeLayers;
    pub use crate::wire::new_repository::NewRepository;
}

/// By which protocol a push goes, and to which address.
///
/// [`Transport::Api`](transport::Transport::Api), the default, is ECR's API;
/// [`Transport::Registry`](transport::Transport::Registry) is the protocol that Docker speaks, to the
/// repository's own host or to another [`RegistryEndpoint`](transport::RegistryEndpoint).
pub mod transport {
    pub use crate::wire::transport::{RegistryEndpoint, Transport};
}
