//! Layers: which a repository has, and what becomes of those that no image needs.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ecr::constraints;
use crate::ecr::script::MissingLayers;
use crate::ecr::store::repository::Repository;
use crate::ecr::store::{Ecr, On};
use crate::error::AwsError;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BatchCheckLayerAvailability {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: String,
    layer_digests: Vec<String>,
}

impl BatchCheckLayerAvailability {
    pub(crate) fn new(on: On<'_>, digest: &str) -> Self {
        Self {
            registry_id: Some(on.registry.to_owned()),
            repository_name: on.repository.to_owned(),
            layer_digests: vec![digest.to_owned()],
        }
    }
}

impl Ecr {
    pub(crate) fn check_layers(
        &mut self,
        input: BatchCheckLayerAvailability,
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        // ECR's service model, of the list and of each text in it.
        constraints::check_length("layerDigests", input.layer_digests.len(), 1..=100)?;
        for digest in &input.layer_digests {
            constraints::check_length("layerDigests", digest.len(), 0..=1000)?;
        }
        let missing_layers = self.script.missing_layers;
        let repository =
            self.repository(input.registry_id.as_deref(), &input.repository_name, context)?;
        let mut layers = Vec::new();
        let mut failures = Vec::new();
        for digest in &input.layer_digests {
            if !constraints::is_sha256(digest) {
                failures.push(failure(digest, "InvalidLayerDigest", "Layer digest is not valid"));
                continue;
            }
            match (repository.layers.get(digest), missing_layers) {
                // ECR's service model lists ARCHIVED; whether the size comes with it is inferred.
                (Some(layer), _) => layers.push(json!({
                    "layerDigest": digest,
                    "layerAvailability": if layer.archived { "ARCHIVED" } else { "AVAILABLE" },
                    "layerSize": layer.size,
                })),
                // AWS's own containerd resolver relies on it.
                (None, MissingLayers::Unavailable) => layers.push(json!({
                    "layerDigest": digest,
                    "layerAvailability": "UNAVAILABLE",
                })),
                // ECR's service model has the code; no user reports to have met it.
                (None, MissingLayers::Failure) => {
                    failures.push(failure(digest, "MissingLayerDigest", "Layer is missing"));
                }
            }
        }
        Ok(json!({ "layers": layers, "failures": failures }))
    }

    /// Removes the layers that no image refers to. ECR's API reference, of
    /// LayerInaccessibleException: they may be cleaned up at any time.
    pub(crate) fn collect_layers(&mut self) {
        for repository in self.repositories.values_mut() {
            let Repository { images, layers, .. } = repository;
            let needed: BTreeSet<&String> =
                images.values().flat_map(|image| &image.manifest.blobs).collect();
            layers.retain(|digest, _| needed.contains(digest));
        }
    }
}

fn failure(digest: &str, code: &str, reason: &str) -> Value {
    json!({ "layerDigest": digest, "failureCode": code, "failureReason": reason })
}
