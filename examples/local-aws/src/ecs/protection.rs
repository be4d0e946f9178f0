//! Task scale-in protection: tasks that neither a deployment nor scaling in may stop.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{cluster_name, task_id};
use super::store::Ecs;
use super::tasks::Task;
use super::world::World;
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskProtection {
    cluster: Option<String>,
    #[serde(default)]
    tasks: Vec<String>,
    protection_enabled: Option<bool>,
    expires_in_minutes: Option<u32>,
}

impl Ecs {
    /// API reference: up to 100 tasks, and all of a cluster's service tasks may be asked for by name
    /// alone; that no task at all is refused is inferred.
    pub(crate) fn get_task_protection(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: TaskProtection = parse(body)?;
        let cluster = cluster_name(input.cluster.as_deref(), context);
        check_count(&input.tasks, 100)?;
        let services = &self.cluster(cluster)?.services;
        let find = |id: &str| services.values().flat_map(|it| &it.tasks).find(|it| it.id == id);
        let prefix = context.caller.arn("ecs", "");
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for given in &input.tasks {
            let id = task_id(given, cluster, context);
            match find(id).filter(|task| !task.is_stopped()) {
                Some(task) => tasks.push(task.protection(&prefix, cluster, context)),
                None => failures.push(failure(id, cluster, context)),
            }
        }
        Ok(json!({ "protectedTasks": tasks, "failures": failures }))
    }

    /// API reference: up to 10 tasks, for 2 hours unless `expiresInMinutes` has between 1 minute and
    /// 48 hours. Texts inferred.
    pub(crate) fn update_task_protection(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: TaskProtection = parse(body)?;
        let cluster = cluster_name(input.cluster.as_deref(), context).to_owned();
        check_count(&input.tasks, 10)?;
        let Some(enabled) = input.protection_enabled else {
            return Err(AwsError::invalid_parameter("protectionEnabled must be specified."));
        };
        let minutes = input.expires_in_minutes.unwrap_or(120);
        if !(1..=2880).contains(&minutes) {
            return Err(AwsError::invalid_parameter(
                "expiresInMinutes must be between 1 and 2880.",
            ));
        }
        let lasts = Duration::from_secs(u64::from(minutes) * 60);
        let until = enabled.then(|| context.now + lasts);
        self.cluster(&cluster)?;
        let ids: Vec<String> =
            input.tasks.iter().map(|it| task_id(it, &cluster, context).to_owned()).collect();
        let prefix = context.caller.arn("ecs", "");
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for id in &ids {
            let Self { clusters, controls, .. } = self;
            let services =
                clusters.get_mut(&cluster).into_iter().flat_map(|it| it.services.values_mut());
            let is_live = |task: &&mut Task| task.id == *id && !task.is_stopped();
            let mut found = None;
            for service in services {
                let world = World::new(context, controls);
                if let Some(task) = service.tasks.iter_mut().find(is_live) {
                    task.protected_until = until;
                    found = Some(task.protection_until(&prefix, &cluster, until));
                    // The scheduler may stop it now.
                    service.look_soon(world.now, &world);
                    break;
                }
            }
            match found {
                Some(task) => tasks.push(task),
                None => failures.push(failure(id, &cluster, context)),
            }
        }
        Ok(json!({ "protectedTasks": tasks, "failures": failures }))
    }
}

impl Task {
    fn protection(&self, prefix: &str, cluster: &str, context: &Context<'_>) -> Value {
        let until = self.protected_until.filter(|until| *until > context.now);
        self.protection_until(prefix, cluster, until)
    }

    fn protection_until(&self, prefix: &str, cluster: &str, until: Option<Timestamp>) -> Value {
        let mut value = json!({
            "taskArn": self.arn(prefix, cluster),
            "protectionEnabled": until.is_some(),
        });
        if let Some(until) = until {
            value["expirationDate"] = until.to_json();
        }
        value
    }
}

fn check_count(tasks: &[String], most: usize) -> Result<(), AwsError> {
    match tasks.len() {
        0 => Err(AwsError::invalid_parameter("Tasks cannot be empty.")),
        count if count > most => Err(AwsError::invalid_parameter(format!(
            "Tasks cannot have more than {most} elements."
        ))),
        _ => Ok(()),
    }
}

/// API reference of GetTaskProtection: a task that is stopped or not of a service isn't valid.
fn failure(id: &str, cluster: &str, context: &Context<'_>) -> Value {
    json!({
        "arn": context.caller.arn("ecs", &format!("task/{cluster}/{id}")),
        "reason": "TASK_NOT_VALID",
    })
}
