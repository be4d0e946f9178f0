//! Mismatches of the templates of a blue/green deployment, and their placeholders.

use std::fmt;

/// A mismatch of the templates or the action, and its place.
#[derive(Clone, Debug)]
pub(super) struct Mismatch {
    pub(super) place: Place,
    pub(super) what: String,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Action,
    /// The AppSpec, and the line.
    AppSpec(Option<usize>),
    /// The task definition, and the line.
    TaskDefinition(Option<usize>),
}

impl Mismatch {
    pub(super) fn new(place: Place, what: impl Into<String>) -> Self {
        Self { place, what: what.into() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = match self.place {
            Place::Action => ("the action", None),
            Place::AppSpec(line) => ("the AppSpec", line),
            Place::TaskDefinition(line) => ("the task definition", line),
        };
        f.write_str(file)?;
        if let Some(line) = line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// The placeholder for the new task definition in the AppSpec.
pub(super) const TASK_DEFINITION_PLACEHOLDER: &str = "<TASK_DEFINITION>";

/// Returns the names in angle brackets, without the brackets.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('<').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('>')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
    })
}
