//! Shared parts of the example programs: a session with AWS or the emulator, a demonstration image
//! and services, the output of a push and a rollout, image definitions, event rules, policies of roles,
//! saved files and exit codes.

mod arguments;
mod buildspec;
mod checkup;
mod checkup_format;
mod containers;
mod delivery;
mod demo;
mod demo_services;
mod durations;
mod ending;
mod event_deployment;
mod explanations;
mod images;
mod input;
mod network;
mod open_image;
mod output;
mod progress;
mod push_options;
mod report_format;
mod roll_out_options;
mod rollout;
mod saved;
mod session;
mod setup_policy;
mod setup_roles;
mod source;
mod story;
mod streams;
mod time_limit;
mod traffic;

pub use crate::arguments::parse_arguments;
pub use crate::buildspec::buildspec;
pub use crate::checkup::{Checkup, Finding};
pub use crate::checkup_format::{checkups_as_annotations, checkups_as_json};
pub use crate::containers::Containers;
pub use crate::delivery::{Delivery, insert_by_digest};
pub use crate::demo::DemoImage;
pub use crate::demo_services::create_services;
pub use crate::durations::duration;
pub use crate::ending::{BoxError, run};
pub use crate::event_deployment::{ContainerServices, deploy_images};
pub use crate::explanations::{QUESTIONS, in_other_words};
pub use crate::images::{Images, image_of_container};
pub use crate::input::{is_stdin, read_text};
pub use crate::open_image::open_image;
pub use crate::output::check_writable;
pub use crate::progress::show_push;
pub use crate::push_options::PushOptions;
pub use crate::report_format::{ReportFormat, annotation};
pub use crate::roll_out_options::RollOutOptions;
pub use crate::rollout::{plan_text, show_diff, show_events, show_roll_out};
pub use crate::saved::{load, save};
pub use crate::session::Session;
pub use crate::setup_policy::{Place, SetupPolicy, Trust};
pub use crate::setup_roles::{Setup, SetupResources};
pub use crate::source::Source;
pub use crate::story::Story;
pub use crate::time_limit::TimeLimit;
pub use crate::traffic::Traffic;

/// Compiles the code in the workspace's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
