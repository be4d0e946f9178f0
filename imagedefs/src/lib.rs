#![doc = include_str!("../README.md")]

mod definitions;
mod doctor;
mod error;
mod file;
mod names;
mod nearest;
mod pipeline;
mod text;

pub use crate::definitions::containers::ContainerMap;
pub use crate::definitions::diff::{Change, Diff};
pub use crate::definitions::promotion::Promotion;
pub use crate::definitions::{ImageDefinitions, Iter};
pub use crate::doctor::diagnosis::{Correction, Diagnosis};
pub use crate::doctor::report::Report;
pub use crate::error::Error;
pub use crate::error::kind::ErrorKind;
pub use crate::names::ecr::EcrRegistry;
pub use crate::names::image_uri::ImageUri;
#[cfg(feature = "zip")]
pub use crate::pipeline::artifact::{Artifact, reader::ArtifactReader};
pub use crate::pipeline::codebuild::{CodeBuildEnv, WebhookTrigger};
pub use crate::pipeline::detail::ImageDetail;
pub use crate::pipeline::event::EcrImageEvent;
pub use crate::pipeline::published::PublishedImage;
pub use crate::pipeline::rule::decision::{Decision, IgnoreReason};
pub use crate::pipeline::rule::name_pattern::NamePattern;
pub use crate::pipeline::rule::render::{EventPattern, EventValue, InputTransformer};
pub use crate::pipeline::rule::{DeployRule, DeployTrigger, ImageForm};
pub use crate::pipeline::templates::BlueGreenTemplates;
pub use crate::text::problem::Problem;
pub use crate::text::problem_kind::{ProblemKind, Severity};
