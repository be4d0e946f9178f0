//! [`Platform`]: an operating system and a processor architecture.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::image::media_types::INDEXES;

/// An operating system and a processor architecture, as images name them: `linux/amd64`,
/// `linux/arm/v7`, `windows/amd64:10.0.20348.1`.
///
/// The text form is `os/arch` or `os/arch/variant`, with the values of Go's `GOOS`, `GOARCH` and
/// `GOARM` ([OCI image index]). `:` and the version of the operating system may follow, as crane
/// writes it, and `+` and a feature of it. containerd's form `windows(10.0.20348.1)/amd64` is parsed
/// as well, and so are the spellings that containerd normalises: `x86_64`, `aarch64`, `arm64/8`,
/// `armhf`.
///
/// serde writes a platform as an object with the members that it has in an index.
///
/// # Errors
/// `parse` returns [`InvalidPlatform`](crate::ErrorKind::InvalidPlatform). The message says what is
/// wrong and at which byte.
///
/// [OCI image index]: https://github.com/opencontainers/image-spec/blob/main/image-index.md
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Platform {
    os: String,
    architecture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    os_features: Vec<String>,
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

    /// Returns the version of the operating system, such as `10.0.20348.1`, if there is one. It
    /// tells Windows images of one architecture apart.
    pub fn os_version(&self) -> Option<&str> {
        self.os_version.as_deref()
    }

    /// Returns the features of the operating system that the image needs, such as `win32k`.
    pub fn os_features(&self) -> &[String] {
        &self.os_features
    }

    /// Reads a descriptor's `platform` or a config; `None` if it doesn't name a platform.
    pub(super) fn from_json(json: &Value) -> Option<Self> {
        let member = |name: &str| {
            let text = json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())?;
            text.chars().all(|c| is_of_name(c) || is_of_version(c)).then(|| text.to_owned())
        };
        let features = json.get("os.features").and_then(Value::as_array);
        let features = features.into_iter().flatten().filter_map(Value::as_str);
        let features = features.filter(|feature| feature.chars().all(is_of_version));
        let platform = Self {
            os: member("os")?,
            architecture: member("architecture")?,
            variant: member("variant"),
            os_version: member("os.version"),
            os_features: features.map(str::to_owned).collect(),
        };
        // BuildKit marks an attestation, which doesn't run anywhere, in this way.
        (platform.os != "unknown").then_some(platform)
    }

    /// Returns whether an image for `other` is one for this platform, even if the two are written
    /// differently.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.is_roughly(other) && self.usual().variant == other.usual().variant
    }

    /// Returns whether an image for `other` is one for this platform apart from the variant.
    pub(super) fn is_roughly(&self, other: &Self) -> bool {
        let (one, two) = (self.usual(), other.usual());
        let fits = |version: &str| {
            let found = other.os_version.as_deref().and_then(|it| it.strip_prefix(version));
            found.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        one.os == two.os
            && one.architecture == two.architecture
            && self.os_version.as_deref().is_none_or(fits)
            && self.os_features.iter().all(|feature| other.os_features.contains(feature))
    }

    /// Returns the names that mean the same by containerd's rules, with the implied variant: every
    /// arm64 processor is at least a v8, and every amd64 processor a v1.
    fn usual(&self) -> Usual<'_> {
        let os = if self.os == "macos" { "darwin" } else { &self.os };
        let (architecture, implied) = match self.architecture.as_str() {
            "aarch64" | "arm64" => ("arm64", Some("v8")),
            "amd64" | "x86-64" | "x86_64" => ("amd64", Some("v1")),
            "armel" => ("arm", Some("v6")),
            "armhf" => ("arm", Some("v7")),
            "i386" => ("386", None),
            other => (other, None),
        };
        let variant = match self.variant.as_deref() {
            Some(number) if is_number(architecture, number) => Some(format!("v{number}")),
            Some(variant) => Some(variant.to_owned()),
            None => implied.map(str::to_owned),
        };
        Usual { os, architecture, variant }
    }

    /// Returns the platform with the usual names; a variant that goes without saying is left as it
    /// is.
    fn with_usual_names(self) -> Self {
        let Usual { os, architecture, variant } = self.usual();
        let says_variant = self.variant.is_some() || self.architecture.starts_with("arm");
        let is_implied = self.variant.is_none() && self.architecture == "arm64";
        let variant = variant.filter(|_| says_variant && !is_implied);
        let (os, architecture) = (os.to_owned(), architecture.to_owned());
        Self { os, architecture, variant, ..self }
    }
}

/// The names of a platform that are compared.
#[derive(Debug)]
struct Usual<'a> {
    os: &'a str,
    architecture: &'a str,
    variant: Option<String>,
}

/// Returns whether it is a variant without its `v`, as in `arm64/8`.
fn is_number(architecture: &str, variant: &str) -> bool {
    architecture.starts_with("arm") && variant.bytes().all(|byte| byte.is_ascii_digit())
}

const FORM: &str = "expected `os/arch` or `os/arch/variant`, as in `linux/arm64`";

impl FromStr for Platform {
    type Err = Error;

    /// Parses a platform.
    ///
    /// # Errors
    /// Returns [`InvalidPlatform`](crate::ErrorKind::InvalidPlatform) with the reason.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|problem| Error::invalid_platform(text, problem))
    }
}

fn parse(text: &str) -> Result<Platform, String> {
    let (os_end, os) = match text.find('/') {
        Some(end) => (end, &text[..end]),
        None => (text.len(), text),
    };
    // containerd's form, then crane's.
    let (os, in_os) = match os.split_once('(') {
        Some((os, version)) => match version.strip_suffix(')') {
            Some(version) => (os, Some((os.len() + 1, version))),
            None => return Err(format!("its OS version has no `)`, {FORM}")),
        },
        None => (os, None),
    };
    let (rest, at_end) = match text[os_end..].split_once(':') {
        Some((rest, version)) => (rest, Some((os_end + rest.len() + 1, version))),
        None => (&text[os_end..], None),
    };
    check(os, 0, is_of_name, "lower-case letters, digits, `.`, `_` and `-`")?;
    check(rest, os_end, is_of_name, "lower-case letters, digits, `.`, `_` and `-`")?;
    let (os_version, os_features) = match (in_os, at_end) {
        (Some(_), Some(_)) => return Err(format!("it has two OS versions, {FORM}")),
        (None, None) => (None, Vec::new()),
        (Some((at, version)), None) | (None, Some((at, version))) => os_version(version, at)?,
    };
    let rest = rest.strip_prefix('/');
    let parts: Vec<&str> =
        [os].into_iter().chain(rest.into_iter().flat_map(|it| it.split('/'))).collect();
    let names = ["operating system", "architecture", "variant"];
    if let Some((_, name)) = parts.iter().zip(names).find(|(part, _)| part.is_empty()) {
        return Err(format!("its {name} is empty, {FORM}"));
    }
    let (os, architecture, variant) = match parts.as_slice() {
        [os, architecture] => (*os, *architecture, None),
        [os, architecture, variant] => (*os, *architecture, Some((*variant).to_owned())),
        [_] | [] => return Err(format!("it has no architecture, {FORM}")),
        more => return Err(format!("it has {} parts, {FORM}", more.len())),
    };
    let (os, architecture) = (os.to_owned(), architecture.to_owned());
    let platform = Platform { os, architecture, variant, os_version, os_features };
    Ok(platform.with_usual_names())
}

/// Parses a version and its features, `10.0.20348.1+win32k`, which begin at byte `at`.
fn os_version(text: &str, at: usize) -> Result<(Option<String>, Vec<String>), String> {
    check(text, at, |c| is_of_version(c) || c == '+', "letters, digits, `.`, `_`, `-` and `+`")?;
    let mut parts = text.split('+').map(str::to_owned);
    let version = parts.next().filter(|version| !version.is_empty());
    let features: Vec<String> = parts.collect();
    if features.iter().any(String::is_empty) || version.is_none() && features.is_empty() {
        return Err(format!("its OS version is empty, {FORM}"));
    }
    Ok((version, features))
}

fn check(part: &str, at: usize, allowed: fn(char) -> bool, named: &str) -> Result<(), String> {
    match part.char_indices().find(|&(_, c)| c != '/' && !allowed(c)) {
        Some((offset, c)) => {
            Err(format!("{c:?} at byte {} is not allowed, only {named} are", at + offset))
        }
        None => Ok(()),
    }
}

fn is_of_name(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-')
}

fn is_of_version(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if let Some(variant) = &self.variant {
            write!(f, "/{variant}")?;
        }
        if self.os_version.is_some() || !self.os_features.is_empty() {
            write!(f, ":{}", self.os_version.as_deref().unwrap_or_default())?;
        }
        self.os_features.iter().try_for_each(|feature| write!(f, "+{feature}"))
    }
}

/// The statement of an index about the platform of one of its manifests. The root has no index above
/// it, because `index.json` isn't part of an image.
pub(super) enum PlatformClaim {
    /// The index states nothing, so the manifest's content has to name the platform.
    Nothing,
    /// The manifest is an attestation, which doesn't run anywhere.
    Nowhere,
    Platform(Platform),
}

/// Returns what an index states about the manifest of one of its descriptors.
pub(super) fn claimed_platform(descriptor: &Value) -> PlatformClaim {
    let is_index = descriptor["mediaType"].as_str().is_some_and(|it| INDEXES.contains(&it));
    match descriptor.get("platform") {
        Some(platform) if platform.is_object() && !is_index => {
            match Platform::from_json(platform) {
                Some(platform) => PlatformClaim::Platform(platform),
                None => PlatformClaim::Nowhere,
            }
        }
        _ => PlatformClaim::Nothing,
    }
}
