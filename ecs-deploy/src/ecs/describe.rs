//! The descriptions of services, and the errors for services that don't accept deployments.

use aws_sdk_ecs::types::{DeploymentControllerType, Failure, Service as Description};

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::error::answer::ApiFailure;
use crate::error::missing_statement::Need;
use crate::error::repr::Repr;
use crate::names::arn::short;
use crate::names::service::Service;
use crate::outside::Outside;

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
        const OPERATION: &str = "DescribeServices";
        let Some(cluster) = services.first().map(Service::cluster_reference) else {
            return Vec::new();
        };
        let names = services.iter().map(|it| it.name().to_owned()).collect();
        let call = self.client().describe_services().cluster(cluster).set_services(Some(names));
        match call.send().await {
            Ok(mut output) => {
                let found = output.services.get_or_insert_default();
                let mut take = |service: &Service| {
                    let name = service.name();
                    match found.iter().position(|it| it.service_name() == Some(name)) {
                        Some(at) => Ok(Some(found.swap_remove(at))),
                        None => absence(output.failures.as_deref().unwrap_or_default(), name),
                    }
                };
                services.iter().map(&mut take).collect()
            }
            Err(error) => {
                let failure = ApiFailure::new(OPERATION, error);
                let region = self.region();
                let fail = |it: &Service| {
                    let needs = Need::of_service(OPERATION, &it.pattern(&region));
                    Error::about_service(OPERATION, it, &region, needs, failure.clone())
                };
                services.iter().map(|it| Err(fail(it))).collect()
            }
        }
    }
}

/// Returns `None` for a service that the response reports as missing. A response without the service
/// and without that report says nothing about it.
fn absence(failures: &[Failure], name: &str) -> Result<Option<Description>, Error> {
    let is_named = |it: &&Failure| it.arn().is_none_or(|arn| short(arn) == name);
    // A single failure is about the only missing service, in either form of its ARN.
    let failure =
        failures.iter().find(is_named).or(failures.first().filter(|_| failures.len() == 1));
    let problem = match failure.map(|it| it.reason().unwrap_or_default()) {
        Some("MISSING") => return Ok(None),
        Some(reason) => format!("`{name}` couldn't be described: {}", Outside::new(reason)),
        None => format!("it has neither the service `{name}` nor a failure for it"),
    };
    Err(Error::protocol("DescribeServices", problem))
}
