//! PutImageTagMutability.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ecr::constraints;
use crate::ecr::store::Ecr;
use crate::ecr::store::mutability::{Exclusion, Setting, TagMutability};
use crate::error::AwsError;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PutImageTagMutability {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    image_tag_mutability: Option<Setting>,
    image_tag_mutability_exclusion_filters: Option<Vec<Exclusion>>,
}

impl Ecr {
    pub(crate) fn put_image_tag_mutability(
        &mut self,
        input: PutImageTagMutability,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let setting = input.image_tag_mutability.ok_or_else(|| {
            constraints::violated("imageTagMutability", "Member must not be null")
        })?;
        let mutability = TagMutability::new(setting, input.image_tag_mutability_exclusion_filters)?;
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let mut answer = json!({
            "registryId": context.caller.account,
            "repositoryName": repository.name,
        });
        mutability.describe(&mut answer);
        repository.mutability = mutability;
        Ok(answer)
    }
}
