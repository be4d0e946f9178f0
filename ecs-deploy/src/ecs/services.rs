//! The calls that change a service: updates, stops and decisions at a pause.

use aws_sdk_ecs::types::{
    DeploymentLifecycleHookAction, Service as Description, StopServiceDeploymentStopType,
};

use crate::ecs::capture::replace_body;
use crate::ecs::client::Ecs;
use crate::ecs::update::Update;
use crate::error::Error;
use crate::error::missing_statement::Need;
use crate::model::pause::{Pause, Resolution};
use crate::names::service::Service;

impl Ecs {
    /// Updates the service to `task_definition`, and returns its new description. If the PRIMARY
    /// deployment already has `task_definition`, ECS starts a new one only if `update` forces it.
    pub(crate) async fn update(
        &self,
        service: &Service,
        task_definition: &str,
        update: &Update,
    ) -> Result<Description, Error> {
        const OPERATION: &str = "UpdateService";
        let output = self
            .client()
            .update_service()
            .service(service.name())
            .customize()
            .mutate_request(replace_body(update.request(service, task_definition)))
            .send()
            .await
            .map_err(|error| Error::service_api(OPERATION, service, &self.region(), error))?;
        let updated = output
            .service
            .ok_or_else(|| Error::protocol(OPERATION, "the service is missing".to_owned()))?;
        match updated.service_name() == Some(service.name()) {
            true => Ok(updated),
            false => {
                let other = updated.service_name().unwrap_or("a service without a name");
                let problem = format!("it is about {other} instead of {service}");
                Err(Error::protocol(OPERATION, problem))
            }
        }
    }

    /// Asks ECS to roll a deployment back.
    pub(crate) async fn stop(
        &self,
        service: &Service,
        service_deployment: &str,
    ) -> Result<(), Error> {
        const OPERATION: &str = "StopServiceDeployment";
        let call = self
            .client()
            .stop_service_deployment()
            .service_deployment_arn(service_deployment)
            .stop_type(StopServiceDeploymentStopType::Rollback);
        let output = call.send().await.map_err(|error| {
            let needs = Need::of_service(OPERATION, &service.pattern(&self.region()));
            Error::needing(OPERATION, service, needs, error)
        })?;
        confirmed(OPERATION, service_deployment, output.service_deployment_arn())
    }

    /// Resolves the pause of a deployment at a lifecycle hook.
    pub(crate) async fn resolve(&self, pause: &Pause, resolution: Resolution) -> Result<(), Error> {
        const OPERATION: &str = "ContinueServiceDeployment";
        let action = match resolution {
            Resolution::Continue => DeploymentLifecycleHookAction::Continue,
            Resolution::RollBack => DeploymentLifecycleHookAction::Rollback,
        };
        let call = self
            .client()
            .continue_service_deployment()
            .service_deployment_arn(&pause.service_deployment)
            .hook_id(&pause.hook)
            .action(action);
        let subject = &pause.service_deployment;
        let output = call.send().await.map_err(|error| Error::api(OPERATION, subject, error))?;
        confirmed(OPERATION, subject, output.service_deployment_arn())
    }
}

/// Checks that the response is about the service deployment of the request.
fn confirmed(operation: &'static str, asked: &str, confirmed: Option<&str>) -> Result<(), Error> {
    let problem = match confirmed {
        Some(arn) if arn == asked => return Ok(()),
        Some(other) => format!("it is about `{other}` instead of `{asked}`"),
        None => "it has no `serviceDeploymentArn`".to_owned(),
    };
    Err(Error::protocol(operation, problem))
}
