//! What tasks are made of: a task definition, and what a service or RunTask adds to it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::script::Script;
use super::store::definition::{Container, Definition};
use crate::clock::Timestamp;

#[derive(Debug)]
pub(crate) struct Workload {
    /// The ARN.
    pub(crate) task_definition: String,
    pub(crate) containers: Vec<Container>,
    pub(crate) launch_type: String,
    pub(crate) execution_role: Option<String>,
    pub(crate) target_group: Option<TargetGroup>,
}

#[derive(Debug, Clone)]
pub(crate) struct TargetGroup {
    pub(crate) arn: String,
    pub(crate) port: u64,
}

/// A service revision: never changed once it is made.
#[derive(Debug)]
pub(crate) struct Revision {
    pub(crate) number: u64,
    pub(crate) workload: Arc<Workload>,
    /// The members of the service's input that belong to its revision.
    pub(crate) settings: Map<String, Value>,
    pub(crate) script: Script,
    pub(crate) created_at: Timestamp,
}

impl Workload {
    pub(crate) fn new(definition: &Definition, launch_type: &str) -> Self {
        Self {
            task_definition: definition.arn.clone(),
            containers: definition.containers().to_vec(),
            launch_type: launch_type.to_owned(),
            execution_role: definition.execution_role().map(str::to_owned),
            target_group: None,
        }
    }

    /// The container that a script brings down.
    pub(crate) fn culprit(&self) -> Option<&Container> {
        self.containers.iter().find(|container| container.essential)
    }

    pub(crate) fn has_health_check(&self) -> bool {
        self.containers.iter().any(|container| container.health_check.is_some())
    }

    /// The ARN of the first secret.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.containers
            .iter()
            .flat_map(|it| it.secrets.iter().flatten())
            .find_map(|secret| secret.get("valueFrom").and_then(Value::as_str))
    }

    /// The target group whose check fails by script; if the service has none, one is made up.
    pub(crate) fn checking_target_group(&self) -> TargetGroup {
        self.target_group.clone().unwrap_or_else(|| {
            let arn = self.task_definition.replacen(":ecs:", ":elasticloadbalancing:", 1);
            let (prefix, _) = arn.split_once("task-definition/").unwrap_or((&arn, ""));
            TargetGroup { arn: format!("{prefix}targetgroup/local/0123456789abcdef"), port: 80 }
        })
    }
}

impl TargetGroup {
    /// The first one in a service's `loadBalancers`.
    pub(crate) fn of(settings: &Map<String, Value>) -> Option<Self> {
        settings.get("loadBalancers")?.as_array()?.iter().find_map(|balancer| {
            let arn = balancer.get("targetGroupArn")?.as_str()?.to_owned();
            let port = balancer.get("containerPort").and_then(Value::as_u64).unwrap_or(80);
            Some(Self { arn, port })
        })
    }
}
