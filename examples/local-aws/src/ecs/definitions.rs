//! Families of task definitions. Their JSON is kept as it came in, members that nobody knows
//! included, so that a client that drops some can't pass for lossless here.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::input::{check_tags, is_name, page, wants_tags};
use super::{Ecs, defaults};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Debug, Default)]
pub(crate) struct Family {
    revisions: BTreeMap<u32, Definition>,
}

#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) arn: String,
    revision: u32,
    /// What was registered and what ECS adds, without the tags.
    members: Map<String, Value>,
    pub(crate) tags: Vec<Value>,
    containers: Vec<Container>,
    execution_role: Option<String>,
    needs_network: bool,
    registered_at: Timestamp,
    registered_by: String,
    deregistered_at: Option<Timestamp>,
}

/// What the tasks need to know of a container definition.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) image: String,
    /// Service model: a container is essential unless it says otherwise.
    #[serde(default = "essential")]
    pub(crate) essential: bool,
    memory: Option<i64>,
    memory_reservation: Option<i64>,
    pub(crate) health_check: Option<Value>,
    pub(crate) secrets: Option<Vec<Value>>,
    environment: Option<Vec<Value>>,
}

fn essential() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Register {
    #[serde(default)]
    family: String,
    #[serde(default)]
    container_definitions: Vec<Container>,
    #[serde(default)]
    requires_compatibilities: Vec<String>,
    cpu: Option<String>,
    memory: Option<String>,
    task_role_arn: Option<String>,
    execution_role_arn: Option<String>,
    network_mode: Option<String>,
    tags: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    #[serde(default)]
    task_definition: String,
    include: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    family_prefix: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// The members that ECS adds. Service model: TaskDefinition has them, RegisterTaskDefinition's
/// input doesn't.
const READ_ONLY: [&str; 9] = [
    "compatibilities",
    "deleteRequestedAt",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
];

impl Ecs {
    pub(crate) fn register_task_definition(
        &mut self,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: Register = parse(body)?;
        input.check()?;
        let mut members: Map<String, Value> = parse(body)?;
        members.remove("tags");
        // Inferred: a member that isn't part of the input is ignored, not refused.
        for name in READ_ONLY {
            members.remove(name);
        }
        defaults::add(&mut members);
        let window = self.controls.registration_window;
        let family = self.families.entry(input.family.clone()).or_default();
        let last = family.revisions.last_key_value().map(|(_, last)| last.registered_at);
        // Reported by users of several deployment tools, with this text.
        if last.is_some_and(|last| context.now.since(last) < window) {
            return Err(AwsError::new(
                "ClientException",
                "Too many concurrent attempts to create a new revision of the specified family.",
            ));
        }
        // AWS documentation: a revision's number is never used again.
        let revision = family.revisions.last_key_value().map_or(1, |(last, _)| last + 1);
        let caller = context.caller;
        let definition = Definition {
            arn: caller.arn("ecs", &format!("task-definition/{}:{revision}", input.family)),
            revision,
            members,
            tags: input.tags.unwrap_or_default(),
            containers: input.container_definitions,
            execution_role: input.execution_role_arn,
            needs_network: input.network_mode.as_deref() == Some("awsvpc"),
            registered_at: context.now,
            registered_by: caller.identity.arn.clone(),
            deregistered_at: None,
        };
        let output = json!({ "taskDefinition": definition.to_json(), "tags": definition.tags });
        family.revisions.insert(revision, definition);
        Ok(output)
    }

    pub(crate) fn describe_task_definition(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: Describe = parse(body)?;
        let definition = self.definition(&input.task_definition, context).ok_or_else(|| {
            AwsError::new("ClientException", "Unable to describe task definition.")
        })?;
        let mut output = json!({ "taskDefinition": definition.to_json() });
        if wants_tags(input.include.as_deref()) {
            output["tags"] = json!(definition.tags);
        }
        Ok(output)
    }

    pub(crate) fn list_task_definitions(&self, body: &[u8]) -> Result<Value, AwsError> {
        let input: List = parse(body)?;
        let status = input.status.as_deref().unwrap_or("ACTIVE");
        if !matches!(status, "ACTIVE" | "INACTIVE" | "DELETE_IN_PROGRESS") {
            return Err(AwsError::invalid_parameter("Invalid task definition status."));
        }
        let mut arns: Vec<Value> = self
            .families
            .iter()
            // API reference: the whole family name, in spite of the member's name.
            .filter(|(name, _)| input.family_prefix.as_ref().is_none_or(|prefix| prefix == *name))
            .flat_map(|(_, family)| family.revisions.values())
            .filter(|definition| definition.status() == status)
            .map(|definition| json!(definition.arn))
            .collect();
        if input.sort.as_deref() == Some("DESC") {
            arns.reverse();
        }
        page("taskDefinitionArns", arns, input.max_results, input.next_token.as_deref(), 100)
    }

    pub(crate) fn deregister_task_definition(
        &mut self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: Describe = parse(body)?;
        let missing =
            || AwsError::new("ClientException", "The specified task definition does not exist.");
        // API reference: family and revision, or the ARN; the family alone isn't enough.
        let (_, revision) = family_and_revision(&input.task_definition, context);
        revision.ok_or_else(|| AwsError::invalid_parameter("Revision is missing."))?;
        let definition =
            self.definition_mut(&input.task_definition, context).ok_or_else(missing)?;
        definition.deregistered_at.get_or_insert(context.now);
        Ok(json!({ "taskDefinition": definition.to_json() }))
    }

    /// By ARN, by `family:revision`, or the newest active one by `family`.
    pub(crate) fn definition(&self, reference: &str, context: &Context<'_>) -> Option<&Definition> {
        let (family, revision) = family_and_revision(reference, context);
        let revisions = &self.families.get(family)?.revisions;
        match revision {
            Some(revision) => revisions.get(&revision),
            None => revisions.values().rev().find(|definition| definition.is_active()),
        }
    }

    pub(crate) fn definition_mut(
        &mut self,
        reference: &str,
        context: &Context<'_>,
    ) -> Option<&mut Definition> {
        let (family, revision) = family_and_revision(reference, context);
        self.families.get_mut(family)?.revisions.get_mut(&revision?)
    }

    /// What a service may run.
    pub(crate) fn active_definition(
        &self,
        reference: &str,
        context: &Context<'_>,
    ) -> Result<&Definition, AwsError> {
        let definition = self
            .definition(reference, context)
            .ok_or_else(|| AwsError::new("ClientException", "TaskDefinition not found."))?;
        if !definition.is_active() {
            return Err(AwsError::new("ClientException", "TaskDefinition is inactive"));
        }
        Ok(definition)
    }
}

impl Definition {
    pub(crate) fn containers(&self) -> &[Container] {
        &self.containers
    }

    pub(crate) fn family(&self) -> &str {
        let name = self.arn.rsplit('/').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default()
    }

    pub(crate) fn execution_role(&self) -> Option<&str> {
        self.execution_role.as_deref()
    }

    pub(crate) fn is_active(&self) -> bool {
        self.deregistered_at.is_none()
    }

    /// AWS documentation on the awsvpc network mode; reported with these texts.
    pub(crate) fn check_network(&self, network: Option<&Value>) -> Result<(), AwsError> {
        let is_given = network.is_some_and(|network| !network.is_null());
        let refuse = |message: &str| Err(AwsError::invalid_parameter(message));
        match (self.needs_network, is_given) {
            (true, false) => refuse(
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            ),
            (false, true) => refuse(
                "Network Configuration is not valid for the given networkMode of this task \
                 definition.",
            ),
            _ => Ok(()),
        }
    }

    fn status(&self) -> &'static str {
        if self.is_active() { "ACTIVE" } else { "INACTIVE" }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut members = self.members.clone();
        let required = members.get("requiresCompatibilities").cloned();
        members.insert("taskDefinitionArn".to_owned(), json!(self.arn));
        members.insert("revision".to_owned(), json!(self.revision));
        members.insert("status".to_owned(), json!(self.status()));
        members.insert(
            "requiresAttributes".to_owned(),
            json!([{ "name": "com.amazonaws.ecs.capability.docker-remote-api.1.18" }]),
        );
        members.insert(
            "compatibilities".to_owned(),
            // Every definition is compatible with EC2, as those of AWS's examples are.
            match required {
                Some(Value::Array(launch_types)) if !launch_types.contains(&json!("EC2")) => {
                    json!([vec![json!("EC2")], launch_types].concat())
                }
                _ => json!(["EC2"]),
            },
        );
        members.insert("registeredAt".to_owned(), self.registered_at.to_json());
        members.insert("registeredBy".to_owned(), json!(self.registered_by));
        if let Some(at) = self.deregistered_at {
            members.insert("deregisteredAt".to_owned(), at.to_json());
        }
        Value::Object(members)
    }
}

impl Container {
    /// The name of a secret that is one of a plain environment variable, too.
    fn shared_name(&self) -> Option<&str> {
        let variables = self.environment.as_deref().unwrap_or_default();
        let secrets = self.secrets.iter().flatten().filter_map(|secret| secret["name"].as_str());
        secrets.into_iter().find(|name| variables.iter().any(|variable| variable["name"] == *name))
    }

    /// The digest in the image, or one that stands in for what the tag would be resolved to:
    /// nothing is pulled here.
    pub(crate) fn digest(&self) -> String {
        match self.image.split_once('@') {
            Some((_, digest)) => digest.to_owned(),
            None => format!("sha256:{:x}", Bytes::copy_from_slice(&Sha256::digest(&self.image))),
        }
    }
}

impl Register {
    fn check(&self) -> Result<(), AwsError> {
        let refuse = |message: String| Err(AwsError::new("ClientException", message));
        if self.family.is_empty() {
            return refuse("Family should not be null or empty.".to_owned());
        }
        if !is_name(&self.family) {
            return refuse("Family contains invalid characters.".to_owned());
        }
        if self.container_definitions.is_empty() {
            return refuse("Container list cannot be empty.".to_owned());
        }
        let mut names = BTreeSet::new();
        for container in &self.container_definitions {
            let Container { name, image, .. } = container;
            if name.is_empty() {
                return refuse("Container.name should not be null or empty.".to_owned());
            }
            if image.is_empty() {
                return refuse("Container.image should not be null or empty.".to_owned());
            }
            // Inferred: that names are unique is documented, the text isn't.
            if !names.insert(name) {
                return refuse(format!("Duplicate container name '{name}'."));
            }
            // Reported, with this text.
            if self.memory.is_none()
                && container.memory.is_none()
                && container.memory_reservation.is_none()
            {
                return refuse(format!(
                    "Invalid setting for container '{name}'. At least one of 'memory' or \
                     'memoryReservation' must be specified."
                ));
            }
        }
        // Reported by users of several tools, with this text.
        if let Some(name) = self.container_definitions.iter().find_map(Container::shared_name) {
            return refuse(format!(
                "The secret name must be unique and not shared with any new or existing \
                 environment variables set on the container, such as '{name}'."
            ));
        }
        if !self.container_definitions.iter().any(|container| container.essential) {
            return refuse("At least one container must be marked as essential.".to_owned());
        }
        // API reference: Fargate needs both at the level of the task. The text is inferred.
        if self.requires_compatibilities.iter().any(|launch_type| launch_type == "FARGATE") {
            for (name, value) in [("cpu", &self.cpu), ("memory", &self.memory)] {
                if value.is_none() {
                    return refuse(format!(
                        "Fargate requires that '{name}' be defined at the task level."
                    ));
                }
            }
        }
        // Reported: what a client gets that sends an empty ARN where there was none.
        if [&self.task_role_arn, &self.execution_role_arn]
            .into_iter()
            .any(|role| role.as_deref() == Some(""))
        {
            return refuse("Role is not valid".to_owned());
        }
        check_tags(self.tags.as_deref())
    }
}

fn family_and_revision<'a>(reference: &'a str, context: &Context<'_>) -> (&'a str, Option<u32>) {
    let prefix = context.caller.arn("ecs", "task-definition/");
    let resource = reference.strip_prefix(&prefix).unwrap_or(reference);
    match resource.split_once(':') {
        // A revision that is no number can't be found: the family's name has no colon.
        Some((family, revision)) => match revision.parse() {
            Ok(revision) => (family, Some(revision)),
            Err(_) => (resource, None),
        },
        None => (resource, None),
    }
}
