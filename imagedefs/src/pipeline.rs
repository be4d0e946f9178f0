//! The other parts of a pipeline: builds, events, templates and artifacts.

#[cfg(feature = "zip")]
pub(crate) mod artifact;
pub(crate) mod codebuild;
pub(crate) mod detail;
pub(crate) mod event;
pub(crate) mod published;
pub(crate) mod rule;
pub(crate) mod templates;
