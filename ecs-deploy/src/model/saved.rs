//! How the crate saves what a later process reads: with a version, and durations as seconds.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Something that is saved. Another version is refused; one that only adds members has the same
/// number.
pub(crate) trait Saved {
    /// What it is called in errors.
    const NAME: &'static str;
}

/// The version that this build of the crate writes and reads.
const VERSION: u32 = 1;

/// Writes `content` with the version as its first member.
pub(crate) fn serialize<T: Serialize, S: Serializer>(
    content: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Versioned { version: VERSION, content }.serialize(serializer)
}

/// Reads what [`serialize`] wrote.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: DeserializeOwned + Saved,
    D: Deserializer<'de>,
{
    // The content of another version may be anything.
    let Versioned { version, content } =
        Versioned::<Map<String, Value>>::deserialize(deserializer)?;
    if version != VERSION {
        return Err(D::Error::custom(format!(
            "unsupported version {version} of a saved {}: this build reads version {VERSION}",
            T::NAME
        )));
    }
    let invalid = |error| D::Error::custom(format!("invalid {}: {error}", T::NAME));
    T::deserialize(Value::Object(content)).map_err(invalid)
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

/// Durations as seconds.
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
