//! Patterns for the names of repositories and tags.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::text::flaw::Quoted;

/// A pattern for repositories or tags: one name (`latest`), all names with a prefix (`v*`), or
/// every name (`*`). Case counts.
///
/// ```
/// use imagedefs::rule::NamePattern;
///
/// assert!("v*".parse::<NamePattern>()?.matches("v1.4.2"));
/// assert!(!"v*".parse::<NamePattern>()?.matches("latest"));
/// # Ok::<(), imagedefs::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamePattern {
    /// The name or the prefix. Only a prefix can be empty.
    name: String,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Extent {
    Prefix,
    Whole,
}

impl NamePattern {
    /// Returns whether the pattern matches a name. It never matches the empty string.
    pub fn matches(&self, name: &str) -> bool {
        match self.extent {
            Extent::Prefix => !name.is_empty() && name.starts_with(&self.name),
            Extent::Whole => name == self.name,
        }
    }

    /// Whether the pattern matches a name that begins with this prefix.
    pub(super) fn overlaps(&self, prefix: &str) -> bool {
        self.name.starts_with(prefix)
            || (self.extent == Extent::Prefix && prefix.starts_with(&self.name))
    }

    /// Renders the pattern for EventBridge (EventBridge user guide, comparison operators). The
    /// guide says that an empty string can be matched, and leaves open whether it can be excluded.
    pub(super) fn to_condition(&self) -> serde_json::Value {
        match (self.extent, self.name.as_str()) {
            (Extent::Prefix, "") => any_name(),
            (Extent::Prefix, prefix) => serde_json::json!({ "prefix": prefix }),
            (Extent::Whole, name) => name.into(),
        }
    }
}

/// Renders the pattern that matches every name.
fn any_name() -> serde_json::Value {
    serde_json::json!({ "anything-but": [""] })
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = match self.extent {
            Extent::Prefix => "*",
            Extent::Whole => "",
        };
        write!(f, "{}{star}", self.name)
    }
}

/// # Errors
///
/// `InvalidRule` if the text is empty, has a `*` before its end, or a character that neither tags
/// nor repositories have.
impl FromStr for NamePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: String| {
            let what = format!("invalid name pattern {}", Quoted(text));
            Err(Error::refused(ErrorKind::InvalidRule, what, [reason]))
        };
        let (name, extent) = match text.strip_suffix('*') {
            Some(name) => (name, Extent::Prefix),
            None => (text, Extent::Whole),
        };
        if text.is_empty() {
            return refused("it is empty: use `*` for every name".to_owned());
        }
        if name.contains('*') {
            return refused("`*` is allowed at the end only".to_owned());
        }
        let is_allowed = |other: char| other.is_ascii_alphanumeric() || "._-/".contains(other);
        match name.chars().find(|other| !is_allowed(*other)) {
            Some(':') => refused(
                "`:` is not allowed: give the repository without its host, and the tag separately"
                    .to_owned(),
            ),
            Some(other) => refused(format!("`{}` is not allowed", other.escape_debug())),
            None => Ok(Self { name: name.to_owned(), extent }),
        }
    }
}

impl Serialize for NamePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NamePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matches_whole_names_and_prefixes() {
        for (pattern, name, is_match) in [
            ("latest", "latest", true),
            ("latest", "latest-1", false),
            ("latest", "Latest", false),
            ("latest", "", false),
            ("v*", "v", true),
            ("v*", "v1", true),
            ("v*", "1v", false),
            ("*", "x", true),
            ("*", "", false),
        ] {
            let parsed = pattern.parse::<NamePattern>().unwrap();
            assert_eq!(parsed.matches(name), is_match, "{pattern}, {name}");
        }
    }

    #[test]
    fn what_can_match_nothing_is_refused() {
        for (text, reason) in [
            ("", "it is empty: use `*` for every name"),
            ("*-rc", "`*` is allowed at the end only"),
            ("v**", "`*` is allowed at the end only"),
            ("v[0-9]", "`[` is not allowed"),
            (
                "web:v*",
                "`:` is not allowed: give the repository without its host, and the tag separately",
            ),
        ] {
            let error = text.parse::<NamePattern>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRule);
            let message = format!("invalid name pattern `{text}`: {reason}");
            assert_eq!(error.to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn patterns_survive_print_and_parse(text in "[A-Za-z0-9._/-]{1,12}[*]?|[*]") {
            prop_assert_eq!(text.parse::<NamePattern>().unwrap().to_string(), text);
        }
    }
}
