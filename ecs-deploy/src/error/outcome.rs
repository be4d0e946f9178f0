//! [`Outcome`]: the outcome of one service of a fleet.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::error::repr::Repr;
use crate::model::deployed::Deployed;
use crate::names::service::Service;

/// The outcome of one service of a [`Fleet`](crate::fleet::Fleet).
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The service runs the revision.
    Deployed(Deployed),
    /// The rollout failed.
    Failed(Error),
    /// Another rollout failed before this one began.
    NotBegun,
    /// The rollback failed.
    #[non_exhaustive]
    NotTakenBack {
        /// The failure of this service's own rollout; `None` if another rollout failed.
        failure: Option<Error>,
        /// The failure of the rollback.
        rollback: Error,
    },
    /// Another rollout failed, and the service runs its previous revision again.
    TakenBack(Deployed),
}

impl Outcome {
    /// Returns the error of a rollout or a rollback that failed.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Outcome::Failed(error) | Outcome::NotTakenBack { rollback: error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Writes the member `outcome`, such as `notTakenBack`, and `deployed` or `error` if the outcome
/// has one. If a rollback failed, `error` is its failure, and `failure` is that of the rollout.
impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, deployed, error) = match self {
            Outcome::Deployed(deployed) => ("deployed", Some(deployed), None),
            Outcome::Failed(error) => ("failed", None, Some(error)),
            Outcome::NotBegun => ("notBegun", None, None),
            Outcome::NotTakenBack { rollback, .. } => ("notTakenBack", None, Some(rollback)),
            Outcome::TakenBack(deployed) => ("takenBack", Some(deployed), None),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("outcome", name)?;
        if let Some(deployed) = deployed {
            map.serialize_entry("deployed", deployed)?;
        }
        if let Some(error) = error {
            map.serialize_entry("error", error)?;
        }
        if let Outcome::NotTakenBack { failure: Some(failure), .. } = self {
            map.serialize_entry("failure", failure)?;
        }
        map.end()
    }
}

/// Returns `2 of 5 services don't run their new revision: …; …`.
pub(super) fn fleet_failed(outcomes: &[(Service, Outcome)]) -> String {
    let mut text = String::new();
    let mut failed = 0;
    let mut others = [(0, "not begun"), (0, "rolled back")];
    for (service, outcome) in outcomes {
        match outcome {
            Outcome::Deployed(_) => continue,
            Outcome::Failed(error) => text.push_str(&format!("; {}", error.chain())),
            Outcome::NotBegun => others[0].0 += 1,
            Outcome::NotTakenBack { failure, rollback } => {
                if let Some(failure) = failure {
                    text.push_str(&format!("; {}", failure.chain()));
                }
                let rollback = rollback.chain();
                text.push_str(&format!("; {service} couldn't be rolled back: {rollback}"));
            }
            Outcome::TakenBack(_) => others[1].0 += 1,
        }
        failed += 1;
    }
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!("; {count} {what}"));
    }
    let text = text.trim_start_matches("; ");
    format!("{failed} of {} services don't run their new revision: {text}", outcomes.len())
}

impl Error {
    /// Adds ECS's refusal to stop the deployment, if there is nothing to roll back to either.
    pub(crate) fn because_of(mut self, why: Option<Error>) -> Self {
        if let Repr::NothingToRollBackTo { source, .. } = &mut *self.0 {
            *source = why;
        }
        self
    }

    /// Joins the error with its sources, for a message about several errors.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        text
    }
}
