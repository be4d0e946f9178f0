//! [`DeploymentRequest`]: the rollout that the caller requested.

use crate::ecs::client::Ecs;
use crate::ecs::update::Update;
#[cfg(feature = "ecr")]
use crate::image_check::ImageCheck;
use crate::model::finding::RefusedKinds;
use crate::names::service::Service;

/// The rollout that the caller requested.
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

/// The expected state of the service; another state makes the request outdated.
#[derive(Debug)]
pub(crate) enum Expectation {
    /// This deployment is PRIMARY, and the order rolls it back.
    Deployment(String),
    /// The service runs this task definition. `is_unchanged` says whether the plan has no changes.
    Planned { running: Option<String>, is_unchanged: bool },
}
