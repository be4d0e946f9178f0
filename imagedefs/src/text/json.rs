//! The values of a JSON text, each with its place.

use crate::text::flaw::Flaw;
use crate::text::string::Text;

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

/// The value of the first member of this name.
pub(crate) fn member<'n, 'a>(members: &'n [Member<'a>], key: &str) -> Option<&'n Node<'a>> {
    members.iter().find(|member| member.key.as_str() == key).map(|member| &member.node)
}

pub(crate) fn has_member(members: &[Member<'_>], key: &str) -> bool {
    member(members, key).is_some()
}
