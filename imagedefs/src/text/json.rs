//! The values of a JSON text, each with its place.

use std::borrow::Cow;
use std::ops::Range;

use crate::text::flaw::Flaw;

/// The values and the flaws of a text.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    /// The values at the top level. Valid JSON has exactly one.
    pub(crate) values: Vec<Node<'a>>,
    pub(crate) flaws: Vec<Flaw>,
    /// Whether the reader reached the end. If not, arrays may lack elements, and incomplete objects
    /// are left out.
    pub(crate) is_complete: bool,
}

/// A value, the byte at which it begins, and the byte after its end.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) offset: usize,
    pub(crate) end: usize,
    pub(crate) value: Value<'a>,
}

#[derive(Debug)]
pub(crate) enum Value<'a> {
    Array(Vec<Node<'a>>),
    Boolean,
    Null,
    Number,
    Object(Vec<Member<'a>>),
    String(Text<'a>),
}

impl Value<'_> {
    /// Describes the type of the value, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Array(_) => "an array",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::Number => "a number",
            Self::Object(_) => "an object",
            Self::String(_) => "a string",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) key: Text<'a>,
    pub(crate) node: Node<'a>,
}

/// A string: its raw text and its decoded text.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    /// The byte after the opening quote.
    offset: usize,
    raw: &'a str,
    decoded: Cow<'a, str>,
}

impl<'a> Text<'a> {
    /// `raw` is the text between the quotes, which begins at `offset`. `decoded` is its meaning, if
    /// that differs.
    pub(crate) fn new(offset: usize, raw: &'a str, decoded: Option<String>) -> Self {
        Self { offset, raw, decoded: decoded.map_or(Cow::Borrowed(raw), Cow::Owned) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.decoded
    }

    /// Returns the text as written between the quotes.
    pub(crate) fn raw(&self) -> &'a str {
        self.raw
    }

    /// Returns the range between the quotes.
    pub(crate) fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.raw.len()
    }

    /// Converts a byte of the decoded text to its place in the file.
    pub(crate) fn offset_of(&self, byte: usize) -> usize {
        self.offsets()(byte)
    }

    /// Converts one byte after another, in ascending order, in one pass over the text.
    pub(crate) fn offsets(&self) -> impl FnMut(usize) -> usize {
        let (mut raw, mut decoded) = (0, 0);
        move |byte| {
            if matches!(self.decoded, Cow::Borrowed(_)) {
                return self.offset + byte;
            }
            while decoded < byte
                && let Some(unit) = Unit::first(&self.raw[raw..])
            {
                raw += unit.len;
                decoded += unit.character.map_or(0, char::len_utf8);
            }
            self.offset + raw
        }
    }
}

/// A character of a string as written: a plain character, or an escape sequence.
pub(crate) struct Unit {
    /// `None` for a control character, which JSON does not allow, and for an invalid escape
    /// sequence.
    pub(crate) character: Option<char>,
    pub(crate) len: usize,
}

impl Unit {
    pub(crate) fn first(raw: &str) -> Option<Self> {
        let mut characters = raw.chars();
        let first = characters.next()?;
        if first != '\\' {
            let character = (first >= ' ').then_some(first);
            return Some(Self { character, len: first.len_utf8() });
        }
        let (character, len) = match characters.next() {
            Some(escape @ ('"' | '\\' | '/')) => (Some(escape), 2),
            Some('b') => (Some('\u{8}'), 2),
            Some('f') => (Some('\u{c}'), 2),
            Some('n') => (Some('\n'), 2),
            Some('r') => (Some('\r'), 2),
            Some('t') => (Some('\t'), 2),
            Some('u') => match (hex(raw, 2), hex(raw, 8)) {
                (Some(high @ 0xD800..0xDC00), Some(low @ 0xDC00..0xE000))
                    if raw.get(6..8) == Some("\\u") =>
                {
                    let scalar = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    (char::from_u32(scalar), 12)
                }
                (Some(scalar), _) => (char::from_u32(scalar), 6),
                (None, _) => (None, 2),
            },
            _ => (None, 1),
        };
        Some(Self { character, len })
    }
}

/// Returns the value of the first member with this name.
pub(crate) fn member<'n, 'a>(members: &'n [Member<'a>], key: &str) -> Option<&'n Node<'a>> {
    members.iter().find(|member| member.key.as_str() == key).map(|member| &member.node)
}

pub(crate) fn has_member(members: &[Member<'_>], key: &str) -> bool {
    member(members, key).is_some()
}

/// Parses the four hexadecimal digits that begin at a byte.
fn hex(raw: &str, from: usize) -> Option<u32> {
    let digits = raw.get(from..from + 4)?;
    // `from_str_radix` would accept a sign.
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}
