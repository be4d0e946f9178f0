//! What can be asked of, and about, service deployments and service revisions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::cause::Cause;
use super::hooks::HookAction;
use super::input::{cluster_name, page, service_name};
use super::script::{FIRST_LOOK, Pace};
use super::store::Ecs;
use super::store::service::Service;
use super::store::service_deployment::{ServiceDeployment, Status};
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    cluster: Option<String>,
    #[serde(default)]
    service: String,
    #[serde(default)]
    status: Vec<String>,
    created_at: Option<CreatedAt>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// Bounds in seconds since the Unix epoch.
#[derive(Deserialize)]
struct CreatedAt {
    before: Option<f64>,
    after: Option<f64>,
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Continue {
    #[serde(default)]
    service_deployment_arn: String,
    #[serde(default)]
    hook_id: String,
    action: Option<HookAction>,
}

impl Ecs {
    pub(crate) fn list_service_deployments(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: List = parse(body)?;
        let cluster = cluster_name(input.cluster.as_deref(), context);
        let service = self.service(cluster, service_name(&input.service, cluster, context))?;
        let CreatedAt { before, after } =
            input.created_at.unwrap_or(CreatedAt { before: None, after: None });
        let briefs = service
            .service_deployments
            .iter()
            .rev()
            .filter(|it| context.now.since(it.created_at) >= self.controls.list_lag)
            .filter(|it| {
                input.status.is_empty() || input.status.iter().any(|s| s == it.status.name())
            })
            .filter(|it| before.is_none_or(|before| it.created_at.as_secs_f64() < before))
            .filter(|it| after.is_none_or(|after| it.created_at.as_secs_f64() > after))
            .map(|it| it.brief(service))
            .collect();
        page("serviceDeployments", briefs, input.max_results, input.next_token.as_deref(), 20)
    }

    pub(crate) fn describe_service_deployments(&self, body: &[u8]) -> Result<Value, AwsError> {
        let input: Describe = parse(body)?;
        describe("serviceDeployments", &input.service_deployment_arns, |arn| {
            self.services().find_map(|service| {
                let found = service.service_deployments.iter().find(|it| it.arn(service) == arn)?;
                Some(found.to_json(service))
            })
        })
    }

    pub(crate) fn describe_service_revisions(&self, body: &[u8]) -> Result<Value, AwsError> {
        let input: DescribeRevisions = parse(body)?;
        describe("serviceRevisions", &input.service_revision_arns, |arn| {
            self.services().find_map(|service| service.revision_to_json(arn))
        })
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
            // The service model has it, and nothing says what it does: refused as a feature.
            Some("ABORT") => {
                return Err(AwsError::new(
                    "UnsupportedFeatureException",
                    "The stop type ABORT is not supported.",
                ));
            }
            Some(_) => return Err(AwsError::invalid_parameter("Invalid stop type.")),
        }
        let arn = &input.service_deployment_arn;
        let due = context.now + Pace::new(context.settings.rollout_pace).scale(FIRST_LOOK);
        let (has_way_back, found) = self.service_deployment_mut(arn)?;
        // API reference: the conflict is that it isn't in progress any more. Text inferred.
        if !found.status.is_going_forward() {
            return Err(AwsError::new(
                "ConflictException",
                format!("The service deployment can't be stopped: it is {}.", found.status.name()),
            ));
        }
        // API reference: ROLLBACK needs a service revision to go back to. Text inferred.
        if !has_way_back {
            return Err(AwsError::new(
                "ConflictException",
                "There is no service revision to roll back to.",
            ));
        }
        found.request_rollback(Cause::StopRequest, context.now, due);
        Ok(json!({ "serviceDeploymentArn": arn }))
    }

    pub(crate) fn continue_service_deployment(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: Continue = parse(body)?;
        let refuse = |message: &str| Err(AwsError::invalid_parameter(message));
        let Some(action) = input.action else {
            return refuse("An action is required: CONTINUE or ROLLBACK.");
        };
        let arn = &input.service_deployment_arn;
        let due = context.now + Pace::new(context.settings.rollout_pace).scale(FIRST_LOOK);
        let (has_way_back, found) = self.service_deployment_mut(arn)?;
        // API reference: only hooks that are AWAITING_ACTION can be continued. Text inferred.
        let is_open = found.status == Status::InProgress;
        let hooks = found.stages.iter_mut().flat_map(|stages| &mut stages.hooks);
        let hook = hooks.into_iter().find(|it| it.id == input.hook_id && it.awaits_action());
        let Some(hook) = hook.filter(|_| is_open) else {
            return refuse("No lifecycle hook of this ID is awaiting an action.");
        };
        if action == HookAction::Rollback && !has_way_back {
            return refuse("There is no service revision to roll back to.");
        }
        hook.resolve(action);
        match action {
            // The scheduler looks at the stage at once.
            HookAction::Continue => {}
            HookAction::Rollback => {
                found.request_rollback(Cause::LifecycleHook, context.now, due);
            }
        }
        let mut services = self.services_mut();
        if let Some(service) =
            services.find(|it| it.open().is_some_and(|open| open.arn(it) == *arn))
        {
            service.act_at = Some(context.now);
        }
        Ok(json!({ "serviceDeploymentArn": arn }))
    }

    /// Finds a service deployment, and says whether it can be rolled back.
    fn service_deployment_mut(
        &mut self,
        arn: &str,
    ) -> Result<(bool, &mut ServiceDeployment), AwsError> {
        self.services_mut()
            .find_map(|service| {
                let position =
                    service.service_deployments.iter().position(|it| it.arn(service) == arn)?;
                let has_way_back = service.replaced_number().is_some();
                Some((has_way_back, service.service_deployments.get_mut(position)?))
            })
            .ok_or_else(|| {
                AwsError::new("ServiceDeploymentNotFoundException", "Service deployment not found.")
            })
    }
}

impl Service {
    /// A service revision with its tasks, as several answers have it.
    pub(crate) fn revision_summary(&self, number: u64) -> Value {
        let deployment = self.deployments.iter().find(|it| it.number == number);
        json!({
            "arn": self.revision_arn(number),
            "requestedTaskCount": deployment.map_or(0, |it| self.desired_of(it)),
            "runningTaskCount": self.running(Some(number)),
            "pendingTaskCount": self.pending(Some(number)),
        })
    }

    fn revision_to_json(&self, arn: &str) -> Option<Value> {
        let revision = self.revisions.iter().find(|it| self.revision_arn(it.number) == arn)?;
        let images = revision.workload.containers.iter().map(|container| {
            json!({
                "containerName": container.name,
                "image": container.image,
                "imageDigest": container.digest(),
            })
        });
        let mut value = json!({
            "serviceRevisionArn": arn,
            "serviceArn": self.arn(),
            "clusterArn": self.arn_of(&format!("cluster/{}", self.cluster)),
            "taskDefinition": revision.workload.task_definition,
            "launchType": revision.workload.launch_type,
            "containerImages": images.collect::<Vec<_>>(),
            "guardDutyEnabled": false,
            "createdAt": revision.created_at.to_json(),
        });
        for (name, setting) in &revision.settings {
            value[name] = setting.clone();
        }
        Some(value)
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
