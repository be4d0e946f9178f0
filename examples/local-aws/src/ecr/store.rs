//! What ECR keeps: the repositories of one account in one region, and what is set for all of them.

pub(crate) mod image;
pub(crate) mod layer;
pub(crate) mod mutability;
pub(crate) mod repository;
pub(crate) mod upload;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::context::Context;
use crate::ecr::constraints;
use crate::ecr::script::{RefusedUploads, Script};
use crate::ecr::store::repository::Repository;
use crate::error::AwsError;
use crate::iam::Access;

/// The private registry of one account in one region.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ecr {
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) mounting: Mounting,
    pub(crate) script: Script,
}

/// ECR's service model has the two values; that it is off unless it is switched on is from ECR's
/// user guide, "Blob mounting in Amazon ECR".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Mounting {
    #[default]
    Disabled,
    Enabled,
}

/// A repository, by the account of its registry and its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct On<'a> {
    pub(crate) registry: &'a str,
    pub(crate) repository: &'a str,
}

/// An operation on a repository, as what has to be allowed.
pub(crate) fn on_repository(operation: &str, on: On<'_>, caller: &Caller) -> Access {
    let On { registry, repository } = on;
    let (partition, region) = (caller.partition().name, &caller.region);
    let resource = format!("arn:{partition}:ecr:{region}:{registry}:repository/{repository}");
    Access::new(format!("ecr:{operation}"), resource)
}

impl Ecr {
    /// The repository, or the refusals that every operation on one has in common.
    pub(crate) fn repository(
        &mut self,
        registry: Option<&str>,
        name: &str,
        context: &Context<'_>,
    ) -> Result<&mut Repository, AwsError> {
        constraints::check_repository(name)?;
        let account = registry.unwrap_or(&context.caller.account);
        constraints::check_registry(account)?;
        // Inferred: another account's registry answers like one that lacks the repository.
        let found =
            if account == context.caller.account { self.repositories.get_mut(name) } else { None };
        found.ok_or_else(|| {
            AwsError::new(
                "RepositoryNotFoundException",
                format!(
                    "The repository with name '{name}' does not exist in the registry with id \
                     '{account}'"
                ),
            )
        })
    }

    /// The repository, for what has to decrypt or encrypt its content: the operations to which
    /// ECR's service model gives KmsException.
    pub(crate) fn decrypted_repository(
        &mut self,
        registry: Option<&str>,
        name: &str,
        context: &Context<'_>,
    ) -> Result<&mut Repository, AwsError> {
        let refused = self.script.check_key(name);
        let repository = self.repository(registry, name, context)?;
        refused.map(|()| repository)
    }

    pub(crate) fn refused_uploads(&self) -> RefusedUploads {
        self.script.refused_uploads
    }

    pub(crate) fn archive(&mut self, repository: &str, image: &str) -> bool {
        self.repositories.get_mut(repository).is_some_and(|repository| repository.archive(image))
    }
}

pub(crate) fn registry_host(account: &str, context: &Context<'_>) -> String {
    let caller = context.caller;
    format!("{account}.dkr.ecr.{}.{}", caller.region, caller.partition().dns_suffix)
}
