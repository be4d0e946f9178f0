use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The file as it is written, with names that are there twice.
pub(super) struct Entries(pub(super) Vec<(String, Vec<String>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("repositories, each with its containers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some((repository, containers)) = map.next_entry::<String, Containers>()? {
                    entries.push((repository, containers.into_vec()));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "the name of a container, or an array of such names, is expected")]
enum Containers {
    Several(Vec<String>),
    Single(String),
}

impl Containers {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::Several(names) => names,
            Self::Single(name) => vec![name],
        }
    }
}
