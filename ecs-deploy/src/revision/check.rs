//! The check of a task definition without a call to AWS.

mod containers;
pub(crate) mod examination;
pub(super) mod format;
pub(crate) mod image;
mod parts;
mod placeholder;
pub(crate) mod problem;
pub(crate) mod schema;
pub(crate) mod size;
mod task;
mod types;

use std::collections::BTreeSet;

use crate::json::value::{Json, Object};
use crate::revision::Revision;
use crate::revision::check::containers::containers;
use crate::revision::check::placeholder::placeholders;
use crate::revision::check::problem::{Problem, ProblemKind, Severity};
use crate::revision::check::task::task;
use crate::revision::check::types::types;

impl Revision {
    /// Returns the problems that can be found without AWS, ordered by their place: unknown members,
    /// wrong types, placeholders, invalid images and names, sizes that Fargate doesn't have, ports,
    /// and references to missing containers and volumes.
    ///
    /// A rollout checks the revision before it registers it, and refuses one with an error:
    /// [`FindingKind::InvalidTaskDefinition`](crate::plan::FindingKind::InvalidTaskDefinition). It
    /// ignores the problems of the registered revision that this one is a copy of or based on,
    /// because ECS has accepted them.
    ///
    /// ```
    /// use ecs_deploy::Revision;
    ///
    /// let revision: Revision = r#"{
    ///     "family": "web",
    ///     "containerDefinitions": [{ "name": "web", "image": "web:1", "memory": "512" }]
    /// }"#
    /// .parse()?;
    /// let problems = revision.check();
    /// assert_eq!(
    ///     problems[0].to_string(),
    ///     "`containerDefinitions[0].memory` is the string \"512\", but an integer is expected: \
    ///      write 512"
    /// );
    /// # Ok::<(), ecs_deploy::Error>(())
    /// ```
    pub fn check(&self) -> Vec<Problem> {
        examine(&self.members)
    }

    /// Returns the problems that its base doesn't have.
    pub(crate) fn new_problems(&self) -> Vec<Problem> {
        let accepted: BTreeSet<(ProblemKind, String)> = match &self.base {
            Some(base) => {
                let old = examine(&base.members).into_iter();
                old.map(|it| (it.kind(), it.what().to_owned())).collect()
            }
            None => BTreeSet::new(),
        };
        let problems = self.check().into_iter();
        problems.filter(|it| !accepted.contains(&(it.kind(), it.what().to_owned()))).collect()
    }
}

/// Returns all problems of the input of RegisterTaskDefinition.
pub(crate) fn examine(members: &Object) -> Vec<Problem> {
    // The other checks have to stay quick.
    let size = members.to_string().len();
    if size > HOPELESS {
        return vec![task::too_large(size)];
    }
    let mut problems = types(members);
    placeholders(&Json::Object(members.clone()), "", &mut problems);
    task(members, &mut problems);
    containers(members, &mut problems);
    // A placeholder is the cause of the other errors at its place.
    let placeholders: BTreeSet<String> = problems
        .iter()
        .filter(|it| it.kind() == ProblemKind::Placeholder && it.severity() == Severity::Error)
        .map(|it| it.path().to_owned())
        .collect();
    problems
        .retain(|it| it.kind() == ProblemKind::Placeholder || !placeholders.contains(it.path()));
    problems.sort_by(|one, other| one.path().cmp(other.path()));
    problems
}

/// The size in bytes of what is no task definition.
const HOPELESS: usize = 1024 * 1024;

#[cfg(test)]
mod tests;
