#![doc = include_str!("../README.md")]

mod container_name;
mod definitions;
mod diagnosis;
mod ecr;
mod error;
mod file;
mod flaw;
mod image_uri;
mod json;
mod problem;

pub use crate::{
    definitions::{ImageDefinitions, Iter},
    diagnosis::Diagnosis,
    ecr::EcrRegistry,
    error::{Error, ErrorKind},
    image_uri::ImageUri,
    problem::{Problem, ProblemKind, Severity},
};
