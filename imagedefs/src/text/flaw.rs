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
