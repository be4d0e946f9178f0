//! A flaw of a text, before its line and column are counted, and the quotation of text in messages.

use std::fmt;

use crate::text::edit::Repair;
use crate::text::outside::Outside;
use crate::text::problem::Problem;
use crate::text::problem_kind::ProblemKind;

/// A [`Problem`] before its place is converted to a line and a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The place in the text, in bytes.
    pub(crate) offset: usize,
    pub(crate) kind: ProblemKind,
    pub(crate) what: String,
    /// `None` if more than one repair is possible.
    pub(crate) repair: Option<Repair>,
}

impl Flaw {
    pub(crate) fn new(offset: usize, kind: ProblemKind, what: impl Into<String>) -> Self {
        Self { offset, kind, what: what.into(), repair: None }
    }

    pub(crate) fn repaired(self, repair: Repair) -> Self {
        Self { repair: Some(repair), ..self }
    }
}

/// Converts flaws to problems in the order of the text, in one pass over it: a hostile file can
/// have as many flaws as bytes.
pub(crate) fn locate(text: &str, mut flaws: Vec<Flaw>) -> Vec<Problem> {
    flaws.sort_by_key(|flaw| flaw.offset);
    let (mut line, mut column, mut reached) = (1, 1, 0);
    let place = |Flaw { offset, kind, what, repair }| {
        for character in text.get(reached..offset).unwrap_or_default().chars() {
            if character == '\n' {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
        }
        reached = offset;
        Problem::new(kind, line, column, what, repair.map(|repair| repair.what))
    };
    flaws.into_iter().map(place).collect()
}

/// Finds each variable or placeholder that was not replaced.
pub(crate) fn find_unexpanded(text: &str, kind: ProblemKind) -> Vec<Flaw> {
    placeholders(text)
        .map(|(offset, variable)| {
            // `<NAME>` is a placeholder of CodeDeploy, not a variable of a shell. In a container
            // name, all of them are of one kind.
            let kind = match kind {
                ProblemKind::Unexpanded if is_null(variable) => ProblemKind::NullText,
                ProblemKind::Unexpanded if variable.starts_with('<') => ProblemKind::Placeholder,
                kind => kind,
            };
            Flaw::new(offset, kind, format!("{} was not replaced", Quoted(variable)))
        })
        .collect()
}

/// Text from a file, quoted in a message: in backquotes, visible, and no longer than a line.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MAX_QUOTED) {
            None => write!(f, "`{}`", Outside::new(self.0)),
            Some((end, _)) => write!(f, "`{}…`", Outside::new(&self.0[..end])),
        }
    }
}

/// The limit in characters. Most ECR hosts with a repository fit.
const MAX_QUOTED: usize = 80;

/// Whether `docker images` or a Go template prints this for a missing value.
fn is_null(text: &str) -> bool {
    matches!(text, "<none>" | "<no value>" | "<nil>")
}

/// Finds what a shell or a template should have replaced: `$NAME`, `${NAME}`, `$(COMMAND)`,
/// `<NAME>`.
fn placeholders(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text[from..].find(['$', '<'])?;
            let rest = &text[start..];
            let close = |bracket| rest.find(bracket).map_or(rest.len(), |end| end + 1);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let len = match rest.get(..2) {
                Some("${") => close('}'),
                Some("$(") => close(')'),
                Some(other) if other.starts_with('<') => close('>'),
                _ => 1 + rest[1..].find(|c| !is_name(c)).unwrap_or(rest.len() - 1),
            };
            from = start + len;
            if len > 1 {
                return Some((start, &rest[..len]));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let text = "é\nab\r\n\nü!";
        let flaws = [11, 0, 3, 10, 4].map(|offset| Flaw::new(offset, ProblemKind::EmptyFile, "x"));
        let places = locate(text, flaws.to_vec())
            .iter()
            .map(|problem| (problem.line(), problem.column()))
            .collect::<Vec<_>>();
        // The text ends at byte 11. Its end is a place too.
        assert_eq!(places, [(1, 1), (2, 1), (2, 2), (4, 2), (4, 3)]);
    }
}
