//! What can be asked of task definitions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{family_and_revision, page, wants_tags};
use super::store::Ecs;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

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
}
