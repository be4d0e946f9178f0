//! A problem: what is wrong with a text, where, why, and what to do about it.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::text::catalogue::{Explanation, explanation};
use crate::text::problem_kind::{ProblemKind, Severity};

/// One thing that is wrong with an image definitions file, a container name or an image reference:
/// where it is, what it is, what usually causes it and what cures it.
///
/// `Display` is a single line, made for the log of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    line: usize,
    column: usize,
    what: String,
    repair: Option<&'static str>,
}

impl Problem {
    /// Which rule is broken.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Whether it keeps the file from being used.
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }

    /// The line that it is on. The first is 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column that it begins at, in characters. The first is 1. In a name or a reference that
    /// came by itself, the position in that text.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong, with the text that is: one clause, in lower case.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What usually leads to it.
    pub fn cause(&self) -> &'static str {
        explanation(self.kind).cause
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        explanation(self.kind).cure
    }

    /// What [`Diagnosis::fix`](crate::diagnosis::Diagnosis::fix) does about it: one clause, in lower case. None
    /// where what was meant isn't certain.
    pub fn repair(&self) -> Option<&'static str> {
        self.repair
    }

    /// What CodePipeline, or ECS behind it, prints about such a file, word for word for the default
    /// file name, so that a search for the message ends here.
    ///
    /// AWS doesn't document these messages. They are known from reports, and most problems have
    /// none: CodePipeline either says nothing useful or nobody has written down what it says. What
    /// stands in `<` and `>` differs each time.
    pub fn aws_message(&self) -> Option<&'static str> {
        explanation(self.kind).aws_message
    }

    pub(crate) fn new(
        kind: ProblemKind,
        line: usize,
        column: usize,
        what: String,
        repair: Option<&'static str>,
    ) -> Self {
        Self { kind, line, column, what, repair }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, what, .. } = self;
        let Explanation { cause, cure, .. } = explanation(self.kind);
        write!(f, "line {line}, column {column}: {what}: {cause}; {cure}")
    }
}

/// `kind`, `severity`, `line`, `column`, `what`, `cause` and `cure`, and `repair` and `awsMessage` if
/// there are any.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count =
            7 + usize::from(self.repair.is_some()) + usize::from(self.aws_message().is_some());
        let mut members = serializer.serialize_struct("Problem", count)?;
        members.serialize_field("kind", &self.kind)?;
        members.serialize_field("severity", &self.severity())?;
        members.serialize_field("line", &self.line)?;
        members.serialize_field("column", &self.column)?;
        members.serialize_field("what", &self.what)?;
        members.serialize_field("cause", self.cause())?;
        members.serialize_field("cure", self.cure())?;
        if let Some(repair) = self.repair {
            members.serialize_field("repair", repair)?;
        }
        if let Some(message) = self.aws_message() {
            members.serialize_field("awsMessage", message)?;
        }
        members.end()
    }
}
