#![doc = include_str!("../README.md")]

mod container_name;
mod definitions;
mod diagnosis;
mod diff;
mod ecr;
mod error;
mod file;
mod flaw;
mod image_uri;
mod json;
mod problem;
mod promotion;

pub use crate::{
    definitions::{ImageDefinitions, Iter},
    diagnosis::Diagnosis,
    diff::{Change, Diff},
    ecr::EcrRegistry,
    error::{Error, ErrorKind},
    image_uri::ImageUri,
    problem::{Problem, ProblemKind, Severity},
    promotion::Promotion,
};
