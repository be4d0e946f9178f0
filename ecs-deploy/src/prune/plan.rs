//! [`PrunePlan`]: the revisions to deregister, and the reasons why the others are kept.

use std::fmt;

use serde::Serialize;

use crate::names::arn::short;
use crate::outside::Outside;

/// The revisions that would be deregistered, and the reasons why the others are kept. `Display`
/// prints a line for each revision.
///
/// `Display` quotes ECS's names. The methods and serde's formats have them unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrunePlan {
    pub(super) family: String,
    pub(super) deregister: Vec<String>,
    pub(super) kept: Vec<KeptRevision>,
}

/// A revision that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct KeptRevision {
    /// Its ARN.
    pub(super) revision: String,
    #[serde(flatten)]
    pub(super) reason: KeepReason,
}

/// The reason why a revision is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase")]
#[non_exhaustive]
pub enum KeepReason {
    /// A deployment of a service refers to it.
    Deployment {
        /// The service's ARN.
        service: String,
    },
    /// A service could roll back to it.
    LastSuccessful {
        /// The service's ARN.
        service: String,
    },
    /// It is among the newest.
    Newest,
    /// A task runs it, or is about to.
    Task {
        /// The task's ARN.
        task: String,
    },
}

impl PrunePlan {
    /// Returns the family.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// Returns the ARNs of the revisions that would be deregistered, newest first.
    pub fn deregister(&self) -> &[String] {
        &self.deregister
    }

    /// Returns the ARNs of the active revisions that are kept, newest first, with the reasons.
    pub fn kept(&self) -> impl Iterator<Item = (&str, &KeepReason)> {
        self.kept.iter().map(|it| (it.revision.as_str(), &it.reason))
    }
}

impl fmt::Display for PrunePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for KeptRevision { revision, reason } in &self.kept {
            writeln!(f, "keep {}: {reason}", Outside::new(short(revision)))?;
        }
        for arn in &self.deregister {
            writeln!(f, "deregister {}", Outside::new(short(arn)))?;
        }
        Ok(())
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeepReason::Deployment { service } => {
                write!(f, "{} deploys it", Outside::new(service).named("the service"))
            }
            KeepReason::LastSuccessful { service } => {
                let service = Outside::new(service).named("the service");
                write!(f, "{service} could roll back to it")
            }
            KeepReason::Newest => f.write_str("it is among the newest"),
            KeepReason::Task { task } => {
                write!(f, "{} runs it", Outside::new(task).named("the task"))
            }
        }
    }
}

/// The result of a [`Prune`](crate::prune::Prune).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    pub(super) deregistered: Vec<String>,
    pub(super) kept: Vec<KeptRevision>,
}

impl Pruned {
    /// Returns the ARNs of the deregistered revisions, oldest first.
    pub fn deregistered(&self) -> &[String] {
        &self.deregistered
    }

    /// Returns the ARNs of the active revisions that are kept, newest first, with the reasons.
    pub fn kept(&self) -> impl Iterator<Item = (&str, &KeepReason)> {
        self.kept.iter().map(|it| (it.revision.as_str(), &it.reason))
    }
}
