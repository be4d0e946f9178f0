//! The deployments in ECS's description of a service.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service as Description};

pub(crate) fn primary(description: &Description) -> Option<&Deployment> {
    description.deployments().iter().find(|it| is_primary(it))
}

/// Returns the task definition of the PRIMARY deployment.
pub(crate) fn running(description: &Description) -> Option<&str> {
    primary(description)?.task_definition()
}

pub(crate) fn is_primary(deployment: &Deployment) -> bool {
    deployment.status() == Some("PRIMARY")
}

pub(crate) fn is_complete(deployment: &Deployment) -> bool {
    deployment.rollout_state() == Some(&DeploymentRolloutState::Completed)
}

pub(crate) fn is_in_progress(deployment: &Deployment) -> bool {
    deployment.rollout_state() == Some(&DeploymentRolloutState::InProgress)
}

pub(crate) fn has_failed(deployment: &Deployment) -> bool {
    deployment.rollout_state() == Some(&DeploymentRolloutState::Failed)
}
