//! PutImage: what has to be there and what has to be right before ECR takes a manifest.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ecr::manifest::Manifest;
use crate::ecr::store::image::{Image, ImageId, Status};
use crate::ecr::store::repository::Repository;
use crate::ecr::store::{Ecr, On};
use crate::ecr::{constraints, hashing};
use crate::error::AwsError;

/// ECR's service model: `imageManifest` holds 1 to 4194304 characters.
pub(crate) const MAX_MANIFEST: usize = 4 * 1024 * 1024;

/// ECR's Service Quotas page.
const MAX_TAGS: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PutImage {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

impl PutImage {
    pub(crate) fn new(
        on: On<'_>,
        manifest: String,
        media_type: Option<String>,
        image: ImageId,
    ) -> Self {
        Self {
            registry_id: Some(on.registry.to_owned()),
            repository_name: on.repository.to_owned(),
            image_manifest: manifest,
            image_manifest_media_type: media_type,
            image_tag: image.image_tag,
            image_digest: image.image_digest,
        }
    }

    /// The digest of the manifest as it came.
    pub(crate) fn digest(&self) -> String {
        hashing::digest(self.image_manifest.as_bytes())
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
        let layers_per_image = self.script.layers_per_image;
        let repository = self.decrypted_repository(
            input.registry_id.as_deref(),
            &input.repository_name,
            context,
        )?;
        let manifest =
            Manifest::parse(&input.image_manifest, input.image_manifest_media_type.as_deref())?;
        if layers_per_image.is_some_and(|limit| manifest.layers() > limit) {
            return Err(Manifest::too_many_layers());
        }
        let digest = input.digest();
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
                "imageId": ImageId::new(&digest, input.image_tag.as_deref()).to_json(),
                "imageManifest": text,
                "imageManifestMediaType": manifest.media_type,
            }
        });
        let image = repository.images.entry(digest).or_insert_with(|| Image {
            text,
            manifest,
            size,
            pushed_at: context.now,
            status: Status::Active,
        });
        // ECR's user guide: an archived image that is pushed again is restored at once.
        image.status = Status::Active;
        Ok(answer)
    }
}

impl Repository {
    /// ECR's API reference, of `imageSizeInBytes`: an index has the size of its largest manifest.
    /// Inferred: a manifest has the size of all that it refers to, each counted once.
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

    /// Everything that the manifest refers to has to be there first, but for foreign layers. That
    /// the archive doesn't count is inferred: a client that pushes all of the image again does well either way.
    fn check_references(&self, manifest: &Manifest, account: &str) -> Result<(), AwsError> {
        let layer = |digest: &str| self.layers.get(digest).is_some_and(|it| !it.archived);
        let image =
            |digest: &str| self.images.get(digest).is_some_and(|it| it.status == Status::Active);
        let layer_or_foreign = |digest: &str| {
            layer(digest) || manifest.foreign.iter().any(|foreign| foreign == digest)
        };
        let code = "LayersNotFoundException";
        self.refuse_missing(code, "Layers", &manifest.blobs, layer_or_foreign, account)?;
        let code = "ReferencedImagesNotFoundException";
        self.refuse_missing(code, "Images", &manifest.children, image, account)
    }

    fn refuse_missing(
        &self,
        code: &'static str,
        what: &str,
        digests: &[String],
        is_there: impl Fn(&str) -> bool,
        account: &str,
    ) -> Result<(), AwsError> {
        let missing: Vec<&str> =
            digests.iter().map(String::as_str).filter(|digest| !is_there(digest)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(AwsError::new(
            code,
            format!(
                "{what} with digests '[{}]' required for pushing image into repository with name \
                 '{}' in the registry with id '{account}' do not exist",
                missing.join(", "),
                self.name
            ),
        ))
    }

    /// The same image and tag again is ImageAlreadyExists, unless it comes back from the archive;
    /// another image under an immutable tag is ImageTagAlreadyExists: ECR's service model.
    fn check_tag(&self, tag: Option<&str>, digest: &str, account: &str) -> Result<(), AwsError> {
        let name = &self.name;
        let current = tag.and_then(|tag| self.tags.get(tag));
        let there = self.images.get(digest);
        let again = match tag {
            Some(_) => current.is_some_and(|current| current == digest),
            None => there.is_some(),
        };
        if again && there.is_some_and(|image| image.status == Status::Active) {
            let tagged = tag.map(|tag| format!(" and tag '{tag}'")).unwrap_or_default();
            return Err(AwsError::new(
                "ImageAlreadyExistsException",
                format!(
                    "Image with digest '{digest}'{tagged} already exists in the repository with \
                     name '{name}' in the registry with id '{account}'"
                ),
            ));
        }
        let Some(tag) = tag.filter(|_| !again) else { return Ok(()) };
        if current.is_some() && self.mutability.protects(tag) {
            return Err(AwsError::new(
                "ImageTagAlreadyExistsException",
                format!(
                    "The image tag '{tag}' already exists in the '{name}' repository and cannot \
                     be overwritten because the tag is immutable."
                ),
            ));
        }
        if self.tags_of(digest).len() >= MAX_TAGS {
            // Users report the words.
            return Err(AwsError::new(
                "LimitExceededException",
                format!(
                    "Adding tag '{tag}' to an image in the repository with name '{name}' in \
                     registry with id '{account}' exceeds the maximum allowed number of tags per \
                     image which is '{MAX_TAGS}'"
                ),
            ));
        }
        Ok(())
    }
}
