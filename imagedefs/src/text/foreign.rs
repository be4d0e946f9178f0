//! Parts of a value that come from other tools: several lines, HTML entities, colors of a terminal.

use crate::text::problem_kind::ProblemKind;

/// Finds the first part of a value that has a cause of its own. `subject` is the value, for the
/// message. White space around the value doesn't count.
pub(crate) fn find_foreign(text: &str, subject: &str) -> Option<(usize, ProblemKind, String)> {
    let start = text.len() - text.trim_start().len();
    let inner = text.trim();
    inner.char_indices().find_map(|(at, character)| {
        let rest = &inner[at..];
        let (kind, what) = match character {
            '\n' | '\r' | '\t' => {
                let found = if character == '\t' { "a tab" } else { "several lines" };
                (ProblemKind::SeveralValues, format!("{subject} has {found}"))
            }
            '\u{1b}' if is_color(rest) => (
                ProblemKind::TerminalColor,
                format!("{subject} has an escape sequence for a color"),
            ),
            '&' => (ProblemKind::HtmlEntity, format!("{subject} has {}", entity(rest)?)),
            '\u{a0}' | '\u{2007}' | '\u{202f}' => {
                (ProblemKind::NonBreakingSpace, format!("{subject} has a non-breaking space"))
            }
            _ => return None,
        };
        Some((start + at, kind, what))
    })
}

/// Whether an escape sequence sets a color or another attribute: `ESC [ NUMBERS m`.
pub(crate) fn is_color(text: &str) -> bool {
    text.strip_prefix("\u{1b}[").is_some_and(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':');
        end.is_some_and(|end| rest[end..].starts_with(['m', 'K']))
    })
}

/// Returns the HTML entity at the beginning of a text, quoted for a message.
pub(crate) fn entity(text: &str) -> Option<String> {
    let name = text.strip_prefix('&')?.split(';').next()?;
    let is_entity = (2..=8).contains(&name.len())
        && text.as_bytes().get(1 + name.len()) == Some(&b';')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#');
    is_entity.then(|| format!("the HTML entity `&{name};`"))
}
