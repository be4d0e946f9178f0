//! Repositories: creating, describing, and whether their tags may move.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::core::Context;
use crate::ecr::images::Image;
use crate::ecr::layers::{Layer, Upload};
use crate::ecr::pages::page;
use crate::ecr::{Ecr, constraints, registry_host};
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

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CreateRepository {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    image_tag_mutability: Mutability,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DescribeRepositories {
    pub(super) registry_id: Option<String>,
    pub(super) repository_names: Option<Vec<String>>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl Ecr {
    pub(crate) fn create_repository(
        &mut self,
        input: CreateRepository,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let CreateRepository { registry_id, repository_name: name, image_tag_mutability } = input;
        constraints::check_repository(&name)?;
        let account = &context.caller.account;
        // Inferred: a repository is only ever made in the caller's own registry.
        if registry_id.is_some_and(|id| id != *account) {
            return Err(constraints::violated("registryId", "must be the caller's own account"));
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

    /// What the demonstration finds: the empty repository `demo/web`.
    pub(crate) fn create_demo(&mut self, context: &mut Context<'_>) -> Result<(), AwsError> {
        let input = crate::wire::parse(br#"{ "repositoryName": "demo/web" }"#)?;
        self.create_repository(input, context).map(drop)
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
