//! [`Tag`]: a name of an image for people.

use std::fmt;
use std::str::FromStr;

use crate::names::text::{InvalidName, NameKind, Problem, serde_as_text};

/// A tag of an image, such as `1.4.2`.
///
/// A tag has up to 128 letters, digits, underscores, dots and dashes and doesn't start with a dot
/// or a dash. This is the grammar of the OCI distribution specification. It is stricter than ECR's
/// API (300 characters), because clients can't pull a tag that breaks it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// Returns the tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = InvalidName;

    /// Parses a tag.
    ///
    /// # Errors
    /// Returns an [`InvalidName`]. It says what is wrong, and gives the position in bytes, counted
    /// from 0.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = |problem| Err(InvalidName::new(NameKind::Tag, text, problem));
        if text.is_empty() {
            return wrong(Problem::new("it is empty"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if let Some((at, c)) = text.char_indices().find(|&(_, c)| !allowed(c)) {
            let problem = format!(
                "{c:?} at byte {at} is not allowed, only letters, digits, `_`, `.` and `-` are"
            );
            return wrong(Problem::with_offset(at, problem));
        }
        if text.len() > 128 {
            let problem = format!("it has {} characters, at most 128 are allowed", text.len());
            return wrong(Problem::new(problem));
        }
        if text.starts_with(['.', '-']) {
            return wrong(Problem::with_offset(0, "it must start with a letter, a digit or `_`"));
        }
        Ok(Self(text.to_owned()))
    }
}

serde_as_text!(Tag);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
