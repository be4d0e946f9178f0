//! The doctor: examines a file, says what is wrong with it, and repairs what is certain.

pub(crate) mod diagnosis;
pub(crate) mod examination;
pub(crate) mod report;
