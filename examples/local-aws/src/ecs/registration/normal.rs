//! The form in which ECS keeps a task definition: defaults are added, spellings are made one. What
//! DescribeTaskDefinition returns is this form; that it is made on registration, and not when the
//! task definition is described, is inferred.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::fargate::{cpu_units, memory_mib};

pub(super) fn make(members: &mut Map<String, Value>) {
    // API reference of RegisterTaskDefinition: both are converted to an integer.
    convert(members, "cpu", cpu_units);
    convert(members, "memory", memory_mib);
    for name in ["volumes", "placementConstraints"] {
        default(members, name, json!([]));
    }
    objects(members, "volumes").for_each(volume);
    // API reference of PortMapping: the container's port if the task has the host's network or one
    // of its own; otherwise a port that is chosen when the container starts.
    let keeps_port =
        matches!(members.get("networkMode"), Some(mode) if mode == "awsvpc" || mode == "host");
    for container in objects(members, "containerDefinitions") {
        default(container, "cpu", json!(0));
        default(container, "essential", json!(true));
        for name in ["environment", "mountPoints", "portMappings", "systemControls", "volumesFrom"]
        {
            default(container, name, json!([]));
        }
        if let Some(Value::Array(variables)) = container.get_mut("environment") {
            environment(variables);
        }
        objects(container, "portMappings").for_each(|it| port(it, keeps_port));
        // API reference of HealthCheck.
        if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
            for (name, value) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
                default(check, name, json!(value));
            }
        }
    }
}

/// Reported: a variable without a value is dropped (hashicorp/terraform-provider-aws#39533,
/// pulumi/pulumi-aws#4576), and of several with one name one stays (hashicorp/terraform#16769,
/// hashicorp/terraform-provider-aws#5205). The last one stays; that is inferred.
fn environment(variables: &mut Vec<Value>) {
    variables.retain(|variable| variable.get("value").is_some_and(|value| !value.is_null()));
    let mut names = BTreeSet::new();
    variables.reverse();
    variables.retain(|variable| names.insert(variable["name"].to_string()));
    variables.reverse();
}

/// Reported: a host port of 0 is the container's port in awsvpc, and for the host's network
/// (hashicorp/terraform-provider-aws#3401; the second is inferred).
fn port(port: &mut Map<String, Value>, keeps_port: bool) {
    default(port, "protocol", json!("tcp"));
    match port.get("containerPort").cloned() {
        Some(same) if keeps_port => {
            port.insert("hostPort".to_owned(), same);
        }
        Some(_) => default(port, "hostPort", json!(0)),
        None => {}
    }
}

/// Reported: `configuredAtLaunch` is false unless it was given
/// (hashicorp/terraform-provider-aws#46132). Inferred: a volume that is of no other kind has an
/// empty host.
fn volume(volume: &mut Map<String, Value>) {
    let of_launch = volume.get("configuredAtLaunch") == Some(&json!(true));
    let is_plain = volume.keys().all(|name| name == "name" || name == "configuredAtLaunch");
    if is_plain && !of_launch {
        volume.insert("host".to_owned(), json!({}));
    }
    default(volume, "configuredAtLaunch", json!(false));
}

fn convert(members: &mut Map<String, Value>, name: &str, amount: fn(&str) -> Option<u64>) {
    if let Some(Value::String(text)) = members.get_mut(name)
        && let Some(amount) = amount(text)
    {
        *text = amount.to_string();
    }
}

/// AWS's JSON protocols: a null member is an absent one.
fn default(members: &mut Map<String, Value>, name: &str, value: Value) {
    if members.get(name).is_none_or(Value::is_null) {
        members.insert(name.to_owned(), value);
    }
}

fn objects<'a>(
    members: &'a mut Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let elements = members.get_mut(list).and_then(Value::as_array_mut);
    elements.into_iter().flatten().filter_map(Value::as_object_mut)
}
