//! [`Problem`]: what is wrong with a task definition, where, why, and what to do about it.

use std::fmt;

use serde::Serialize;

/// A problem that the check of a task definition found. `Display` is one clause: the place, the
/// problem and the cure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    kind: ProblemKind,
    severity: Severity,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    what: String,
    cure: String,
    #[serde(skip)]
    repair: Option<Repair>,
}

/// The kind of a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ProblemKind {
    /// Containers wait for each other in a way that can't end.
    Dependency,
    /// A name occurs twice.
    Duplicate,
    /// Fargate doesn't run such a task.
    Fargate,
    /// The text isn't a task definition in JSON.
    Format,
    /// An image's name is invalid.
    Image,
    /// A required member is missing.
    Missing,
    /// A family's, container's or volume's name is invalid.
    Name,
    /// A placeholder wasn't replaced.
    Placeholder,
    /// A port mapping is invalid.
    Port,
    /// A container or a volume is named that the task definition lacks.
    Reference,
    /// A role is neither an ARN nor a name.
    Role,
    /// CPU, memory or the size of the whole task definition is invalid.
    Size,
    /// A value has another type than ECS expects.
    Type,
    /// The SDK's schema doesn't have the member.
    UnknownMember,
}

/// The severity of a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Severity {
    /// It may be intended. A rollout reports it.
    Warning,
    /// ECS refuses the task definition, drops a part of it, or can't start its tasks. A rollout
    /// registers nothing.
    Error,
}

/// A change of the text that certainly corrects a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Repair {
    /// Renames the member.
    Rename(String),
    /// Replaces the value with this JSON.
    Replace(String),
}

impl Problem {
    pub(crate) fn new(
        kind: ProblemKind,
        path: impl Into<String>,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            severity: Severity::Error,
            path: path.into(),
            line: None,
            column: None,
            what: what.into(),
            cure: cure.into(),
            repair: None,
        }
    }

    pub(crate) fn into_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub(crate) fn with_repair(mut self, repair: Option<Repair>) -> Self {
        self.repair = repair;
        self
    }

    pub(crate) fn below(mut self, prefix: &str) -> Self {
        self.path.insert_str(0, prefix);
        self
    }

    pub(crate) fn at(mut self, line: usize, column: usize) -> Self {
        (self.line, self.column) = (Some(line), Some(column));
        self
    }

    pub(crate) fn repair(&self) -> Option<&Repair> {
        self.repair.as_ref()
    }

    /// Returns the kind.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Returns the severity.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns the place, such as `containerDefinitions[0].image`; empty for the whole task
    /// definition.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the line of the place, from 1, if the task definition comes from an
    /// [`Examination`](crate::check::Examination).
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// Returns the column of the place in characters, from 1, in the same case.
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// Returns the problem in one clause.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns the usual cause of this kind of problem.
    pub fn cause(&self) -> &'static str {
        match self.kind {
            ProblemKind::Dependency => "a container waits for one that can't reach the condition",
            ProblemKind::Duplicate => "a part was copied and its name kept",
            ProblemKind::Fargate => "the task definition was written for another capacity or size",
            ProblemKind::Format => "the file is for another tool, or was edited by hand",
            ProblemKind::Image => "the image was put together from parts, and one is wrong",
            ProblemKind::Missing => "the file is only a part of a task definition",
            ProblemKind::Name => "ECS allows only letters, digits, hyphens and underscores",
            ProblemKind::Placeholder => "the file is a template that wasn't rendered",
            ProblemKind::Port => "a port was changed in one place only",
            ProblemKind::Reference => "a name was changed in one place only",
            ProblemKind::Role => "the role's path or another ARN was used",
            ProblemKind::Size => "the sizes of the task and its containers were changed apart",
            ProblemKind::Type => "quotation marks are missing or not needed",
            ProblemKind::UnknownMember => {
                "the member is misspelled, in the wrong place, or newer than this build of the SDK"
            }
        }
    }

    /// Returns what to do about it.
    pub fn cure(&self) -> &str {
        &self.cure
    }

    /// Returns whether [`Examination::fixed`](crate::check::Examination::fixed) corrects it.
    pub fn is_repairable(&self) -> bool {
        self.repair.is_some()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, what, cure, .. } = self;
        match path.as_str() {
            "" => write!(f, "{what}: {cure}"),
            path => write!(f, "`{path}` {what}: {cure}"),
        }
    }
}
