//! A problem: what is wrong with a text, at which place, why, and what to do about it.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::text::catalogue::{Explanation, explanation};
use crate::text::outside::Outside;
use crate::text::problem_kind::{ProblemKind, Severity};

/// A problem of an image definitions file, a container name or an image reference, with its place,
/// its usual cause and its cure.
///
/// `Display` prints a single line, for the log of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    line: usize,
    column: usize,
    what: Outside<String>,
    repair: Option<&'static str>,
}

impl Problem {
    /// Returns the rule that is broken.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Returns whether the problem is an error or a warning.
    pub fn severity(&self) -> Severity {
        self.kind.severity()
    }

    /// Returns the line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the column at which the problem begins, in characters, counted from 1. For a single
    /// name or reference, this is the position in that text.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Returns what is wrong, with the text in question: one clause, in lower case. Text from the
    /// file is quoted in it, so it can be printed.
    pub fn what(&self) -> &str {
        self.what.raw()
    }

    /// Returns the usual cause.
    pub fn cause(&self) -> &'static str {
        explanation(self.kind).cause
    }

    /// Returns the cure.
    pub fn cure(&self) -> &'static str {
        explanation(self.kind).cure
    }

    /// Returns what [`Diagnosis::fix`](crate::diagnosis::Diagnosis::fix) does about it: one clause,
    /// in lower case. `None` if more than one repair is possible.
    pub fn repair(&self) -> Option<&'static str> {
        self.repair
    }

    /// Returns what CodePipeline, or ECS behind it, prints about such a file, word for word for the
    /// default file name, so that a search for the message finds this problem.
    ///
    /// AWS does not document these messages. They are known from reports, and most problems have
    /// none: either CodePipeline prints nothing specific, or no report quotes it. The parts in `<`
    /// and `>` vary.
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
        Self { kind, line, column, what: Outside::new(what), repair }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, what, .. } = self;
        let Explanation { cause, cure, .. } = explanation(self.kind);
        write!(f, "line {line}, column {column}: {what}: {cause}; {cure}")
    }
}

/// Serialises `kind`, `severity`, `line`, `column`, `what`, `cause` and `cure`, and `repair` and
/// `awsMessage` if they exist.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count =
            7 + usize::from(self.repair.is_some()) + usize::from(self.aws_message().is_some());
        let mut members = serializer.serialize_struct("Problem", count)?;
        members.serialize_field("kind", &self.kind)?;
        members.serialize_field("severity", &self.severity())?;
        members.serialize_field("line", &self.line)?;
        members.serialize_field("column", &self.column)?;
        members.serialize_field("what", self.what())?;
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
