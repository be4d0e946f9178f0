//! BatchGetImage, DescribeImages and ListImages: what is found, and how the rest is reported.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ecr::constraints;
use crate::ecr::pages::page;
use crate::ecr::store::image::{Image, ImageId, Reason, Status};
use crate::ecr::store::repository::Repository;
use crate::ecr::store::{Ecr, On};
use crate::error::AwsError;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BatchGetImage {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    image_ids: Vec<ImageId>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DescribeImages {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    image_ids: Option<Vec<ImageId>>,
    filter: Filter,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListImages {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    filter: Filter,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    tag_status: TagStatus,
    image_status: Option<ImageStatus>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum TagStatus {
    #[default]
    Any,
    Tagged,
    Untagged,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ImageStatus {
    Activating,
    Active,
    Any,
    Archived,
}

impl BatchGetImage {
    pub(crate) fn new(on: On<'_>, image: ImageId) -> Self {
        Self {
            registry_id: Some(on.registry.to_owned()),
            repository_name: on.repository.to_owned(),
            image_ids: vec![image],
        }
    }
}

impl ListImages {
    /// A page of those that have tags.
    pub(crate) fn tagged(on: On<'_>, most: Option<i64>, token: Option<String>) -> Self {
        Self {
            registry_id: Some(on.registry.to_owned()),
            repository_name: on.repository.to_owned(),
            filter: Filter { tag_status: TagStatus::Tagged, image_status: None },
            max_results: most,
            next_token: token,
        }
    }
}

impl Ecr {
    pub(crate) fn batch_get_image(
        &mut self,
        input: BatchGetImage,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        // ECR's service model.
        constraints::check_length("imageIds", input.image_ids.len(), 1..=100)?;
        let account = &context.caller.account;
        let key_refused = self.script.kms_error(&input.repository_name).is_some();
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let mut images = Vec::new();
        let mut failures = Vec::new();
        for id in &input.image_ids {
            match repository.get(id, key_refused) {
                Ok((digest, image)) => images.push(json!({
                    "registryId": account,
                    "repositoryName": repository.name,
                    "imageId": ImageId::new(digest, id.image_tag.as_deref()).to_json(),
                    "imageManifest": image.text,
                    "imageManifestMediaType": image.manifest.media_type,
                })),
                Err(reason) => failures.push(reason.failure(id)),
            }
        }
        Ok(json!({ "images": images, "failures": failures }))
    }

    pub(crate) fn describe_images(
        &mut self,
        input: DescribeImages,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        if let Some(ids) = &input.image_ids {
            // ECR's service model has the length. Users report that DescribeImages holds the ids
            // against the patterns, where BatchGetImage has a failure code for each.
            constraints::check_length("imageIds", ids.len(), 1..=100)?;
            for id in ids {
                id.check()?;
            }
        }
        let account = &context.caller.account;
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let mut digests = BTreeSet::new();
        // ECR's API reference: without a filter, only active images are described. Inferred: images
        // that are named are described in any state.
        let unfiltered = match &input.image_ids {
            None => {
                digests.extend(repository.images.keys().map(String::as_str));
                ImageStatus::Active
            }
            Some(ids) => {
                for id in ids {
                    let (digest, _) = repository.find(id).map_err(|_| {
                        AwsError::new(
                            "ImageNotFoundException",
                            format!(
                                "The image with imageId {} does not exist within the repository \
                                 with name '{}' in the registry with id '{account}'",
                                id.describe(),
                                repository.name
                            ),
                        )
                    })?;
                    digests.insert(digest);
                }
                ImageStatus::Any
            }
        };
        let details: Vec<Value> = digests
            .into_iter()
            .filter_map(|digest| repository.images.get(digest).map(|image| (digest, image)))
            .filter(|(digest, image)| {
                input.filter.takes(&repository.tags_of(digest), image.status, unfiltered)
            })
            .map(|(digest, image)| repository.detail(digest, image, account))
            .collect();
        page("imageDetails", details, input.max_results, input.next_token.as_deref())
    }

    pub(crate) fn list_images(
        &mut self,
        input: ListImages,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let mut ids = Vec::new();
        for (digest, image) in &repository.images {
            let tags = repository.tags_of(digest);
            if !input.filter.takes(&tags, image.status, ImageStatus::Active) {
                continue;
            }
            if tags.is_empty() {
                ids.push(ImageId::new(digest, None).to_json());
            }
            ids.extend(tags.into_iter().map(|tag| ImageId::new(digest, Some(tag)).to_json()));
        }
        page("imageIds", ids, input.max_results, input.next_token.as_deref())
    }
}

impl Filter {
    fn takes(&self, tags: &[&str], status: Status, unfiltered: ImageStatus) -> bool {
        let of_tags = match self.tag_status {
            TagStatus::Any => true,
            TagStatus::Tagged => !tags.is_empty(),
            TagStatus::Untagged => tags.is_empty(),
        };
        let of_status = match self.image_status.unwrap_or(unfiltered) {
            ImageStatus::Activating => false,
            ImageStatus::Active => status == Status::Active,
            ImageStatus::Any => true,
            ImageStatus::Archived => status == Status::Archived,
        };
        of_tags && of_status
    }
}

impl Repository {
    /// An image that can be read, which neither an archived one can nor any without its key. ECR's
    /// service model has the codes; that they stand for this, and the words, are inferred.
    fn get(&self, id: &ImageId, key_refused: bool) -> Result<(&str, &Image), Reason> {
        let (digest, image) = self.find(id)?;
        if key_refused {
            return Err(Reason { code: "KmsError", text: "KMS refused the key" });
        }
        if image.status == Status::Archived {
            return Err(Reason { code: "ImageInaccessible", text: "Requested image is archived" });
        }
        Ok((digest, image))
    }

    fn detail(&self, digest: &str, image: &Image, account: &str) -> Value {
        let mut detail = json!({
            "registryId": account,
            "repositoryName": self.name,
            "imageDigest": digest,
            "imageSizeInBytes": image.size,
            "imagePushedAt": image.pushed_at.to_json(),
            "imageManifestMediaType": image.manifest.media_type,
            "imageStatus": match image.status {
                Status::Active => "ACTIVE",
                Status::Archived => "ARCHIVED",
            },
        });
        if let Some(media_type) = &image.manifest.artifact_media_type {
            detail["artifactMediaType"] = json!(media_type);
        }
        let tags = self.tags_of(digest);
        if !tags.is_empty() {
            detail["imageTags"] = json!(tags);
        }
        detail
    }
}
