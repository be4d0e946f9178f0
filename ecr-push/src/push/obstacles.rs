//! [`Obstacle`]: ECR's limits, checked before the first byte is sent.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::image::blob::Blob;
use crate::image::graph::{Gaps, Graph};
use crate::image::refused::reported;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::outside::quoted;
use crate::push::repository_plan::RepositoryPlan;
use crate::upload::part_size::{MAX_PARTS, PartSizes};

/// A reason for which ECR will reject the push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Obstacle(String);

/// Quotes text of the image, and of a saved plan.
impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.0))
    }
}

/// The limit on a layer's size: 52,000 MiB (ECR's Service Quotas page).
const MAX_LAYER: u64 = 52_000 * 1024 * 1024;

/// The limit on tags per image (ECR's Service Quotas page).
const MAX_TAGS: usize = 1_000;

/// Returns the reasons for which ECR will reject what the push is about to send.
pub(crate) fn obstacles(
    graph: &Graph,
    repositories: &[RepositoryPlan],
    tags: &[Tag],
    parts: PartSizes,
) -> Vec<Obstacle> {
    let lacking = repositories.iter().filter_map(|to| {
        let lacking = to.lacking();
        (!lacking.is_empty()).then(|| incomplete(graph, to.repository(), &lacking))
    });
    let missing: HashSet<&Digest> = repositories.iter().flat_map(RepositoryPlan::missing).collect();
    let sent = graph.blobs.iter().filter(|blob| missing.contains(blob.layer.digest()));
    let of_blobs = sent.filter_map(|blob| obstacle(blob, parts)).map(|obstacle| obstacle.0);
    let manifests = graph.all_manifests();
    let put = manifests.filter(|it| repositories.iter().any(|to| to.is_put(&it.digest)));
    let of_manifests = put.flat_map(|manifest| {
        let reported = reported(&manifest.text).into_iter();
        reported.map(|problem| format!("manifest {}: {problem}", manifest.digest))
    });
    let of_tags = (tags.len() > MAX_TAGS)
        .then(|| format!("{} tags exceed ECR's limit of 1,000 per image", tags.len()));
    lacking.chain(of_blobs).chain(of_manifests).chain(of_tags).map(Obstacle).collect()
}

/// Describes the blobs and manifests that neither the image nor a repository has.
pub(crate) fn incomplete(graph: &Graph, repository: &Repository, lacking: &[&Digest]) -> String {
    let Gaps { place, complete, .. } = &graph.gaps;
    let mut problem = match lacking {
        [one] => format!("blob {one} is missing{place}; {repository} doesn't have it either"),
        several => {
            let digests: Vec<&str> = several.iter().map(|digest| digest.as_str()).collect();
            let (count, digests) = (several.len(), digests.join(", "));
            format!("{count} blobs are missing, and {repository} doesn't have them: {digests}")
        }
    };
    if !complete.is_empty() && graph.root().lists_images() {
        let names: Vec<String> = complete.iter().map(|platform| format!("`{platform}`")).collect();
        problem.push_str(&format!(
            "; complete in the image: {}, select with `Open::platform` or `--platform`",
            names.join(", ")
        ));
    }
    problem
}

/// Returns the reason for which ECR will reject the blob.
pub(crate) fn obstacle(blob: &Blob, parts: PartSizes) -> Option<Obstacle> {
    let problem = problem(blob, parts)?;
    Some(Obstacle(format!("blob {}: {problem}", blob.layer.digest())))
}

fn problem(blob: &Blob, parts: PartSizes) -> Option<String> {
    let size = blob.layer.size();
    let count = parts.count(size);
    if size == 0 {
        Some(
            "the blob is empty: for an artifact without content, use the blob `{}` (the OCI \
             empty descriptor)"
                .to_owned(),
        )
    } else if size > MAX_LAYER {
        Some(format!("{size} bytes exceed ECR's limit of 52,000 MiB for a layer"))
    } else if count > MAX_PARTS {
        Some(format!(
            "{size} bytes in parts of {} bytes are {count} parts, over ECR's limit of 4,200: use \
             `LargeLayers::GrowParts` for larger parts",
            parts.asked()
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::blob::Layer;
    use crate::image::source::Source;
    use crate::upload::part_size::LargeLayers;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_layer_of_too_many_parts_is_an_obstacle() {
        let blob = Blob {
            layer: Layer { digest: Digest::from_content(b"a"), size: 42_001 * MIB },
            source: Source::from_path("layer".into()),
        };
        let problem = |large_layers| problem(&blob, PartSizes::new(10 * MIB, large_layers));
        assert_eq!(problem(LargeLayers::GrowParts), None);
        assert_eq!(
            problem(LargeLayers::Refuse).as_deref(),
            Some(
                "44041240576 bytes in parts of 10485760 bytes are 4201 parts, over ECR's limit of \
                 4,200: use `LargeLayers::GrowParts` for larger parts"
            )
        );
    }
}
