//! [`Deployer`]: reads, registers and deploys.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DeploymentControllerType, Service as Description};
use aws_types::SdkConfig;

use crate::error::{Error, Repr};
use crate::revision::Revision;
use crate::rollout::RollOut;
use crate::service::Service;

/// Deploys to the services of one region and account. Clones share one ECS client.
///
/// How often a request is tried is the `SdkConfig`'s business; only
/// [`register`](Self::register) waits for ECS to be ready for it.
#[derive(Debug, Clone)]
pub struct Deployer {
    client: Client,
}

impl Deployer {
    /// With the region, the credentials and the HTTP client of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Makes `service` run `revision`, which is registered before if it has changed. Nothing
    /// happens until the returned [`RollOut`] is awaited.
    pub fn roll_out(&self, service: &Service, revision: Revision) -> RollOut {
        RollOut::new(self.clone(), service.clone(), revision)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The configuration's region, for error messages.
    pub(crate) fn region(&self) -> String {
        let region = self.client.config().region();
        region.map_or_else(|| "no region".to_owned(), |region| region.to_string())
    }

    /// The service, if it is one that can be deployed to.
    pub(crate) async fn describe(&self, service: &Service) -> Result<Description, Error> {
        let region = self.region();
        if service.region().is_some_and(|of_service| of_service != region) {
            return Err(Repr::Region { service: service.clone(), region }.into());
        }
        let Some(description) = self.find(service).await? else {
            return Err(Repr::NoService { service: service.clone(), region }.into());
        };
        let service = service.clone();
        if let Some(status) = description.status().filter(|status| *status != "ACTIVE") {
            return Err(Repr::ServiceInactive { service, status: status.to_owned() }.into());
        }
        match description.deployment_controller().map(|controller| controller.r#type()) {
            None | Some(DeploymentControllerType::Ecs) => Ok(description),
            Some(other) => {
                let controller = other.as_str().to_owned();
                Err(Repr::UnsupportedController { service, controller }.into())
            }
        }
    }

    /// The service as it is; `None` where it is missing.
    pub(crate) async fn find(&self, service: &Service) -> Result<Option<Description>, Error> {
        let output = self
            .client
            .describe_services()
            .cluster(service.cluster_reference())
            .services(service.name())
            .send()
            .await
            .map_err(|error| {
                Error::service_api("DescribeServices", service, &self.region(), error)
            })?;
        Ok(output.services.unwrap_or_default().into_iter().next())
    }

    /// Starts a deployment, and returns the service with it. Unless it is forced, ECS starts none
    /// where the PRIMARY deployment is one of `task_definition` already.
    pub(crate) async fn update(
        &self,
        service: &Service,
        task_definition: &str,
        is_forced: bool,
    ) -> Result<Description, Error> {
        const OPERATION: &str = "UpdateService";
        let output = self
            .client
            .update_service()
            .cluster(service.cluster_reference())
            .service(service.name())
            .task_definition(task_definition)
            .set_force_new_deployment(is_forced.then_some(true))
            .send()
            .await
            .map_err(|error| Error::service_api(OPERATION, service, &self.region(), error))?;
        output
            .service
            .ok_or_else(|| Error::protocol(OPERATION, "there is no service in it".to_owned()))
    }
}

impl From<Client> for Deployer {
    fn from(client: Client) -> Self {
        Self { client }
    }
}
