//! What an operation needs to be allowed: actions, resources, condition keys.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::caller::Caller;

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) action: String,
    pub(crate) resource: String,
    conditions: BTreeMap<String, String>,
}

impl Access {
    pub(crate) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), conditions: BTreeMap::new() }
    }

    /// Adds a condition key, which is the same in any case.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.conditions.insert(key.to_ascii_lowercase(), value.into());
        self
    }

    /// Looks a condition up by its key in lower case.
    pub(crate) fn condition(&self, key: &str) -> Option<&str> {
        self.conditions.get(key).map(String::as_str)
    }
}

/// What an operation of ECS needs (Service Authorization Reference, "Actions, resources, and
/// condition keys for Amazon ECS"). The input is looked at, not validated: what is wrong with it
/// is the operation's own to say.
pub(crate) fn of_ecs(operation: &str, input: &Value, caller: &Caller) -> Vec<Access> {
    let action = format!("ecs:{operation}");
    let text = |member: &str| input.get(member).and_then(Value::as_str);
    let cluster = name(text("cluster").unwrap_or("default"));
    let cluster_arn = caller.arn("ecs", &format!("cluster/{cluster}"));
    let on = |resource: String| Access::new(&action, resource).with("ecs:cluster", &cluster_arn);
    let arn_of = |kind: &str, given: &str| {
        if given.starts_with("arn:") {
            given.to_owned()
        } else {
            caller.arn("ecs", &format!("{kind}/{cluster}/{given}"))
        }
    };
    let all = |member: &str, kind: &str| -> Vec<Access> {
        texts(input, member).map(|given| on(arn_of(kind, given))).collect()
    };
    match operation {
        "CreateService" => vec![on(arn_of("service", text("serviceName").unwrap_or_default()))],
        "DeleteService" | "ListServiceDeployments" | "UpdateService" => {
            vec![on(arn_of("service", text("service").unwrap_or_default()))]
        }
        "DescribeServices" => all("services", "service"),
        "DescribeServiceDeployments" => {
            texts(input, "serviceDeploymentArns").flat_map(|arn| in_service(&action, arn)).collect()
        }
        "DescribeServiceRevisions" => {
            texts(input, "serviceRevisionArns").flat_map(|arn| in_service(&action, arn)).collect()
        }
        "ContinueServiceDeployment" | "StopServiceDeployment" => {
            in_service(&action, text("serviceDeploymentArn").unwrap_or_default()).into()
        }
        "DescribeTasks" | "GetTaskProtection" | "UpdateTaskProtection" => all("tasks", "task"),
        "StopTask" => vec![on(arn_of("task", text("task").unwrap_or_default()))],
        "CreateCluster" => {
            let name = text("clusterName").unwrap_or("default");
            vec![Access::new(&action, caller.arn("ecs", &format!("cluster/{name}")))]
        }
        "DescribeClusters" => texts(input, "clusters")
            .map(|given| {
                let resource = format!("cluster/{}", name(given));
                Access::new(&action, caller.arn("ecs", &resource))
            })
            .collect(),
        "RunTask" => {
            let given = text("taskDefinition").unwrap_or_default();
            let resource = if given.starts_with("arn:") {
                given.to_owned()
            } else {
                caller.arn("ecs", &format!("task-definition/{given}"))
            };
            let overrides = input.get("overrides").unwrap_or(&Value::Null);
            let needed = std::iter::once(on(resource)).chain(passed_roles(overrides));
            // Reported: a refusal names all tasks of the cluster.
            let all = caller.arn("ecs", &format!("task/{cluster}/*"));
            let propagates = text("propagateTags").is_some();
            needed.chain(tagging(operation, input, propagates, all)).collect()
        }
        "RegisterTaskDefinition" => {
            let family = text("family").unwrap_or_default();
            let all = caller.arn("ecs", &format!("task-definition/{family}:*"));
            let needed = std::iter::once(Access::new(&action, "*")).chain(passed_roles(input));
            needed.chain(tagging(operation, input, false, all)).collect()
        }
        "ListTagsForResource" | "TagResource" | "UntagResource" => {
            vec![Access::new(&action, text("resourceArn").unwrap_or_default())]
        }
        "ListServices" | "ListTasks" => vec![on("*".to_owned())],
        // DescribeTaskDefinition, DeregisterTaskDefinition and the other lists have no resource.
        _ => vec![Access::new(&action, "*")],
    }
}

/// Tagging while creating needs the right to tag as well (ECS developer guide, "Grant permission to
/// tag resources on creation").
fn tagging(operation: &str, input: &Value, propagates: bool, resource: String) -> Option<Access> {
    let tags = input.get("tags").and_then(Value::as_array);
    let tags_something = propagates || tags.is_some_and(|tags| !tags.is_empty());
    tags_something
        .then(|| Access::new("ecs:TagResource", resource).with("ecs:CreateAction", operation))
}

/// A service deployment or revision by its ARN: the reference has it and its service as resources,
/// and requires both.
fn in_service(action: &str, arn: &str) -> [Access; 2] {
    let (prefix, resource) = arn.rsplit_once(':').unwrap_or_default();
    let mut names = resource.split('/').skip(1);
    let (cluster, service) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    [format!("{prefix}:service/{cluster}/{service}"), arn.to_owned()].map(|resource| {
        Access::new(action, resource).with("ecs:cluster", format!("{prefix}:cluster/{cluster}"))
    })
}

/// A caller that gives a task a role needs the permission to pass it (ECS developer guide). For
/// RunTask, the roles of the task definition are asked for as well (reported).
pub(crate) fn passed_roles(input: &Value) -> impl Iterator<Item = Access> {
    ["taskRoleArn", "executionRoleArn"].into_iter().filter_map(|member| {
        let role = input.get(member)?.as_str()?;
        let access = Access::new("iam:PassRole", role);
        Some(access.with("iam:PassedToService", "ecs-tasks.amazonaws.com"))
    })
}

/// A name, or the last part of an ARN.
fn name(given: &str) -> &str {
    given.rsplit('/').next().unwrap_or(given)
}

fn texts<'a>(input: &'a Value, member: &str) -> impl Iterator<Item = &'a str> {
    input.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
