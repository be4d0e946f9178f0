//! The values of a JSON text, each with its place.

use std::borrow::Cow;
use std::ops::Range;

use crate::text::flaw::Flaw;

/// What could be read of a text.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    /// The values at the top level. JSON has exactly one.
    pub(crate) values: Vec<Node<'a>>,
    pub(crate) flaws: Vec<Flaw>,
    /// Whether the reader reached the end. If not, arrays may lack elements; objects that were
    /// broken off are left out.
    pub(crate) is_complete: bool,
}

/// A value, the byte that it begins at, and the one after its end.
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
    /// For messages.
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

/// A string: as written, and what it means.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    /// The byte after the opening quote.
    offset: usize,
    raw: &'a str,
    decoded: Cow<'a, str>,
}

impl<'a> Text<'a> {
    /// `raw` is what stands between the quotes, from `offset` on; `decoded` is what it means, unless
    /// that is the same.
    pub(crate) fn new(offset: usize, raw: &'a str, decoded: Option<String>) -> Self {
        Self { offset, raw, decoded: decoded.map_or(Cow::Borrowed(raw), Cow::Owned) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.decoded
    }

    /// Between the quotes.
    pub(crate) fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.raw.len()
    }

    /// Where a byte of the decoded text stands in the file.
    pub(crate) fn offset_of(&self, byte: usize) -> usize {
        self.offsets()(byte)
    }

    /// The same for one byte after another, none before the last, in one pass over the text.
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

/// A character of a string as it is written: itself, or an escape sequence.
pub(crate) struct Unit {
    /// `None` for a control character, which JSON doesn't allow, and for an invalid escape sequence.
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

/// The value of the first member of this name.
pub(crate) fn member<'n, 'a>(members: &'n [Member<'a>], key: &str) -> Option<&'n Node<'a>> {
    members.iter().find(|member| member.key.as_str() == key).map(|member| &member.node)
}

pub(crate) fn has_member(members: &[Member<'_>], key: &str) -> bool {
    member(members, key).is_some()
}

/// The four hexadecimal digits from a byte on.
fn hex(raw: &str, from: usize) -> Option<u32> {
    let digits = raw.get(from..from + 4)?;
    // `from_str_radix` would take a sign.
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}
