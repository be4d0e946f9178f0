//! Changes of an UpdateService call in addition to the task definition.

use std::fmt;

use aws_sdk_ecs::types::{DeploymentConfiguration, PropagateTags};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::sdk::to_value;
use crate::names::service::Service;
use crate::outside::Outside;

/// The members of UpdateService's input, in the form of the request body.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Update {
    members: Map<String, Value>,
}

impl Update {
    pub(crate) fn force(&mut self) {
        self.members.insert(FORCE.to_owned(), Value::Bool(true));
    }

    pub(crate) fn desired_count(&mut self, count: u32) {
        self.members.insert("desiredCount".to_owned(), Value::from(count));
    }

    pub(crate) fn deployment_configuration(&mut self, configuration: &DeploymentConfiguration) {
        let value = to_value(configuration).expect("the SDK serializes its own types");
        self.members.insert(CONFIGURATION.to_owned(), value);
    }

    pub(crate) fn platform_version(&mut self, version: String) {
        self.members.insert("platformVersion".to_owned(), Value::from(version));
    }

    pub(crate) fn propagate_tags(&mut self, from: &PropagateTags) {
        self.members.insert("propagateTags".to_owned(), Value::from(from.as_str()));
    }

    /// Returns whether only the task definition changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns whether ECS starts a deployment for one of these members even if the task definition
    /// stays the same (API reference of UpdateService).
    pub(crate) fn starts(&self) -> bool {
        [FORCE, "platformVersion"].iter().any(|it| self.members.contains_key(*it))
    }

    /// Returns the new desired count, if it changes.
    pub(crate) fn new_count(&self) -> Option<u32> {
        self.members.get("desiredCount")?.as_u64()?.try_into().ok()
    }

    /// Returns the new deployment configuration, if it changes.
    pub(crate) fn configuration(&self) -> Option<&Value> {
        self.members.get(CONFIGURATION)
    }

    /// Returns the body of the request.
    pub(crate) fn request(&self, service: &Service, task_definition: &str) -> String {
        let mut members = self.members.clone();
        for (name, value) in [
            ("cluster", service.cluster_reference()),
            ("service", service.name().to_owned()),
            ("taskDefinition", task_definition.to_owned()),
        ] {
            members.insert(name.to_owned(), Value::from(value));
        }
        Value::Object(members).to_string()
    }
}

/// Prints the changes for a plan: `desiredCount=3, forceNewDeployment=true`.
impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.members.iter().enumerate() {
            let (name, comma) = (Outside::new(name), if index == 0 { "" } else { ", " });
            match value {
                Value::String(text) => write!(f, "{comma}{name}={}", Outside::new(text))?,
                value => write!(f, "{comma}{name}={}", Outside::new(value.to_string()))?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Update({self})")
    }
}

const FORCE: &str = "forceNewDeployment";
const CONFIGURATION: &str = "deploymentConfiguration";
