//! Families of task definitions, and what can be asked of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Ecs;
use super::input::{page, wants_tags};
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
    pub(crate) revision: u32,
    /// The form in which it is kept, without the tags.
    pub(crate) members: Map<String, Value>,
    pub(crate) tags: Vec<Value>,
    pub(crate) containers: Vec<Container>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) execution_role: Option<String>,
    pub(crate) is_for_fargate: bool,
    pub(crate) needs_network: bool,
    pub(crate) registered_at: Timestamp,
    pub(crate) registered_by: String,
    pub(crate) deregistered_at: Option<Timestamp>,
}

/// What the rules and the tasks need to know of a container definition.
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
    pub(crate) memory: Option<i64>,
    pub(crate) memory_reservation: Option<i64>,
    pub(crate) health_check: Option<Value>,
    pub(crate) secrets: Option<Vec<Value>>,
    environment: Option<Vec<Value>>,
    #[serde(default)]
    pub(crate) depends_on: Vec<Dependency>,
    #[serde(default)]
    pub(crate) mount_points: Vec<MountPoint>,
    #[serde(default)]
    pub(crate) port_mappings: Vec<PortMapping>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Dependency {
    pub(crate) container_name: String,
    pub(crate) condition: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MountPoint {
    pub(crate) source_volume: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortMapping {
    pub(crate) name: Option<String>,
    pub(crate) container_port: Option<i64>,
    pub(crate) host_port: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) configured_at_launch: bool,
}

fn essential() -> bool {
    true
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

impl Ecs {
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

    /// Finds a definition by ARN, by `family:revision`, or the newest active one by `family`.
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

impl Family {
    pub(crate) fn last_registered_at(&self) -> Option<Timestamp> {
        self.revisions.last_key_value().map(|(_, last)| last.registered_at)
    }

    /// AWS documentation: a revision's number is never used again.
    pub(crate) fn next_revision(&self) -> u32 {
        self.revisions.last_key_value().map_or(1, |(last, _)| last + 1)
    }

    pub(crate) fn add(&mut self, definition: Definition) {
        self.revisions.insert(definition.revision, definition);
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

    fn status(&self) -> &'static str {
        if self.is_active() { "ACTIVE" } else { "INACTIVE" }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut members = self.members.clone();
        members.insert("taskDefinitionArn".to_owned(), json!(self.arn));
        members.insert("revision".to_owned(), json!(self.revision));
        members.insert("status".to_owned(), json!(self.status()));
        members.insert(
            "requiresAttributes".to_owned(),
            json!([{ "name": "com.amazonaws.ecs.capability.docker-remote-api.1.18" }]),
        );
        // Every definition is compatible with EC2, as those of AWS's examples are.
        let compatibilities = match self.is_for_fargate {
            true => json!(["EC2", "FARGATE"]),
            false => json!(["EC2"]),
        };
        members.insert("compatibilities".to_owned(), compatibilities);
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
    pub(crate) fn shared_name(&self) -> Option<&str> {
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

fn family_and_revision<'a>(reference: &'a str, context: &Context<'_>) -> (&'a str, Option<u32>) {
    let prefix = context.caller.arn("ecs", "task-definition/");
    let resource = reference.strip_prefix(&prefix).unwrap_or(reference);
    match resource.split_once(':') {
        // A revision that isn't a number can't be found, because a family's name has no colon.
        Some((family, revision)) => match revision.parse() {
            Ok(revision) => (family, Some(revision)),
            Err(_) => (resource, None),
        },
        None => (resource, None),
    }
}
