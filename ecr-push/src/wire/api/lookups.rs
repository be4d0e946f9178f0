//! What a repository has, by ECR's API: many layers or images in one call.

use std::collections::HashSet;

use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier, LayerAvailability, LayerFailureCode};

use crate::aws::retries::Attempts;
use crate::error::Error;
use crate::names::digest::Digest;
use crate::names::tag::Tag;
use crate::wire::answers::{ImageLookup, MEDIA_TYPES};
use crate::wire::api::Calls;

/// BatchCheckLayerAvailability takes at most 100 digests, BatchGetImage at most 100 ids: ECR's
/// service model.
const PER_BATCH: usize = 100;

impl Calls {
    /// Those of `digests` that the repository has.
    pub(crate) async fn available(&self, digests: &[&Digest]) -> Result<HashSet<Digest>, Error> {
        const OPERATION: &str = "BatchCheckLayerAvailability";
        let mut available = HashSet::new();
        for chunk in digests.chunks(PER_BATCH) {
            let digests = chunk.iter().map(ToString::to_string).collect();
            let answer = call!(
                self, batch_check_layer_availability, "BatchCheckLayerAvailability",
                set_layer_digests: Some(digests)
            )
            .send()
            .await
            .map_err(|error| self.failure(OPERATION, error))?;
            // An absent layer is UNAVAILABLE in `layers` (which AWS's own Go client relies on) or
            // in `failures` (which other implementations answer): both mean that it is to be sent.
            // An archived one as well, because a push is what restores it.
            for failure in answer.failures() {
                if failure.failure_code() != Some(&LayerFailureCode::MissingLayerDigest) {
                    let reason = failure.failure_reason().unwrap_or("no reason given");
                    let digest = failure.layer_digest().unwrap_or("a layer");
                    let problem = format!("{digest} could not be checked: {reason}");
                    return Err(Error::protocol(OPERATION, &self.repository, problem));
                }
            }
            let present = answer
                .layers()
                .iter()
                .filter(|layer| layer.layer_availability() == Some(&LayerAvailability::Available))
                .filter_map(|layer| layer.layer_digest()?.parse().ok());
            available.extend(present);
        }
        Ok(available)
    }

    /// Which of these tags and images there are, and what the tags are on.
    pub(crate) async fn look_up(
        &self,
        tags: &[Tag],
        digests: &[&Digest],
    ) -> Result<ImageLookup, Error> {
        let tags = tags.iter().map(|tag| ImageIdentifier::builder().image_tag(tag.as_str()));
        let digests =
            digests.iter().map(|digest| ImageIdentifier::builder().image_digest(digest.as_str()));
        let ids: Vec<_> = tags.chain(digests).map(|id| id.build()).collect();
        let mut found = ImageLookup::default();
        for chunk in ids.chunks(PER_BATCH) {
            let answer = call!(
                self, batch_get_image, "BatchGetImage",
                set_image_ids: Some(chunk.to_vec()),
                set_accepted_media_types: Some(MEDIA_TYPES.map(str::to_owned).to_vec())
            )
            .send()
            .await
            .map_err(|error| self.failure("BatchGetImage", error))?;
            // What isn't there, or can't be read, is among the failures: it is put, then.
            for failure in answer.failures() {
                let tag = failure.image_id().and_then(|id| id.image_tag()?.parse().ok());
                if failure.failure_code() != Some(&ImageFailureCode::ImageNotFound) {
                    found.unknown.extend(tag);
                }
            }
            for id in answer.images().iter().filter_map(|image| image.image_id()) {
                let Some(digest) = id.image_digest().and_then(|it| it.parse::<Digest>().ok())
                else {
                    continue;
                };
                if let Some(tag) = id.image_tag().and_then(|tag| tag.parse().ok()) {
                    found.tags.insert(tag, digest.clone());
                }
                found.images.insert(digest);
            }
        }
        Ok(found)
    }
}
