#![doc = include_str!("../README.md")]

mod definitions;
mod doctor;
mod error;
mod file;
mod names;
mod nearest;
mod pipeline;
mod text;

pub use crate::definitions::{ImageDefinitions, Iter};
pub use crate::error::Error;
pub use crate::error::kind::ErrorKind;
pub use crate::names::image_uri::ImageUri;
pub use crate::text::problem::Problem;
pub use crate::text::problem_kind::{ProblemKind, Severity};

/// Artifacts of CodePipeline: the zip files that it passes from stage to stage.
///
/// [`Artifact`](artifact::Artifact) writes one, byte for byte the same each time.
/// [`ArtifactReader`](artifact::ArtifactReader) reads one within limits, and never unpacks it to
/// disk. CodeBuild zips what its buildspec lists, so this is for Lambda functions, S3 sources and
/// tools that look into a pipeline.
#[cfg(feature = "zip")]
pub mod artifact {
    pub use crate::pipeline::artifact::Artifact;
    pub use crate::pipeline::artifact::reader::ArtifactReader;
}

/// The build that a program runs in, as AWS CodeBuild describes it.
///
/// [`CodeBuildEnv`](codebuild::CodeBuildEnv) takes account, region and partition from the ARN of the
/// build, and the revision from the source that CodeBuild resolved. It guesses nothing: if a value is
/// missing, that is an error.
pub mod codebuild {
    pub use crate::pipeline::codebuild::{CodeBuildEnv, WebhookTrigger};
}

/// Which containers get the images of which repository.
///
/// A [`ContainerMap`](containers::ContainerMap) is a small file beside an app. With it, an
/// [image detail](crate::detail), an [event] or a [published image](crate::published)
/// becomes image definitions.
pub mod containers {
    pub use crate::definitions::containers::ContainerMap;
}

/// `imageDetail.json`: what an ECR source action writes, and what the blue/green action of CodeDeploy
/// reads.
///
/// A [`DetailDiagnosis`](detail::DetailDiagnosis) holds all problems of such a file, each with its
/// place.
pub mod detail {
    pub use crate::pipeline::detail::ImageDetail;
    pub use crate::pipeline::detail::diagnosis::DetailDiagnosis;
}

/// What is wrong with an `imagedefinitions.json`, and how to correct it.
///
/// A [`Diagnosis`](diagnosis::Diagnosis) holds all problems of a file, warnings included. Its
/// [`Report`](diagnosis::Report) shows them to people. Its
/// [`fix`](diagnosis::Diagnosis::fix) makes a [`Correction`](diagnosis::Correction), which can be
/// written, if each error can be repaired in only one way.
pub mod diagnosis {
    pub use crate::doctor::diagnosis::{Correction, Diagnosis};
    pub use crate::doctor::report::Report;
}

/// What changes from one set of image definitions to another.
///
/// [`ImageDefinitions::diff`] makes a [`Diff`](diff::Diff), which prints and serialises its
/// [`Change`](diff::Change)s.
pub mod diff {
    pub use crate::definitions::diff::{Change, Diff};
}

/// Private registries of Amazon ECR, as their hosts describe them.
///
/// [`ImageUri::ecr`] finds the [`EcrRegistry`](ecr::EcrRegistry) of a reference.
pub mod ecr {
    pub use crate::names::ecr::EcrRegistry;
}

/// Events of Amazon ECR, as EventBridge delivers them.
///
/// A [`rule`] decides which of them are a reason to deploy.
pub mod event {
    pub use crate::pipeline::event::EcrImageEvent;
}

/// The same images in the registry of another account, region or partition.
///
/// [`ImageDefinitions::promote`] applies a [`Promotion`](promotion::Promotion), which can be saved.
pub mod promotion {
    pub use crate::definitions::promotion::Promotion;
}

/// The image that CodePipeline's action ECRBuildAndPublish has published, from its output variables.
pub mod published {
    pub use crate::pipeline::published::PublishedImage;
}

/// Which events of Amazon ECR are a reason to deploy.
///
/// A [`DeployRule`](rule::DeployRule) makes a [`Decision`](rule::Decision) about an
/// [event] in code. It also renders the [`EventPattern`](rule::EventPattern) by which
/// EventBridge makes the same decision, and the [`InputTransformer`](rule::InputTransformer) by which
/// EventBridge starts a pipeline with the image. A rule can be saved.
pub mod rule {
    pub use crate::pipeline::rule::decision::{Decision, IgnoreReason};
    pub use crate::pipeline::rule::name_pattern::NamePattern;
    pub use crate::pipeline::rule::render::{EventPattern, EventValue, InputTransformer};
    pub use crate::pipeline::rule::{DeployRule, DeployTrigger, ImageForm};
}

/// The templates of a blue/green deployment by CodeDeploy.
///
/// [`BlueGreenTemplates`](templates::BlueGreenTemplates) checks them against each other and against
/// the configuration of the pipeline's action.
pub mod templates {
    pub use crate::pipeline::templates::BlueGreenTemplates;
}
