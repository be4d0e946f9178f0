//! UpdateService: what changes a service, and which changes start a deployment.

use serde::Deserialize;
use serde_json::{Value, json};

use super::configuration::{Configuration, not_emulated};
use super::input::{cluster_name, service_name};
use super::requirements::Requirements;
use super::services::{Controller, desired_count, settings};
use super::store::Ecs;
use super::store::service::{STARTING, Service};
use super::workload::Workload;
use super::world::World;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateService {
    cluster: Option<String>,
    #[serde(default)]
    service: String,
    task_definition: Option<String>,
    desired_count: Option<i64>,
    deployment_configuration: Option<Configuration>,
    deployment_controller: Option<Controller>,
    #[serde(default)]
    force_new_deployment: bool,
}

impl Ecs {
    pub(crate) fn update_service(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: UpdateService = parse(body)?;
        let cluster = cluster_name(input.cluster.as_deref(), context).to_owned();
        let name = service_name(&input.service, &cluster, context).to_owned();
        let is_express = self.controls.is_express(&cluster, &name);
        let service = self.active_service_mut(&cluster, &name)?;
        // Inferred: such a service has an operation of its own, UpdateExpressGatewayService.
        if is_express {
            return Err(AwsError::invalid_parameter(
                "The service is managed by Amazon ECS. Use UpdateExpressGatewayService to update \
                 it.",
            ));
        }
        if input.deployment_controller.as_ref().is_some_and(|it| it.r#type != service.controller) {
            return Err(not_emulated("the change of a deployment controller"));
        }
        let mut changes = settings(body)?;
        let changed = |name: &&&str| {
            changes.get(**name).is_some_and(|value| service.settings.get(**name) != Some(value))
        };
        let first_change = STARTING.iter().find(changed).copied();
        input.check_controller(service, first_change)?;
        let configuration = service.configuration.clone().merged(input.deployment_configuration)?;
        let desired = input.desired_count.map(desired_count).transpose()?;
        let starts = input.force_new_deployment || first_change.is_some();
        let (launch_type, kept) = (service.launch_type.clone(), service.settings.clone());
        let current = service.deployments.front().map(|it| &it.revision.workload.task_definition);
        let current = current.cloned();
        let definition = match (&input.task_definition, &current) {
            (Some(reference), _) => Some(self.active_definition(reference, context)?),
            // A service keeps the definition that it has, even if that is inactive.
            (None, Some(current)) => self.definition(current, context),
            (None, None) => None,
        };
        let definition =
            definition.filter(|it| starts || Some(it.arn.as_str()) != current.as_deref());
        if let Some(definition) = definition {
            let mut settings = kept;
            settings.extend(changes.clone());
            Requirements::of_service(&settings)?.check(definition, &launch_type)?;
        }
        let workload = definition.map(|it| Workload::new(it, &launch_type));
        let script = self.controls.script(&cluster, &name);

        let Self { clusters, controls, .. } = self;
        let mut world = World::new(context, controls);
        let service = clusters.get_mut(&cluster).and_then(|it| it.services.get_mut(&name));
        let Some(service) = service else {
            return Err(AwsError::new("ServiceNotFoundException", "Service not found."));
        };
        service.settings.append(&mut changes);
        service.configure(configuration);
        if let Some(desired) = desired {
            service.desired = desired;
            service.look_soon(world.now, &world);
        }
        if let Some(workload) = workload {
            service.start_deployment(workload, script, world.now, &mut world);
        }
        Ok(json!({ "service": service.to_json() }))
    }
}

impl UpdateService {
    /// A service of another controller takes nothing that would start a deployment.
    fn check_controller(
        &self,
        service: &Service,
        first_change: Option<&str>,
    ) -> Result<(), AwsError> {
        let what = match (&self.task_definition, first_change) {
            _ if service.controller == "ECS" => return Ok(()),
            (Some(_), _) => "task definition",
            (None, _) if self.force_new_deployment => "force",
            (None, Some("networkConfiguration")) => "network parameters",
            (None, Some("platformVersion")) => "platform version",
            (None, Some(_)) => "load balancers",
            (None, None) => return Ok(()),
        };
        Err(belongs_to_controller(service, what))
    }
}

impl Service {
    /// Inferred: what a configuration says of failures and percentages holds at once, its strategy
    /// from the next deployment on.
    fn configure(&mut self, configuration: Configuration) {
        self.configuration = configuration;
        let configuration = self.configuration.clone();
        if let Some(open) = self.open_mut()
            && open.configuration.strategy() == configuration.strategy()
        {
            open.configuration = configuration;
        }
    }
}

/// AWS documentation on the CODE_DEPLOY controller; reported with these texts. Inferred for
/// EXTERNAL.
fn belongs_to_controller(service: &Service, what: &str) -> AwsError {
    let controller = &service.controller;
    let refused = match what {
        "force" => "Cannot force a new deployment".to_owned(),
        what => format!("Unable to update {what}"),
    };
    let cure = match controller.as_str() {
        "CODE_DEPLOY" => " Use AWS CodeDeploy to trigger a new deployment.",
        _ => "",
    };
    AwsError::invalid_parameter(format!(
        "{refused} on services with a {controller} deployment controller.{cure}"
    ))
}
