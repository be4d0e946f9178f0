//! The canonical form of task definitions. Two forms differ exactly if ECS sees a difference: a
//! file in git has neither the members that ECS adds nor ECS's order.

use std::collections::{BTreeMap, BTreeSet};

use crate::json::value::{Json, Object};

/// A value without the parts that don't make a difference.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// An object's members, or a list's elements by their keys.
    Branch(BTreeMap<String, Node>),
    Leaf(Json),
}

/// Returns the canonical form of the input of RegisterTaskDefinition.
pub(crate) fn canonical(members: &Object) -> Node {
    let rules = Rules { network_mode: members.text("networkMode").unwrap_or("bridge") };
    Node::Branch(rules.members(&[], members, &[]))
}

/// Returns the meaning of a list's order. `path` has only names of members, outermost first.
pub(crate) fn order(path: &[&str]) -> Order {
    use Order::{Counts, Ignored, Keyed};
    match path {
        ["containerDefinitions"] | ["volumes"] => Keyed(&["name"]),
        ["inferenceAccelerators"] => Keyed(&["deviceName"]),
        ["tags"] => Keyed(&["key"]),
        ["placementConstraints"] | ["requiresCompatibilities"] => Ignored,
        ["proxyConfiguration", "properties"] => Keyed(&["name"]),
        ["containerDefinitions", inner @ ..] => match inner {
            ["environment"] | ["secrets"] | ["ulimits"] => Keyed(&["name"]),
            ["logConfiguration", "secretOptions"] => Keyed(&["name"]),
            ["dependsOn"] => Keyed(&["containerName"]),
            ["extraHosts"] => Keyed(&["hostname"]),
            ["linuxParameters", "capabilities", "add" | "drop"] => Ignored,
            ["linuxParameters", "devices"] => Keyed(&["hostPath"]),
            ["linuxParameters", "tmpfs"] | ["mountPoints"] => Keyed(&["containerPath"]),
            ["portMappings"] => Keyed(&["containerPort", "containerPortRange", "protocol"]),
            ["resourceRequirements"] => Keyed(&["type"]),
            ["restartPolicy", "ignoredExitCodes"] => Ignored,
            ["systemControls"] => Keyed(&["namespace"]),
            ["volumesFrom"] => Keyed(&["sourceContainer"]),
            // The order of `environmentFiles` also counts: API reference of ContainerDefinition,
            // ECS processes them from the top down.
            _ => Counts,
        },
        _ => Counts,
    }
}

/// The meaning of the order of a list's elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Order {
    Counts,
    Ignored,
    /// The order doesn't count, and these members identify the elements.
    Keyed(&'static [&'static str]),
}

/// Returns the key of an element in a keyed list; `None` if it lacks the key's members.
pub(crate) fn key(element: &Json, members: &[&str]) -> Option<String> {
    let element = element.as_object()?;
    let mut parts: Vec<String> = Vec::new();
    for name in members {
        match element.get(name) {
            Some(Json::String(text)) => parts.push(text.clone()),
            Some(Json::Number(spelling)) => parts.push(number(spelling)),
            _ => {}
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

impl Node {
    /// Returns the value for people: a string without quotes, any other value as JSON.
    pub(crate) fn text(&self) -> String {
        match self {
            Node::Leaf(Json::String(text)) => text.clone(),
            node => node.to_json().to_string(),
        }
    }

    /// Returns the value as JSON, with object members for the elements of keyed lists.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Node::Branch(members) => {
                let members = members.iter().map(|(name, node)| (name.clone(), node.to_json()));
                Json::Object(members.collect())
            }
            Node::Leaf(json) => json.clone(),
        }
    }
}

struct Rules<'a> {
    network_mode: &'a str,
}

impl Rules<'_> {
    fn members(&self, path: &[&str], object: &Object, without: &[&str]) -> BTreeMap<String, Node> {
        let mut members = BTreeMap::new();
        for (name, value) in object.iter().filter(|(name, _)| !without.contains(name)) {
            let path = [path, &[name]].concat();
            let node = self.value(&path, value);
            if let Some(node) = node.filter(|node| !self.is_default(&path, node, object)) {
                members.insert(name.to_owned(), node);
            }
        }
        members
    }

    /// Returns the canonical value; `None` if it is equivalent to an absent one.
    fn value(&self, path: &[&str], value: &Json) -> Option<Node> {
        match value {
            // In AWS's JSON protocols a null member is an absent member.
            Json::Null => None,
            Json::Object(object) => {
                let members = self.members(path, object, &[]);
                match members.is_empty() {
                    true => (!may_be_empty(path)).then(|| Node::Leaf(Object::default().into())),
                    false => Some(Node::Branch(members)),
                }
            }
            Json::Array(elements) if matches!(path, ["containerDefinitions", "environment"]) => {
                self.list(path, &variables(elements))
            }
            Json::Array(elements) => self.list(path, elements),
            Json::String(text) => Some(Node::Leaf(amount(path, text).as_str().into())),
            other => Some(Node::Leaf(normal(other))),
        }
    }

    fn list(&self, path: &[&str], elements: &[Json]) -> Option<Node> {
        let order = order(path);
        if elements.is_empty() && (order != Order::Counts || may_be_empty(path)) {
            return None;
        }
        if let Order::Keyed(by) = order
            && let Some(elements) = self.keyed(path, elements, by)
        {
            return Some(Node::Branch(elements));
        }
        let mut elements: Vec<Json> = elements
            .iter()
            .map(|element| match element {
                Json::Object(object) => Node::Branch(self.members(path, object, &[])).to_json(),
                other => normal(other),
            })
            .collect();
        // For two elements of the same name the last may win, but two mappings of a port both
        // apply.
        if order == Order::Ignored || path.last() == Some(&"portMappings") {
            elements.sort_by_cached_key(Json::to_string);
        }
        Some(Node::Leaf(elements.into()))
    }

    /// Returns the elements by their keys; `None` if a key is missing or occurs twice.
    fn keyed(
        &self,
        path: &[&str],
        elements: &[Json],
        by: &[&str],
    ) -> Option<BTreeMap<String, Node>> {
        let mut nodes = BTreeMap::new();
        for element in elements {
            let mut key = key(element, by)?;
            let object = element.as_object()?;
            if path.last() == Some(&"portMappings") && object.text("protocol").is_none() {
                key.push_str("/tcp");
            }
            let members = self.members(path, object, by);
            let node = match lone(path, &members) {
                Some(value) => value,
                None if members.is_empty() => Node::Leaf(Object::default().into()),
                None => Node::Branch(members),
            };
            if nodes.insert(key, node).is_some() {
                return None;
            }
        }
        Some(nodes)
    }

    /// Returns whether it is the value that ECS assumes for an absent member. Source: API
    /// references of ContainerDefinition, PortMapping, HealthCheck, MountPoint, VolumeFrom,
    /// EFSVolumeConfiguration and RegisterTaskDefinition. The 0 for `cpu` is inferred from
    /// published descriptions. The false for `configuredAtLaunch` is reported by users, and so is
    /// that ECS replaces a host port of 0 with the container's port in awsvpc.
    fn is_default(&self, path: &[&str], node: &Node, object: &Object) -> bool {
        let Node::Leaf(value) = node else {
            return false;
        };
        let is_number = |default: &str| *value == Json::Number(default.to_owned());
        let is_text = |default: &str| value.as_str() == Some(default);
        match path {
            ["enableFaultInjection"] => *value == Json::Bool(false),
            ["volumes", "configuredAtLaunch"] => *value == Json::Bool(false),
            ["volumes", "efsVolumeConfiguration", inner @ ..] => match inner {
                ["rootDirectory"] => is_text("/"),
                ["authorizationConfig", "iam"] | ["transitEncryption"] => is_text("DISABLED"),
                _ => false,
            },
            ["containerDefinitions", inner @ ..] => match inner {
                ["cpu"] => is_number("0"),
                ["essential"] => *value == Json::Bool(true),
                ["healthCheck", "interval"] => is_number("30"),
                ["healthCheck", "retries"] => is_number("3"),
                ["healthCheck", "timeout"] => is_number("5"),
                ["mountPoints" | "volumesFrom", "readOnly"] => *value == Json::Bool(false),
                ["portMappings", "hostPort"] => match self.network_mode {
                    "awsvpc" | "host" => {
                        let container = object.get("containerPort").map(normal);
                        is_number("0") || container.as_ref() == Some(value)
                    }
                    _ => is_number("0"),
                },
                ["portMappings", "protocol"] => is_text("tcp"),
                _ => false,
            },
            _ => false,
        }
    }
}

/// Returns the variables that ECS keeps. Users report that it drops a variable without a value, and
/// that it keeps one of several with the same name. That the last one stays is inferred; if ECS
/// keeps another one, the comparison after the registration shows it.
fn variables(elements: &[Json]) -> Vec<Json> {
    let name = |variable: &Json| Some(variable.as_object()?.text("name")?.to_owned());
    let given = elements.iter().filter(|variable| has_value(variable));
    let mut later = BTreeSet::new();
    let mut kept: Vec<Json> = given
        .rev()
        .filter(|variable| name(variable).is_none_or(|name| later.insert(name)))
        .cloned()
        .collect();
    kept.reverse();
    kept
}

fn has_value(variable: &Json) -> bool {
    let value = variable.as_object().map(|variable| variable.get("value"));
    !matches!(value, Some(None | Some(Json::Null)))
}

/// Returns the only member that an element has beside its key, such as an environment variable's
/// value.
fn lone(path: &[&str], members: &BTreeMap<String, Node>) -> Option<Node> {
    let name = match path.last() {
        Some(&("secrets" | "secretOptions")) => "valueFrom",
        _ => "value",
    };
    match (members.len(), members.get(name)) {
        (1, Some(Node::Leaf(value))) => Some(Node::Leaf(value.clone())),
        _ => None,
    }
}

/// Returns whether an empty object or ordered list means the same as an absent one. This excludes
/// `command` and `entryPoint`: an empty list there may override the image's own. Inferred for a
/// volume's `host`: published descriptions have it although it wasn't set.
fn may_be_empty(path: &[&str]) -> bool {
    match path {
        ["volumes", inner @ ..] => {
            matches!(inner, ["host"] | ["efsVolumeConfiguration", "authorizationConfig"])
        }
        ["containerDefinitions", inner @ ..] => matches!(
            inner,
            ["credentialSpecs"]
                | ["dnsSearchDomains"]
                | ["dnsServers"]
                | ["dockerLabels"]
                | ["dockerSecurityOptions"]
                | ["environmentFiles"]
                | ["links"]
                | ["logConfiguration", "options"]
        ),
        _ => false,
    }
}

/// Converts `1 vCPU` and `1 GB` to 1024, as ECS does at registration. Source: API reference of
/// RegisterTaskDefinition. Spaces around it don't count; that is inferred.
fn amount(path: &[&str], text: &str) -> String {
    let unit = match path {
        ["cpu"] => "vcpu",
        ["memory"] => "gb",
        _ => return text.to_owned(),
    };
    let lower = text.trim().to_ascii_lowercase();
    match lower.strip_suffix(unit).map(|amount| amount.trim_end().parse::<f64>()) {
        Some(Ok(amount)) => number(&(amount * 1024.0).to_string()),
        None if lower.parse::<u64>().is_ok() => lower,
        _ => text.to_owned(),
    }
}

/// Returns the value with a uniform spelling of numbers and with sorted members.
fn normal(value: &Json) -> Json {
    match value {
        Json::Array(elements) => Json::Array(elements.iter().map(normal).collect()),
        Json::Number(spelling) => Json::Number(number(spelling)),
        Json::Object(object) => {
            let members = object.iter().filter(|(_, value)| **value != Json::Null);
            let sorted: BTreeMap<String, Json> =
                members.map(|(name, value)| (name.to_owned(), normal(value))).collect();
            Json::Object(sorted.into_iter().collect())
        }
        other => other.clone(),
    }
}

fn number(spelling: &str) -> String {
    if let Ok(integer) = spelling.parse::<i128>() {
        return integer.to_string();
    }
    match spelling.parse::<f64>() {
        // `-0.0` is 0, and `1e2` is 100.
        Ok(float) if float.is_finite() => (float + 0.0).to_string(),
        _ => spelling.to_owned(),
    }
}

#[cfg(test)]
mod tests;
