//! The descriptions of services, and the errors for services that don't accept deployments.

use aws_sdk_ecs::types::{DeploymentControllerType, Service as Description};

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::error::answer::ApiFailure;
use crate::error::repr::Repr;
use crate::names::service::Service;

impl Ecs {
    /// The limit of services in one DescribeServices call (API reference).
    pub(crate) const AT_ONCE: usize = 10;

    /// Returns the service's description, or an error if the service doesn't accept deployments: it
    /// must exist, be ACTIVE and have the deployment controller ECS.
    pub(crate) async fn describe(&self, service: &Service) -> Result<Description, Error> {
        let description = self.existing(service).await?;
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

    /// Returns the description of an existing service in the configuration's region, or an error.
    pub(crate) async fn existing(&self, service: &Service) -> Result<Description, Error> {
        let region = self.region();
        if service.region().is_some_and(|of_service| of_service != region) {
            return Err(Repr::Region { service: service.clone(), region }.into());
        }
        let missing = || Repr::NoService { service: service.clone(), region };
        self.find(service).await?.ok_or_else(|| missing().into())
    }

    /// Returns the service's description; `None` if the service is missing.
    pub(crate) async fn find(&self, service: &Service) -> Result<Option<Description>, Error> {
        let mut found = self.find_all(std::slice::from_ref(service)).await;
        found.pop().unwrap_or(Ok(None))
    }

    /// Describes at most [`AT_ONCE`](Self::AT_ONCE) services of one cluster: returns one result for
    /// each, in their order.
    pub(crate) async fn find_all(
        &self,
        services: &[Service],
    ) -> Vec<Result<Option<Description>, Error>> {
        let Some(cluster) = services.first().map(Service::cluster_reference) else {
            return Vec::new();
        };
        let names = services.iter().map(|it| it.name().to_owned()).collect();
        let call = self.client().describe_services().cluster(cluster).set_services(Some(names));
        match call.send().await {
            Ok(output) => {
                let mut found = output.services.unwrap_or_default();
                let mut take = |name: &str| {
                    let at = found.iter().position(|it| it.service_name() == Some(name))?;
                    Some(found.swap_remove(at))
                };
                services.iter().map(|it| Ok(take(it.name()))).collect()
            }
            Err(error) => {
                let failure = ApiFailure::new(error);
                let region = self.region();
                let fail =
                    |it| Error::about_service("DescribeServices", it, &region, failure.clone());
                services.iter().map(|it| Err(fail(it))).collect()
            }
        }
    }
}
