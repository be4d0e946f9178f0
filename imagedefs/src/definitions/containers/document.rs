//! The file of a container map, in JSON and TOML.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::definitions::containers::{ContainerMap, check_repository, invalid};
use crate::error::Error;
use crate::file;
use crate::names::container_name::ContainerName;
use crate::text::flaw::Quoted;

impl ContainerMap {
    /// Reads a file: TOML if its name ends with `.toml`, JSON otherwise.
    ///
    /// # Errors
    ///
    /// `InvalidContainerMap`, also for TOML without the feature `toml`; `NotFound`, `Read`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = file::read_text(path)?;
        let source = format!("`{}`", path.display());
        match path.extension() {
            Some(extension) if extension == "toml" => Self::parse_toml(&text, &source),
            _ => Self::parse_json(&text, &source),
        }
    }

    /// Reads the text of a TOML file.
    ///
    /// # Errors
    ///
    /// `InvalidContainerMap`.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::parse_toml(text, "the container map")
    }

    fn parse_json(text: &str, source: &str) -> Result<Self, Error> {
        let entries = serde_json::from_str::<Entries>(text.trim_start_matches('\u{feff}'))
            .map_err(|error| invalid(source, vec![error.to_string()]))?;
        Self::check(entries).map_err(|reasons| invalid(source, reasons))
    }

    #[cfg(feature = "toml")]
    fn parse_toml(text: &str, source: &str) -> Result<Self, Error> {
        let entries = toml::from_str::<Entries>(text.trim_start_matches('\u{feff}'))
            .map_err(|error| invalid(source, vec![error.message().to_owned()]))?;
        Self::check(entries).map_err(|reasons| invalid(source, reasons))
    }

    #[cfg(not(feature = "toml"))]
    fn parse_toml(_: &str, source: &str) -> Result<Self, Error> {
        let reason = "this program was built without the feature `toml` of imagedefs; use JSON";
        Err(invalid(source, vec![reason.to_owned()]))
    }

    /// Returns the map, or all that is wrong with it.
    fn check(Entries(entries): Entries) -> Result<Self, Vec<String>> {
        let (mut map, mut reasons) = (Self::new(), Vec::new());
        let mut seen = Vec::new();
        for (repository, containers) in entries {
            let quoted = Quoted(&repository);
            reasons.extend(check_repository(&repository));
            if seen.contains(&repository) {
                reasons.push(format!("duplicate repository {quoted}"));
            }
            if containers.is_empty() {
                reasons.push(format!("the repository {quoted} has no container"));
            }
            for container in containers {
                match ContainerName::parse(&container) {
                    Err(flaws) => {
                        let reason = |what: String| format!("repository {quoted}: {what}");
                        reasons.extend(flaws.into_iter().map(|flaw| reason(flaw.what)));
                    }
                    Ok(name) => match map.repository_of(&name) {
                        Some(owner) => reasons.push(format!(
                            "repository {quoted}: the container `{container}` already belongs to \
                             `{owner}`"
                        )),
                        None => map.0.entry(repository.clone()).or_default().push(name),
                    },
                }
            }
            seen.push(repository);
        }
        if reasons.is_empty() { Ok(map) } else { Err(reasons) }
    }
}

/// Prints the text of the JSON file, indented, with a line end after it.
impl fmt::Display for ContainerMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        writeln!(f, "{text}")
    }
}

/// Reads the text of a JSON file.
impl FromStr for ContainerMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse_json(text, "the container map")
    }
}

impl Serialize for ContainerMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = |containers: &Vec<ContainerName>| {
            containers.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
        };
        serializer.collect_map(self.0.iter().map(|(repository, it)| (repository, names(it))))
    }
}

/// Reads a map inside another document, such as an app's own configuration.
impl<'de> Deserialize<'de> for ContainerMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::check(Entries::deserialize(deserializer)?)
            .map_err(|reasons| de::Error::custom(invalid("the container map", reasons)))
    }
}

/// The members of the file as written, duplicates included.
struct Entries(Vec<(String, Vec<String>)>);

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
#[serde(untagged, expecting = "expected the name of a container or an array of such names")]
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
