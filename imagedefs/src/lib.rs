#![doc = include_str!("../README.md")]

#[cfg(feature = "zip")]
mod artifact;
mod codebuild;
mod container_name;
mod containers;
mod definitions;
mod detail;
mod diagnosis;
mod diff;
mod ecr;
mod error;
mod event;
mod examination;
mod file;
mod flaw;
mod image_uri;
mod json;
mod problem;
mod promotion;
mod published;
mod repair;
mod report;
mod rule;
mod templates;

#[cfg(feature = "zip")]
pub use crate::artifact::{Artifact, ArtifactReader};
pub use crate::{
    codebuild::{CodeBuildEnv, WebhookTrigger},
    containers::ContainerMap,
    definitions::{ImageDefinitions, Iter},
    detail::ImageDetail,
    diagnosis::Diagnosis,
    diff::{Change, Diff},
    ecr::EcrRegistry,
    error::{Error, ErrorKind},
    event::EcrImageEvent,
    image_uri::ImageUri,
    problem::{Problem, ProblemKind, Severity},
    promotion::Promotion,
    published::PublishedImage,
    report::Report,
    rule::{
        Decision, DeployRule, DeployTrigger, EventPattern, EventValue, IgnoreReason, ImageForm,
        InputTransformer, NamePattern,
    },
    templates::BlueGreenTemplates,
};
