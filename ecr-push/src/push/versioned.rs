//! [`Versioned`]: the wrapper that gives saved data a version.

use std::ops::Deref;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Saved content with its version. Reading fails if the version is not supported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Versioned<T> {
    version: Version,
    #[serde(flatten)]
    content: T,
}

impl<T> Versioned<T> {
    pub(crate) fn new(content: T) -> Self {
        Self { version: Version, content }
    }
}

impl<T> Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.content
    }
}

/// The version that this build writes, and the only one that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version;

const CURRENT: u64 = 1;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(CURRENT)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            CURRENT => Ok(Self),
            version => Err(D::Error::custom(format!(
                "version {version} is not supported: this build reads version {CURRENT}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Content {
        name: String,
    }

    #[test]
    fn the_version_is_beside_the_content() {
        let saved = Versioned::new(Content { name: "a".to_owned() });
        let json = r#"{"version":1,"name":"a"}"#;
        assert_eq!(serde_json::to_string(&saved).unwrap(), json);
        assert_eq!(serde_json::from_str::<Versioned<Content>>(json).unwrap(), saved);
    }

    #[test]
    fn another_version_is_refused_whatever_comes_with_it() {
        let problem = |json: &str| {
            let error = serde_json::from_str::<Versioned<Content>>(json).unwrap_err();
            error.to_string().split(" at line").next().unwrap().to_owned()
        };
        let other = "version 2 is not supported: this build reads version 1";
        assert_eq!(problem(r#"{"version":2,"name":"a"}"#), other);
        assert_eq!(problem(r#"{"name":["a"],"version":2}"#), other);
        assert_eq!(problem(r#"{"name":"a"}"#), "missing field `version`");
    }
}
