//! [`Plan`]: a preview of a push, made without changing anything.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names::digest::Digest;
use crate::outside::quoted;
use crate::push::obstacles::Obstacle;
use crate::push::repository_plan::RepositoryPlan;
use crate::push::versioned::Versioned;

/// A preview of a push, from [`Push::plan`](crate::Push::plan).
///
/// A plan describes the state at the time of its lookups; the push itself looks again. `Display`
/// writes a report for people. serde writes and reads the plan for programs, with a `version`, and
/// rejects any other version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan(Versioned<PlanContent>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanContent {
    image: Digest,
    repositories: Vec<RepositoryPlan>,
    obstacles: Vec<Obstacle>,
    notices: Vec<String>,
}

impl Plan {
    pub(crate) fn new(
        image: Digest,
        repositories: Vec<RepositoryPlan>,
        obstacles: Vec<Obstacle>,
        notices: Vec<String>,
    ) -> Self {
        Self(Versioned::new(PlanContent { image, repositories, obstacles, notices }))
    }

    /// Returns the digest of the image. If the push compresses layers, the pushed image has another
    /// digest, which [`Pushed::digest`](crate::Pushed::digest) returns.
    pub fn image(&self) -> &Digest {
        &self.0.image
    }

    /// Returns the plan for each repository, in the order in which they were given.
    pub fn repositories(&self) -> &[RepositoryPlan] {
        &self.0.repositories
    }

    /// Returns the reasons for which ECR will certainly reject the push. A push with an obstacle
    /// fails before its first byte, with [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn obstacles(&self) -> &[Obstacle] {
        &self.0.obstacles
    }

    /// Returns what a user should know about the image; see
    /// [`Image::notices`](crate::Image::notices).
    pub fn notices(&self) -> &[String] {
        &self.0.notices
    }

    /// Returns how many bytes of layers and configs the push sends, summed over all repositories.
    /// The API's base64 encoding, which adds a third, isn't included. The push sends fewer if it
    /// can [mount](crate::Push::mount_from) layers, or if it compresses them: those count with their
    /// uncompressed size.
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
        for notice in &self.0.notices {
            writeln!(f, "note: {}", quoted(notice))?;
        }
        for obstacle in &self.0.obstacles {
            writeln!(f, "refused: {obstacle}")?;
        }
        Ok(())
    }
}
