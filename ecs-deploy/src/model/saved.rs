//! The format of saved values: a version beside the content, and durations in seconds.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::outside::Outside;

/// A type that is saved with a version. Reading another version is an error. A change that only
/// adds members keeps the number.
pub(crate) trait Saved {
    /// The name of the type in errors.
    const NAME: &'static str;
}

/// The version that this build writes and reads.
const VERSION: u32 = 1;

/// Writes `content` with the version as its first member.
pub(crate) fn serialize<T: Serialize, S: Serializer>(
    content: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Versioned { version: VERSION, content }.serialize(serializer)
}

/// Reads a value that [`serialize`] wrote.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: DeserializeOwned + Saved,
    D: Deserializer<'de>,
{
    // The content of another version may not parse, so the version is checked first.
    let Versioned { version, content } =
        Versioned::<Map<String, Value>>::deserialize(deserializer)?;
    if version != VERSION {
        return Err(D::Error::custom(format!(
            "unsupported version {version} of a saved {}: this build reads version {VERSION}",
            T::NAME
        )));
    }
    let invalid = |error: serde_json::Error| {
        D::Error::custom(format!("invalid {}: {}", T::NAME, Outside::new(error.to_string())))
    };
    T::deserialize(Value::Object(content)).map_err(invalid)
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

/// The conversion of durations to and from seconds.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
