//! What ECR takes at most, and what is found out of that before the first byte.

use std::collections::HashSet;

use crate::image::blob::Blob;
use crate::image::graph::Graph;
use crate::image::source::Source;
use crate::names::digest::Digest;
use crate::names::tag::Tag;
use crate::push::plan::{Obstacle, RepositoryPlan};
use crate::wire::api::MAX_PART;

/// How a push cuts layers into parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    /// What ECR asks for.
    pub(crate) size: u64,
    pub(crate) large_layers: LargeLayers,
}

/// What becomes of layers that have too many parts of the size that ECR asks for; see
/// [`Push::large_layers`](crate::Push::large_layers).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LargeLayers {
    /// They are sent in parts of up to 20 MiB, the most that the API takes.
    GrowParts,
    /// They are an obstacle, found before the first byte.
    #[default]
    Refuse,
}

/// ECR's Service Quotas page: 4,200 parts for a layer, and 52,000 MiB. With parts of 10 MiB, the
/// largest that the page names, 4,200 of them are 42,000 MiB: the two contradict each other.
const MAX_PARTS: u64 = 4_200;
const MAX_LAYER: u64 = 52_000 * 1024 * 1024;

/// ECR's Service Quotas page: tags per image.
const MAX_TAGS: usize = 1_000;

impl Parts {
    /// The size of the parts of a layer of `size` bytes.
    pub(crate) fn size_for(self, size: u64) -> u64 {
        match self.large_layers {
            LargeLayers::GrowParts if size.div_ceil(self.size) > MAX_PARTS => {
                const MIB: u64 = 1024 * 1024;
                size.div_ceil(MAX_PARTS).next_multiple_of(MIB).min(MAX_PART)
            }
            _ => self.size,
        }
    }
}

/// What ECR is going to refuse of what is to be sent.
pub(crate) fn obstacles(
    graph: &Graph,
    repositories: &[RepositoryPlan],
    tags: &[Tag],
    parts: Parts,
) -> Vec<Obstacle> {
    let missing: HashSet<&Digest> = repositories.iter().flat_map(RepositoryPlan::missing).collect();
    let sent = graph.blobs.iter().filter(|blob| missing.contains(blob.layer.digest()));
    let mut obstacles: Vec<Obstacle> = sent
        .filter_map(|blob| {
            let problem = problem(blob, parts)?;
            Some(Obstacle(format!("blob {}: {problem}", blob.layer.digest())))
        })
        .collect();
    if tags.len() > MAX_TAGS {
        let problem = format!("{} tags are over ECR's limit of 1,000 for an image", tags.len());
        obstacles.push(Obstacle(problem));
    }
    obstacles
}

fn problem(blob: &Blob, parts: Parts) -> Option<String> {
    let size = blob.layer.size();
    let count = size.div_ceil(parts.size_for(size));
    if matches!(blob.source, Source::Elsewhere) {
        Some(
            "it is a foreign layer, whose content is elsewhere: fetch it into the image first"
                .to_owned(),
        )
    } else if size == 0 {
        Some(
            "it is empty; artifacts without content have the blob `{}` (the OCI empty \
             descriptor) instead"
                .to_owned(),
        )
    } else if size > MAX_LAYER {
        Some(format!("it has {size} bytes, over ECR's limit of 52,000 MiB for a layer"))
    } else if count > MAX_PARTS {
        Some(format!(
            "it has {size} bytes, which are {count} parts of {}, over ECR's limit of 4,200: \
             larger parts are `LargeLayers::GrowParts`",
            parts.size
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::layer::Layer;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn parts_grow_only_where_that_is_asked_for_and_needed() {
        let size = |size, large_layers| Parts { size: 10 * MIB, large_layers }.size_for(size);
        assert_eq!(size(42_000 * MIB, LargeLayers::GrowParts), 10 * MIB);
        assert_eq!(size(42_000 * MIB + 1, LargeLayers::GrowParts), 11 * MIB);
        assert_eq!(size(52_000 * MIB, LargeLayers::GrowParts), 13 * MIB);
        assert_eq!(size(52_000 * MIB, LargeLayers::Refuse), 10 * MIB);
    }

    #[test]
    fn a_layer_of_too_many_parts_is_an_obstacle() {
        let blob = Blob {
            layer: Layer { digest: Digest::of(b"a"), size: 42_001 * MIB },
            source: Source::file("layer".into()),
        };
        let problem = |large_layers| problem(&blob, Parts { size: 10 * MIB, large_layers });
        assert_eq!(problem(LargeLayers::GrowParts), None);
        assert_eq!(
            problem(LargeLayers::Refuse).as_deref(),
            Some(
                "it has 44041240576 bytes, which are 4201 parts of 10485760, over ECR's limit of \
                 4,200: larger parts are `LargeLayers::GrowParts`"
            )
        );
    }
}
