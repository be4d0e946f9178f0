//! Tags of clusters, services, task definitions and tasks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::input::check_tags;
use super::store::Ecs;
use super::store::service::State;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagResource {
    #[serde(default)]
    resource_arn: String,
    tags: Option<Vec<Value>>,
    tag_keys: Option<Vec<String>>,
}

impl Ecs {
    pub(crate) fn tag_resource(
        &mut self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: TagResource = parse(body)?;
        let new = input.tags.unwrap_or_default();
        check_tags(Some(&new))?;
        let tags = self.tags_mut(&input.resource_arn, context)?;
        let mut merged = tags.clone();
        merged.retain(|tag| !new.iter().any(|new| new.get("key") == tag.get("key")));
        merged.extend(new);
        check_tags(Some(&merged))?;
        *tags = merged;
        Ok(json!({}))
    }

    pub(crate) fn untag_resource(
        &mut self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: TagResource = parse(body)?;
        let keys = input.tag_keys.unwrap_or_default();
        let tags = self.tags_mut(&input.resource_arn, context)?;
        tags.retain(|tag| {
            let key = tag.get("key").and_then(Value::as_str);
            !keys.iter().any(|gone| key == Some(gone))
        });
        Ok(json!({}))
    }

    pub(crate) fn list_tags_for_resource(
        &mut self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: TagResource = parse(body)?;
        Ok(json!({ "tags": self.tags_mut(&input.resource_arn, context)? }))
    }

    /// API reference: which resources have tags, and that a service's ARN must be of the long
    /// format. Texts inferred.
    fn tags_mut(&mut self, arn: &str, context: &Context<'_>) -> Result<&mut Vec<Value>, AwsError> {
        let missing = || AwsError::invalid_parameter("The specified resource was not found.");
        let prefix = context.caller.arn("ecs", "");
        let resource = arn.strip_prefix(&prefix).and_then(|resource| resource.split_once('/'));
        match resource {
            Some(("cluster", name)) => Ok(&mut self.cluster_mut(name)?.tags),
            Some(("service", path)) => {
                let (cluster, name) = path.split_once('/').ok_or_else(missing)?;
                let service = self.cluster_mut(cluster)?.services.get_mut(name);
                let service = service.filter(|service| service.state != State::Inactive);
                Ok(&mut service.ok_or_else(missing)?.tags)
            }
            Some(("task", path)) => {
                let (cluster, id) = path.split_once('/').ok_or_else(missing)?;
                let mut tasks = self.cluster_mut(cluster)?.tasks_mut();
                Ok(&mut tasks.find(|task| task.id == id).ok_or_else(missing)?.tags)
            }
            Some(("task-definition", _)) => {
                let definition = self.definition_mut(arn, context);
                let definition = definition.filter(|definition| definition.is_active());
                Ok(&mut definition.ok_or_else(missing)?.tags)
            }
            _ => Err(AwsError::invalid_parameter("Invalid resource ARN.")),
        }
    }
}
