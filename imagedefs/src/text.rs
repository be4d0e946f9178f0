//! The text of a file: its values, its flaws with their places, and the edits that repair it.

pub(crate) mod catalogue;
pub(crate) mod edit;
pub(crate) mod flaw;
pub(crate) mod foreign;
pub(crate) mod json;
pub(crate) mod outside;
pub(crate) mod placeholder;
pub(crate) mod problem;
pub(crate) mod problem_kind;
pub(crate) mod reader;
pub(crate) mod versioned;
