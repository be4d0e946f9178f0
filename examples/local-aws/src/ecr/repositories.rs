//! Repositories: creating, describing, and whether their tags may move.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::core::Context;
use crate::ecr::images::Image;
use crate::ecr::layers::{Layer, Upload};
use crate::ecr::{Ecr, names, registry_host};
use crate::error::AwsError;

#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) name: String,
    pub(crate) mutability: Mutability,
    pub(crate) layers: BTreeMap<String, Layer>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    pub(crate) images: BTreeMap<String, Image>,
    pub(crate) tags: BTreeMap<String, String>,
    created_at: Timestamp,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mutability {
    Immutable,
    #[default]
    Mutable,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateRepository {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    image_tag_mutability: Mutability,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribeRepositories {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
}

impl Ecr {
    pub(crate) fn create_repository(
        &mut self,
        input: CreateRepository,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let CreateRepository {
            registry_id,
            repository_name: name,
            image_tag_mutability,
        } = input;
        names::check_repository(&name)?;
        let account = &context.caller.account;
        if registry_id.is_some_and(|id| id != *account) {
            return Err(AwsError::invalid_parameter(
                "Invalid parameter at 'registryId' failed to satisfy constraint: 'a repository is \
                 created in the caller's own registry'",
            ));
        }
        if self.repositories.contains_key(&name) {
            return Err(AwsError::new(
                "RepositoryAlreadyExistsException",
                format!(
                    "The repository with name '{name}' already exists in the registry with id \
                     '{account}'"
                ),
            ));
        }
        let repository = Repository {
            name: name.clone(),
            mutability: image_tag_mutability,
            layers: BTreeMap::new(),
            uploads: BTreeMap::new(),
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
            created_at: context.now,
        };
        let answer = json!({ "repository": repository.describe(context) });
        self.repositories.insert(name, repository);
        Ok(answer)
    }

    pub(crate) fn describe_repositories(
        &mut self,
        input: DescribeRepositories,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let names = match input.repository_names {
            Some(names) => names,
            None => self.repositories.keys().cloned().collect(),
        };
        let registry = input.registry_id.as_deref();
        let described: Vec<Value> = names
            .iter()
            .map(|name| Ok(self.repository(registry, name, context)?.describe(context)))
            .collect::<Result<_, AwsError>>()?;
        Ok(json!({ "repositories": described }))
    }
}

impl Repository {
    fn describe(&self, context: &Context<'_>) -> Value {
        let caller = context.caller;
        json!({
            "repositoryArn": caller.arn("ecr", &format!("repository/{}", self.name)),
            "registryId": caller.account,
            "repositoryName": self.name,
            "repositoryUri": format!("{}/{}", registry_host(&caller.account, context), self.name),
            "createdAt": self.created_at.to_json(),
            "imageTagMutability": match self.mutability {
                Mutability::Immutable => "IMMUTABLE",
                Mutability::Mutable => "MUTABLE",
            },
            "imageScanningConfiguration": { "scanOnPush": false },
            "encryptionConfiguration": { "encryptionType": "AES256" },
        })
    }
}
