//! The report of a diagnosis, for people.

use std::fmt;

use crate::doctor::diagnosis::Diagnosis;
use crate::text::outside::{Outside, begins_command, has_no_form};
use crate::text::problem::Problem;
use crate::text::problem_kind::{ProblemKind, Severity};

impl Diagnosis {
    /// Returns a report for people: each problem with its line, a caret below the place, cause,
    /// cure, the message of AWS and the repair of [`fix`](Self::fix).
    pub fn report(&self) -> Report<'_> {
        Report::new(self.name(), self.text(), self.problems())
    }
}

/// A [`Diagnosis`], printed for people. See [`Diagnosis::report`] and
/// [`DetailDiagnosis::report`](crate::detail::DetailDiagnosis::report).
///
/// ```
/// use imagedefs::diagnosis::Diagnosis;
///
/// let diagnosis = Diagnosis::new(r#"[{"name": "web", "imageUrl": "shop/web:1.4.2"}]"#);
/// assert_eq!(diagnosis.report().to_string(), "\
/// line 1, column 18: error: misnamed member `imageUrl`: expected `imageUri`
///   | [{\"name\": \"web\", \"imageUrl\": \"shop/web:1.4.2\"}]
///   |                  ^
///   cause:  CodePipeline looks for exactly `name` and `imageUri`
///   cure:   rename the member
///   repair: the member is renamed
///
/// 1 error, which can be repaired
/// ");
/// ```
///
/// Long lines are cut to the surroundings of the problem. Control characters and invisible
/// characters are shown as `�`, so that the text of a hostile file cannot move the cursor of a
/// terminal, and so are the beginnings of a CI runner's commands. Only the first 50 problems are shown; the others are counted.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    name: Option<&'a str>,
    text: &'a str,
    problems: &'a [Problem],
}

impl<'a> Report<'a> {
    pub(crate) fn new(name: Option<&'a str>, text: &'a str, problems: &'a [Problem]) -> Self {
        Self { name, text, problems }
    }

    fn problem(
        &self,
        f: &mut fmt::Formatter<'_>,
        problem: &Problem,
        lines: &[&str],
    ) -> fmt::Result {
        let (line, column) = (problem.line(), problem.column());
        let severity = match problem.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        match self.name {
            Some(name) => write!(f, "{}:{line}:{column}: ", Outside::new(name))?,
            None => write!(f, "line {line}, column {column}: ")?,
        }
        writeln!(f, "{severity}: {}", Outside::new(problem.what()))?;
        if let Some(text) = lines.get(line - 1)
            && is_at_a_place(problem.kind())
        {
            let (excerpt, caret) = excerpt(text, column - 1);
            writeln!(f, "  | {excerpt}\n  | {:caret$}^", "")?;
        }
        writeln!(f, "  cause:  {}", problem.cause())?;
        writeln!(f, "  cure:   {}", problem.cure())?;
        if let Some(message) = problem.aws_message() {
            writeln!(f, "  AWS:    {message}")?;
        }
        if let Some(repair) = problem.repair() {
            writeln!(f, "  repair: {repair}")?;
        }
        writeln!(f)
    }

    /// Prints the last line: whether the file is valid, and whether it can be repaired.
    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = self.problems;
        let errors = problems.iter().filter(|problem| problem.severity() == Severity::Error);
        let repairable = errors.clone().filter(|problem| problem.repair().is_some()).count();
        let errors = errors.count();
        let warnings = problems.len() - errors;
        match errors {
            0 => write!(f, "no error")?,
            1 => write!(f, "1 error")?,
            _ => write!(f, "{errors} errors")?,
        }
        match (errors, errors - repairable) {
            (0, _) => {}
            (1, 0) => write!(f, ", which can be repaired")?,
            (_, 0) => write!(f, ", which can all be repaired")?,
            (_, rest) if rest == errors => write!(f, ", without a certain repair")?,
            (_, rest) => write!(f, ", {rest} of them without a certain repair")?,
        }
        match warnings {
            0 => writeln!(f),
            1 => writeln!(f, "; 1 warning"),
            _ => writeln!(f, "; {warnings} warnings"),
        }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.text.lines().collect::<Vec<_>>();
        let problems = self.problems;
        for problem in problems.iter().take(MAX_SHOWN) {
            self.problem(f, problem, &lines)?;
        }
        if let more @ 1.. = problems.len().saturating_sub(MAX_SHOWN) {
            writeln!(f, "… and {more} more\n")?;
        }
        self.summary(f)
    }
}

const MAX_SHOWN: usize = 50;

/// The limit in characters: the whole line fits into a terminal with 80 columns.
const MAX_EXCERPT: usize = 76;

/// The number of characters shown before the place.
const CONTEXT: usize = 38;

/// Whether a problem has a place in the text. The others concern the whole file.
fn is_at_a_place(kind: ProblemKind) -> bool {
    !matches!(
        kind,
        ProblemKind::ByteOrderMark
            | ProblemKind::EmptyFile
            | ProblemKind::FileName
            | ProblemKind::LargeFile
            | ProblemKind::TooLarge
            | ProblemKind::Utf16
    )
}

/// Returns the part of a line around a column, counted from 0, and the indentation of the caret.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let start = if line.chars().nth(MAX_EXCERPT).is_none() {
        0
    } else {
        // There is nothing to show after the end.
        let len = line.chars().count();
        column.saturating_sub(CONTEXT).min(len.saturating_sub(MAX_EXCERPT))
    };
    let visible = |(at, character): (usize, char)| match character {
        '\t' => ' ',
        '#' if begins_command(&line[at..]) => '\u{fffd}',
        other if has_no_form(other) || other.escape_debug().take(2).eq("\\u".chars()) => '\u{fffd}',
        other => other,
    };
    let shown = line.char_indices().skip(start).take(MAX_EXCERPT).map(visible);
    let mut shown = shown.collect::<String>();
    let mut caret = column - start.min(column);
    if start > 0 {
        shown.insert(0, '…');
        caret += 1;
    }
    if line.chars().nth(start + MAX_EXCERPT).is_some() {
        shown.push('…');
    }
    (shown, caret)
}
