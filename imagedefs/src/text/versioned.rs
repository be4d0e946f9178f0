//! The version of saved data.

use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Saved data: its members, and `"version": 1` beside them.
#[derive(Debug, Serialize)]
pub(crate) struct Versioned<T> {
    version: u64,
    #[serde(flatten)]
    pub(crate) data: T,
}

impl<T> Versioned<T> {
    pub(crate) fn new(data: T) -> Self {
        Self { version: VERSION, data }
    }
}

/// Checks the version before the other members.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Versioned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Map::deserialize(deserializer)?;
        match members.remove("version") {
            Some(Value::Number(version)) if version.as_u64() == Some(VERSION) => {}
            Some(version) => {
                return Err(de::Error::custom(format!(
                    "unsupported version {version}: this build reads version {VERSION}"
                )));
            }
            None => return Err(de::Error::missing_field("version")),
        }
        T::deserialize(Value::Object(members)).map(Self::new).map_err(de::Error::custom)
    }
}

const VERSION: u64 = 1;
