//! Going back after a failure that ECS itself doesn't roll back.

use aws_sdk_ecs::types::{
    DeploymentRolloutState, Service as Description, StopServiceDeploymentStopType,
};

use crate::deploy::Deployer;
use crate::error::Remedy;
use crate::revision::short;
use crate::service::Service;

/// What to do where a rollout fails or isn't complete in time, and ECS doesn't roll it back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// Leave the service as it is: the safe choice while nobody knows what would be better.
    #[default]
    Leave,
    /// Tell ECS to go back to what ran before, and don't wait for it: by StopServiceDeployment,
    /// or, where that isn't possible or not allowed, by deploying the revision that the last
    /// completed deployment ran. The outcome remains an error, which says what was done.
    RollBack,
}

impl Deployer {
    /// Tells ECS to go back to what `before` (the service when the deployment began) ran beside
    /// `deployment`.
    pub(crate) async fn roll_back(
        &self,
        service: &Service,
        deployment: &str,
        before: &Description,
    ) -> Remedy {
        let Some(previous) = before
            .deployments()
            .iter()
            .filter(|it| it.id() != Some(deployment))
            .find(|it| it.rollout_state() == Some(&DeploymentRolloutState::Completed))
            .and_then(|it| it.task_definition())
        else {
            return Remedy::Unavailable("no deployment before it was complete".to_owned());
        };
        if let Some(arn) = before.current_service_deployment() {
            let stop = self
                .client()
                .stop_service_deployment()
                .service_deployment_arn(arn)
                .stop_type(StopServiceDeploymentStopType::Rollback)
                .send()
                .await;
            match stop {
                Ok(_) => return Remedy::RollingBack(short(previous).to_owned()),
                // It isn't in progress any more, or the action isn't allowed.
                Err(error) => {
                    tracing::debug!(%service, %error, "the service deployment can't be stopped");
                }
            }
        }
        match self.update(service, previous).await {
            Ok(_) => Remedy::RollingBack(short(previous).to_owned()),
            Err(error) => Remedy::Unavailable(error.to_string()),
        }
    }
}
