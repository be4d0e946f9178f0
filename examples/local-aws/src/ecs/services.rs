//! Services: what is made of them, and what starts a deployment.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Ecs;
use super::configuration::{Configuration, not_emulated};
use super::definitions::{Container, Definition};
use super::input::{check_tags, cluster_name, is_name, page, service_name};
use super::rollout::{World, scatter};
use super::script::{FIRST_LOOK, Pace, Script};
use super::service_deployments::ServiceDeployment;
use super::tasks::Task;
use crate::clock::Timestamp;
use crate::core::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) cluster: String,
    /// `arn:PARTITION:ecs:REGION:ACCOUNT:`
    pub(crate) prefix: String,
    pub(crate) desired: u32,
    pub(crate) is_active: bool,
    pub(crate) launch_type: String,
    pub(crate) controller: String,
    pub(crate) configuration: Configuration,
    /// The other members of CreateService's and UpdateService's input, as they came in.
    pub(crate) settings: Map<String, Value>,
    pub(crate) tags: Vec<Value>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    /// The first is the PRIMARY one.
    pub(crate) deployments: VecDeque<Deployment>,
    pub(crate) tasks: Vec<Task>,
    /// Newest first.
    pub(crate) events: VecDeque<Value>,
    /// Oldest first.
    pub(crate) service_deployments: Vec<ServiceDeployment>,
    /// When the scheduler first looks at a change.
    pub(crate) act_at: Option<Timestamp>,
    /// When the PRIMARY deployment is complete, if all stays as it is.
    pub(crate) complete_at: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct Deployment {
    /// The number in `ecs-svc/…`, and at the end of the service revision's ARN.
    pub(crate) number: u64,
    pub(crate) task_definition: String,
    pub(crate) containers: Vec<Container>,
    pub(crate) script: Script,
    pub(crate) rollout: Rollout,
    pub(crate) reason: String,
    pub(crate) failed_tasks: u32,
    /// Whether it was ever complete, so that a rollback can go back to it.
    pub(crate) was_completed: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// When failed tasks are replaced.
    pub(crate) restart_at: Option<Timestamp>,
    /// When it turns FAILED while it is rolled back.
    pub(crate) fail_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rollout {
    Completed,
    Failed,
    InProgress,
}

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
struct Controller {
    r#type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateService {
    cluster: Option<String>,
    #[serde(default)]
    service: String,
    task_definition: Option<String>,
    desired_count: Option<i64>,
    deployment_configuration: Option<Configuration>,
    #[serde(default)]
    force_new_deployment: bool,
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
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// Members that UpdateService passes on to the service. The first group starts a deployment when
/// it changes, the second doesn't (API reference of UpdateService).
const STARTING: [&str; 7] = [
    "platformVersion",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];
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
        let existing = self.cluster(&cluster)?.services.get(&input.service_name);
        if existing.is_some_and(|service| service.is_active) {
            return Err(AwsError::invalid_parameter("Creation of service was not idempotent."));
        }
        let mut service = Service {
            name: input.service_name.clone(),
            cluster: cluster.clone(),
            prefix: context.caller.arn("ecs", ""),
            desired,
            is_active: true,
            launch_type: input.launch_type.unwrap_or_else(|| "EC2".to_owned()),
            controller,
            configuration,
            settings: members(body, STARTING.iter().chain(&QUIET))?,
            tags: input.tags.unwrap_or_default(),
            created_at: context.now,
            created_by: format!("arn:aws:iam::{}:root", context.caller.account),
            deployments: VecDeque::new(),
            tasks: Vec::new(),
            events: VecDeque::new(),
            service_deployments: Vec::new(),
            act_at: None,
            complete_at: None,
        };
        // The other controllers run task sets, which aren't emulated: such a service runs nothing.
        if service.controller == "ECS" {
            let reference = input
                .task_definition
                .as_deref()
                .ok_or_else(|| AwsError::invalid_parameter("TaskDefinition can not be blank."))?;
            let definition = self.active_definition(reference, context)?;
            let script = self.script(&cluster, &service.name);
            service.deploy(definition, script, context);
        }
        let output = json!({ "service": service.to_json() });
        self.cluster_mut(&cluster)?.services.insert(input.service_name, service);
        Ok(output)
    }

    pub(crate) fn update_service(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: UpdateService = parse(body)?;
        let cluster = cluster_name(input.cluster.as_deref(), context).to_owned();
        let name = service_name(&input.service, &cluster, context).to_owned();
        let service = self.active_service(&cluster, &name)?;
        if service.controller != "ECS" && input.task_definition.is_some() {
            // AWS documentation on the CODE_DEPLOY controller; reported with this text. Inferred
            // for EXTERNAL.
            return Err(AwsError::invalid_parameter(format!(
                "Unable to update task definition on services with a {} deployment controller.{}",
                service.controller,
                match service.controller.as_str() {
                    "CODE_DEPLOY" => " Use AWS CodeDeploy to trigger a new deployment.",
                    _ => "",
                }
            )));
        }
        let current = service.deployments.front().map(|primary| primary.task_definition.clone());
        let reference = input.task_definition.as_deref().or(current.as_deref());
        let configuration = service.configuration.clone().merged(input.deployment_configuration)?;
        let desired = input.desired_count.map(desired_count).transpose()?;
        let changes = members(body, STARTING.iter().chain(&QUIET))?;
        let starts = input.force_new_deployment
            || changes.iter().any(|(member, value)| {
                STARTING.contains(&member.as_str()) && service.settings.get(member) != Some(value)
            });
        let definition = match reference {
            Some(reference) if Some(reference) == current.as_deref() && !starts => None,
            // A service goes on with the definition that it has, even where that is inactive.
            Some(reference) if input.task_definition.is_none() => {
                self.definition(reference, context)
            }
            Some(reference) => Some(self.active_definition(reference, context)?),
            None => None,
        };
        let deploys = definition
            .filter(|definition| starts || Some(definition.arn.as_str()) != current.as_deref())
            .map(|definition| (definition.arn.clone(), definition.containers().to_vec()));
        let script = self.script(&cluster, &name);
        let service = self.active_service_mut(&cluster, &name)?;
        service.settings.extend(changes);
        service.configuration = configuration;
        if let Some(desired) = desired {
            service.desired = desired;
            service.act_soon(context);
        }
        if let Some((arn, containers)) = deploys {
            service.start_deployment(arn, containers, script, context);
        }
        Ok(json!({ "service": service.to_json() }))
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
        // Straight to INACTIVE: the DRAINING in between isn't emulated.
        service.is_active = false;
        service.deployments.clear();
        service.service_deployments.clear();
        (service.act_at, service.complete_at) = (None, None);
        for task in service.tasks.iter_mut().filter(|task| task.wanted) {
            task.ask_to_stop(context.now, pace);
        }
        Ok(json!({ "service": service.to_json() }))
    }

    pub(crate) fn list_services(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: ListServices = parse(body)?;
        let cluster = self.cluster(cluster_name(input.cluster.as_deref(), context))?;
        let arns = cluster
            .services
            .values()
            .filter(|service| service.is_active)
            .map(|service| json!(service.arn()))
            .collect();
        page("serviceArns", arns, input.max_results, input.next_token.as_deref(), 10)
    }

    fn active_service(&self, cluster: &str, name: &str) -> Result<&Service, AwsError> {
        let service = self.cluster(cluster)?.services.get(name);
        let service = service
            .ok_or_else(|| AwsError::new("ServiceNotFoundException", "Service not found."))?;
        if !service.is_active {
            return Err(AwsError::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        Ok(service)
    }

    fn active_service_mut(&mut self, cluster: &str, name: &str) -> Result<&mut Service, AwsError> {
        self.active_service(cluster, name)?;
        let service = self.cluster_mut(cluster)?.services.get_mut(name);
        service.ok_or_else(|| AwsError::new("ServiceNotFoundException", "Service not found."))
    }
}

impl Service {
    pub(crate) fn arn(&self) -> String {
        self.arn_of(&format!("service/{}/{}", self.cluster, self.name))
    }

    pub(crate) fn arn_of(&self, resource: &str) -> String {
        format!("{}{resource}", self.prefix)
    }

    pub(crate) fn revision_arn(&self, number: u64) -> String {
        self.arn_of(&format!("service-revision/{}/{}/{number}", self.cluster, self.name))
    }

    pub(crate) fn primary_number(&self) -> Option<u64> {
        self.deployments.front().map(|primary| primary.number)
    }

    pub(crate) fn service_deployment_mut(&mut self, number: u64) -> Option<&mut ServiceDeployment> {
        self.service_deployments.iter_mut().rev().find(|it| it.number == number)
    }

    /// Settles at once: for a service that has been running for long when the story begins.
    pub(crate) fn settle(&mut self, context: &mut Context<'_>) {
        self.act_at = Some(context.now);
        let mut world = World { ids: context.ids, pace: Pace::INSTANT };
        self.advance(context.now, &mut world);
    }

    fn deploy(&mut self, definition: &Definition, script: Script, context: &mut Context<'_>) {
        let containers = definition.containers().to_vec();
        self.start_deployment(definition.arn.clone(), containers, script, context);
    }

    fn start_deployment(
        &mut self,
        task_definition: String,
        containers: Vec<Container>,
        script: Script,
        context: &mut Context<'_>,
    ) {
        // 19 digits, as in AWS's examples.
        let number =
            1_000_000_000_000_000_000 + scatter(context.ids.number()) % 8_000_000_000_000_000_000;
        let sources = self.deployments.iter().filter(|it| it.was_completed).map(|it| it.number);
        let sources = sources.collect();
        // AWS documentation: a newer deployment stops the one before it. Text inferred.
        for open in self.service_deployments.iter_mut().filter(|it| it.finished_at.is_none()) {
            open.close("STOPPED", "Stopped because of a newer service deployment.", context.now);
        }
        self.service_deployments.push(ServiceDeployment::new(number, sources, context));
        self.deployments.push_front(Deployment {
            number,
            task_definition,
            containers,
            script,
            rollout: Rollout::InProgress,
            reason: format!("ECS deployment ecs-svc/{number} in progress."),
            failed_tasks: 0,
            was_completed: false,
            created_at: context.now,
            updated_at: context.now,
            restart_at: None,
            fail_at: None,
        });
        self.complete_at = None;
        self.act_soon(context);
    }

    fn act_soon(&mut self, context: &Context<'_>) {
        let pace = Pace::new(context.settings.rollout_pace);
        self.act_at = Some(context.now + pace.scale(FIRST_LOOK));
    }
}

fn desired_count(count: i64) -> Result<u32, AwsError> {
    // AWS documentation, quotas: 5,000 tasks per service.
    u32::try_from(count)
        .ok()
        .filter(|count| *count <= 5000)
        .ok_or_else(|| AwsError::invalid_parameter("desiredCount must be between 0 and 5000."))
}

fn members<'a>(
    body: &[u8],
    names: impl Iterator<Item = &'a &'a str>,
) -> Result<Map<String, Value>, AwsError> {
    let mut body: Map<String, Value> = parse(body)?;
    Ok(names
        .filter_map(|name| body.remove_entry(*name))
        // API reference: null means that nothing changes.
        .filter(|(_, value)| !value.is_null())
        .collect())
}
