//! Images: manifests by digest, tags upon them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::core::Context;
use crate::ecr::layers::hex;
use crate::ecr::manifest::Manifest;
use crate::ecr::pages::page;
use crate::ecr::repositories::{Mutability, Repository};
use crate::ecr::{Ecr, constraints};
use crate::error::AwsError;

#[derive(Debug)]
pub(crate) struct Image {
    /// As it was pushed, to the byte.
    text: String,
    manifest: Manifest,
    size: u64,
    pushed_at: Timestamp,
}

/// ECR's service model: `imageManifest` holds 1 to 4194304 characters.
const MAX_MANIFEST: usize = 4 * 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PutImage {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BatchGetImage {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    image_ids: Vec<ImageId>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DescribeImages {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    image_ids: Option<Vec<ImageId>>,
    filter: Filter,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListImages {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    filter: Filter,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    tag_status: TagStatus,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum TagStatus {
    #[default]
    Any,
    Tagged,
    Untagged,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ImageId {
    image_digest: Option<String>,
    image_tag: Option<String>,
}

impl Image {
    /// Whether the layer or config is one of its own.
    pub(crate) fn refers_to(&self, layer: &str) -> bool {
        self.manifest.blobs.iter().any(|digest| digest == layer)
    }
}

impl Ecr {
    pub(crate) fn put_image(
        &mut self,
        input: PutImage,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        let account = &context.caller.account;
        constraints::check_length("imageManifest", input.image_manifest.len(), 1..=MAX_MANIFEST)?;
        if let Some(tag) = &input.image_tag {
            constraints::check_tag(tag)?;
        }
        if let Some(digest) = &input.image_digest {
            constraints::check_digest("imageDigest", digest)?;
        }
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let manifest =
            Manifest::parse(&input.image_manifest, input.image_manifest_media_type.as_deref())?;
        let digest = format!("sha256:{}", hex(&Sha256::digest(&input.image_manifest)));
        if let Some(given) = input.image_digest.filter(|given| *given != digest) {
            return Err(AwsError::new(
                "ImageDigestDoesNotMatchException",
                format!("The calculated image digest '{digest}' does not match '{given}'"),
            ));
        }
        repository.check_references(&manifest, account)?;
        repository.check_tag(input.image_tag.as_deref(), &digest, account)?;

        if let Some(tag) = &input.image_tag {
            repository.tags.insert(tag.clone(), digest.clone());
        }
        let name = repository.name.clone();
        let size = repository.size_of(&manifest);
        let text = input.image_manifest;
        let answer = json!({
            "image": {
                "registryId": account,
                "repositoryName": name,
                "imageId": image_id(&digest, input.image_tag.as_deref()),
                "imageManifest": text,
                "imageManifestMediaType": manifest.media_type,
            }
        });
        repository.images.entry(digest).or_insert_with(|| Image {
            text,
            manifest,
            size,
            pushed_at: context.now,
        });
        Ok(answer)
    }

    pub(crate) fn batch_get_image(
        &mut self,
        input: BatchGetImage,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        // ECR's service model.
        constraints::check_length("imageIds", input.image_ids.len(), 1..=100)?;
        let account = &context.caller.account;
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let mut images = Vec::new();
        let mut failures = Vec::new();
        for id in &input.image_ids {
            match repository.find(id) {
                Ok((digest, image)) => images.push(json!({
                    "registryId": account,
                    "repositoryName": repository.name,
                    "imageId": image_id(digest, id.image_tag.as_deref()),
                    "imageManifest": image.text,
                    "imageManifestMediaType": image.manifest.media_type,
                })),
                Err((code, reason)) => failures.push(json!({
                    "imageId": id.to_json(),
                    "failureCode": code,
                    "failureReason": reason,
                })),
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
        match &input.image_ids {
            None => digests.extend(repository.images.keys().map(String::as_str)),
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
            }
        }
        let details: Vec<Value> = digests
            .into_iter()
            .filter_map(|digest| repository.images.get(digest).map(|image| (digest, image)))
            .filter(|(digest, _)| input.filter.takes(&repository.tags_of(digest)))
            .map(|(digest, image)| {
                let mut detail = json!({
                    "registryId": account,
                    "repositoryName": repository.name,
                    "imageDigest": digest,
                    "imageSizeInBytes": image.size,
                    "imagePushedAt": image.pushed_at.to_json(),
                    "imageManifestMediaType": image.manifest.media_type,
                    "imageStatus": "ACTIVE",
                });
                if let Some(media_type) = &image.manifest.artifact_media_type {
                    detail["artifactMediaType"] = json!(media_type);
                }
                let tags = repository.tags_of(digest);
                if !tags.is_empty() {
                    detail["imageTags"] = json!(tags);
                }
                detail
            })
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
        for digest in repository.images.keys() {
            let tags = repository.tags_of(digest);
            if !input.filter.takes(&tags) {
                continue;
            }
            if tags.is_empty() {
                ids.push(image_id(digest, None));
            }
            ids.extend(tags.into_iter().map(|tag| image_id(digest, Some(tag))));
        }
        page("imageIds", ids, input.max_results, input.next_token.as_deref())
    }
}

impl Filter {
    fn takes(&self, tags: &[&str]) -> bool {
        match self.tag_status {
            TagStatus::Any => true,
            TagStatus::Tagged => !tags.is_empty(),
            TagStatus::Untagged => tags.is_empty(),
        }
    }
}

impl Repository {
    /// ECR's API reference, of `imageSizeInBytes`: an index has the size of its largest manifest.
    /// That a manifest has the size of all that it refers to, each once, is inferred.
    fn size_of(&self, manifest: &Manifest) -> u64 {
        let blobs: BTreeSet<&String> = manifest.blobs.iter().collect();
        let blobs: u64 = blobs
            .iter()
            .filter_map(|digest| self.layers.get(*digest))
            .map(|layer| layer.size)
            .sum();
        let children = manifest.children.iter();
        let largest =
            children.filter_map(|digest| self.images.get(digest)).map(|image| image.size).max();
        blobs + largest.unwrap_or(0)
    }

    /// Everything that the manifest refers to has to be there first.
    fn check_references(&self, manifest: &Manifest, account: &str) -> Result<(), AwsError> {
        let missing: Vec<&str> = manifest
            .blobs
            .iter()
            .map(String::as_str)
            .filter(|digest| !self.layers.contains_key(*digest))
            .collect();
        if !missing.is_empty() {
            return Err(AwsError::new(
                "LayersNotFoundException",
                format!(
                    "Layers with digests '[{}]' required for pushing image into repository with \
                     name '{}' in the registry with id '{account}' do not exist",
                    missing.join(", "),
                    self.name
                ),
            ));
        }
        let missing: Vec<&str> = manifest
            .children
            .iter()
            .map(String::as_str)
            .filter(|digest| !self.images.contains_key(*digest))
            .collect();
        if !missing.is_empty() {
            return Err(AwsError::new(
                "ReferencedImagesNotFoundException",
                format!(
                    "Images with digests '[{}]' required for pushing image into repository with \
                     name '{}' in the registry with id '{account}' do not exist",
                    missing.join(", "),
                    self.name
                ),
            ));
        }
        Ok(())
    }

    /// The same image and tag again is ImageAlreadyExists; another image under an immutable tag
    /// is ImageTagAlreadyExists: ECR's service model.
    fn check_tag(&self, tag: Option<&str>, digest: &str, account: &str) -> Result<(), AwsError> {
        let name = &self.name;
        let current = tag.and_then(|tag| self.tags.get(tag));
        let again = match tag {
            Some(_) => current.is_some_and(|current| current == digest),
            None => self.images.contains_key(digest),
        };
        if again {
            let tagged = tag.map(|tag| format!(" and tag '{tag}'")).unwrap_or_default();
            return Err(AwsError::new(
                "ImageAlreadyExistsException",
                format!(
                    "Image with digest '{digest}'{tagged} already exists in the repository with \
                     name '{name}' in the registry with id '{account}'"
                ),
            ));
        }
        match (tag, current, self.mutability) {
            (Some(tag), Some(_), Mutability::Immutable) => Err(AwsError::new(
                "ImageTagAlreadyExistsException",
                format!(
                    "The image tag '{tag}' already exists in the '{name}' repository and cannot \
                     be overwritten because the tag is immutable."
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The image of an id, or the failure code and reason of BatchGetImage.
    fn find(&self, id: &ImageId) -> Result<(&str, &Image), (&'static str, &'static str)> {
        let by_tag = id.image_tag.as_ref().map(|tag| self.tags.get(tag));
        let digest = match (&id.image_digest, by_tag) {
            (None, None) => {
                return Err(("MissingDigestAndTag", "Missing image digest and image tag"));
            }
            (Some(digest), _) if !constraints::is_sha256(digest) => {
                return Err(("InvalidImageDigest", "Invalid image digest"));
            }
            (_, Some(_))
                if id.image_tag.as_deref().is_some_and(|tag| !constraints::is_tag(tag)) =>
            {
                return Err(("InvalidImageTag", "Invalid image tag"));
            }
            (Some(digest), Some(Some(tagged))) if digest != tagged => {
                return Err(("ImageTagDoesNotMatchDigest", "Image tag does not match digest"));
            }
            (_, Some(None)) => return Err(NOT_FOUND),
            (Some(digest), _) | (None, Some(Some(digest))) => digest,
        };
        self.images
            .get_key_value(digest)
            .map(|(digest, image)| (digest.as_str(), image))
            .ok_or(NOT_FOUND)
    }

    fn tags_of(&self, digest: &str) -> Vec<&str> {
        self.tags.iter().filter(|(_, at)| *at == digest).map(|(tag, _)| tag.as_str()).collect()
    }
}

const NOT_FOUND: (&str, &str) = ("ImageNotFound", "Requested image not found");

impl ImageId {
    fn check(&self) -> Result<(), AwsError> {
        if let Some(digest) = &self.image_digest {
            constraints::check_digest("imageDigest", digest)?;
        }
        if let Some(tag) = &self.image_tag {
            constraints::check_tag(tag)?;
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        let mut id = json!({});
        if let Some(digest) = &self.image_digest {
            id["imageDigest"] = json!(digest);
        }
        if let Some(tag) = &self.image_tag {
            id["imageTag"] = json!(tag);
        }
        id
    }

    fn describe(&self) -> String {
        let null = || "null".to_owned();
        format!(
            "{{imageDigest:'{}', imageTag:'{}'}}",
            self.image_digest.clone().unwrap_or_else(null),
            self.image_tag.clone().unwrap_or_else(null)
        )
    }
}

fn image_id(digest: &str, tag: Option<&str>) -> Value {
    ImageId { image_digest: Some(digest.to_owned()), image_tag: tag.map(str::to_owned) }.to_json()
}
