//! Names in serde: the text that they print and parse.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(Digest, Repository, Tag);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_text_and_a_wrong_one_says_why() {
        let tag: Tag = serde_json::from_str("\"1.0\"").unwrap();
        assert_eq!(serde_json::to_string(&tag).unwrap(), "\"1.0\"");
        let error = serde_json::from_str::<Tag>("\"\"").unwrap_err().to_string();
        assert!(error.starts_with("`` is no tag: it is empty"), "{error}");
    }
}
