#![doc = include_str!("../README.md")]

mod container_name;
mod definitions;
mod diagnosis;
mod diff;
mod ecr;
mod error;
mod examination;
mod file;
mod flaw;
mod image_uri;
mod json;
mod problem;
mod promotion;
mod repair;
mod report;

pub use crate::{
    definitions::{ImageDefinitions, Iter},
    diagnosis::Diagnosis,
    diff::{Change, Diff},
    ecr::EcrRegistry,
    error::{Error, ErrorKind},
    image_uri::ImageUri,
    problem::{Problem, ProblemKind, Severity},
    promotion::Promotion,
    report::Report,
};
