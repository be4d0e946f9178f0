//! [`Plan`]: what a push is going to do, found out without changing anything.

use std::collections::HashSet;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::image::graph::Graph;
use crate::image::layer::Layer;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::push::limits::Parts;
use crate::push::tags::TagChange;
use crate::wire::api::{Found, PER_BATCH};
use crate::wire::registry::{CHUNK, SMALL};
use crate::wire::transport::Transport;

/// What a push is going to do, from [`Push::plan`](crate::Push::plan).
///
/// It is as true as the moment in which it was made: the push itself looks once more. `Display`
/// is a report for people, `Serialize` one for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    image: Digest,
    repositories: Vec<RepositoryPlan>,
    obstacles: Vec<Obstacle>,
}

impl Plan {
    pub(crate) fn new(
        image: Digest,
        repositories: Vec<RepositoryPlan>,
        obstacles: Vec<Obstacle>,
    ) -> Self {
        Self { image, repositories, obstacles }
    }

    /// The digest of the image.
    pub fn image(&self) -> &Digest {
        &self.image
    }

    /// What happens in each repository, in the order in which they were given.
    pub fn repositories(&self) -> &[RepositoryPlan] {
        &self.repositories
    }

    /// What ECR is going to refuse, whatever it is asked. A push with any of them fails before its
    /// first byte, with [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn obstacles(&self) -> &[Obstacle] {
        &self.obstacles
    }

    /// How many bytes of layers and configs are sent, all repositories together, before the API's
    /// base64 makes a third more of them. Less, where layers can be [mounted](crate::Push::mount_from).
    pub fn bytes(&self) -> u64 {
        self.repositories.iter().map(RepositoryPlan::bytes).fold(0, u64::saturating_add)
    }

    /// How many API operations the push is going to call, those included by which it finds out
    /// what is there, but not the one for a token. By
    /// [`Transport::Registry`](crate::Transport::Registry), its requests count as well.
    ///
    /// Faults make it more; so do smaller parts than ECR has asked for before (10 MiB, as long as it
    /// has not), and completing the last layers, where that takes more than a second, since the tags
    /// are looked up again then. Uploads that an earlier push has left in a
    /// [checkpoint](crate::Push::checkpoint) make it less, and layers that can be
    /// [mounted](crate::Push::mount_from).
    pub fn calls(&self) -> u64 {
        self.repositories.iter().map(RepositoryPlan::calls).sum()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "image {}", self.image)?;
        for repository in &self.repositories {
            write!(f, "{repository}")?;
        }
        for obstacle in &self.obstacles {
            writeln!(f, "refused: {obstacle}")?;
        }
        Ok(())
    }
}

/// What happens in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryPlan {
    repository: Repository,
    state: RepositoryState,
    layers: Vec<PlannedLayer>,
    manifests: Vec<PlannedManifest>,
    tags: Vec<PlannedTag>,
    calls: u64,
    #[serde(skip)]
    look_ups: LookUps,
}

/// How often the tags are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookUps {
    /// Not at all, or in vain.
    None,
    /// To make the plan.
    Once,
    /// And once more after the layers have been sent, since the tags may have moved meanwhile.
    Twice,
}

/// Whether the repository is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RepositoryState {
    /// It is.
    Exists,
    /// It isn't, and the push creates it.
    ToBeCreated,
}

/// A layer or config, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedLayer {
    #[serde(flatten)]
    layer: Layer,
    #[serde(flatten)]
    step: LayerStep,
}

/// What becomes of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "step", rename_all = "camelCase")]
#[non_exhaustive]
pub enum LayerStep {
    /// It is sent.
    #[non_exhaustive]
    Send {
        /// In so many parts, of the size that ECR has asked for last, or 10 MiB; by
        /// [`Transport::Registry`](crate::Transport::Registry), in so many requests.
        parts: u64,
    },
    /// The repository has it.
    Skip,
}

/// A manifest or index, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedManifest {
    digest: Digest,
    step: ManifestStep,
}

/// What becomes of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ManifestStep {
    /// It is put, by its digest, or with its tags.
    Put,
    /// The repository has it.
    Skip,
}

/// A tag, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedTag {
    tag: Tag,
    change: TagChange,
}

/// Something that ECR refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle(pub(crate) String);

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Obstacle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl RepositoryPlan {
    /// Which repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Whether it is there.
    pub fn state(&self) -> RepositoryState {
        self.state
    }

    /// Every layer and config of every platform, each once.
    pub fn layers(&self) -> &[PlannedLayer] {
        &self.layers
    }

    /// Every manifest, children before the indexes that list them.
    pub fn manifests(&self) -> &[PlannedManifest] {
        &self.manifests
    }

    /// The tags, in the order in which they are set.
    pub fn tags(&self) -> &[PlannedTag] {
        &self.tags
    }

    /// How many bytes of layers and configs are sent.
    pub fn bytes(&self) -> u64 {
        let sent = self.layers.iter().filter(|planned| planned.step != LayerStep::Skip);
        // Of foreign layers there is nothing but what a manifest claims.
        sent.map(|planned| planned.layer.size()).fold(0, u64::saturating_add)
    }

    /// How many API operations are called; see [`Plan::calls`].
    pub fn calls(&self) -> u64 {
        self.calls
    }
}

impl fmt::Display for RepositoryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let created = match self.state {
            RepositoryState::Exists => "",
            RepositoryState::ToBeCreated => ", which is created",
        };
        writeln!(f, "to {}{created}", self.repository)?;
        for PlannedLayer { layer, step } in &self.layers {
            let (digest, size) = (layer.digest(), layer.size());
            match step {
                LayerStep::Send { parts: 1 } => {
                    writeln!(f, "  send  {digest} {size} bytes")?;
                }
                LayerStep::Send { parts } => {
                    writeln!(f, "  send  {digest} {size} bytes in {parts} parts")?;
                }
                LayerStep::Skip => writeln!(f, "  skip  {digest} {size} bytes, already there")?,
            }
        }
        for PlannedManifest { digest, step } in &self.manifests {
            match step {
                ManifestStep::Put => writeln!(f, "  put   {digest}")?,
                ManifestStep::Skip => writeln!(f, "  skip  {digest}, already there")?,
            }
        }
        for PlannedTag { tag, change } in &self.tags {
            writeln!(f, "  tag   {tag}, {change}")?;
        }
        writeln!(f, "  {} bytes, {} calls", self.bytes(), self.calls)
    }
}

impl PlannedLayer {
    /// Which layer.
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    /// What becomes of it.
    pub fn step(&self) -> LayerStep {
        self.step
    }
}

impl PlannedManifest {
    /// The manifest's digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What becomes of it.
    pub fn step(&self) -> ManifestStep {
        self.step
    }
}

impl PlannedTag {
    /// Which tag.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// What becomes of it.
    pub fn change(&self) -> &TagChange {
        &self.change
    }
}

/// What was found out of a repository.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) state: RepositoryState,
    pub(crate) available: HashSet<Digest>,
    /// `None` where it could not be looked up, or was not to be.
    pub(crate) found: Option<Found>,
    /// How many calls it took.
    pub(crate) calls: u64,
}

impl RepositoryPlan {
    /// The plan for a repository of which `survey` is known.
    pub(crate) fn new(
        repository: Repository,
        survey: &Survey,
        graph: &Graph,
        tags: &[Tag],
        parts: Parts,
        transport: Transport,
    ) -> Self {
        let layers: Vec<PlannedLayer> = graph
            .blobs
            .iter()
            .map(|blob| {
                let size = blob.layer.size();
                let step = if survey.available.contains(blob.layer.digest()) {
                    LayerStep::Skip
                } else {
                    LayerStep::Send { parts: size.div_ceil(piece(size, parts, transport)) }
                };
                PlannedLayer { layer: blob.layer.clone(), step }
            })
            .collect();
        let root = graph.root();
        let tags: Vec<PlannedTag> = tags
            .iter()
            .map(|tag| {
                let change = TagChange::of(tag, &root.digest, survey.found.as_ref());
                PlannedTag { tag: tag.clone(), change }
            })
            .collect();
        let is_there = |digest: &Digest| {
            survey.found.as_ref().is_some_and(|found| found.images.contains(digest))
        };
        let manifests: Vec<PlannedManifest> = graph
            .manifests()
            .iter()
            .map(|manifest| {
                let digest = manifest.digest.clone();
                let step = if is_there(&digest) { ManifestStep::Skip } else { ManifestStep::Put };
                PlannedManifest { digest, step }
            })
            .collect();
        let look_ups = match (&survey.found, tags.as_slice()) {
            (None, _) | (_, []) => LookUps::None,
            _ => LookUps::Once,
        };
        let state = survey.state;
        let mut plan = Self { repository, state, layers, manifests, tags, calls: 0, look_ups };
        plan.calls = survey.calls.saturating_add(plan.calls_to_come(&root.digest, transport));
        plan
    }

    /// Plans to look the tags up once more, because layers are sent first.
    pub(crate) fn look_again(&mut self) {
        if self.look_ups == LookUps::Once {
            self.look_ups = LookUps::Twice;
            self.calls += self.tags.len().div_ceil(PER_BATCH) as u64;
        }
    }

    pub(crate) fn looks_again(&self) -> bool {
        self.look_ups == LookUps::Twice
    }

    /// What the push is going to call, once it knows what is there.
    fn calls_to_come(&self, root: &Digest, transport: Transport) -> u64 {
        let create = u64::from(self.state == RepositoryState::ToBeCreated);
        let uploads: u64 = self
            .layers
            .iter()
            .map(|planned| match planned.step {
                // It goes with the request that completes it.
                LayerStep::Send { .. } if is_small(planned.layer.size(), transport) => 2,
                LayerStep::Send { parts } => parts.saturating_add(2),
                LayerStep::Skip => 0,
            })
            .fold(0, u64::saturating_add);
        let puts = self.manifests.iter().filter(|planned| planned.step == ManifestStep::Put);
        let (root, children): (Vec<_>, Vec<_>) = puts.partition(|planned| planned.digest == *root);
        let tags = self.tags.iter().filter(|planned| planned.change != TagChange::Kept).count();
        // The first tag brings the image with it.
        uploads.saturating_add(create + (children.len() + tags.max(root.len())) as u64)
    }

    /// The layers that are sent.
    pub(crate) fn missing(&self) -> HashSet<&Digest> {
        let missing = self.layers.iter().filter(|planned| planned.step != LayerStep::Skip);
        missing.map(|planned| planned.layer.digest()).collect()
    }

    /// The manifests that are put.
    pub(crate) fn is_put(&self, digest: &Digest) -> bool {
        let mut all = self.manifests.iter();
        all.any(|planned| planned.digest == *digest && planned.step == ManifestStep::Put)
    }
}

/// How much of a layer goes into one request.
fn piece(size: u64, parts: Parts, transport: Transport) -> u64 {
    match transport {
        Transport::Api => parts.size_for(size),
        Transport::Registry => CHUNK,
    }
}

fn is_small(size: u64, transport: Transport) -> bool {
    transport == Transport::Registry && size <= SMALL
}
