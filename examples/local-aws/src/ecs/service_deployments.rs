//! Service deployments and service revisions: the newer view of a rollout, joined to the older one
//! by the number in the deployment's id.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecs;
use super::input::{cluster_name, page, service_name};
use super::rollout::{World, breaker_threshold, scatter};
use super::script::Pace;
use super::services::Service;
use crate::clock::Timestamp;
use crate::core::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Debug)]
pub(crate) struct ServiceDeployment {
    /// The service deployment's own id.
    id: String,
    /// The number of the deployment, and of the service revision that it leads to.
    pub(crate) number: u64,
    /// The service revisions that it leads away from.
    sources: Vec<u64>,
    pub(crate) status: &'static str,
    reason: &'static str,
    /// Whether the circuit breaker has cut in.
    pub(crate) triggered: bool,
    pub(crate) rollback: Option<Value>,
    created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
}

impl ServiceDeployment {
    pub(crate) fn new(number: u64, sources: Vec<u64>, context: &mut Context<'_>) -> Self {
        Self {
            // 21 characters, as in AWS's examples.
            id: format!("{:021x}", scatter(context.ids.number())),
            number,
            sources,
            status: "IN_PROGRESS",
            reason: "",
            triggered: false,
            rollback: None,
            created_at: context.now,
            updated_at: context.now,
            finished_at: None,
        }
    }

    pub(crate) fn close(&mut self, status: &'static str, reason: &'static str, at: Timestamp) {
        self.status = status;
        self.reason = reason;
        self.updated_at = at;
        self.finished_at = Some(at);
    }

    pub(crate) fn arn(&self, service: &Service) -> String {
        let Service { cluster, name, .. } = service;
        service.arn_of(&format!("service-deployment/{cluster}/{name}/{}", self.id))
    }

    fn brief(&self, service: &Service) -> Value {
        let mut value = json!({
            "serviceDeploymentArn": self.arn(service),
            "serviceArn": service.arn(),
            "clusterArn": service.arn_of(&format!("cluster/{}", service.cluster)),
            "createdAt": self.created_at.to_json(),
            "startedAt": self.created_at.to_json(),
            "targetServiceRevisionArn": service.revision_arn(self.number),
            "status": self.status,
        });
        if !self.reason.is_empty() {
            value["statusReason"] = json!(self.reason);
        }
        if let Some(at) = self.finished_at {
            value["finishedAt"] = at.to_json();
        }
        value
    }

    fn to_json(&self, service: &Service) -> Value {
        let mut value = self.brief(service);
        let revision = |number: u64| {
            let deployment = service.deployments.iter().find(|it| it.number == number);
            json!({
                "arn": service.revision_arn(number),
                "requestedTaskCount": deployment.map_or(0, |it| service.desired_of(it)),
                "runningTaskCount": service.running(Some(number)),
                "pendingTaskCount": service.pending(Some(number)),
            })
        };
        if let Some(brief) = value.as_object_mut() {
            brief.remove("targetServiceRevisionArn");
        }
        value["targetServiceRevision"] = revision(self.number);
        value["sourceServiceRevisions"] = self.sources.iter().map(|it| revision(*it)).collect();
        value["updatedAt"] = self.updated_at.to_json();
        value["deploymentConfiguration"] = service.configuration.to_json();
        let deployment = service.deployments.iter().find(|it| it.number == self.number);
        value["deploymentCircuitBreaker"] = json!({
            "status": match (service.configuration.breaker().enable, self.triggered) {
                (false, _) => "DISABLED",
                (true, true) => "TRIGGERED",
                (true, false) if self.finished_at.is_some() => "MONITORING_COMPLETE",
                (true, false) => "MONITORING",
            },
            "failureCount": deployment.map_or(0, |it| it.failed_tasks),
            "threshold": breaker_threshold(service.desired),
        });
        if let Some(rollback) = &self.rollback {
            value["rollback"] = rollback.clone();
        }
        value
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    cluster: Option<String>,
    #[serde(default)]
    service: String,
    #[serde(default)]
    status: Vec<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    #[serde(default)]
    service_deployment_arns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeRevisions {
    #[serde(default)]
    service_revision_arns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stop {
    #[serde(default)]
    service_deployment_arn: String,
    stop_type: Option<String>,
}

impl Ecs {
    pub(crate) fn list_service_deployments(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: List = parse(body)?;
        let cluster = cluster_name(input.cluster.as_deref(), context);
        let name = service_name(&input.service, cluster, context);
        let service = self.cluster(cluster)?.services.get(name);
        let service = service
            .ok_or_else(|| AwsError::new("ServiceNotFoundException", "Service not found."))?;
        let briefs = service
            .service_deployments
            .iter()
            .rev()
            .filter(|it| input.status.is_empty() || input.status.iter().any(|s| s == it.status))
            .map(|it| it.brief(service))
            .collect();
        page("serviceDeployments", briefs, input.max_results, input.next_token.as_deref(), 20)
    }

    pub(crate) fn describe_service_deployments(&self, body: &[u8]) -> Result<Value, AwsError> {
        let input: Describe = parse(body)?;
        describe("serviceDeployments", &input.service_deployment_arns, |arn| {
            let (service, found) = self.service_deployment(arn)?;
            Some(found.to_json(service))
        })
    }

    pub(crate) fn describe_service_revisions(&self, body: &[u8]) -> Result<Value, AwsError> {
        let input: DescribeRevisions = parse(body)?;
        describe("serviceRevisions", &input.service_revision_arns, |arn| self.revision(arn))
    }

    pub(crate) fn stop_service_deployment(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: Stop = parse(body)?;
        match input.stop_type.as_deref() {
            // API reference: ROLLBACK is the default, and the only one that is described.
            None | Some("ROLLBACK") => {}
            Some(_) => return Err(AwsError::invalid_parameter("Invalid stop type.")),
        }
        let arn = &input.service_deployment_arn;
        let missing =
            || AwsError::new("ServiceDeploymentNotFoundException", "Service deployment not found.");
        let (number, status) = match self.service_deployment(arn) {
            Some((_, found)) => (found.number, found.status),
            None => return Err(missing()),
        };
        // API reference: the conflict is that it isn't in progress any more. Text inferred.
        if status != "IN_PROGRESS" {
            return Err(AwsError::new(
                "ConflictException",
                format!("The service deployment can't be stopped: it is {status}."),
            ));
        }
        let service = self
            .clusters
            .values_mut()
            .flat_map(|cluster| cluster.services.values_mut())
            .find(|service| service.primary_number() == Some(number))
            .ok_or_else(missing)?;
        let pace = Pace::new(context.settings.rollout_pace);
        let mut world = World { ids: context.ids, pace };
        if !service.roll_back("stop request", context.now, &mut world) {
            // API reference: ROLLBACK needs a service revision to go back to. Text inferred.
            return Err(AwsError::new(
                "ConflictException",
                "There is no service revision to roll back to.",
            ));
        }
        service.act_at = Some(context.now);
        Ok(json!({ "serviceDeploymentArn": arn }))
    }

    fn service_deployment(&self, arn: &str) -> Option<(&Service, &ServiceDeployment)> {
        self.clusters.values().flat_map(|cluster| cluster.services.values()).find_map(|service| {
            let found = service.service_deployments.iter().find(|it| it.arn(service) == arn)?;
            Some((service, found))
        })
    }

    fn revision(&self, arn: &str) -> Option<Value> {
        let services = self.clusters.values().flat_map(|cluster| cluster.services.values());
        services
            .flat_map(|it| it.deployments.iter().map(move |deployment| (it, deployment)))
            .find_map(|(service, deployment)| {
                if service.revision_arn(deployment.number) != arn {
                    return None;
                }
                let images: Vec<Value> = deployment
                    .containers
                    .iter()
                    .map(|container| {
                        let mut image =
                            json!({ "containerName": container.name, "image": container.image });
                        if let Some((_, digest)) = container.image.split_once('@') {
                            image["imageDigest"] = json!(digest);
                        }
                        image
                    })
                    .collect();
                Some(json!({
                    "serviceRevisionArn": arn,
                    "serviceArn": service.arn(),
                    "clusterArn": service.arn_of(&format!("cluster/{}", service.cluster)),
                    "taskDefinition": deployment.task_definition,
                    "launchType": service.launch_type,
                    "containerImages": images,
                    "createdAt": deployment.created_at.to_json(),
                }))
            })
    }
}

fn describe(
    key: &str,
    arns: &[String],
    find: impl Fn(&str) -> Option<Value>,
) -> Result<Value, AwsError> {
    // API reference: up to 20 ARNs. Text inferred.
    if arns.is_empty() || arns.len() > 20 {
        return Err(AwsError::invalid_parameter("Between 1 and 20 ARNs must be specified."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in arns {
        match find(arn) {
            Some(value) => found.push(value),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ key: found, "failures": failures }))
}
