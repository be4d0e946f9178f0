//! [`RepositoryPlan`]: the plan of a push for one repository.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::image::blob::Layer;
use crate::image::opened::Image;
use crate::image::source::Source;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::push::survey::{RepositoryState, Survey, tag_change};
use crate::report::TagChange;
use crate::upload::part_size::PartSizes;
use crate::wire::transport::Transport;

/// The plan for one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryPlan {
    repository: Repository,
    state: RepositoryState,
    layers: Vec<LayerPlan>,
    manifests: Vec<ManifestPlan>,
    tags: Vec<TagPlan>,
}

/// A layer or config, with its step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerPlan {
    #[serde(flatten)]
    layer: Layer,
    #[serde(flatten)]
    step: LayerStep,
}

/// The step that a push takes for a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "camelCase")]
#[non_exhaustive]
pub enum LayerStep {
    /// The push compresses the layer, and sends the result if the repository doesn't have it. The
    /// digest and the size are those of the uncompressed layer.
    Compress,
    /// The layer is foreign: registries don't store it, and the push [leaves it
    /// out](crate::Push::foreign_layers).
    LeaveOut,
    /// Neither the image nor the repository has the layer, so the push fails.
    Missing,
    /// The push sends the layer.
    #[non_exhaustive]
    Send {
        /// The number of parts, with the part size that ECR last requested, or 10 MiB if it hasn't
        /// yet. With [`Transport::Registry`], the number of requests.
        parts: u64,
    },
    /// The repository already has the layer.
    Skip,
}

/// A manifest or index, with its step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestPlan {
    digest: Digest,
    step: ManifestStep,
}

/// The step that a push takes for a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ManifestStep {
    /// Neither the image nor the repository has the manifest, so the push fails.
    Missing,
    /// The push puts the manifest, under its digest or its tags.
    Put,
    /// The push puts the manifest with the digests of compressed layers, so under another digest,
    /// unless the repository has the result.
    Rewrite,
    /// The repository already has the manifest.
    Skip,
}

/// A tag, with the effect of setting it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagPlan {
    tag: Tag,
    change: TagChange,
}

impl RepositoryPlan {
    /// Returns the repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the repository's state.
    pub fn state(&self) -> RepositoryState {
        self.state
    }

    /// Returns every layer and config of every platform, each once.
    pub fn layers(&self) -> &[LayerPlan] {
        &self.layers
    }

    /// Returns every manifest. Child manifests come before the indexes that list them.
    pub fn manifests(&self) -> &[ManifestPlan] {
        &self.manifests
    }

    /// Returns the tags, in the order in which they are set.
    pub fn tags(&self) -> &[TagPlan] {
        &self.tags
    }

    /// Returns how many bytes of layers and configs the push sends. Layers that it compresses count
    /// with their uncompressed size.
    pub fn bytes(&self) -> u64 {
        let sent = self
            .layers
            .iter()
            .filter(|planned| planned.is_sent() || planned.step == LayerStep::Compress);
        sent.map(|planned| planned.layer.size()).fold(0, u64::saturating_add)
    }
}

impl fmt::Display for RepositoryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let created = match self.state {
            RepositoryState::Exists => "",
            RepositoryState::ToBeCreated => ", to be created",
        };
        writeln!(f, "to {}{created}", self.repository)?;
        for LayerPlan { layer, step } in &self.layers {
            let (digest, size) = (layer.digest(), layer.size());
            match step {
                LayerStep::Compress => {
                    writeln!(f, "  send  {digest} {size} bytes, to be compressed")?;
                }
                LayerStep::LeaveOut => {
                    writeln!(f, "  leave {digest} {size} bytes, a foreign layer")?;
                }
                LayerStep::Missing => writeln!(f, "  lack  {digest} {size} bytes, missing")?,
                LayerStep::Send { parts: 1 } => {
                    writeln!(f, "  send  {digest} {size} bytes")?;
                }
                LayerStep::Send { parts } => {
                    writeln!(f, "  send  {digest} {size} bytes in {parts} parts")?;
                }
                LayerStep::Skip => writeln!(f, "  skip  {digest} {size} bytes, already exists")?,
            }
        }
        for ManifestPlan { digest, step } in &self.manifests {
            match step {
                ManifestStep::Missing => writeln!(f, "  lack  {digest}, missing")?,
                ManifestStep::Put => writeln!(f, "  put   {digest}")?,
                ManifestStep::Rewrite => {
                    writeln!(f, "  put   {digest}, with compressed layers")?;
                }
                ManifestStep::Skip => writeln!(f, "  skip  {digest}, already exists")?,
            }
        }
        for TagPlan { tag, change } in &self.tags {
            writeln!(f, "  tag   {tag}, {change}")?;
        }
        let before = if self.count(LayerStep::Compress) > 0 { " before compression" } else { "" };
        writeln!(f, "  {} bytes{before}", self.bytes())
    }
}

impl LayerPlan {
    fn is_sent(&self) -> bool {
        matches!(self.step, LayerStep::Send { .. })
    }

    /// Returns the layer.
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    /// Returns the step for the layer.
    pub fn step(&self) -> LayerStep {
        self.step
    }
}

impl ManifestPlan {
    /// Returns the manifest's digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns the step for the manifest.
    pub fn step(&self) -> ManifestStep {
        self.step
    }
}

impl TagPlan {
    /// Returns the tag.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// Returns the effect of setting the tag. If the push compresses layers, the digest of the image
    /// isn't known yet, and a planned [`Moved`](TagChange::Moved) can become
    /// [`Kept`](TagChange::Kept).
    pub fn change(&self) -> &TagChange {
        &self.change
    }
}

impl RepositoryPlan {
    /// Builds the plan for a repository from its survey.
    pub(crate) fn new(
        repository: Repository,
        survey: &Survey,
        image: &Image,
        left_out: &HashSet<Digest>,
        tags: &[Tag],
        (parts, transport): (PartSizes, Transport),
    ) -> Self {
        let (graph, pending) = (image.graph(), image.compression());
        let mut layers = Vec::new();
        for blob in &graph.blobs {
            let (layer, size) = (&blob.layer, blob.layer.size());
            let digest = layer.digest();
            if pending.is_some_and(|pending| pending.compresses(digest)) {
                layers.push(LayerPlan { layer: layer.clone(), step: LayerStep::Compress });
            }
            if pending.is_some_and(|pending| !pending.keeps(digest)) {
                continue;
            }
            let step = if survey.available.contains(digest) {
                LayerStep::Skip
            } else if left_out.contains(digest) {
                LayerStep::LeaveOut
            } else if matches!(blob.source, Source::Elsewhere) {
                LayerStep::Missing
            } else {
                LayerStep::Send { parts: parts.requests(size, transport) }
            };
            layers.push(LayerPlan { layer: layer.clone(), step });
        }
        let changes = |digest: &Digest| pending.is_some_and(|pending| pending.changes(digest));
        let manifests = graph.all_manifests().map(|manifest| {
            let digest = manifest.digest.clone();
            let step = if changes(&digest) {
                ManifestStep::Rewrite
            } else if survey.has_image(&digest) {
                ManifestStep::Skip
            } else {
                ManifestStep::Put
            };
            ManifestPlan { digest, step }
        });
        let absent = graph.gaps.manifests.iter().map(|digest| {
            let step =
                if survey.has_image(digest) { ManifestStep::Skip } else { ManifestStep::Missing };
            ManifestPlan { digest: digest.clone(), step }
        });
        let root = Some(&graph.root().digest).filter(|root| !changes(root));
        let tags = tags.iter().map(|tag| {
            let change = tag_change(tag, root, survey.lookup.as_ref());
            TagPlan { tag: tag.clone(), change }
        });
        Self {
            repository,
            state: survey.state,
            layers,
            manifests: absent.chain(manifests).collect(),
            tags: tags.collect(),
        }
    }

    /// Returns the layers that the push sends as they are.
    pub(crate) fn missing(&self) -> HashSet<&Digest> {
        let missing = self.layers.iter().filter(|planned| planned.is_sent());
        missing.map(|planned| planned.layer.digest()).collect()
    }

    /// Returns the blobs and manifests that neither the image nor the repository has.
    pub(crate) fn lacking(&self) -> Vec<&Digest> {
        let manifests = self.manifests.iter().filter(|it| it.step == ManifestStep::Missing);
        let layers = self.layers.iter().filter(|it| it.step == LayerStep::Missing);
        let manifests = manifests.map(|planned| &planned.digest);
        manifests.chain(layers.map(|planned| planned.layer.digest())).collect()
    }

    /// Returns how many layers have this step.
    pub(crate) fn count(&self, step: LayerStep) -> usize {
        self.layers.iter().filter(|planned| planned.step == step).count()
    }

    /// Returns the layers that the push leaves out.
    pub(crate) fn left_out(&self) -> HashSet<&Digest> {
        let left_out = self.layers.iter().filter(|planned| planned.step == LayerStep::LeaveOut);
        left_out.map(|planned| planned.layer.digest()).collect()
    }

    /// Returns whether the push puts this manifest.
    pub(crate) fn is_put(&self, digest: &Digest) -> bool {
        let mut all = self.manifests.iter();
        all.any(|planned| planned.digest == *digest && planned.step == ManifestStep::Put)
    }
}
