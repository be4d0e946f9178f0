//! [`Finding`]: a fact that may harm a rollout, found before the rollout begins.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A fact about a service or a new revision that may harm a rollout. `Display` is one clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    kind: FindingKind,
    text: String,
}

/// The kind of a [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FindingKind {
    /// The deployment circuit breaker is off: ECS doesn't detect a failing deployment, and retries
    /// its tasks forever. Switch the circuit breaker on.
    CircuitBreakerOff,
    /// Another deployment hasn't ended. The new one replaces it.
    DeploymentInProgress,
    /// The service's desired count is 0: the rollout succeeds without starting a task.
    DesiredCountZero,
    /// An image isn't in ECR. Push it, or correct its name. Found only if the caller asks for the
    /// check of the images.
    ImageMissing,
    /// The check of an image in ECR failed, so it is unknown whether the image exists and fits.
    ImageUnchecked,
    /// An image is for another platform than the tasks run on.
    ImageWrongPlatform,
    /// The service's minimum and maximum percent let ECS neither start nor stop a task: the rollout
    /// can never end. Lower the minimum or raise the maximum. AWS documents the message that the
    /// service then repeats ("unable to stop or start tasks during a deployment").
    NoProgress,
}

/// Prints the same word as serde's formats, such as `desiredCountZero`.
impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Finding {
    pub(crate) fn new(kind: FindingKind, text: String) -> Self {
        Self { kind, text }
    }

    pub(crate) fn desired_count_zero() -> Self {
        let text = "the desired count is 0: the rollout can't show whether the revision runs";
        Self::new(FindingKind::DesiredCountZero, text.to_owned())
    }

    /// Returns the kind.
    pub fn kind(&self) -> FindingKind {
        self.kind
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The kinds of findings that prevent a rollout.
#[derive(Debug, Clone)]
pub(crate) struct RefusedKinds {
    kinds: BTreeSet<FindingKind>,
}

/// Contains the kinds with which a rollout can't succeed.
impl Default for RefusedKinds {
    fn default() -> Self {
        let kinds =
            [FindingKind::ImageMissing, FindingKind::ImageWrongPlatform, FindingKind::NoProgress];
        Self { kinds: BTreeSet::from(kinds) }
    }
}

impl RefusedKinds {
    pub(crate) fn insert(&mut self, kind: FindingKind) {
        self.kinds.insert(kind);
    }

    pub(crate) fn remove(&mut self, kind: FindingKind) {
        self.kinds.remove(&kind);
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = FindingKind> {
        self.kinds.iter().copied()
    }

    pub(crate) fn contains(&self, finding: &Finding) -> bool {
        self.kinds.contains(&finding.kind)
    }
}

impl FromIterator<FindingKind> for RefusedKinds {
    fn from_iter<I: IntoIterator<Item = FindingKind>>(kinds: I) -> Self {
        Self { kinds: kinds.into_iter().collect() }
    }
}
