//! Repositories: creating, describing, deleting.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ecr::constraints;
use crate::ecr::pages::page;
use crate::ecr::store::mutability::{Exclusion, Setting, TagMutability};
use crate::ecr::store::repository::{Encryption, Repository, ResourceTag, Scanning};
use crate::ecr::store::{Ecr, registry_host};
use crate::error::AwsError;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CreateRepository {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    image_tag_mutability: Setting,
    image_tag_mutability_exclusion_filters: Option<Vec<Exclusion>>,
    encryption_configuration: Option<Encryption>,
    image_scanning_configuration: Option<Scanning>,
    tags: Option<Vec<ResourceTag>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeleteRepository {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    force: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DescribeRepositories {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_names: Option<Vec<String>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListTagsForResource {
    pub(crate) resource_arn: String,
}

impl CreateRepository {
    pub(crate) fn has_tags(&self) -> bool {
        self.tags.as_ref().is_some_and(|tags| !tags.is_empty())
    }
}

impl Ecr {
    pub(crate) fn create_repository(
        &mut self,
        input: CreateRepository,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let name = input.repository_name;
        constraints::check_repository(&name)?;
        let account = &context.caller.account;
        // Inferred: a repository is only ever made in the caller's own registry.
        if input.registry_id.is_some_and(|id| id != *account) {
            return Err(constraints::violated("registryId", "must be the caller's own account"));
        }
        let mutability = TagMutability::new(
            input.image_tag_mutability,
            input.image_tag_mutability_exclusion_filters,
        )?;
        let encryption = input.encryption_configuration.unwrap_or_default();
        if let Some(key) = &encryption.kms_key {
            // ECR's service model.
            constraints::check_length("kmsKey", key.len(), 1..=2048)?;
        }
        let resource_tags = input.tags.unwrap_or_default();
        check_resource_tags(&resource_tags)?;
        if self.repositories.contains_key(&name) {
            return Err(AwsError::new(
                "RepositoryAlreadyExistsException",
                format!(
                    "The repository with name '{name}' already exists in the registry with id \
                     '{account}'"
                ),
            ));
        }
        self.script.check_key(&name)?;
        let repository = Repository {
            name: name.clone(),
            mutability,
            layers: BTreeMap::new(),
            uploads: BTreeMap::new(),
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
            created_at: context.now,
            encryption,
            scanning: input.image_scanning_configuration.unwrap_or_default(),
            resource_tags,
        };
        let answer = json!({ "repository": repository.describe(context) });
        self.repositories.insert(name, repository);
        Ok(answer)
    }

    /// What the demonstration finds: the empty repository `demo/web`.
    pub(crate) fn create_demo(&mut self, context: &mut Context<'_>) -> Result<(), AwsError> {
        let input = crate::wire::parse(br#"{ "repositoryName": "demo/web" }"#)?;
        self.create_repository(input, context).map(drop)
    }

    pub(crate) fn delete_repository(
        &mut self,
        input: DeleteRepository,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let repository = self.decrypted_repository(
            input.registry_id.as_deref(),
            &input.repository_name,
            context,
        )?;
        // ECR's service model; users report the words.
        if !repository.images.is_empty() && input.force != Some(true) {
            return Err(AwsError::new(
                "RepositoryNotEmptyException",
                format!(
                    "The repository with name '{}' in registry with id '{}' cannot be deleted \
                     because it still contains images",
                    repository.name, context.caller.account
                ),
            ));
        }
        let answer = json!({ "repository": repository.describe(context) });
        self.repositories.remove(&input.repository_name);
        Ok(answer)
    }

    pub(crate) fn describe_repositories(
        &mut self,
        input: DescribeRepositories,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let names = match input.repository_names {
            Some(names) => {
                // ECR's service model.
                constraints::check_length("repositoryNames", names.len(), 1..=100)?;
                names
            }
            None => self.repositories.keys().cloned().collect(),
        };
        let registry = input.registry_id.as_deref();
        let described: Vec<Value> = names
            .iter()
            .map(|name| Ok(self.repository(registry, name, context)?.describe(context)))
            .collect::<Result<_, AwsError>>()?;
        page("repositories", described, input.max_results, input.next_token.as_deref())
    }

    pub(crate) fn list_tags_for_resource(
        &mut self,
        input: ListTagsForResource,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        // ECR's words for what isn't a repository's ARN are inferred.
        let prefix = context.caller.arn("ecr", "repository/");
        let Some(name) = input.resource_arn.strip_prefix(&prefix) else {
            return Err(constraints::violated("resourceArn", "must be the ARN of a repository"));
        };
        Ok(json!({ "tags": self.repository(None, name, context)?.resource_tags }))
    }
}

impl Repository {
    fn describe(&self, context: &Context<'_>) -> Value {
        let caller = context.caller;
        let mut description = json!({
            "repositoryArn": caller.arn("ecr", &format!("repository/{}", self.name)),
            "registryId": caller.account,
            "repositoryName": self.name,
            "repositoryUri": format!("{}/{}", registry_host(&caller.account, context), self.name),
            "createdAt": self.created_at.to_json(),
            "imageScanningConfiguration": self.scanning,
            "encryptionConfiguration": self.encryption,
        });
        self.mutability.describe(&mut description);
        description
    }
}

/// ECR's service model, of TooManyTagsException and of InvalidTagParameterException; the words are
/// inferred.
fn check_resource_tags(tags: &[ResourceTag]) -> Result<(), AwsError> {
    if tags.len() > 50 {
        return Err(AwsError::new(
            "TooManyTagsException",
            "A repository can't have more than 50 tags",
        ));
    }
    for ResourceTag { key, value } in tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(AwsError::new(
                "InvalidTagParameterException",
                "A tag's key has 1 to 128 characters, its value 256 at the most",
            ));
        }
    }
    Ok(())
}
