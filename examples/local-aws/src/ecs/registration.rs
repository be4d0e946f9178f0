//! RegisterTaskDefinition: what ECS refuses of a task definition, and in which form it keeps the rest.

mod fargate;
mod normal;
mod rules;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::store::Ecs;
use super::store::definition::Definition;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::{malformed, parse};

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
        let input: rules::TaskDefinition = parse(body)?;
        input.check()?;
        input.check_accounts(&context.caller.account)?;
        let mut members: Map<String, Value> = parse(body)?;
        let tags = members.remove("tags").and_then(|tags| tags.as_array().cloned());
        // Inferred: a member that isn't part of the input is ignored, not refused.
        for name in READ_ONLY {
            members.remove(name);
        }
        rules::check_size(&members)?;
        normal::make(&mut members);
        let is_for_fargate = input.is_for_fargate();
        let window = self.controls.registration_window;
        let family = self.families.entry(input.family.clone()).or_default();
        // Reported by users of several deployment tools, with this text.
        if family.last_registered_at().is_some_and(|last| context.now.since(last) < window) {
            return Err(AwsError::new(
                "ClientException",
                "Too many concurrent attempts to create a new revision of the specified family.",
            ));
        }
        let revision = family.next_revision();
        let caller = context.caller;
        let definition = Definition {
            arn: caller.arn("ecs", &format!("task-definition/{}:{revision}", input.family)),
            revision,
            containers: read(&members, "containerDefinitions")?,
            volumes: read(&members, "volumes")?,
            members,
            tags: tags.unwrap_or_default(),
            execution_role: input.execution_role_arn,
            is_for_fargate,
            needs_network: input.network_mode.as_deref() == Some("awsvpc"),
            registered_at: context.now,
            registered_by: caller.identity.arn.clone(),
            deregistered_at: None,
        };
        let output = json!({ "taskDefinition": definition.to_json(), "tags": definition.tags });
        family.add(definition);
        Ok(output)
    }
}

/// A list in the form in which it is kept.
fn read<T: DeserializeOwned>(members: &Map<String, Value>, name: &str) -> Result<Vec<T>, AwsError> {
    let list = members.get(name).cloned().unwrap_or_else(|| json!([]));
    serde_json::from_value(list).map_err(|error| malformed(error.to_string()))
}
