//! [`Platform`]: an operating system and a processor architecture.

use std::fmt;
use std::str::FromStr;

use oci_spec::image::Descriptor;
use serde_json::Value;

use crate::error::Error;
use crate::image::media_types::INDEXES;

/// An operating system and a processor architecture, as images name them: `linux/amd64`,
/// `linux/arm/v7`.
///
/// The text form is `os/arch` or `os/arch/variant`, with the values of Go's `GOOS`, `GOARCH` and
/// `GOARM` ([OCI image index]).
///
/// # Errors
/// `parse` returns [`InvalidPlatform`](crate::ErrorKind::InvalidPlatform). The message says what is
/// wrong and at which byte.
///
/// [OCI image index]: https://github.com/opencontainers/image-spec/blob/main/image-index.md
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    /// Returns the operating system, such as `linux`.
    pub fn os(&self) -> &str {
        &self.os
    }

    /// Returns the processor's architecture, such as `arm64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Returns the variant of the architecture, such as `v7`, if there is one.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// Reads a descriptor's `platform` or a config; `None` if it doesn't name a platform.
    pub(super) fn from_json(json: &Value) -> Option<Self> {
        let member = |name: &str| json.get(name).and_then(Value::as_str);
        let (os, architecture) = (member("os")?, member("architecture")?);
        // BuildKit marks an attestation, which doesn't run anywhere, in this way.
        if os == "unknown" {
            return None;
        }
        match member("variant") {
            None | Some("") => format!("{os}/{architecture}").parse().ok(),
            Some(variant) => format!("{os}/{architecture}/{variant}").parse().ok(),
        }
    }

    /// Returns whether two platforms are the same, even if they are written differently.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.is_roughly(other) && self.usual_variant() == other.usual_variant()
    }

    /// Returns whether two platforms are the same apart from the variant.
    pub(super) fn is_roughly(&self, other: &Self) -> bool {
        self.os == other.os && self.architecture == other.architecture
    }

    /// Returns the variant, or the implied one: every arm64 processor is at least a v8. containerd
    /// applies the same rule.
    fn usual_variant(&self) -> Option<&str> {
        match (self.architecture.as_str(), self.variant()) {
            ("arm64", None) => Some("v8"),
            (_, variant) => variant,
        }
    }
}

const FORM: &str = "expected `os/arch` or `os/arch/variant`, as in `linux/arm64`";

impl FromStr for Platform {
    type Err = Error;

    /// Parses a platform.
    ///
    /// # Errors
    /// Returns [`InvalidPlatform`](crate::ErrorKind::InvalidPlatform) with the reason.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Err(Error::invalid_platform(text, problem));
        let parts: Vec<&str> = text.split('/').collect();
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
        if let Some((at, c)) = text.char_indices().find(|&(_, c)| c != '/' && !allowed(c)) {
            return wrong(format!(
                "{c:?} at byte {at} is not allowed, only lower-case letters, digits, `.`, `_` and `-` are"
            ));
        }
        let names = ["operating system", "architecture", "variant"];
        if let Some((_, name)) = parts.iter().zip(names).find(|(part, _)| part.is_empty()) {
            return wrong(format!("its {name} is empty, {FORM}"));
        }
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some((*variant).to_owned())),
            [_] => return wrong(format!("it has no architecture, {FORM}")),
            more => return wrong(format!("it has {} parts, {FORM}", more.len())),
        };
        Ok(Self { os: (*os).to_owned(), architecture: (*architecture).to_owned(), variant })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// The statement of an index about the platform of one of its manifests.
pub(super) enum PlatformClaim {
    /// The index states nothing, so the manifest's content has to name the platform.
    Nothing,
    /// The manifest is an attestation, which doesn't run anywhere.
    Nowhere,
    Platform(Platform),
}

/// Returns what the index, one level above `depth`, states about the manifest. The root is at depth
/// 0 and has no index above it, because `index.json` isn't part of an image.
pub(super) fn claimed_platform(descriptor: &Descriptor, depth: usize) -> PlatformClaim {
    let is_index = INDEXES.contains(&descriptor.media_type().as_ref());
    let Some(platform) = descriptor.platform().as_ref().filter(|_| depth > 0 && !is_index) else {
        return PlatformClaim::Nothing;
    };
    match serde_json::to_value(platform).ok().as_ref().and_then(Platform::from_json) {
        Some(platform) => PlatformClaim::Platform(platform),
        None => PlatformClaim::Nowhere,
    }
}
