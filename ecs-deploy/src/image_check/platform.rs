//! Platforms of tasks and of images, and their comparison.

use std::fmt;

use serde_json::Value;

use crate::json::value::Json;
use crate::outside::Outside;
use crate::revision::Revision;

/// The platform of an image, in the terms of the OCI image specification: `linux` and `amd64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Platform {
    os: String,
    architecture: String,
}

/// The platform that the tasks of a revision run on, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    os: Option<&'static str>,
    architecture: Option<&'static str>,
}

impl Platform {
    /// Reads an object with the members `os` and `architecture`: an entry of an index or an image's
    /// config. Returns `None` if either is missing.
    pub(super) fn from_json(json: &Value) -> Option<Self> {
        let text = |name| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Some(Self { os: text("os")?.to_owned(), architecture: text("architecture")?.to_owned() })
    }

    /// Reads the bytes of an image's config.
    pub(super) fn from_config(json: &[u8]) -> Result<Self, String> {
        let config: Value = serde_json::from_slice(json)
            .map_err(|error| format!("its config isn't JSON ({error})"))?;
        Self::from_json(&config).ok_or_else(|| "its config doesn't name its platform".to_owned())
    }

    /// Returns whether the entry isn't an image. Builders also add attestations to an index.
    pub(super) fn is_for_nothing(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values come from a registry and may enter a log.
        write!(f, "{}/{}", Outside::new(&self.os), Outside::new(&self.architecture))
    }
}

impl Needs {
    pub(super) fn from_revision(revision: &Revision) -> Self {
        let platform = revision.member("runtimePlatform");
        let said = |name| platform.and_then(Json::as_object).and_then(|it| it.text(name));
        let compatibilities = revision.member("requiresCompatibilities").and_then(Json::as_array);
        let is_fargate = compatibilities.is_some_and(|list| {
            !list.is_empty() && list.iter().all(|it| it.as_str() == Some("FARGATE"))
        });
        // The API reference documents these values. A newer value means an unknown platform.
        let os = match said("operatingSystemFamily") {
            Some("LINUX") => Some("linux"),
            Some(family) if family.starts_with("WINDOWS") => Some("windows"),
            Some(_) => None,
            None => is_fargate.then_some("linux"),
        };
        let architecture = match said("cpuArchitecture") {
            Some("ARM64") => Some("arm64"),
            Some("X86_64") => Some("amd64"),
            Some(_) => None,
            None => is_fargate.then_some("amd64"),
        };
        Self { os, architecture }
    }

    pub(super) fn are_unknown(&self) -> bool {
        self.os.is_none() && self.architecture.is_none()
    }

    pub(super) fn are_met_by(&self, platform: &Platform) -> bool {
        self.os.is_none_or(|os| os == platform.os)
            && self.architecture.is_none_or(|architecture| architecture == platform.architecture)
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.os, self.architecture) {
            (Some(os), Some(architecture)) => write!(f, "{os}/{architecture}"),
            (known, other) => f.write_str(known.or(other).unwrap_or("an unknown platform")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn needs(members: Value) -> Needs {
        let mut definition = json!({
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7",
            "family": "web",
        });
        definition.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Needs::from_revision(&Revision::described(&definition.to_string(), "[]"))
    }

    #[test]
    fn what_is_not_said_is_known_for_fargate_alone() {
        let arm = json!({ "cpuArchitecture": "ARM64" });
        let windows = json!({
            "cpuArchitecture": "X86_64",
            "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE",
        });
        let new = json!({ "cpuArchitecture": "RISCV64", "operatingSystemFamily": "PLAN9" });
        let fargate = json!(["FARGATE"]);
        for (members, os, architecture) in [
            (json!({}), None, None),
            (json!({ "requiresCompatibilities": [] }), None, None),
            (json!({ "requiresCompatibilities": fargate }), Some("linux"), Some("amd64")),
            (json!({ "requiresCompatibilities": ["EC2"] }), None, None),
            (json!({ "requiresCompatibilities": ["EC2", "FARGATE"] }), None, None),
            (json!({ "runtimePlatform": arm }), None, Some("arm64")),
            (
                json!({ "runtimePlatform": arm, "requiresCompatibilities": fargate }),
                Some("linux"),
                Some("arm64"),
            ),
            (json!({ "runtimePlatform": windows }), Some("windows"), Some("amd64")),
            (json!({ "runtimePlatform": new, "requiresCompatibilities": fargate }), None, None),
        ] {
            assert_eq!(needs(members.clone()), Needs { os, architecture }, "{members}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_compared() {
        let image =
            Platform::from_json(&json!({ "os": "linux", "architecture": "arm64" })).unwrap();
        for (os, architecture, expected, words) in [
            (Some("linux"), Some("arm64"), true, "linux/arm64"),
            (Some("linux"), Some("amd64"), false, "linux/amd64"),
            (Some("windows"), Some("arm64"), false, "windows/arm64"),
            (None, Some("arm64"), true, "arm64"),
            (None, Some("amd64"), false, "amd64"),
            (Some("linux"), None, true, "linux"),
            (None, None, true, "an unknown platform"),
        ] {
            let needs = Needs { os, architecture };
            assert_eq!(needs.are_met_by(&image), expected, "{needs}");
            assert_eq!(needs.to_string(), words);
        }
    }

    #[test]
    fn a_config_says_what_it_is_for_or_why_not() {
        let config = br#"{ "os": "linux", "architecture": "amd64", "config": {} }"#;
        assert_eq!(Platform::from_config(config).unwrap().to_string(), "linux/amd64");
        assert_eq!(
            Platform::from_config(b"{}").unwrap_err(),
            "its config doesn't name its platform"
        );
        assert!(
            Platform::from_config(b"<html>").unwrap_err().starts_with("its config isn't JSON (")
        );
    }
}
