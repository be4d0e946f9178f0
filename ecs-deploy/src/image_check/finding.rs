//! [`ImageFinding`]: what is wrong with an image.

use std::fmt;

use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use serde::Serialize;

use crate::error::Error;
use crate::image_check::reference::EcrImage;
use crate::model::finding::{Finding, FindingKind};

/// What [`Deployer::check_images`](crate::Deployer::check_images) found out about an image. `Display` is one line for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageFinding {
    image: String,
    containers: Vec<String>,
    #[serde(flatten)]
    problem: ImageProblem,
}

impl ImageFinding {
    pub(super) fn new(image: &str, containers: Vec<String>, problem: ImageProblem) -> Self {
        Self { image: image.to_owned(), containers, problem }
    }

    /// The image, as the task definition names it.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// The containers that are made of it, in the order of the task definition.
    pub fn containers(&self) -> &[String] {
        &self.containers
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &ImageProblem {
        &self.problem
    }
}

/// As a rollout takes it.
impl From<ImageFinding> for Finding {
    fn from(finding: ImageFinding) -> Self {
        let kind = match &finding.problem {
            ImageProblem::Missing => FindingKind::ImageMissing,
            ImageProblem::Unchecked { .. } => FindingKind::ImageUnchecked,
            ImageProblem::WrongPlatform { .. } => FindingKind::ImageWrongPlatform,
        };
        Self::new(kind, finding.to_string())
    }
}

impl fmt::Display for ImageFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { image, containers, problem } = self;
        write!(f, "the image {image} of {} {problem}", containers.join(" and "))
    }
}

/// What is wrong with an image. `Display` goes on where "the image X" began.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "problem", rename_all = "camelCase")]
#[non_exhaustive]
pub enum ImageProblem {
    /// The repository has no such image, or the registry no such repository. Push it, or correct its
    /// name.
    ///
    /// For an image behind a pull through cache rule, ECR looks into the other registry itself, and
    /// says only then that there is none. That this needs no other permission than BatchGetImage is
    /// inferred.
    Missing,
    /// It couldn't be found out, which says nothing about the image.
    Unchecked {
        /// Why, and what to do about it.
        why: String,
    },
    /// It is for other platforms than the one that the tasks run on. Build it for that, or correct
    /// the task definition's `runtimePlatform`.
    WrongPlatform {
        /// The platforms that it is for, such as `linux/arm64`.
        has: Vec<String>,
        /// What the tasks run on; where only one of both is known, that.
        wants: String,
    },
}

impl ImageProblem {
    /// Whether no task can start with it: it is certain that the image is missing or doesn't fit.
    pub fn prevents_start(&self) -> bool {
        match self {
            Self::Missing | Self::WrongPlatform { .. } => true,
            Self::Unchecked { .. } => false,
        }
    }
}

impl fmt::Display for ImageProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("isn't in ECR"),
            Self::Unchecked { why } => write!(f, "couldn't be checked: {why}"),
            Self::WrongPlatform { has, wants } => {
                write!(f, "is for {}, and the tasks run on {wants}", has.join(", "))
            }
        }
    }
}

pub(super) fn unchecked(why: String) -> ImageProblem {
    ImageProblem::Unchecked { why }
}

/// A call that ECR refused or didn't answer.
pub(super) fn refused<E>(
    operation: &'static str,
    image: &EcrImage<'_>,
    error: SdkError<E, HttpResponse>,
) -> ImageProblem
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let arn = image.arn();
    let error = Error::api(operation, &arn, error);
    // One text for all: a finding has no source.
    let why = match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    unchecked(why)
}
