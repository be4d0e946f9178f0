#![doc = include_str!("../README.md")]

// The chapters. DESIGN.md lists them from the ground up, and says what each may know.
mod aws {
    pub(crate) mod bounded;
    pub(crate) mod clients;
    pub(crate) mod failure;
    pub(crate) mod foreign;
    pub(crate) mod pace;
    pub(crate) mod retries;
}
mod error;
mod file;
pub mod image;
pub mod login;
pub mod names;
mod outside;
mod push;
mod report;
mod tasks;
mod upload;
mod wire {
    pub(crate) mod answers;
    pub(crate) mod api;
    mod checks;
    pub(crate) mod destination;
    pub(crate) mod new_repository;
    pub(crate) mod registry;
    pub(crate) mod transport;
}

pub use crate::error::Error;
pub use crate::error::kind::ErrorKind;
pub use crate::image::opened::Image;
pub use crate::names::digest::Digest;
pub use crate::names::repository::Repository;
pub use crate::names::tag::Tag;
pub use crate::push::Push;
pub use crate::push::pushed::Pushed;
pub use crate::push::pusher::Pusher;

/// The events of a push, for progress bars and logs.
///
/// [`Push::events`] returns [`Events`](events::Events). Its `next` returns one
/// [`Event`](events::Event) after the other, and its `finish` the outcome. Each event names its
/// repository. serde writes it for a program's log, with its name as `event`:
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

/// The outcome of a push, in each repository and for each tag.
///
/// [`Pushed`] has a [`RepositoryOutcome`](outcome::RepositoryOutcome) for each repository, and that
/// has a [`TagOutcome`](outcome::TagOutcome) for each tag. serde writes and reads all of them, so
/// that one program can push and another one report.
pub mod outcome {
    pub use crate::push::pushed::{RepositoryOutcome, TagOutcome};
    pub use crate::report::TagChange;
}

/// A preview of a push, made without changing anything.
///
/// [`Push::plan`] asks each repository what it has and returns a [`Plan`](plan::Plan): the layers
/// that the push sends and skips, the manifests that it puts, the effect on each tag, and what ECR
/// will reject. `Display` prints a report for people, and serde writes and reads the plan.
pub mod plan {
    pub use crate::push::obstacles::Obstacle;
    pub use crate::push::plan::Plan;
    pub use crate::push::repository_plan::{
        LayerPlan, LayerStep, ManifestPlan, ManifestStep, RepositoryPlan, TagPlan,
    };
    pub use crate::push::survey::RepositoryState;
}

/// The least-privilege IAM policy of a push.
///
/// [`PushPolicy`](policy::PushPolicy) prints the policy for repositories and options, and explains
/// each [`Permission`](policy::Permission) in it. [`Push::policy`] returns the policy of a prepared
/// push.
pub mod policy {
    pub use crate::push::policy::{Permission, PushPolicy};
}

/// The settings of a push.
///
/// [`NewRepository`](settings::NewRepository) holds the settings of a repository that the push
/// creates, [`LookUp`](settings::LookUp) decides whether the push looks up the image and its tags
/// first, [`LargeLayers`](settings::LargeLayers) decides how it treats layers of too many parts, and
/// [`ForeignLayers`](settings::ForeignLayers) whether it sends foreign layers.
pub mod settings {
    pub use crate::push::foreign_layers::ForeignLayers;
    pub use crate::push::survey::LookUp;
    pub use crate::upload::part_size::LargeLayers;
    pub use crate::wire::new_repository::NewRepository;
}

/// The protocol of a push, and the address of the registry.
///
/// [`Transport::Api`](transport::Transport::Api), the default, is ECR's API.
/// [`Transport::Registry`](transport::Transport::Registry) is Docker's protocol. Its requests go to
/// the repository's own host, or to another [`RegistryEndpoint`](transport::RegistryEndpoint).
pub mod transport {
    pub use crate::wire::transport::{RegistryEndpoint, Transport};
}
