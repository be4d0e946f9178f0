//! [`IndexJson`]: the lenient reading of `index.json`, which is a table of contents and never pushed.

use std::collections::HashMap;

use oci_spec::image::Descriptor;
use serde_json::Value;

use crate::error::Error;
use crate::image::files::Files;
use crate::image::image_name::is_same_name;
use crate::image::media_types::{INDEXES, MANIFESTS};
use crate::image::platform::Platform;
use crate::image::reader;
use crate::image::store::Store as _;
use crate::names::digest::Digest;
use crate::outside::Outside;

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The whole reference, which Docker and containerd write beside the tag.
const FULL_NAME: &str = "io.containerd.image.name";

/// The content of `index.json`.
#[derive(Debug)]
pub(super) struct IndexJson {
    /// In the order of the file. An image with several names is listed several times.
    pub(super) listed: Vec<Listed>,
    pub(super) text: Vec<u8>,
}

/// One entry. Everything but the digest and the size is optional.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) digest: Digest,
    pub(super) media_type: Option<String>,
    pub(super) platform: Option<Platform>,
    pub(super) json: Value,
    annotations: HashMap<String, String>,
    size: u64,
}

impl IndexJson {
    /// Reads the file; `None` if it is missing. The inner error is that of a broken file.
    pub(super) fn read(files: &Files) -> Result<Option<Result<Self, Error>>, Error> {
        let text = files.read_small("index.json")?;
        Ok(text.map(|text| Self::parse(files.subject(), text)))
    }

    fn parse(subject: &str, text: Vec<u8>) -> Result<Self, Error> {
        let broken = |problem: String| Error::image(subject, problem);
        let json: Value = serde_json::from_slice(&text)
            .map_err(|error| Error::image_caused(subject, "its index.json is broken", error))?;
        let entries = match json.get("manifests") {
            None | Some(Value::Null) if json.is_object() => &[],
            Some(Value::Array(entries)) => entries.as_slice(),
            _ => {
                return Err(broken("its index.json is broken: `manifests` is not a list".into()));
            }
        };
        let mut listed = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            let number = position + 1;
            let size = entry.get("size").and_then(Value::as_u64);
            let (Some(digest), Some(size)) = (entry.get("digest").and_then(Value::as_str), size)
            else {
                return Err(broken(format!(
                    "its index.json is broken: entry {number} lacks `digest` or `size`"
                )));
            };
            if digest.starts_with("sha384:") || digest.starts_with("sha512:") {
                let shown = Outside::new(digest);
                let problem = format!("it refers to {shown}, and ECR supports only sha256");
                return Err(broken(problem));
            }
            let digest = digest.parse().map_err(|error| {
                Error::image_caused(subject, "its index.json is broken", Error::from(error))
            })?;
            listed.push(Listed::new(digest, size, entry));
        }
        Ok(Self { listed, text })
    }

    /// Returns whether the file is a valid index, so that it can be pushed to the byte.
    pub(super) fn is_pushable(&self) -> bool {
        let Ok(json) = serde_json::from_slice::<Value>(&self.text) else {
            return false;
        };
        let known =
            |media_type: &str| INDEXES.contains(&media_type) || MANIFESTS.contains(&media_type);
        let own = json.get("mediaType");
        json["schemaVersion"].as_u64() == Some(2)
            && own.is_none_or(|own| own.as_str().is_some_and(|own| INDEXES.contains(&own)))
            && ["config", "layers"].iter().all(|member| json.get(*member).is_none())
            && self.listed.iter().all(|it| it.media_type.as_deref().is_some_and(known))
            && serde_json::from_value::<oci_spec::image::ImageIndex>(json).is_ok()
    }
}

impl Listed {
    fn new(digest: Digest, size: u64, json: &Value) -> Self {
        let annotations = json.get("annotations").and_then(Value::as_object);
        let texts = annotations.into_iter().flatten().filter_map(|(name, value)| {
            value.as_str().map(|value| (name.clone(), value.to_owned()))
        });
        Self {
            digest,
            size,
            media_type: json.get("mediaType").and_then(Value::as_str).map(str::to_owned),
            platform: json.get("platform").and_then(Platform::from_json),
            annotations: texts.collect(),
            json: json.clone(),
        }
    }

    pub(super) fn descriptor(&self) -> Descriptor {
        // The reader finds out the type of a manifest without one.
        let media_type = self.media_type.as_deref().unwrap_or_default();
        let mut descriptor = reader::descriptor(media_type, &self.digest, self.size);
        let data = self.json.get("data").and_then(Value::as_str);
        descriptor.set_data(data.map(str::to_owned));
        descriptor
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// Returns the fullest name of the image.
    pub(super) fn name(&self) -> Option<&str> {
        self.annotation(FULL_NAME).or(self.annotation(REF_NAME))
    }

    /// Returns whether the image has exactly this name.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.digest.as_str() == name || self.names().any(|own| own == name)
    }

    /// Returns whether one of the image's names means the same as `name`.
    pub(super) fn is_known_as(&self, name: &str) -> bool {
        self.names().any(|own| is_same_name(own, name))
    }

    /// Returns what cosign says about the entry, or the type of an artifact.
    pub(super) fn kind(&self) -> Option<&str> {
        self.annotation("kind").or_else(|| self.json.get("artifactType")?.as_str())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        [FULL_NAME, REF_NAME].into_iter().filter_map(|name| self.annotation(name))
    }
}
