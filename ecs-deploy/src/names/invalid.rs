//! [`InvalidName`]: the error of a string that isn't the name of a service or a task definition.

use std::fmt;

use crate::outside::Outside;

/// The error of a string that isn't the name of a service or a task definition. `?` converts it to
/// an [`Error`](crate::Error) with the same message.
///
/// ```
/// use ecs_deploy::Service;
///
/// let invalid = Service::new("prod", "web/1").unwrap_err();
/// assert_eq!((invalid.text(), invalid.offset()), ("web/1", 3));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName {
    subject: Subject,
    text: String,
    flaw: NameFlaw,
}

/// The kind of name that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Service,
    TaskDefinition,
}

/// The problem of a name, and the byte at which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameFlaw {
    pub(super) problem: String,
    pub(super) offset: usize,
}

impl InvalidName {
    pub(crate) fn new(subject: Subject, text: &str, flaw: NameFlaw) -> Self {
        Self { subject, text: text.to_owned(), flaw }
    }

    /// Returns the invalid string, unquoted.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the byte of the string at which the problem begins, counted from 0.
    pub fn offset(&self) -> usize {
        self.flaw.offset
    }

    pub(crate) fn subject(&self) -> Subject {
        self.subject
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, problem) = (Outside::new(&self.text), &self.flaw.problem);
        match self.subject {
            Subject::Service => write!(f, "invalid service `{text}`: {problem}"),
            Subject::TaskDefinition => {
                write!(f, "invalid task definition reference `{text}`: {problem}")
            }
        }
    }
}

impl std::error::Error for InvalidName {}

impl NameFlaw {
    pub(crate) fn new(problem: impl Into<String>, offset: usize) -> Self {
        Self { problem: problem.into(), offset }
    }

    /// Returns the same problem in a longer string, in which the name begins at `start`.
    pub(super) fn shifted(self, start: usize) -> Self {
        Self { offset: self.offset + start, ..self }
    }
}

/// Checks the name of a cluster, a service or a family: 1 to 255 letters, digits, hyphens and
/// underscores (API references of CreateCluster, CreateService and RegisterTaskDefinition). `what`
/// begins the error's text.
pub(super) fn check(what: &str, name: &str) -> Result<(), NameFlaw> {
    const MOST: usize = 255;
    if name.is_empty() {
        return Err(NameFlaw::new(format!("{what} is empty"), 0));
    }
    if name.len() > MOST {
        let problem = format!("{what} has {} characters, at most {MOST}", name.len());
        return Err(NameFlaw::new(problem, MOST));
    }
    let is_stranger = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_');
    match name.char_indices().find(|(_, c)| is_stranger(*c)) {
        None => Ok(()),
        Some((offset, c)) => {
            let problem =
                format!("{what} has {c:?}, but only letters, digits, '-' and '_' are allowed");
            Err(NameFlaw::new(problem, offset))
        }
    }
}
