//! Text from outside: from files, events, environments and paths. It is never printed raw.

use std::fmt;

/// Text that comes from outside, which `Display` shows without its effects.
///
/// Control characters, line breaks, and characters that are invisible or change the direction of
/// writing are written as escape sequences. Nothing in it can be a workflow command: CI runners
/// find `##[` and `##vso[` anywhere in a line, and `::` at its beginning. Long text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outside<T>(T);

impl<T: AsRef<str>> Outside<T> {
    pub(crate) fn new(text: T) -> Self {
        Self(text)
    }

    /// Returns the text unchanged.
    pub(crate) fn raw(&self) -> &str {
        self.0.as_ref()
    }
}

impl<T: AsRef<str>> fmt::Display for Outside<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.raw();
        let mut end = text.len().min(MAX_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut rest = &text[..end];
        let mut is_at_start = true;
        while let Some(character) = rest.chars().next() {
            if begins_command(rest) {
                f.write_str("\\u{23}")?;
            } else if is_at_start && rest.starts_with("::") {
                f.write_str("\\u{3a}")?;
            } else if has_no_form(character) {
                match character {
                    '\n' | '\r' | '\t' => write!(f, "{}", character.escape_default())?,
                    other => write!(f, "\\u{{{:x}}}", u32::from(other))?,
                }
            } else {
                fmt::Write::write_char(f, character)?;
            }
            is_at_start = is_at_start && character.is_whitespace();
            rest = &rest[character.len_utf8()..];
        }
        if end < text.len() { write!(f, "… ({} bytes in all)", text.len()) } else { Ok(()) }
    }
}

/// Whether a character has no visible form of its own, or changes that of its neighbours.
pub(crate) fn has_no_form(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{3000}' | '\u{feff}'
            | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Whether a runner of Azure Pipelines would find a command at the beginning of this text.
pub(crate) fn begins_command(text: &str) -> bool {
    let is = |command: &str| {
        text.get(..command.len()).is_some_and(|start| start.eq_ignore_ascii_case(command))
    };
    is("##[") || is("##vso[")
}

/// The limit of what is shown. The error of a file is one of many lines of a log.
const MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_without_a_form_are_escaped() {
        for (text, shown) in [
            ("plain text, é and 漢: `\"'\\", "plain text, é and 漢: `\"'\\"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{0}\u{1b}[31m\u{7f}\u{85}\u{9b}", "\\u{0}\\u{1b}[31m\\u{7f}\\u{85}\\u{9b}"),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
            (
                "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}",
                "\\u{61c}\\u{200e}\\u{200f}\\u{202a}\\u{202e}\\u{2066}\\u{2069}",
            ),
            (
                "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{e0041}",
                "\\u{200b}\\u{200c}\\u{200d}\\u{2060}\\u{feff}\\u{e0041}",
            ),
            ("a\u{a0}b", "a\\u{a0}b"),
        ] {
            assert_eq!(Outside::new(text).to_string(), shown);
            assert_eq!(Outside::new(text).raw(), text);
        }
    }

    #[test]
    fn commands_of_ci_runners_are_broken() {
        for (text, shown) in [
            ("##[error]x", "\\u{23}#[error]x"),
            ("a ##vso[task.complete]", "a \\u{23}#vso[task.complete]"),
            ("###[group]", "#\\u{23}#[group]"),
            ("##VSO[x]", "\\u{23}#VSO[x]"),
            ("## [x]", "## [x]"),
            ("::error::x", "\\u{3a}:error::x"),
            (" \t::set-output", " \\t\\u{3a}:set-output"),
            ("a ::error::", "a ::error::"),
            (":a::", ":a::"),
        ] {
            assert_eq!(Outside::new(text).to_string(), shown);
            // What was shown once can be shown again.
            assert_eq!(Outside::new(Outside::new(text).to_string()).to_string(), shown);
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = "é".repeat(2000);
        let shown = format!("{}… (4000 bytes in all)", "é".repeat(1024));
        assert_eq!(Outside::new(&text).to_string(), shown);
        let text = format!("a{text}");
        let shown = format!("a{}… (4001 bytes in all)", "é".repeat(1023));
        assert_eq!(Outside::new(&text).to_string(), shown);
        let text = "x".repeat(2048);
        assert_eq!(Outside::new(&text).to_string(), text);
    }
}
