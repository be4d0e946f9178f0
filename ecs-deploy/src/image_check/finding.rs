//! [`ImageFinding`]: a problem with an image.

use std::fmt;

use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use serde::Serialize;

use crate::error::Error;
use crate::image_check::reference::EcrImage;
use crate::model::finding::{Finding, FindingKind};
use crate::outside::Outside;

/// A problem that [`Deployer::check_images`](crate::Deployer::check_images) found with an image.
/// `Display` is one line for people.
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

    /// Returns the image, as the task definition names it.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// Returns the containers that use the image, in the order of the task definition.
    pub fn containers(&self) -> &[String] {
        &self.containers
    }

    /// Returns the problem.
    pub fn problem(&self) -> &ImageProblem {
        &self.problem
    }
}

/// Converts the finding to one that a rollout reports.
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
        let containers = containers.join(" and ");
        write!(f, "the image {} of {} {problem}", Outside::new(image), Outside::new(containers))
    }
}

/// The problem with an image. `Display` is a predicate that follows "the image X".
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "problem", rename_all = "camelCase")]
#[non_exhaustive]
pub enum ImageProblem {
    /// The image or its repository doesn't exist in ECR. Push it, or correct its name.
    ///
    /// For an image behind a pull through cache rule, ECR looks in the upstream registry before it
    /// reports the image as missing. We infer that this needs no permission beyond BatchGetImage.
    Missing,
    /// The check failed; the image may be good.
    Unchecked {
        /// The reason, and what to do about it.
        why: String,
    },
    /// The image is built for other platforms than the one that the tasks run on. Build it for
    /// that platform, or correct the task definition's `runtimePlatform`.
    WrongPlatform {
        /// The platforms of the image, such as `linux/arm64`.
        has: Vec<String>,
        /// The platform of the tasks, such as `linux/amd64`; only the operating system or only the
        /// architecture if the other is unknown.
        wants: String,
    },
}

impl ImageProblem {
    /// Returns whether the image certainly prevents tasks from starting: it is missing or for
    /// another platform.
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
            Self::Unchecked { why } => write!(f, "couldn't be checked: {}", Outside::new(why)),
            Self::WrongPlatform { has, wants } => {
                let (has, wants) = (Outside::new(has.join(", ")), Outside::new(wants));
                write!(f, "is for {has}, but the tasks run on {wants}")
            }
        }
    }
}

pub(super) fn unchecked(why: String) -> ImageProblem {
    ImageProblem::Unchecked { why }
}

/// Converts the error of a call that ECR refused or didn't answer.
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
    // A finding has no source, so its text includes the error's.
    let why = match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    unchecked(why)
}
