//! [`InvalidName`], the error of parsing a name, and serde support for names: the text that they
//! print and parse.

use std::fmt;

use crate::outside::Outside;

/// The error of parsing a [`Digest`](crate::Digest), a [`Repository`](crate::Repository) or a
/// [`Tag`](crate::Tag).
///
/// `Display` says what is wrong with the text, and at which byte if that is known. `InvalidName`
/// converts into an [`Error`](crate::Error) of the kind
/// [`InvalidDigest`](crate::ErrorKind::InvalidDigest),
/// [`InvalidRepository`](crate::ErrorKind::InvalidRepository) or
/// [`InvalidTag`](crate::ErrorKind::InvalidTag), so that `?` works beside the other functions of
/// this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {name} `{}`: {problem}", Outside::new(text))]
pub struct InvalidName {
    name: NameKind,
    text: String,
    problem: String,
    offset: Option<usize>,
}

/// The kind of name that the text was parsed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    Digest,
    Repository,
    Tag,
}

/// A problem of a text, and the byte at which it begins.
#[derive(Debug)]
pub(crate) struct Problem {
    text: String,
    offset: Option<usize>,
}

impl InvalidName {
    /// Returns the byte at which the problem begins, counted from 0; `None` if it concerns the
    /// whole text.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// Returns what is wrong, without the text itself.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    pub(crate) fn new(name: NameKind, text: &str, problem: Problem) -> Self {
        let Problem { text: problem, offset } = problem;
        Self { name, text: text.to_owned(), problem, offset }
    }

    pub(crate) fn name(&self) -> NameKind {
        self.name
    }
}

impl Problem {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), offset: None }
    }

    pub(crate) fn with_offset(offset: usize, text: impl Into<String>) -> Self {
        Self { text: text.into(), offset: Some(offset) }
    }
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digest => "digest",
            Self::Repository => "ECR repository URI",
            Self::Tag => "tag",
        })
    }
}

/// Implements serde with the text that a name prints and parses.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use serde_as_text;

#[cfg(test)]
mod tests {
    use crate::names::tag::Tag;

    #[test]
    fn a_name_is_its_text_and_a_wrong_one_says_why() {
        let tag: Tag = serde_json::from_str("\"1.0\"").unwrap();
        assert_eq!(serde_json::to_string(&tag).unwrap(), "\"1.0\"");
        let error = serde_json::from_str::<Tag>("\"\"").unwrap_err().to_string();
        assert!(error.starts_with("invalid tag ``: it is empty"), "{error}");
    }
}
