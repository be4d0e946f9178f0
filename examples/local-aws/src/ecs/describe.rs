//! DescribeServices: a service as it shows at this instant.

use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{cluster_name, service_name, wants_tags};
use super::store::Ecs;
use super::store::deployment::{Deployment, Rollout};
use super::store::service::{Service, State};
use super::tasks::Task;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Deserialize)]
struct DescribeServices {
    cluster: Option<String>,
    #[serde(default)]
    services: Vec<String>,
    include: Option<Vec<String>>,
}

impl Ecs {
    pub(crate) fn describe_services(
        &mut self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: DescribeServices = parse(body)?;
        let cluster_name = cluster_name(input.cluster.as_deref(), context);
        if input.services.is_empty() {
            return Err(AwsError::invalid_parameter("Services cannot be empty."));
        }
        // API reference: up to 10 services. Text inferred.
        if input.services.len() > 10 {
            return Err(AwsError::invalid_parameter("Services cannot have more than 10 elements."));
        }
        self.cluster(cluster_name)?;
        let (mut services, mut failures) = (Vec::new(), Vec::new());
        for given in &input.services {
            let name = service_name(given, cluster_name, context);
            let is_hidden = self.controls.hides(cluster_name, name);
            match self.service(cluster_name, name).ok().filter(|_| !is_hidden) {
                Some(service) => {
                    let mut value = service.to_json();
                    if self.controls.is_express(cluster_name, name) {
                        value["resourceManagementType"] = json!("ECS");
                    }
                    if wants_tags(input.include.as_deref()) {
                        value["tags"] = json!(service.tags);
                    }
                    services.push(value);
                }
                // API reference: a missing service isn't an error.
                None => failures.push(json!({
                    "arn": context.caller.arn("ecs", &format!("service/{cluster_name}/{name}")),
                    "reason": "MISSING",
                })),
            }
        }
        Ok(json!({ "services": services, "failures": failures }))
    }
}

impl Service {
    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "serviceArn": self.arn(),
            "serviceName": self.name,
            "clusterArn": self.arn_of(&format!("cluster/{}", self.cluster)),
            "status": match self.state {
                State::Active => "ACTIVE",
                State::Draining => "DRAINING",
                State::Inactive => "INACTIVE",
            },
            "desiredCount": self.desired,
            "runningCount": self.running(None),
            "pendingCount": self.pending(None),
            "launchType": self.launch_type,
            "schedulingStrategy": "REPLICA",
            "deploymentController": { "type": self.controller },
            "deploymentConfiguration": self.configuration.to_json(),
            "createdAt": self.created_at.to_json(),
            "createdBy": self.created_by,
            "deployments": self
                .deployments
                .iter()
                .map(|deployment| self.deployment_to_json(deployment))
                .collect::<Vec<_>>(),
            "events": self.events.iter().map(|event| event.to_json()).collect::<Vec<_>>(),
            "loadBalancers": [],
            "serviceRegistries": [],
            "placementConstraints": [],
            "placementStrategy": [],
            "enableECSManagedTags": false,
            "enableExecuteCommand": false,
            "propagateTags": "NONE",
        });
        // Service model: the others are members of its deployments.
        for (member, setting) in
            self.settings.iter().filter(|(name, _)| !OF_DEPLOYMENT.contains(&name.as_str()))
        {
            value[member] = setting.clone();
        }
        if let Some(primary) = self.deployments.front() {
            value["taskDefinition"] = json!(primary.revision.workload.task_definition);
        }
        if let Some(current) = self.service_deployments.last() {
            value["currentServiceDeployment"] = json!(current.arn(self));
        }
        value["currentServiceRevisions"] = self
            .deployments
            .iter()
            .map(|deployment| self.revision_summary(deployment.number))
            .collect();
        value
    }

    fn deployment_to_json(&self, deployment: &Deployment) -> Value {
        let number = Some(deployment.number);
        let mut value = json!({
            "id": format!("ecs-svc/{}", deployment.number),
            "status": if self.primary_number() == number { "PRIMARY" } else { "ACTIVE" },
            "taskDefinition": deployment.revision.workload.task_definition,
            "desiredCount": self.desired_of(deployment),
            "runningCount": self.running(number),
            "pendingCount": self.pending(number),
            "failedTasks": deployment.failed_tasks,
            "createdAt": deployment.created_at.to_json(),
            "updatedAt": deployment.updated_at.to_json(),
            "launchType": self.launch_type,
        });
        for name in ["networkConfiguration", "platformVersion"].into_iter().chain(OF_DEPLOYMENT) {
            if let Some(setting) = deployment.revision.settings.get(name) {
                value[name] = setting.clone();
            }
        }
        // API reference of Deployment: only for rolling updates that aren't behind a Classic
        // Load Balancer.
        if !self.is_behind_classic_load_balancer() {
            value["rolloutState"] = json!(match deployment.rollout {
                Rollout::Completed => "COMPLETED",
                Rollout::Failed => "FAILED",
                Rollout::InProgress => "IN_PROGRESS",
            });
            value["rolloutStateReason"] = json!(deployment.reason);
        }
        value
    }

    fn is_behind_classic_load_balancer(&self) -> bool {
        let balancers = self.settings.get("loadBalancers").and_then(Value::as_array);
        balancers.is_some_and(|all| all.iter().any(|one| one.get("loadBalancerName").is_some()))
    }

    /// What the scheduler still wants of a deployment: all of the PRIMARY one, of the others what
    /// it hasn't begun to stop.
    pub(crate) fn desired_of(&self, deployment: &Deployment) -> u64 {
        if self.primary_number() == Some(deployment.number) {
            return u64::from(self.desired);
        }
        self.wanted(Some(deployment.number))
    }

    /// RUNNING tasks of one deployment, or of all.
    pub(crate) fn running(&self, deployment: Option<u64>) -> usize {
        self.tasks_of(deployment).filter(|task| task.is_running()).count()
    }

    /// Tasks of one deployment, or of all, on their way to RUNNING.
    pub(crate) fn pending(&self, deployment: Option<u64>) -> usize {
        self.tasks_of(deployment).filter(|task| task.is_pending()).count()
    }

    fn tasks_of(&self, deployment: Option<u64>) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(move |it| deployment.is_none() || it.deployment == deployment)
    }
}

/// Service model: the settings that a deployment has, and the service itself hasn't.
const OF_DEPLOYMENT: [&str; 3] =
    ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"];
