//! RunTask: tasks without a service.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::controls::RunTaskFailure;
use super::input::{check_tags, cluster_name};
use super::requirements::Requirements;
use super::script::Script;
use super::store::Ecs;
use super::store::cluster::TokenCall;
use super::store::definition::Definition;
use super::store::deployment::scatter;
use super::tasks::{Origin, Task};
use super::workload::Workload;
use super::world::World;
use crate::context::Context;
use crate::error::AwsError;
use crate::iam::{Access, passed_roles};
use crate::wire::parse;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunTask {
    cluster: Option<String>,
    #[serde(default)]
    task_definition: String,
    count: Option<i64>,
    launch_type: Option<String>,
    #[serde(default)]
    capacity_provider_strategy: Vec<Provider>,
    group: Option<String>,
    started_by: Option<String>,
    client_token: Option<String>,
    #[serde(flatten)]
    requirements: Requirements,
    overrides: Option<Overrides>,
    propagate_tags: Option<String>,
    tags: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    #[serde(default)]
    capacity_provider: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Overrides {
    #[serde(default)]
    container_overrides: Vec<Value>,
}

impl Ecs {
    pub(crate) fn run_task(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let (input, raw): (RunTask, Value) = (parse(body)?, parse(body)?);
        let name = cluster_name(input.cluster.as_deref(), context).to_owned();
        let cluster = self.cluster(&name)?;
        input.check()?;
        if let Some(token) = &input.client_token
            && let Some(call) = cluster.token_calls.iter().find(|call| call.token == *token)
        {
            return call.answer(&raw);
        }
        let definition = self.active_definition(&input.task_definition, context)?;
        input.check_overrides(definition)?;
        let launch_type = input.launch_type().to_owned();
        input.requirements.check(definition, &launch_type)?;
        let family = definition.family().to_owned();
        let origin = self.origin(&input, &raw, definition, &launch_type);
        let unplaceable = origin.script == Script::Unplaceable;
        let unplaceable = unplaceable.then(|| RunTaskFailure::of_unplaceable(&launch_type));
        let failure = self.controls.run_task_failure(&family).or(unplaceable);
        let prefix = context.caller.arn("ecs", "");

        let Self { clusters, controls, .. } = self;
        let world = World::new(context, controls);
        let mut tasks = Vec::new();
        let mut failures = Vec::new();
        for ordinal in 0..input.count.unwrap_or(1) {
            if let Some(failure) = failure {
                failures.push(failure.to_json(&prefix, &name));
                continue;
            }
            let script = origin.script.of_task(ordinal as u32);
            let origin = Origin { script, ..origin.clone() };
            let id = format!("{:032x}", scatter(world.ids.number()));
            tasks.push(Task::start(id, origin, world.now, world.pace));
        }
        let values: Vec<Value> = tasks.iter().map(|task| task.to_json(&prefix, &name)).collect();
        let output = json!({ "tasks": values, "failures": failures });
        if let Some(cluster) = clusters.get_mut(&name) {
            cluster.standalone.append(&mut tasks);
            if let Some(token) = input.client_token {
                let output = output.clone();
                cluster.token_calls.push(TokenCall { token, input: raw, output });
            }
        }
        Ok(output)
    }

    /// What the tasks have in common.
    fn origin(
        &self,
        input: &RunTask,
        raw: &Value,
        definition: &Definition,
        launch_type: &str,
    ) -> Origin {
        let family = definition.family();
        let mut tags = input.tags.clone().unwrap_or_default();
        if input.propagate_tags.as_deref() == Some("TASK_DEFINITION") {
            tags.extend(definition.tags.iter().cloned());
        }
        let exits = self.controls.container_exits.get(family).cloned().unwrap_or_default();
        Origin {
            deployment: None,
            workload: Arc::new(Workload::new(definition, launch_type)),
            // A task with exits of its own ends by them alone.
            script: match exits.is_empty() {
                true => self.controls.task_script(family),
                false => Script::Healthy,
            },
            exits,
            group: input.group.clone().unwrap_or_else(|| format!("family:{family}")),
            started_by: input.started_by.clone(),
            overrides: match raw.get("overrides") {
                Some(given) if given.is_object() => given.clone(),
                _ => json!({ "containerOverrides": [] }),
            },
            tags,
        }
    }
}

impl TokenCall {
    /// API reference: the same call again does nothing, another one with its token is in conflict.
    /// Text inferred.
    fn answer(&self, input: &Value) -> Result<Value, AwsError> {
        match self.input == *input {
            true => Ok(self.output.clone()),
            false => Err(AwsError::new(
                "ConflictException",
                "The client token was used with other parameters.",
            )),
        }
    }
}

impl Ecs {
    /// What RunTask has to be allowed to pass: the roles of the task definition.
    pub(crate) fn passed_roles(
        &self,
        operation: &str,
        input: &Value,
        context: &Context<'_>,
    ) -> Vec<Access> {
        if operation != "RunTask" {
            return Vec::new();
        }
        let reference = input.get("taskDefinition").and_then(Value::as_str).unwrap_or_default();
        let definition = self.definition(reference, context);
        definition.map_or_else(Vec::new, |it| passed_roles(&it.to_json()).collect())
    }
}

impl RunTask {
    /// AWS documentation: the providers FARGATE and FARGATE_SPOT are every account's.
    fn launch_type(&self) -> &str {
        let mut providers = self.capacity_provider_strategy.iter();
        let is_fargate = providers.any(|it| it.capacity_provider.starts_with("FARGATE"));
        let default = if is_fargate { "FARGATE" } else { "EC2" };
        self.launch_type.as_deref().unwrap_or(default)
    }

    /// Reported, with this text.
    fn check_overrides(&self, definition: &Definition) -> Result<(), AwsError> {
        let is_there = |name: &str| definition.containers().iter().any(|it| it.name == name);
        let mut names = self.overrides.iter().flat_map(Overrides::names);
        match names.find(|name| !is_there(name)) {
            Some(name) => Err(AwsError::invalid_parameter(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            ))),
            None => Ok(()),
        }
    }

    /// The rules are the API reference's, the texts inferred but where another source is named.
    fn check(&self) -> Result<(), AwsError> {
        let refuse = |message: &str| Err(AwsError::invalid_parameter(message));
        if self.task_definition.is_empty() {
            return refuse("TaskDefinition can not be blank.");
        }
        if !(1..=10).contains(&self.count.unwrap_or(1)) {
            return refuse("Count must be between 1 and 10.");
        }
        if self.client_token.as_ref().is_some_and(|token| token.is_empty() || token.len() > 64) {
            return refuse("clientToken must have between 1 and 64 characters.");
        }
        if self.started_by.as_ref().is_some_and(|text| text.len() > 128) {
            return refuse("startedBy must have at most 128 characters.");
        }
        // Reported, with this text.
        if self.launch_type.is_some() && !self.capacity_provider_strategy.is_empty() {
            return refuse(
                "Specifying both a launch type and capacity provider strategy is not supported. \
                 Remove one and try again.",
            );
        }
        // Reported: NONE is refused here, unlike in CreateService.
        if self.propagate_tags.as_ref().is_some_and(|from| from != "TASK_DEFINITION") {
            return refuse("Invalid value for propagateTags.");
        }
        // API reference of `overrides`: 8,192 characters with the JSON around them. Reported, with
        // this text: artilleryio/artillery#2584, Netflix/metaflow#977.
        if self.overrides.as_ref().is_some_and(|it| it.length() > 8192) {
            return refuse("Container Overrides length must be at most 8192");
        }
        check_tags(self.tags.as_deref())
    }
}

impl Overrides {
    /// The length of the JSON of all container overrides.
    fn length(&self) -> usize {
        serde_json::to_string(&self.container_overrides).map_or(0, |json| json.chars().count())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.container_overrides.iter().map(|it| it["name"].as_str().unwrap_or_default())
    }
}

impl RunTaskFailure {
    /// What an unplaceable task fails for.
    fn of_unplaceable(launch_type: &str) -> Self {
        match launch_type {
            "FARGATE" => Self::Capacity,
            _ => Self::Memory,
        }
    }

    /// AWS documentation, API failure reasons; the one on Fargate is reported.
    fn to_json(self, prefix: &str, cluster: &str) -> Value {
        let reason = match self {
            Self::Agent => "AGENT",
            Self::Cpu => "RESOURCE:CPU",
            Self::Memory => "RESOURCE:MEMORY",
            Self::Capacity => {
                return json!({
                    "reason": "Capacity is unavailable at this time. Please try again later or in \
                               a different availability zone",
                });
            }
        };
        let id = "0123456789abcdef0123456789abcdef";
        json!({ "arn": format!("{prefix}container-instance/{cluster}/{id}"), "reason": reason })
    }
}
