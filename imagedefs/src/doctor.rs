//! The doctor: examines a file, says what is wrong with it, and repairs what is certain.

pub(crate) mod diagnosis;
mod element;
mod encoding;
mod examination;
mod mend;
mod reading;
pub(crate) mod report;
