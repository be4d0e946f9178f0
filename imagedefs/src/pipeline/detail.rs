//! The content of an `imageDetail.json`.

pub(crate) mod diagnosis;
mod java_date;

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::file;
use crate::names::image_uri::ImageUri;
use crate::text::flaw::Quoted;
use crate::text::problem::Problem;

/// The content of an `imageDetail.json`: CodePipeline's ECR source action writes it about the image
/// that it found, and the blue/green action of CodeDeploy reads it (CodePipeline user guide, image
/// definitions file reference).
///
/// The file names no container, so the ECS action cannot use it alone. A
/// [`ContainerMap`](crate::containers::ContainerMap) adds the container:
///
/// ```
/// use imagedefs::containers::ContainerMap;
/// use imagedefs::detail::ImageDetail;
///
/// let detail = r#"{
///     "ImageSizeInBytes": "44728918",
///     "ImageDigest": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
///     "Version": "1.0",
///     "ImagePushedAt": "Mon Jan 21 20:04:00 UTC 2019",
///     "RegistryId": "111122223333",
///     "RepositoryName": "shop/web",
///     "ImageURI": "111122223333.dkr.ecr.us-west-2.amazonaws.com/shop/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
///     "ImageTags": ["latest"]
/// }"#;
/// let detail = detail.parse::<ImageDetail>()?;
/// let containers = r#"{"shop/web": "web"}"#.parse::<ContainerMap>()?;
/// let definitions = containers.definitions([detail.image_uri()?])?;
/// assert_eq!(definitions.get("web").map(|image| image.tag()), Some(None));
/// # Ok::<(), imagedefs::Error>(())
/// ```
///
/// The accessors return the text as written, which is not safe to print. Unknown members are kept,
/// and printed again. Only `ImageURI` is required; a file written for the
/// blue/green action has nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDetail {
    image: ImageUri,
    /// The size in bytes.
    size: Option<u64>,
    members: DetailMembers,
}

impl ImageDetail {
    /// The fixed name of the file, `imageDetail.json`. The blue/green action reads no other name.
    pub const FILE_NAME: &str = "imageDetail.json";

    /// Creates the detail that the blue/green action needs: only `ImageURI`.
    pub fn new(image: ImageUri) -> Self {
        let members = DetailMembers {
            image_uri: Some(image.as_str().to_owned()),
            ..DetailMembers::default()
        };
        Self { image, size: None, members }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// `InvalidImageDetail`, `NotFound`, `Read`.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::parse(&file::read_text(path.as_ref())?, &format!("`{}`", path.as_ref().display()))
    }

    /// Writes a file in one step, as [`ImageDefinitions::write`](crate::ImageDefinitions::write)
    /// does.
    ///
    /// # Errors
    ///
    /// `Write`.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.to_string().as_bytes())
    }

    /// Returns the image by its digest, `REPOSITORY@sha256:…`, without its tag: a tag can move to
    /// another image before the reference is used.
    ///
    /// # Errors
    ///
    /// `NoDigest` for a file with a tag alone.
    pub fn image_uri(&self) -> Result<ImageUri, Error> {
        let digest = self.digest().ok_or_else(|| {
            let what = format!(
                "the image detail has no digest of {}: write `ImageURI` as REPOSITORY@sha256:…",
                Quoted(self.image.as_str())
            );
            Error::refused(ErrorKind::NoDigest, what, [])
        })?;
        format!("{}@{digest}", self.image.repository()).parse()
    }

    /// Returns `ImageURI` as written. In the file of an ECR source action it has the digest; the
    /// action's variable of the same name has the tag.
    pub fn written_uri(&self) -> &ImageUri {
        &self.image
    }

    /// Returns the digest, from `ImageURI` or `ImageDigest`. If both have one, they are equal.
    pub fn digest(&self) -> Option<&str> {
        self.image.digest().or(self.members.image_digest.as_deref())
    }

    /// Returns the tags that the image had when the source action ran.
    pub fn tags(&self) -> &[String] {
        &self.members.image_tags
    }

    /// Returns the size of the image, in bytes. The file has it as a string.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Returns the time of the push. The file has it as Java prints a date, in UTC. Another form
    /// returns `None`, and so does another time zone, because abbreviations of time zones are
    /// ambiguous.
    pub fn pushed_at(&self) -> Option<SystemTime> {
        java_date::parse(self.members.image_pushed_at.as_deref()?)
    }

    /// Returns the account of the registry, 12 digits.
    pub fn registry_id(&self) -> Option<&str> {
        self.members.registry_id.as_deref()
    }

    /// Returns the repository's name, without the registry.
    pub fn repository_name(&self) -> Option<&str> {
        self.members.repository_name.as_deref()
    }

    fn refused(source: &str, reasons: Vec<String>) -> Error {
        let what = format!("cannot use {source}");
        Error::refused(ErrorKind::InvalidImageDetail, what, reasons)
    }

    fn parse(text: &str, source: &str) -> Result<Self, Error> {
        let refused = |reasons: Vec<String>| Self::refused(source, reasons);
        let value = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}'))
            .map_err(|error| refused(vec![format!("invalid JSON: {error}")]))?;
        if value.is_array() {
            let what = "expected an object, found an array, as in an imagedefinitions.json";
            return Err(refused(vec![what.to_owned()]));
        }
        let members =
            DetailMembers::deserialize(value).map_err(|error| refused(vec![error.to_string()]))?;
        Self::check(members).map_err(refused)
    }

    /// Returns the detail, or all that is wrong with it.
    fn check(members: DetailMembers) -> Result<Self, Vec<String>> {
        let mut reasons = Vec::new();
        let size = match members.image_size_in_bytes.as_deref().map(str::parse::<u64>) {
            Some(Err(_)) => {
                let size = members.image_size_in_bytes.as_deref().unwrap_or_default();
                let size = Quoted(size);
                reasons
                    .push(format!("invalid `ImageSizeInBytes` {size}: expected a number of bytes"));
                None
            }
            size => size.and_then(Result::ok),
        };
        if let Some(digest) = &members.image_digest {
            // References define the grammar of digests.
            let probe = format!("image@{digest}").parse::<ImageUri>();
            let problems = probe.as_ref().err().map_or(&[][..], Error::problems);
            reasons.extend(problems.iter().map(|it| format!("`ImageDigest`: {}", it.what())));
        }
        let image = match &members.image_uri {
            None => {
                let is_meant = |key: &&String| key.eq_ignore_ascii_case("ImageURI");
                reasons.push(match members.others.keys().find(is_meant) {
                    Some(key) => format!("misnamed member `{key}`: expected `ImageURI`"),
                    None => "missing member `ImageURI`".to_owned(),
                });
                None
            }
            Some(text) => match text.parse::<ImageUri>() {
                Ok(image) => Some(image),
                Err(error) => {
                    let what = |it: &Problem| format!("`ImageURI`: {}", it.what());
                    reasons.extend(error.problems().iter().map(what));
                    None
                }
            },
        };
        if let Some(image) = &image {
            reasons.extend(members.contradictions(image));
        }
        match image {
            Some(image) if reasons.is_empty() => Ok(Self { image, size, members }),
            _ => Err(reasons),
        }
    }
}

/// Prints the text of the file: a JSON object, indented, with a line end after it.
impl fmt::Display for ImageDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        writeln!(f, "{text}")
    }
}

/// Reads the text of a file.
impl FromStr for ImageDetail {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text, "the image detail")
    }
}

impl Serialize for ImageDetail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ImageDetail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let refused = |reasons| {
            Error::refused(ErrorKind::InvalidImageDetail, "cannot use the image detail", reasons)
        };
        let members = DetailMembers::deserialize(deserializer)?;
        Self::check(members).map_err(|reasons| de::Error::custom(refused(reasons)))
    }
}

/// The members of the file as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", expecting = "an object")]
struct DetailMembers {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_size_in_bytes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_pushed_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registry_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository_name: Option<String>,
    #[serde(rename = "ImageURI", default, skip_serializing_if = "Option::is_none")]
    image_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    image_tags: Vec<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl DetailMembers {
    /// Lists the members that contradict the reference: the file was assembled from two files, or
    /// edited in only one place.
    fn contradictions(&self, image: &ImageUri) -> Vec<String> {
        let pairs = [
            ("ImageDigest", &self.image_digest, image.digest()),
            ("RegistryId", &self.registry_id, image.ecr().map(|registry| registry.account())),
            ("RepositoryName", &self.repository_name, image.ecr().map(|_| image.path())),
        ];
        let contradictions = pairs.into_iter().filter_map(|(member, value, other)| {
            let (value, other) = (value.as_deref()?, other?);
            (value != other).then(|| {
                format!("`{member}` is {}, but `ImageURI` has {}", Quoted(value), Quoted(other))
            })
        });
        contradictions.collect()
    }
}

#[cfg(test)]
mod tests;
