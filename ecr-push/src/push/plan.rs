//! [`Plan`]: what a push is going to do, found out without changing anything.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::digest::Digest;
use crate::push::obstacles::Obstacle;
use crate::push::repository_plan::RepositoryPlan;
use crate::push::versioned::Versioned;

/// What a push is going to do, from [`Push::plan`](crate::Push::plan).
///
/// It is as true as the moment in which it was made: the push itself looks once more. `Display`
/// is a report for people; serde writes and reads it for programs, with a `version`, and refuses to
/// read another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan(Versioned<PlanContent>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanContent {
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
        Self(Versioned::new(PlanContent { image, repositories, obstacles }))
    }

    /// The digest of the image.
    pub fn image(&self) -> &Digest {
        &self.0.image
    }

    /// What happens in each repository, in the order in which they were given.
    pub fn repositories(&self) -> &[RepositoryPlan] {
        &self.0.repositories
    }

    /// What ECR is going to refuse, whatever it is asked. A push with any of them fails before its
    /// first byte, with [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn obstacles(&self) -> &[Obstacle] {
        &self.0.obstacles
    }

    /// How many bytes of layers and configs are sent, all repositories together, before the API's
    /// base64 makes a third more of them. Less, where layers can be [mounted](crate::Push::mount_from).
    pub fn bytes(&self) -> u64 {
        self.0.repositories.iter().map(RepositoryPlan::bytes).fold(0, u64::saturating_add)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "image {}", self.0.image)?;
        for repository in &self.0.repositories {
            write!(f, "{repository}")?;
        }
        for obstacle in &self.0.obstacles {
            writeln!(f, "refused: {obstacle}")?;
        }
        Ok(())
    }
}
