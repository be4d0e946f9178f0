//! [`Finding`]: what a look before a rollout finds.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Something about a service, or about what is to be deployed, that is worth knowing before a
/// rollout begins. `Display` says it in one clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    kind: FindingKind,
    text: String,
}

/// What kind of [`Finding`] it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FindingKind {
    /// ECS won't notice that the deployment fails, and goes on with it for ever. Switch the
    /// deployment circuit breaker on.
    CircuitBreakerOff,
    /// Another deployment hasn't ended. The new one takes its place.
    DeploymentInProgress,
    /// The service wants no tasks: the rollout will succeed without having started any.
    DesiredCountZero,
    /// An image isn't in ECR. Push it, or correct its name. Looked for only where that is asked for.
    ImageMissing,
    /// Whether an image is in ECR, and fits, couldn't be found out.
    ImageUnchecked,
    /// An image is for another platform than the tasks run on.
    ImageWrongPlatform,
    /// The service's minimum and maximum percent leave no room to start a task, nor to stop one:
    /// the rollout can't ever end. Lower the one or raise the other. AWS documents the message
    /// that the service repeats then ("unable to stop or start tasks during a deployment").
    NoProgress,
}

/// The same word as in serde's formats, such as `desiredCountZero`.
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
        let text = "the service wants no tasks: nothing will show whether the revision runs";
        Self::new(FindingKind::DesiredCountZero, text.to_owned())
    }

    /// What kind it is.
    pub fn kind(&self) -> FindingKind {
        self.kind
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Which findings keep a rollout from beginning.
#[derive(Debug, Clone)]
pub(crate) struct RefusedKinds {
    kinds: BTreeSet<FindingKind>,
}

/// Those with which a rollout can't succeed.
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
