//! Going back after a failure that ECS itself doesn't roll back.

use aws_sdk_ecs::types::{
    DeploymentRolloutState, Service as Description, StopServiceDeploymentStopType,
};

use crate::deploy::Deployer;
use crate::error::Error;
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
    ///
    /// Before each of the two, the service is looked at once more. Nothing is done where the
    /// deployment is complete after all, where another one has taken over, or where that can't be
    /// seen; nor where the wait ends because a call isn't allowed or the credentials are no longer
    /// valid, or before ECS has answered UpdateService.
    RollBack,
}

impl Deployer {
    /// Tells ECS to go back to the task definition `previous`. `start` is the service when the
    /// deployment began that is to be undone.
    pub(crate) async fn go_back(
        &self,
        way: Way,
        service: &Service,
        start: &Description,
        previous: &str,
    ) -> Result<(), Error> {
        match way {
            Way::StopServiceDeployment => {
                const OPERATION: &str = "StopServiceDeployment";
                let Some(arn) = start.current_service_deployment() else {
                    let problem = "there is no service deployment in it".to_owned();
                    return Err(Error::protocol("UpdateService", problem));
                };
                self.client()
                    .stop_service_deployment()
                    .service_deployment_arn(arn)
                    .stop_type(StopServiceDeploymentStopType::Rollback)
                    .send()
                    .await
                    .map_err(|error| Error::api(OPERATION, service, error))?;
            }
            Way::UpdateService => {
                self.update(service, previous, false).await?;
            }
        }
        Ok(())
    }
}

/// How to go back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// Undoes this very deployment, or nothing.
    StopServiceDeployment,
    /// Replaces whatever the service runs.
    UpdateService,
}

/// The task definition of the last deployment that was complete when `deployment` began.
pub(crate) fn previous<'a>(start: &'a Description, deployment: &str) -> Option<&'a str> {
    let mut others = start.deployments().iter().filter(|it| it.id() != Some(deployment));
    let complete =
        others.find(|it| it.rollout_state() == Some(&DeploymentRolloutState::Completed))?;
    complete.task_definition()
}
