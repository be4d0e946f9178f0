//! ECR's JSON API and its registry endpoint, as strict as the service: the rules stand in the
//! modules of their subjects.

pub(crate) mod constraints;
pub(crate) mod deletions;
pub(crate) mod downloads;
pub(crate) mod hashing;
pub(crate) mod layers;
pub(crate) mod lookups;
mod manifest;
pub(crate) mod mounting;
mod mutability;
mod pages;
pub(crate) mod put_image;
mod repositories;
pub(crate) mod script;
pub(crate) mod store;
mod tokens;
pub(crate) mod uploads;

use serde_json::Value;

use crate::caller::Caller;
use crate::context::Context;
use crate::error::AwsError;
use crate::faults::Fault;
use crate::iam::Access;
use crate::wire::parse;

pub use crate::ecr::script::{MissingLayers, RefusedUploads};
pub(crate) use crate::ecr::store::{Ecr, On, on_repository};

/// The input of one operation, already parsed, a part's content already decoded.
#[derive(Debug)]
pub(crate) enum Input {
    BatchCheckLayerAvailability(layers::BatchCheckLayerAvailability),
    BatchDeleteImage(deletions::BatchDeleteImage),
    BatchGetImage(lookups::BatchGetImage),
    CompleteLayerUpload(uploads::CompleteLayerUpload),
    CreateRepository(repositories::CreateRepository),
    DeleteRepository(repositories::DeleteRepository),
    DescribeImages(lookups::DescribeImages),
    DescribeRepositories(repositories::DescribeRepositories),
    GetAccountSetting(mounting::GetAccountSetting),
    GetAuthorizationToken(tokens::GetAuthorizationToken),
    GetDownloadUrlForLayer(downloads::GetDownloadUrlForLayer),
    InitiateLayerUpload(uploads::InitiateLayerUpload),
    ListImages(lookups::ListImages),
    ListTagsForResource(repositories::ListTagsForResource),
    PutAccountSetting(mounting::PutAccountSetting),
    PutImage(put_image::PutImage),
    PutImageTagMutability(mutability::PutImageTagMutability),
    UploadLayerPart(uploads::UploadLayerPart),
}

impl Input {
    pub(crate) fn parse(operation: &str, body: &[u8]) -> Result<Self, AwsError> {
        match operation {
            "BatchCheckLayerAvailability" => parse(body).map(Self::BatchCheckLayerAvailability),
            "BatchDeleteImage" => parse(body).map(Self::BatchDeleteImage),
            "BatchGetImage" => parse(body).map(Self::BatchGetImage),
            "CompleteLayerUpload" => parse(body).map(Self::CompleteLayerUpload),
            "CreateRepository" => parse(body).map(Self::CreateRepository),
            "DeleteRepository" => parse(body).map(Self::DeleteRepository),
            "DescribeImages" => parse(body).map(Self::DescribeImages),
            "DescribeRepositories" => parse(body).map(Self::DescribeRepositories),
            "GetAccountSetting" => parse(body).map(Self::GetAccountSetting),
            "GetAuthorizationToken" => parse(body).map(Self::GetAuthorizationToken),
            "GetDownloadUrlForLayer" => parse(body).map(Self::GetDownloadUrlForLayer),
            "InitiateLayerUpload" => parse(body).map(Self::InitiateLayerUpload),
            "ListImages" => parse(body).map(Self::ListImages),
            "ListTagsForResource" => parse(body).map(Self::ListTagsForResource),
            "PutAccountSetting" => parse(body).map(Self::PutAccountSetting),
            "PutImage" => parse(body).map(Self::PutImage),
            "PutImageTagMutability" => parse(body).map(Self::PutImageTagMutability),
            "UploadLayerPart" => uploads::UploadLayerPart::parse(body).map(Self::UploadLayerPart),
            _ => Err(AwsError::unknown_operation()),
        }
    }
}

impl Input {
    /// What a fault does to an input on its way.
    pub(crate) fn meet(&mut self, fault: &Fault) {
        match (self, fault) {
            (Self::UploadLayerPart(part), Fault::CorruptPart) => part.corrupt(),
            (Self::UploadLayerPart(part), Fault::HalfPart) => part.halve(),
            _ => {}
        }
    }

    /// What has to be allowed (Service Authorization Reference, "Actions, resources, and condition
    /// keys for Amazon ECR"): the operation on the repository, or on `*` for what has none.
    pub(crate) fn access(&self, operation: &str, caller: &Caller) -> Vec<Access> {
        let needed = |registry: &Option<String>, name: &str| {
            let registry = registry.as_ref().unwrap_or(&caller.account);
            on_repository(operation, On { registry, repository: name }, caller)
        };
        let on = |registry, name: &str| vec![needed(registry, name)];
        match self {
            Self::BatchCheckLayerAvailability(it) => on(&it.registry_id, &it.repository_name),
            Self::BatchDeleteImage(it) => on(&it.registry_id, &it.repository_name),
            Self::BatchGetImage(it) => on(&it.registry_id, &it.repository_name),
            Self::CompleteLayerUpload(it) => on(&it.registry_id, &it.repository_name),
            Self::CreateRepository(it) => {
                let mut needed = on(&it.registry_id, &it.repository_name);
                // Users report that AWS has required it since 2023.
                if it.has_tags() {
                    let resource = needed[0].resource.clone();
                    needed.push(Access::new("ecr:TagResource", resource));
                }
                needed
            }
            Self::DeleteRepository(it) => on(&it.registry_id, &it.repository_name),
            Self::DescribeImages(it) => on(&it.registry_id, &it.repository_name),
            Self::DescribeRepositories(it) => match &it.repository_names {
                Some(names) => names.iter().map(|name| needed(&it.registry_id, name)).collect(),
                None => on(&it.registry_id, "*"),
            },
            Self::GetAccountSetting(_)
            | Self::GetAuthorizationToken(_)
            | Self::PutAccountSetting(_) => vec![Access::new(format!("ecr:{operation}"), "*")],
            Self::GetDownloadUrlForLayer(it) => on(&it.registry_id, &it.repository_name),
            Self::InitiateLayerUpload(it) => on(&it.registry_id, &it.repository_name),
            Self::ListImages(it) => on(&it.registry_id, &it.repository_name),
            Self::ListTagsForResource(it) => {
                vec![Access::new(format!("ecr:{operation}"), &it.resource_arn)]
            }
            Self::PutImage(it) => on(&it.registry_id, &it.repository_name),
            Self::PutImageTagMutability(it) => on(&it.registry_id, &it.repository_name),
            Self::UploadLayerPart(it) => on(&it.registry_id, &it.repository_name),
        }
    }
}

impl Ecr {
    pub(crate) fn call(
        &mut self,
        input: Input,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        match input {
            Input::BatchCheckLayerAvailability(input) => self.check_layers(input, context),
            Input::BatchDeleteImage(input) => self.batch_delete_image(input, context),
            Input::BatchGetImage(input) => self.batch_get_image(input, context),
            Input::CompleteLayerUpload(input) => self.complete_upload(input, context),
            Input::CreateRepository(input) => self.create_repository(input, context),
            Input::DeleteRepository(input) => self.delete_repository(input, context),
            Input::DescribeImages(input) => self.describe_images(input, context),
            Input::DescribeRepositories(input) => self.describe_repositories(input, context),
            Input::GetAccountSetting(input) => self.get_account_setting(input),
            Input::GetAuthorizationToken(input) => tokens::authorization_token(input, context),
            Input::GetDownloadUrlForLayer(input) => self.download_url(input, context),
            Input::InitiateLayerUpload(input) => self.initiate_upload(input, context),
            Input::ListImages(input) => self.list_images(input, context),
            Input::ListTagsForResource(input) => self.list_tags_for_resource(input, context),
            Input::PutAccountSetting(input) => self.put_account_setting(input),
            Input::PutImage(input) => self.put_image(input, context),
            Input::PutImageTagMutability(input) => self.put_image_tag_mutability(input, context),
            Input::UploadLayerPart(input) => self.upload_part(input, context),
        }
    }
}
