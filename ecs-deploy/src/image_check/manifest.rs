//! Manifests and indexes of images, as far as they name platforms.

use serde_json::Value;

use crate::image_check::platform::Platform;

/// The manifest or index that an image's name refers to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Manifest {
    /// One image. Its config has this digest and this many bytes, and names the platform.
    Image { config: String, size: u64 },
    /// Images for several platforms.
    Index {
        platforms: Vec<Platform>,
        /// Whether each entry names its platform.
        is_complete: bool,
    },
}

impl Manifest {
    /// Parses the JSON of a manifest or index.
    ///
    /// # Errors
    /// Returns the reason as a clause that follows "the image couldn't be checked".
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text)
            .map_err(|error| format!("its manifest isn't JSON ({error})"))?;
        if let Some(entries) = json.get("manifests").and_then(Value::as_array) {
            let platforms: Vec<Option<Platform>> = entries
                .iter()
                .map(|entry| entry.get("platform").and_then(Platform::from_json))
                .collect();
            let is_complete = platforms.iter().all(Option::is_some);
            let platforms =
                platforms.into_iter().flatten().filter(|it| !it.is_for_nothing()).collect();
            return Ok(Self::Index { platforms, is_complete });
        }
        let config = json.get("config");
        let digest = config.and_then(|it| it.get("digest")).and_then(Value::as_str);
        let size = config.and_then(|it| it.get("size")).and_then(Value::as_u64);
        let (Some(digest), Some(size)) = (digest, size) else {
            return Err("its manifest names no config".to_owned());
        };
        Ok(Self::Image { config: digest.to_owned(), size })
    }
}

/// The media types that a container runtime accepts. ECR converts a manifest of another type (API
/// reference of BatchGetImage).
pub(super) const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_index_has_the_platforms_of_its_images() {
        let entry = |os: &str, architecture: &str| json!({ "platform": { "os": os, "architecture": architecture, "variant": "v8" } });
        let both = [entry("linux", "amd64"), entry("linux", "arm64"), entry("unknown", "unknown")];
        let parse = |entries: &[Value]| {
            let text = json!({ "schemaVersion": 2, "manifests": entries }).to_string();
            let Ok(Manifest::Index { platforms, is_complete }) = Manifest::parse(&text) else {
                panic!("{text}");
            };
            (platforms.iter().map(Platform::to_string).collect::<Vec<_>>(), is_complete)
        };
        let names = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
        assert_eq!(parse(&both), (names.clone(), true));
        let [first, second, _] = both;
        assert_eq!(parse(&[first, json!({ "digest": "sha256:2b" }), second]), (names, false));
    }

    #[test]
    fn an_image_has_a_config() {
        let text = json!({ "config": { "digest": "sha256:2b", "size": 7 }, "layers": [] });
        let config = "sha256:2b".to_owned();
        assert_eq!(Manifest::parse(&text.to_string()), Ok(Manifest::Image { config, size: 7 }));
    }

    #[test]
    fn what_is_no_manifest_is_explained() {
        for text in ["{}", "[]", r#"{ "config": { "digest": "sha256:2b", "size": -1 } }"#] {
            assert_eq!(Manifest::parse(text).unwrap_err(), "its manifest names no config");
        }
        assert!(Manifest::parse("").unwrap_err().starts_with("its manifest isn't JSON ("));
    }
}
