//! [`Finding`]: a fact that may harm a rollout, found before the rollout begins.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::outside::Outside;

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
    /// The check of the task definition found something that may be a mistake, such as a member that
    /// this build of the SDK doesn't know.
    DoubtfulTaskDefinition,
    /// ECS Express Mode manages the service: ECS refuses an UpdateService call. Use
    /// UpdateExpressGatewayService.
    ExpressMode,
    /// A role of the task definition belongs to another account than the service. No permission
    /// allows that: name a role of the service's account.
    ForeignRole,
    /// An image isn't in ECR. Push it, or correct its name. Found only if the caller asks for the
    /// check of the images.
    ImageMissing,
    /// The check of an image in ECR failed, so it is unknown whether the image exists and fits.
    ImageUnchecked,
    /// An image is for another platform than the tasks run on.
    ImageWrongPlatform,
    /// The check of the task definition found an error: see [`check`](crate::check). ECS would
    /// refuse the task definition or drop a part of it.
    InvalidTaskDefinition,
    /// ECS registered the task definition without one of its members, most likely because the
    /// member is misspelled. Found after the registration, before the deployment.
    MemberDropped,
    /// Revisions of the family were registered after the one that the service runs, and the new
    /// revision isn't based on them. Found after the registration, without a further call; only
    /// reported.
    NewestLeftOut,
    /// The service's minimum and maximum percent let ECS neither start nor stop a task: the rollout
    /// can never end. Lower the minimum or raise the maximum. AWS documents the message that the
    /// service then repeats ("unable to stop or start tasks during a deployment").
    NoProgress,
    /// The task definition doesn't fit the service: it lacks a container, a port or a volume that
    /// the service names, or has another network mode or launch type. ECS would refuse the
    /// deployment.
    ServiceMismatch,
    /// The new revision lacks tags that the service's task definition has. `aws ecs
    /// describe-task-definition` prints the tags only with `--include TAGS`.
    TagsRemoved,
    /// ECS registered a value in another form than it was sent, or added one. The next rollout of
    /// the same file sees a difference, and deploys again. Found after the registration.
    ValueChanged,
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
        Outside::new(&self.text).fmt(f)
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
        Self {
            kinds: BTreeSet::from([
                FindingKind::ExpressMode,
                FindingKind::ForeignRole,
                FindingKind::ImageMissing,
                FindingKind::ImageWrongPlatform,
                FindingKind::InvalidTaskDefinition,
                FindingKind::MemberDropped,
                FindingKind::NoProgress,
                FindingKind::ServiceMismatch,
            ]),
        }
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
