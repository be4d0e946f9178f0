//! The strings of a JSON text, with the mistakes that shells and programs make in them.

use crate::text::edit::Repair;
use crate::text::json::{Text, Unit};
use crate::text::problem_kind::ProblemKind;
use crate::text::reader::Reader;

impl<'a> Reader<'a> {
    /// Reads the string that begins here.
    pub(super) fn string(&mut self) -> Option<Text<'a>> {
        let quote = self.at;
        self.note_backslash();
        let offset = quote + self.quote.len();
        let mut decoded = None::<String>;
        self.at = offset;
        loop {
            let raw = &self.text[offset..self.at];
            let rest = &self.text[self.at..];
            if let Some(after) = rest.strip_prefix(self.quote) {
                if let Some(inner) = self.quoted_value(after) {
                    return Some(self.without_inner_quotes(offset, decoded, inner));
                }
                self.note_backslash();
                self.at += self.quote.len();
                return Some(Text::new(offset, raw, decoded));
            }
            let is_line_end = rest.starts_with('\n') || rest.starts_with("\r\n");
            if is_line_end {
                decoded.get_or_insert_with(|| raw.to_owned());
                self.at += self.line_end(quote, rest)?;
                continue;
            }
            let Some(Unit { character, len }) = Unit::first(rest) else {
                return self.stop(quote, "the string is not closed on its line");
            };
            self.has_escapes |= rest.starts_with('\\');
            match character {
                Some(character) => {
                    if let Some(decoded) = &mut decoded {
                        decoded.push(character);
                    } else if rest.starts_with('\\') {
                        decoded = Some(format!("{raw}{character}"));
                    }
                }
                None if rest.starts_with('\\') => {
                    let escape = rest.chars().nth(1).unwrap_or_default().escape_debug();
                    let what = format!("invalid escape sequence `\\{escape}`");
                    return self.stop(self.at, what);
                }
                None => {
                    decoded.get_or_insert_with(|| raw.to_owned());
                    self.control_character(rest);
                }
            }
            self.at += len;
        }
    }

    /// Records that all quotes of the text have a backslash.
    pub(super) fn escaped_quotes(&mut self) {
        let Some(first) = self.backslashes.first().copied() else { return };
        let kind = ProblemKind::EscapedQuotes;
        let what = "backslash in front of each quote";
        if self.has_escapes {
            return self.flaw(first, kind, what);
        }
        let repair = Repair::structure("the backslashes are removed");
        let repair = self.backslashes.iter().fold(repair, |repair, at| repair.delete(*at, 1));
        self.repaired(first, kind, what, repair);
    }

    fn note_backslash(&mut self) {
        if self.quote.starts_with('\\') {
            self.backslashes.push(self.at);
        }
    }

    /// Returns the value whose own quotes stand in this string, if the closing quote of the string
    /// is the opening one of the value: `"E/web:"1.4.2""`. `after` is the text after that quote.
    fn quoted_value(&self, after: &'a str) -> Option<&'a str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
        let inner = &after[..after.find(|c| !is_part(c))?];
        let end = after[inner.len()..].strip_prefix("\"\"")?.trim_start();
        let is_end = end.starts_with([',', '}', ']', ':']) || end.is_empty();
        let is_value = inner.starts_with(|c: char| c.is_ascii_alphanumeric());
        (is_value && self.quote == "\"" && is_end).then_some(inner)
    }

    /// Returns the string without the quotes around its last part.
    fn without_inner_quotes(
        &mut self,
        offset: usize,
        decoded: Option<String>,
        inner: &'a str,
    ) -> Text<'a> {
        let start = self.at;
        let end = start + "\"".len() + inner.len();
        let repair = Repair::structure("the inner quotes are removed")
            .delete(start, "\"".len())
            .delete(end, "\"".len());
        let what = "quotes around a part of the string";
        self.repaired(start, ProblemKind::DoubledQuotes, what, repair);
        self.at = end + "\"\"".len();
        let text = self.text;
        let decoded = decoded.unwrap_or_else(|| text[offset..start].to_owned());
        Text::new(offset, &text[offset..=end], Some(decoded + inner))
    }

    /// Records a line end in a string, and returns its length. Returns `None` if the string may end
    /// elsewhere.
    fn line_end(&mut self, quote: usize, rest: &str) -> Option<usize> {
        let (value, after) = match rest.split_once(self.quote) {
            Some((value, after)) if !value.contains(['{', '}']) => (value, after.trim_start()),
            _ => return self.stop(quote, "the string is not closed on its line"),
        };
        if !after.starts_with([',', '}', ']']) {
            return self.stop(quote, "the string is not closed on its line");
        }
        let start = self.at;
        if value.trim().is_empty() {
            let what = "line end in a string";
            let repair = Repair::structure("the line end is removed").delete(start, value.len());
            self.repaired(start, ProblemKind::ControlCharacter, what, repair);
        } else {
            self.flaw(start, ProblemKind::SeveralValues, "a string has several lines");
        }
        Some(value.len())
    }

    /// Records a control character in a string.
    fn control_character(&mut self, rest: &str) {
        let kind = ProblemKind::ControlCharacter;
        if rest.starts_with('\r') {
            // A run of carriage returns is one flaw, at its first.
            if self.text[..self.at].ends_with('\r') {
                return;
            }
            let what = "carriage return in a string";
            let others = rest.trim_start_matches('\r');
            // The value was read from a file with Windows line ends.
            if others.starts_with(self.quote) {
                let run = rest.len() - others.len();
                let repair =
                    Repair::structure("the carriage return is removed").delete(self.at, run);
                return self.repaired(self.at, kind, what, repair);
            }
            return self.flaw(self.at, kind, what);
        }
        if rest.starts_with('\t') && !rest.trim_start().starts_with(self.quote) {
            return self.flaw(self.at, ProblemKind::SeveralValues, "a string has a tab");
        }
        let character = rest.chars().next().unwrap_or_default().escape_debug();
        let what = format!("control character `{character}` in a string");
        self.flaw(self.at, kind, what);
    }
}
