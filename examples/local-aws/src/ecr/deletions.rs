//! BatchDeleteImage: tags, and images with all of theirs.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ecr::constraints;
use crate::ecr::store::image::{ImageId, Reason};
use crate::ecr::store::repository::Repository;
use crate::ecr::store::{Ecr, On};
use crate::error::AwsError;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BatchDeleteImage {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    image_ids: Vec<ImageId>,
}

impl BatchDeleteImage {
    pub(crate) fn new(on: On<'_>, image: ImageId) -> Self {
        Self {
            registry_id: Some(on.registry.to_owned()),
            repository_name: on.repository.to_owned(),
            image_ids: vec![image],
        }
    }
}

impl Ecr {
    pub(crate) fn batch_delete_image(
        &mut self,
        input: BatchDeleteImage,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        // ECR's service model.
        constraints::check_length("imageIds", input.image_ids.len(), 1..=100)?;
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        // The state at the beginning of the call counts: users report that an index and its
        // children can't be deleted in one call.
        let children: BTreeSet<String> =
            repository.images.values().flat_map(|it| it.manifest.children.clone()).collect();
        let mut deleted = Vec::new();
        let mut failures = Vec::new();
        for id in &input.image_ids {
            match repository.delete(id, &children) {
                Ok(ids) => deleted.extend(ids.iter().map(ImageId::to_json)),
                Err(reason) => failures.push(reason.failure(id)),
            }
        }
        Ok(json!({ "imageIds": deleted, "failures": failures }))
    }
}

impl Repository {
    /// Deletes the tag if the id has one, or the image with all its tags if the id has only a
    /// digest, and returns what is gone.
    fn delete(
        &mut self,
        id: &ImageId,
        children: &BTreeSet<String>,
    ) -> Result<Vec<ImageId>, Reason> {
        let (digest, _) = self.find(id)?;
        let digest = digest.to_owned();
        let tags = self.tags_of(&digest);
        // ECR's API reference: an image goes with its last tag.
        if let Some(tag) = &id.image_tag
            && tags.len() > 1
        {
            self.tags.remove(tag);
            return Ok(vec![ImageId::new(&digest, Some(tag))]);
        }
        if children.contains(&digest) {
            return Err(REFERENCED);
        }
        // The answer has an id for each tag; that is inferred.
        let gone = match tags.as_slice() {
            [] => vec![ImageId::new(&digest, None)],
            tags => tags.iter().map(|tag| ImageId::new(&digest, Some(tag))).collect(),
        };
        self.tags.retain(|_, at| *at != digest);
        self.images.remove(&digest);
        Ok(gone)
    }
}

/// ECR's service model has the code; users report the words.
const REFERENCED: Reason = Reason {
    code: "ImageReferencedByManifestList",
    text: "Requested image referenced by manifest list",
};
