//! What ECS adds to a task definition that was registered without it. Published descriptions have
//! these members whether or not they were given; that they are added on registration, and not when
//! they are described, is inferred.

use serde_json::{Map, Value, json};

pub(crate) fn add(members: &mut Map<String, Value>) {
    for name in ["volumes", "placementConstraints"] {
        default(members, name, json!([]));
    }
    // Inferred: a volume that is of no other kind has an empty host.
    for volume in objects(members, "volumes").filter(|volume| volume.len() == 1) {
        default(volume, "host", json!({}));
    }
    // API reference of PortMapping: the container's port where the task has the host's network or
    // one of its own, and otherwise one that is chosen when the container starts.
    let keeps_port =
        matches!(members.get("networkMode"), Some(mode) if mode == "awsvpc" || mode == "host");
    for container in objects(members, "containerDefinitions") {
        default(container, "cpu", json!(0));
        default(container, "essential", json!(true));
        for name in ["environment", "mountPoints", "portMappings", "systemControls", "volumesFrom"]
        {
            default(container, name, json!([]));
        }
        for port in objects(container, "portMappings") {
            default(port, "protocol", json!("tcp"));
            match port.get("containerPort").cloned() {
                Some(same) if keeps_port => default(port, "hostPort", same),
                Some(_) => default(port, "hostPort", json!(0)),
                None => {}
            }
        }
        // API reference of HealthCheck.
        if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
            for (name, value) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
                default(check, name, json!(value));
            }
        }
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
