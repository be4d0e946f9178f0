//! Looks at services, and refuses those that can't be deployed to.

use aws_sdk_ecs::types::{DeploymentControllerType, Service as Description};

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::error::answer::ApiFailure;
use crate::error::repr::Repr;
use crate::names::service::Service;

impl Ecs {
    /// How many services of a cluster one call can describe (API reference).
    pub(crate) const AT_ONCE: usize = 10;

    /// The service, if it can be deployed to: it is there, it is ACTIVE, and ECS itself controls its
    /// deployments.
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

    /// The service, which has to be in the region of the configuration.
    pub(crate) async fn existing(&self, service: &Service) -> Result<Description, Error> {
        let region = self.region();
        if service.region().is_some_and(|of_service| of_service != region) {
            return Err(Repr::Region { service: service.clone(), region }.into());
        }
        let missing = || Repr::NoService { service: service.clone(), region };
        self.find(service).await?.ok_or_else(|| missing().into())
    }

    /// The service as it is; `None` if it is missing.
    pub(crate) async fn find(&self, service: &Service) -> Result<Option<Description>, Error> {
        let mut found = self.find_all(std::slice::from_ref(service)).await;
        found.pop().unwrap_or(Ok(None))
    }

    /// The same for several services of one cluster, [`AT_ONCE`](Self::AT_ONCE) at most: one answer
    /// for each, in their order.
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
