//! A JSON reader that records the place of every value, and continues after common mistakes:
//! missing and stray commas, control characters in strings, several values in one file.
//!
//! It accepts exactly what RFC 8259 allows, as serde_json does; a property test compares the two.
//! serde_json stops at the first error and records no places.

mod string;

use crate::text::edit::Repair;
use crate::text::flaw::{Flaw, Quoted};
use crate::text::json::{Document, Member, Node, Value};
use crate::text::placeholder::is_null;
use crate::text::problem_kind::ProblemKind;

#[cfg(test)]
thread_local! {
    /// The number of texts that this thread has read.
    pub(crate) static COUNT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The depth limit of serde_json. The reader recurses, so it needs a limit.
const MAX_DEPTH: usize = 128;

impl<'a> Document<'a> {
    pub(crate) fn read(text: &'a str) -> Self {
        Self::read_from(text, 0)
    }

    /// Reads from a byte on. Places count from the beginning of the text.
    pub(crate) fn read_from(text: &'a str, at: usize) -> Self {
        #[cfg(test)]
        COUNT.set(COUNT.get() + 1);
        let mut reader = Reader::new(text, at);
        let mut values = Vec::new();
        loop {
            reader.skip_space();
            match reader.peek() {
                None => break,
                // A loop can print definitions with a comma after each.
                Some(b',') if !values.is_empty() => {
                    let what = "comma outside of an array";
                    let repair = Repair::structure("the comma is removed").delete(reader.at, 1);
                    reader.repaired(reader.at, ProblemKind::StrayComma, what, repair);
                    reader.at += 1;
                    continue;
                }
                Some(_) => {}
            }
            values.extend(reader.value());
            if !reader.is_complete {
                break;
            }
        }
        reader.escaped_quotes();
        Self { values, flaws: reader.flaws, is_complete: reader.is_complete }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    is_complete: bool,
    flaws: Vec<Flaw>,
    /// The quote around strings: `"`, or `\"` if the whole text was escaped once more.
    quote: &'static str,
    /// The places of backslashes in front of quotes.
    backslashes: Vec<usize>,
    /// Whether a string has other escape sequences, whose level is uncertain in such a text.
    has_escapes: bool,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, at: usize) -> Self {
        let is_escaped = text[at..].split('"').next().is_some_and(|it| it.ends_with('\\'));
        Self {
            text,
            at,
            depth: 0,
            is_complete: true,
            flaws: Vec::new(),
            quote: if is_escaped { "\\\"" } else { "\"" },
            backslashes: Vec::new(),
            has_escapes: false,
        }
    }

    /// Reads the value that begins here. Returns `None` if reading stopped at an error.
    fn value(&mut self) -> Option<Node<'a>> {
        let offset = self.at;
        let value = match self.peek() {
            Some(b'[') => Value::Array(self.list(']', Self::value)),
            Some(b'{') => {
                let members = self.list('}', Self::member);
                // Further checks of an incomplete object would be guesses.
                self.is_complete.then_some(Value::Object(members))?
            }
            Some(_) if self.is_at_quote() => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => self.word()?,
            _ => return self.stop(self.at, self.unexpected("a value")),
        };
        Some(Node { offset, end: self.at, value })
    }

    fn member(&mut self) -> Option<Member<'a>> {
        if !self.is_at_quote() {
            let start = self.at;
            let word = self.take_while(is_word);
            self.skip_space();
            if !word.is_empty() && self.peek() == Some(b':') {
                let what = format!("the name {} of a member has no quotes", Quoted(word));
                return self.stop_as(start, ProblemKind::EatenQuotes, what);
            }
            self.at = start;
            return self.stop(self.at, self.unexpected("a member's name in double quotes"));
        }
        let key = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.stop(self.at, self.unexpected("`:` after a member's name"));
        }
        self.at += 1;
        self.skip_space();
        Some(Member { key, node: self.value()? })
    }

    /// Reads the items between two brackets or braces, separated by commas.
    fn list<T>(&mut self, close: char, item: fn(&mut Self) -> Option<T>) -> Vec<T> {
        let start = self.at;
        let mut items = Vec::new();
        // The comma after the last item, and the end of that item.
        let (mut comma, mut end) = (None, start);
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.stop::<T>(start, format!("values are nested more than {MAX_DEPTH} levels deep"));
            return items;
        }
        loop {
            self.skip_space();
            match self.peek() {
                None => {
                    self.stop::<T>(self.at, format!("the text ends without a closing `{close}`"));
                    return items;
                }
                Some(byte) if char::from(byte) == close => {
                    if let Some(comma) = comma {
                        let what = format!("trailing comma before the closing `{close}`");
                        let repair = Repair::structure("the comma is removed").delete(comma, 1);
                        self.repaired(comma, ProblemKind::StrayComma, what, repair);
                    }
                    self.at += 1;
                    self.depth -= 1;
                    return items;
                }
                Some(b',') => {
                    if items.is_empty() || comma.is_some() {
                        // Has no repair: a whole item may be missing.
                        let what = "comma without a value before it";
                        self.flaw(self.at, ProblemKind::StrayComma, what);
                    } else {
                        comma = Some(self.at);
                    }
                    self.at += 1;
                }
                Some(_) => {
                    let is_first = items.is_empty();
                    let next = self.at;
                    items.extend(item(self));
                    if !self.is_complete && self.at == next {
                        return items;
                    }
                    // The comma is missing only if an item follows.
                    if !is_first && comma.is_none() {
                        let what = "missing comma";
                        let repair = Repair::structure("a comma is added").insert(end, ",");
                        self.repaired(end, ProblemKind::MissingComma, what, repair);
                    }
                    if !self.is_complete {
                        return items;
                    }
                    (comma, end) = (None, self.at);
                }
            }
        }
    }

    fn number(&mut self) -> Option<Value<'a>> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let number = self.take_while(is_part);
        let unsigned = number.strip_prefix('-').unwrap_or(number);
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let is_number = [whole, fraction, exponent]
            .iter()
            .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
            && (whole == "0" || !whole.starts_with('0'));
        if !is_number {
            return self.stop(self.at - number.len(), format!("invalid number {}", Quoted(number)));
        }
        Some(Value::Number)
    }

    fn word(&mut self) -> Option<Value<'a>> {
        match self.take_while(is_word) {
            "false" | "true" => Some(Value::Boolean),
            "null" => Some(Value::Null),
            word => {
                let (start, quoted) = (self.at - word.len(), Quoted(word));
                if is_null(word) || word == "NaN" {
                    let what = format!("the value is {quoted}");
                    return self.stop_as(start, ProblemKind::NullText, what);
                }
                let what = format!("unquoted text {quoted}");
                self.stop_as(start, ProblemKind::EatenQuotes, what)
            }
        }
    }

    fn is_at_quote(&self) -> bool {
        self.text[self.at..].starts_with(self.quote)
    }

    fn take_while(&mut self, is_part: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let len = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn skip_space(&mut self) {
        loop {
            self.take_while(|byte| b" \t\n\r".contains(&byte));
            let rest = &self.text[self.at..];
            let others = rest.trim_start_matches(['\u{a0}', '\u{2007}', '\u{202f}', '\u{3000}']);
            let run = rest.len() - others.len();
            if run == 0 {
                return;
            }
            let what = "non-breaking space between two values";
            let repair =
                Repair::structure("a plain space replaces it").replace(self.at..self.at + run, " ");
            self.repaired(self.at, ProblemKind::NonBreakingSpace, what, repair);
            self.at += run;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self, expected: &str) -> String {
        match self.text[self.at..].chars().next() {
            None => format!("unexpected end of the text: expected {expected}"),
            Some('\'') => "single quote: JSON strings are in double quotes".to_owned(),
            Some('“' | '”' | '„') => "typographic quote: JSON strings are in `\"`".to_owned(),
            Some('/' | '#') => "comment: JSON has no comments".to_owned(),
            Some(other) => {
                format!("unexpected `{}`: expected {expected}", other.escape_debug())
            }
        }
    }

    fn flaw(&mut self, offset: usize, kind: ProblemKind, what: impl Into<String>) {
        self.flaws.push(Flaw::new(offset, kind, what));
    }

    fn repaired(
        &mut self,
        offset: usize,
        kind: ProblemKind,
        what: impl Into<String>,
        repair: Repair,
    ) {
        self.flaws.push(Flaw::new(offset, kind, what).repaired(repair));
    }

    /// Records an error after which the rest of the text is uncertain.
    fn stop<T>(&mut self, offset: usize, what: impl Into<String>) -> Option<T> {
        self.stop_as(offset, ProblemKind::InvalidJson, what)
    }

    /// Does the same for an error with a cause of its own.
    fn stop_as<T>(
        &mut self,
        offset: usize,
        kind: ProblemKind,
        what: impl Into<String>,
    ) -> Option<T> {
        self.flaw(offset, kind, what);
        self.is_complete = false;
        None
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const TOKENS: [&str; 24] = [
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"a\"",
        "\"b\":",
        " ",
        "\n",
        "\r",
        "true",
        "null",
        "nul",
        "0",
        "-1.5e+3 ",
        "1.e3 ",
        "01 ",
        "-",
        "\"\\u00e9\\n\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\r\"",
        "\"\\x\"",
    ];

    proptest! {
        #[test]
        fn accepts_exactly_what_serde_json_accepts(
            tokens in prop::collection::vec(select(&TOKENS), 0..10)
        ) {
            let text = tokens.concat();
            let document = Document::read(&text);
            let is_json = document.flaws.is_empty() && document.values.len() == 1;
            let expected = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert_eq!(is_json, expected.is_ok(), "{:?}: {:?}", text, expected);
            prop_assert!(document.is_complete || !document.flaws.is_empty());
        }

        /// The raw text from the place of each character decodes to the rest of the string.
        #[test]
        fn strings_mean_the_same_and_know_their_places(
            string in "([\\x00-\\x7f]|\\PC){0,12}",
            is_space_before in any::<bool>()
        ) {
            let space = if is_space_before { "\n " } else { "" };
            let json = format!("{space}{}", serde_json::to_string(&string).unwrap());
            let document = Document::read(&json);
            prop_assert_eq!(&document.flaws, &[]);
            let [Node { value: Value::String(text), .. }] = &document.values[..] else {
                panic!("{document:?}");
            };
            prop_assert_eq!(text.as_str(), &string);
            for (byte, _) in string.char_indices() {
                let rest = format!("\"{}", &json[text.offset_of(byte)..]);
                prop_assert_eq!(serde_json::from_str::<String>(&rest).unwrap(), &string[byte..]);
            }
        }
    }
}
