//! Foreign layers: layers that registries don't store, because only their maker distributes them.

use std::collections::HashSet;

use serde_json::Value;

use crate::names::digest::Digest;

/// The types of such layers: Docker's schema 2, and OCI's "Non-Distributable Layers".
const FOREIGN: [&str; 4] = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
];

/// Returns the foreign layers of manifests with these texts. A layer that one of them also lists as an
/// ordinary one is not foreign.
pub(super) fn foreign_layers<'a>(texts: impl Iterator<Item = &'a str>) -> HashSet<Digest> {
    let (mut foreign, mut ordinary) = (HashSet::new(), HashSet::new());
    for text in texts {
        let json: Value = serde_json::from_str(text).unwrap_or_default();
        let layers = json["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
        for descriptor in layers.iter().chain([&json["config"]]) {
            let digest = descriptor["digest"].as_str().and_then(|digest| digest.parse().ok());
            let kind = if is_foreign(descriptor) { &mut foreign } else { &mut ordinary };
            kind.extend(digest);
        }
    }
    foreign.retain(|digest| !ordinary.contains(digest));
    foreign
}

/// Returns whether a layer is foreign. Inferred: without `urls` a node couldn't fetch it, so ECR wants
/// it like any other layer.
pub(super) fn is_foreign(descriptor: &Value) -> bool {
    let media_type = descriptor["mediaType"].as_str().unwrap_or_default();
    let has_urls = descriptor["urls"].as_array().is_some_and(|urls| !urls.is_empty());
    FOREIGN.contains(&media_type) && has_urls
}
