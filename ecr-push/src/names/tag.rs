//! [`Tag`]: a name that an image has for people.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// A tag of an image, such as `1.4.2`.
///
/// Up to 128 letters, digits, underscores, dots and dashes, not starting with a dot or a dash: the
/// grammar of the OCI distribution specification, which is stricter than ECR's API (300
/// characters), because nothing could pull a tag that breaks it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Error;

    /// # Errors
    /// [`InvalidTag`](crate::ErrorKind::InvalidTag), saying what is wrong and, in bytes
    /// from 0, where.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Err(Error::invalid_tag(text, problem));
        if text.is_empty() {
            return wrong("it is empty".to_owned());
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if let Some((at, c)) = text.char_indices().find(|&(_, c)| !allowed(c)) {
            return wrong(format!(
                "{c:?} at byte {at} is not allowed, only letters, digits, `_`, `.` and `-` are"
            ));
        }
        if text.len() > 128 {
            return wrong(format!("it has {} characters, at most 128 are allowed", text.len()));
        }
        if text.starts_with(['.', '-']) {
            return wrong("it must start with a letter, a digit or `_`".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
