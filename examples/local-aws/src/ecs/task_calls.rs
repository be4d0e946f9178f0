//! What can be asked of, and about, tasks: of services and RunTask's alike.

use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{cluster_name, page, service_name, task_id, wants_tags};
use super::stop::Stop;
use super::store::Ecs;
use super::store::cluster::Cluster;
use super::tasks::Task;
use super::world::World;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTasks {
    cluster: Option<String>,
    service_name: Option<String>,
    family: Option<String>,
    launch_type: Option<String>,
    started_by: Option<String>,
    desired_status: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct DescribeTasks {
    cluster: Option<String>,
    #[serde(default)]
    tasks: Vec<String>,
    include: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct StopTask {
    cluster: Option<String>,
    #[serde(default)]
    task: String,
    reason: Option<String>,
}

impl Ecs {
    pub(crate) fn list_tasks(&self, body: &[u8], context: &Context<'_>) -> Result<Value, AwsError> {
        let input: ListTasks = parse(body)?;
        let cluster_name = cluster_name(input.cluster.as_deref(), context);
        let cluster = self.cluster(cluster_name)?;
        // API reference: where startedBy is given, it must be the only filter. Text inferred.
        let others = input.service_name.is_some()
            || input.family.is_some()
            || input.launch_type.is_some()
            || input.desired_status.is_some();
        if input.started_by.is_some() && others {
            return Err(AwsError::invalid_parameter("startedBy must be the only filter."));
        }
        let wanted = input.desired_status.as_deref().unwrap_or("RUNNING");
        if !matches!(wanted, "RUNNING" | "PENDING" | "STOPPED") {
            return Err(AwsError::invalid_parameter("Invalid desired status."));
        }
        let service = match &input.service_name {
            None => None,
            Some(given) => {
                let name = service_name(given, cluster_name, context);
                Some(self.service(cluster_name, name)?)
            }
        };
        let family = input.family.as_ref().map(|family| format!("task-definition/{family}:"));
        let tasks: Box<dyn Iterator<Item = &Task>> = match service {
            Some(service) => Box::new(service.tasks.iter()),
            None => Box::new(cluster.tasks()),
        };
        let prefix = context.caller.arn("ecs", "");
        let arns = tasks
            .filter(|task| task.desired_status() == wanted)
            .filter(|it| {
                input.started_by.is_none() || it.started_by() == input.started_by.as_deref()
            })
            .filter(|it| {
                family.as_ref().is_none_or(|family| it.workload.task_definition.contains(family))
            })
            .filter(|it| {
                input.launch_type.as_ref().is_none_or(|wanted| *wanted == it.workload.launch_type)
            })
            .map(|task| json!(task.arn(&prefix, cluster_name)))
            .collect();
        page("taskArns", arns, input.max_results, input.next_token.as_deref(), 100)
    }

    pub(crate) fn describe_tasks(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: DescribeTasks = parse(body)?;
        let cluster_name = cluster_name(input.cluster.as_deref(), context);
        let cluster = self.cluster(cluster_name)?;
        // API reference: up to 100 tasks. Texts inferred.
        if input.tasks.is_empty() {
            return Err(AwsError::invalid_parameter("Tasks cannot be empty."));
        }
        if input.tasks.len() > 100 {
            return Err(AwsError::invalid_parameter("Tasks cannot have more than 100 elements"));
        }
        let prefix = context.caller.arn("ecs", "");
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for given in &input.tasks {
            let id = task_id(given, cluster_name, context);
            let found = cluster.tasks().find(|task| task.id == id);
            match found.filter(|task| task.age(context.now) >= self.controls.task_lag) {
                Some(task) => {
                    let mut value = task.to_json(&prefix, cluster_name);
                    if wants_tags(input.include.as_deref()) {
                        value["tags"] = json!(task.tags);
                    }
                    tasks.push(value);
                }
                None => failures.push(json!({
                    "arn": context.caller.arn("ecs", &format!("task/{cluster_name}/{id}")),
                    "reason": "MISSING",
                })),
            }
        }
        Ok(json!({ "tasks": tasks, "failures": failures }))
    }

    pub(crate) fn stop_task(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: StopTask = parse(body)?;
        let cluster_name = cluster_name(input.cluster.as_deref(), context).to_owned();
        let id = task_id(&input.task, &cluster_name, context).to_owned();
        let prefix = context.caller.arn("ecs", "");
        self.cluster(&cluster_name)?;
        let Self { clusters, controls, .. } = self;
        let world = World::new(context, controls);
        let cluster = clusters.get_mut(&cluster_name);
        // Reported, with this text.
        let missing = || AwsError::invalid_parameter("The referenced task was not found.");
        let Cluster { services, standalone, .. } = cluster.ok_or_else(missing)?;
        let service = services.values_mut().find(|it| it.tasks.iter().any(|task| task.id == id));
        let task = match service {
            // The scheduler will replace it.
            Some(service) => {
                service.look_soon(world.now, &world);
                service.is_steady = false;
                service.tasks.iter_mut().find(|task| task.id == id)
            }
            None => standalone.iter_mut().find(|task| task.id == id),
        };
        let task = task.ok_or_else(missing)?;
        task.ask_to_stop(world.now, world.pace, Stop::user(input.reason));
        Ok(json!({ "task": task.to_json(&prefix, &cluster_name) }))
    }
}
