//! Services: how they come into being, and how they go.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::configuration::{Configuration, not_emulated};
use super::input::{check_tags, cluster_name, is_name, page, service_name};
use super::requirements::Requirements;
use super::script::Pace;
use super::stop::Stop;
use super::store::Ecs;
use super::store::service::{STARTING, Service, State};
use super::workload::Workload;
use super::world::World;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateService {
    cluster: Option<String>,
    #[serde(default)]
    service_name: String,
    task_definition: Option<String>,
    desired_count: Option<i64>,
    deployment_configuration: Option<Configuration>,
    deployment_controller: Option<Controller>,
    launch_type: Option<String>,
    scheduling_strategy: Option<String>,
    tags: Option<Vec<Value>>,
}

#[derive(Deserialize)]
pub(crate) struct Controller {
    pub(crate) r#type: String,
}

#[derive(Deserialize)]
struct DeleteService {
    cluster: Option<String>,
    #[serde(default)]
    service: String,
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListServices {
    cluster: Option<String>,
    launch_type: Option<String>,
    scheduling_strategy: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// Settings whose change doesn't start a deployment (API reference of UpdateService).
const QUIET: [&str; 8] = [
    "availabilityZoneRebalancing",
    "capacityProviderStrategy",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "placementConstraints",
    "placementStrategy",
    "propagateTags",
];

impl Ecs {
    pub(crate) fn create_service(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: CreateService = parse(body)?;
        let cluster = cluster_name(input.cluster.as_deref(), context).to_owned();
        if !is_name(&input.service_name) {
            return Err(AwsError::invalid_parameter("Invalid service name."));
        }
        check_tags(input.tags.as_deref())?;
        if input.scheduling_strategy.as_deref().is_some_and(|strategy| strategy != "REPLICA") {
            return Err(not_emulated("the scheduling strategy DAEMON"));
        }
        let controller = input.deployment_controller.map_or("ECS".to_owned(), |it| it.r#type);
        if !matches!(controller.as_str(), "ECS" | "CODE_DEPLOY" | "EXTERNAL") {
            return Err(AwsError::invalid_parameter("Invalid deployment controller type."));
        }
        let configuration = Configuration::default().merged(input.deployment_configuration)?;
        // API reference: the desired count is required of a REPLICA service. Text inferred.
        let desired = desired_count(input.desired_count.ok_or_else(|| {
            AwsError::invalid_parameter("The desired count is required for a REPLICA service.")
        })?)?;
        match self.cluster(&cluster)?.services.get(&input.service_name).map(|it| it.state) {
            Some(State::Active) => {
                return Err(AwsError::invalid_parameter("Creation of service was not idempotent."));
            }
            // Reported, with this text.
            Some(State::Draining) => {
                return Err(AwsError::invalid_parameter(
                    "Unable to Start a service that is still Draining.",
                ));
            }
            Some(State::Inactive) | None => {}
        }
        let mut service = Service::new(&cluster, &input.service_name, configuration, context);
        service.desired = desired;
        service.launch_type = input.launch_type.unwrap_or_else(|| "EC2".to_owned());
        service.controller = controller;
        service.settings = settings(body)?;
        service.tags = input.tags.unwrap_or_default();
        // The other controllers run task sets, which aren't emulated: such a service runs nothing.
        if service.controller == "ECS" {
            let reference = input
                .task_definition
                .as_deref()
                .ok_or_else(|| AwsError::invalid_parameter("TaskDefinition can not be blank."))?;
            let definition = self.active_definition(reference, context)?;
            Requirements::of_service(&service.settings)?.check(definition, &service.launch_type)?;
            let workload = Workload::new(definition, &service.launch_type);
            let script = self.controls.script(&cluster, &service.name);
            let mut world = World::new(context, &self.controls);
            service.start_deployment(workload, script, world.now, &mut world);
        }
        let output = json!({ "service": service.to_json() });
        self.cluster_mut(&cluster)?.services.insert(input.service_name, service);
        Ok(output)
    }

    pub(crate) fn delete_service(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: DeleteService = parse(body)?;
        let cluster = cluster_name(input.cluster.as_deref(), context).to_owned();
        let name = service_name(&input.service, &cluster, context).to_owned();
        let pace = Pace::new(context.settings.rollout_pace);
        let service = self.active_service_mut(&cluster, &name)?;
        if service.desired > 0 && !input.force {
            return Err(AwsError::invalid_parameter(
                "The service cannot be stopped while it is scaled above 0.",
            ));
        }
        service.state = State::Draining;
        service.desired = 0;
        service.deployments.truncate(1);
        if let Some(primary) = service.deployments.front_mut() {
            (primary.restart_at, primary.fails_at) = (None, None);
        }
        // API reference: the history is gone with the service.
        service.service_deployments.clear();
        service.revisions.clear();
        (service.act_at, service.complete_at) = (None, None);
        for task in &mut service.tasks {
            let stop = Stop::scaling(task.deployment.unwrap_or_default());
            task.ask_to_stop(context.now, pace, stop);
        }
        service.drain();
        Ok(json!({ "service": service.to_json() }))
    }

    pub(crate) fn list_services(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: ListServices = parse(body)?;
        let cluster = self.cluster(cluster_name(input.cluster.as_deref(), context))?;
        let is_daemon = input.scheduling_strategy.as_deref() == Some("DAEMON");
        let arns = cluster
            .services
            .values()
            .filter(|service| service.state == State::Active && !is_daemon)
            .filter(|it| input.launch_type.as_ref().is_none_or(|wanted| *wanted == it.launch_type))
            .map(|service| json!(service.arn()))
            .collect();
        page("serviceArns", arns, input.max_results, input.next_token.as_deref(), 10)
    }
}

impl Service {
    /// Settles at once: for a service that has been running for long when the story begins.
    pub(crate) fn settle(&mut self, world: &mut World<'_>) {
        self.act_at = Some(world.now);
        let pace = std::mem::replace(&mut world.pace, Pace::INSTANT);
        self.advance(world);
        world.pace = pace;
    }
}

pub(crate) fn desired_count(count: i64) -> Result<u32, AwsError> {
    // AWS documentation, quotas: 5,000 tasks per service.
    u32::try_from(count)
        .ok()
        .filter(|count| *count <= 5000)
        .ok_or_else(|| AwsError::invalid_parameter("desiredCount must be between 0 and 5000."))
}

/// The members of the input that are passed on to the service.
pub(crate) fn settings(body: &[u8]) -> Result<Map<String, Value>, AwsError> {
    let mut body: Map<String, Value> = parse(body)?;
    Ok(STARTING
        .iter()
        .chain(&QUIET)
        .filter_map(|name| body.remove_entry(*name))
        // API reference: null means that nothing changes.
        .filter(|(_, value)| !value.is_null())
        .collect())
}
