//! [`Deployer`]: reads, registers and deploys.

use std::sync::Arc;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    DeploymentControllerType, Service as Description, StopServiceDeploymentStopType,
};
use aws_types::SdkConfig;

use crate::ecs::capture::replace_body;
use crate::ecs::update::Update;
use crate::error::{ApiFailure, Error, Repr};
use crate::model::handle::Handle;
use crate::names::service::Service;
use crate::revision::Revision;
use crate::rollout::follow::Follow;
use crate::rollout::roll_out::RollOut;

/// Deploys to the services of one region and account. Clones share one ECS client.
///
/// How often a request is tried is the `SdkConfig`'s business. What goes on for minutes (a wait,
/// [`run_task`](Self::run_task), [`prune`](Self::prune)) doesn't end because a request that only
/// reads, or that may be repeated, failed as often as that; [`register`](Self::register) waits
/// for ECS to be ready for it.
#[derive(Debug, Clone)]
pub struct Deployer {
    client: Arc<Client>,
}

impl Deployer {
    /// With the region, the credentials and the HTTP client of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Client::new(config).into()
    }

    /// Follows a deployment that has begun, perhaps in another process, to its end. Nothing happens
    /// until the returned [`Follow`] is awaited.
    pub fn follow(&self, handle: Handle) -> Follow {
        Follow::new(self.clone(), handle)
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
        let mut found = self.find_all(std::slice::from_ref(service)).await;
        found.pop().unwrap_or(Ok(None))
    }

    /// How many services of a cluster can be looked at by one call (API reference).
    pub(crate) const AT_ONCE: usize = 10;

    /// The same for several services of one cluster, [`AT_ONCE`](Self::AT_ONCE) at most: one
    /// answer for each, in their order.
    pub(crate) async fn find_all(
        &self,
        services: &[Service],
    ) -> Vec<Result<Option<Description>, Error>> {
        let Some(cluster) = services.first().map(Service::cluster_reference) else {
            return Vec::new();
        };
        let names = services.iter().map(|it| it.name().to_owned()).collect();
        let call = self.client.describe_services().cluster(cluster).set_services(Some(names));
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

    /// Updates the service to `task_definition`, and returns it as it is then. Unless it is forced,
    /// ECS starts no deployment where the PRIMARY one is of `task_definition` already.
    pub(crate) async fn update(
        &self,
        service: &Service,
        task_definition: &str,
        update: &Update,
    ) -> Result<Description, Error> {
        const OPERATION: &str = "UpdateService";
        let output = self
            .client
            .update_service()
            .service(service.name())
            .customize()
            .mutate_request(replace_body(update.request(service, task_definition)))
            .send()
            .await
            .map_err(|error| Error::service_api(OPERATION, service, &self.region(), error))?;
        output
            .service
            .ok_or_else(|| Error::protocol(OPERATION, "there is no service in it".to_owned()))
    }

    /// Has ECS roll a deployment back.
    pub(crate) async fn stop(
        &self,
        service: &Service,
        service_deployment: &str,
    ) -> Result<(), Error> {
        const OPERATION: &str = "StopServiceDeployment";
        let call = self
            .client
            .stop_service_deployment()
            .service_deployment_arn(service_deployment)
            .stop_type(StopServiceDeploymentStopType::Rollback);
        call.send().await.map_err(|error| Error::api(OPERATION, service, error))?;
        Ok(())
    }

    /// Whether it is a clone of this one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.client, &other.client)
    }
}

impl From<Client> for Deployer {
    fn from(client: Client) -> Self {
        Self { client: Arc::new(client) }
    }
}
