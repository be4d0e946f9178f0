//! [`Deployer`]: reads, registers and deploys.

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DeploymentControllerType, Service as Description, TaskDefinitionField};
use aws_types::SdkConfig;
use tokio::time::{Instant, sleep};

use crate::error::{Error, Repr};
use crate::raw::{Capture, replace_body};
use crate::revision::{Observed, Revision};
use crate::rollout::RollOut;
use crate::service::Service;

/// Deploys to the services of one region and account. Clones share one ECS client.
///
/// How often a request is tried is the `SdkConfig`'s business. What goes on for minutes (a wait,
/// [`run_task`](Self::run_task), [`prune`](Self::prune)) doesn't end because a request that only
/// reads, or that may be repeated, failed as often as that.
#[derive(Debug, Clone)]
pub struct Deployer {
    client: Client,
}

impl Deployer {
    /// With the region, the credentials and the HTTP client of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// The task definition that `service` is to run now: the one of its PRIMARY deployment, not
    /// the newest of the family. Two calls: DescribeServices and DescribeTaskDefinition.
    ///
    /// What is rolled out from the copy replaces the whole task definition, so that two pipelines
    /// for two containers of one service must not work on copies of the same revision:
    /// [`RollOut`] says how much of that is noticed.
    ///
    /// # Errors
    /// [`ClusterNotFound`](crate::ErrorKind::ClusterNotFound),
    /// [`ServiceNotFound`](crate::ErrorKind::ServiceNotFound),
    /// [`ServiceInactive`](crate::ErrorKind::ServiceInactive),
    /// [`UnsupportedController`](crate::ErrorKind::UnsupportedController), and those of the calls.
    pub async fn current(&self, service: &Service) -> Result<Revision, Error> {
        let description = self.describe(service).await?;
        let at = Instant::now();
        let Some(arn) = description.task_definition() else {
            let problem = format!("the service {service} has no task definition");
            return Err(Error::protocol("DescribeServices", problem));
        };
        let mut revision = self.definition(arn).await?;
        revision.observed = Some(Observed { service: service.clone(), description, at });
        Ok(revision)
    }

    /// Registers `revision` as a new revision of its family, unless nothing in it has changed, and
    /// returns the ARN of the one that there is then. Registering it again registers nothing.
    ///
    /// ECS refuses to work on two registrations of one family at a time; that is waited out for
    /// about half a minute.
    ///
    /// # Errors
    /// Those of RegisterTaskDefinition.
    pub async fn register(&self, revision: &mut Revision) -> Result<String, Error> {
        const OPERATION: &str = "RegisterTaskDefinition";
        if !revision.is_changed() {
            return Ok(revision.arn().to_owned());
        }
        let mut delay = Duration::from_secs(1);
        let output = loop {
            let result = self
                .client
                .register_task_definition()
                .family(revision.family())
                .customize()
                .mutate_request(replace_body(revision.request()))
                .send()
                .await
                .map_err(|error| Error::api(OPERATION, revision.family(), error));
            match result {
                Err(error) if error.is_concurrent_registration() && delay <= LONGEST_DELAY => {
                    sleep(delay).await;
                    delay *= 2;
                }
                result => break result?,
            }
        };
        let registered = output.task_definition.and_then(|it| it.task_definition_arn);
        let arn = registered
            .ok_or_else(|| Error::protocol(OPERATION, "there is no ARN in it".to_owned()))?;
        tracing::info!(%arn, "registered");
        revision.registered_as(arn.clone());
        Ok(arn)
    }

    /// Makes `service` run `revision`, which is registered before if it has changed. Nothing
    /// happens until the returned [`RollOut`] is awaited.
    pub fn roll_out(&self, service: &Service, revision: Revision) -> RollOut {
        RollOut::new(self.clone(), service.clone(), revision)
    }

    /// A task definition by its ARN, as `FAMILY:REVISION`, or the newest active one of a family.
    pub(crate) async fn definition(&self, reference: &str) -> Result<Revision, Error> {
        const OPERATION: &str = "DescribeTaskDefinition";
        let capture = Capture::default();
        self.client
            .describe_task_definition()
            .task_definition(reference)
            .include(TaskDefinitionField::Tags)
            .customize()
            .interceptor(capture.clone())
            .send()
            .await
            .map_err(|error| Error::api(OPERATION, reference, error))?;
        Revision::from_response(capture.json(OPERATION)?)
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

/// 1 + 2 + 4 + 8 + 16 seconds in all.
const LONGEST_DELAY: Duration = Duration::from_secs(16);
