//! A family of task definitions.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;

#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) revisions: BTreeMap<u32, Definition>,
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
    pub(crate) environment: Option<Vec<Value>>,
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

    pub(crate) fn status(&self) -> &'static str {
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
