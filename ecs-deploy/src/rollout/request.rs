//! [`DeploymentRequest`]: what a rollout was asked for.

use crate::ecs::client::Ecs;
use crate::ecs::update::Update;
#[cfg(feature = "ecr")]
use crate::image_check::ImageCheck;
use crate::model::finding::RefusedKinds;
use crate::names::service::Service;

/// What a rollout was asked for.
#[derive(Debug)]
pub(crate) struct DeploymentRequest {
    pub(crate) ecs: Ecs,
    pub(crate) service: Service,
    pub(crate) update: Update,
    pub(crate) refused: RefusedKinds,
    pub(crate) expected: Option<Expectation>,
    #[cfg(feature = "ecr")]
    pub(crate) images: Option<ImageCheck>,
}

/// What the service still has to be like when the rollout begins.
#[derive(Debug)]
pub(crate) enum Expectation {
    /// This deployment is PRIMARY, and it is to be undone.
    Deployment(String),
    /// It runs this task definition, and nothing is to be done, or something is.
    Planned { running: Option<String>, is_unchanged: bool },
}
