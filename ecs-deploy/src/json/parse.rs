//! The JSON parser, with the position of the first error.

use std::fmt;

use crate::json::value::{Json, Object};
use crate::outside::Outside;

/// The reason why a text isn't accepted, and its position.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flaw {
    problem: String,
    line: usize,
    /// Counted in characters, from 1.
    column: usize,
}

impl Flaw {
    /// Returns the line and the column, from 1.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.line, self.column)
    }

    pub(crate) fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in line {}, column {}", self.problem, self.line, self.column)
    }
}

impl Json {
    /// Parses a text without losing any of it.
    ///
    /// # Errors
    /// Returns an error if the text isn't JSON (RFC 8259), an object has a name twice, or the
    /// nesting is deeper than 127 levels.
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let value = parser.value()?;
        match parser.next() {
            None => Ok(value),
            Some(_) => Err(parser.unexpected("the end of the text")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn value(&mut self) -> Result<Json, Flaw> {
        match self.next() {
            Some(b'{') => self.nested(Self::object).map(Json::Object),
            Some(b'[') => self.nested(Self::array).map(Json::Array),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            _ => {
                for (word, value) in
                    [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))]
                {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.unexpected("a value"))
            }
        }
    }

    /// Parses a list from its opening bracket. The depth is limited because the stack is.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Flaw>) -> Result<T, Flaw> {
        if self.depth == DEEPEST {
            return Err(self.flaw(self.at, format!("more than {DEEPEST} levels of nesting")));
        }
        self.at += 1;
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn object(&mut self) -> Result<Object, Flaw> {
        let mut members = Vec::new();
        let mut places = Vec::new();
        if !self.ends_with(b'}') {
            loop {
                match self.next() {
                    Some(b'"') => places.push(self.at),
                    _ => return Err(self.unexpected("a member's name in double quotes")),
                }
                let name = self.string()?;
                match self.next() {
                    Some(b':') => self.at += 1,
                    _ => return Err(self.unexpected("`:` after a member's name")),
                }
                members.push((name, self.value()?));
                if !self.goes_on(b'}', "`,` or `}` after a member")? {
                    break;
                }
            }
        }
        match twice(&members) {
            Some(at) => {
                let problem = format!("duplicate member `{}`", Outside::new(&members[at].0));
                Err(self.flaw(places[at], problem))
            }
            None => Ok(members.into_iter().collect()),
        }
    }

    fn array(&mut self) -> Result<Vec<Json>, Flaw> {
        let mut elements = Vec::new();
        if !self.ends_with(b']') {
            loop {
                elements.push(self.value()?);
                if !self.goes_on(b']', "`,` or `]` after an element")? {
                    break;
                }
            }
        }
        Ok(elements)
    }

    /// Returns whether a list is empty; the parser stands behind its opening bracket.
    fn ends_with(&mut self, close: u8) -> bool {
        let ends = self.next() == Some(close);
        self.at += usize::from(ends);
        ends
    }

    /// Returns whether a list continues after an element.
    fn goes_on(&mut self, close: u8, expected: &str) -> Result<bool, Flaw> {
        let byte = self.next();
        if byte != Some(b',') && byte != Some(close) {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        Ok(byte == Some(b','))
    }

    fn string(&mut self) -> Result<String, Flaw> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(0..0x20) => {
                    let problem = "a control character or a line break in a string";
                    return Err(self.flaw(end, problem.to_owned()));
                }
                Some(_) => end += 1,
                None => return Err(self.flaw(start, "an unterminated string".to_owned())),
            }
        }
        self.at = end + 1;
        // serde_json decodes the escapes.
        serde_json::from_str(&self.text[start..self.at])
            .map_err(|_| self.flaw(start, "an invalid escape in the string".to_owned()))
    }

    fn number(&mut self) -> Result<String, Flaw> {
        let start = self.at;
        self.skip(|byte| byte == b'-');
        let whole = self.digits();
        let leads_with_zero = whole > 1 && self.text.as_bytes()[self.at - whole] == b'0';
        let mut is_number = self.at - whole - start <= 1 && whole > 0 && !leads_with_zero;
        if self.peek() == Some(b'.') {
            self.at += 1;
            is_number &= self.digits() > 0;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            is_number &= self.digits() > 0;
        }
        match is_number {
            true => Ok(self.text[start..self.at].to_owned()),
            false => Err(self.flaw(start, "an invalid number".to_owned())),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        self.skip(|byte| byte.is_ascii_digit());
        self.at - start
    }

    /// Returns the next byte that isn't whitespace, without consuming it.
    fn next(&mut self) -> Option<u8> {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.peek()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, belongs: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&belongs) {
            self.at += 1;
        }
    }

    fn unexpected(&self, expected: &str) -> Flaw {
        let problem = match self.text[self.at..].chars().next() {
            Some(found) => format!("expected {expected}, found {found:?}"),
            None => format!("expected {expected}, found the end of the text"),
        };
        self.flaw(self.at, problem)
    }

    fn flaw(&self, at: usize, problem: String) -> Flaw {
        let before = &self.text[..at];
        let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
        Flaw { problem, line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

/// Returns the first member whose name occurred before.
fn twice(members: &[(String, Json)]) -> Option<usize> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    // The sort is stable, so equal names stay in the order of the text.
    order.sort_by_key(|at| &members[*at].0);
    let pairs = order.windows(2).filter(|pair| members[pair[0]].0 == members[pair[1]].0);
    pairs.map(|pair| pair[1]).min()
}

/// The same limit as serde_json's, and one less than that of the SDK's reader.
const DEEPEST: usize = 127;
