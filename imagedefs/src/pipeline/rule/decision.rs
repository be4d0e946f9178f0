//! The decision of a rule about an event.

use std::fmt;

use serde::Serialize;

use crate::text::flaw::Quoted;

/// The decision of a [`DeployRule`](crate::rule::DeployRule) about an event.
///
/// Serialises as `{"decision": "deploy"}`, or as `"decision": "ignore"` with the members of the
/// [`IgnoreReason`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "decision", rename_all = "camelCase")]
#[allow(clippy::exhaustive_enums, reason = "there is nothing between yes and no")]
pub enum Decision {
    /// The image is to be deployed.
    Deploy,
    /// The event is ignored, for this reason.
    Ignore(IgnoreReason),
}

/// Prints `deploy`, or `ignore: ` and the reason.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy => f.write_str("deploy"),
            Self::Ignore(reason) => write!(f, "ignore: {reason}"),
        }
    }
}

/// The reason to ignore an event: the first member that the rule does not accept, with its value.
///
/// Serialises with the name of the variant as `reason`. The values are as the event has them;
/// `Display` quotes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum IgnoreReason {
    /// The event has another action.
    #[non_exhaustive]
    Action {
        /// The action, such as `DELETE`, or `UPDATE_STORAGE_CLASS` for an archived image.
        action: Option<String>,
    },
    /// The image is another artifact, such as a Helm chart.
    #[non_exhaustive]
    Artifact {
        /// The media type of the artifact's config.
        media_type: String,
    },
    /// The event is of another kind.
    #[non_exhaustive]
    DetailType {
        /// The kind, such as `ECR Image Scan`.
        detail_type: String,
    },
    /// The image is an index instead of a single image, or the other way round.
    #[non_exhaustive]
    Form {
        /// The media type of the manifest.
        media_type: Option<String>,
    },
    /// The event lacks a SHA-256 digest.
    NoDigest,
    /// The event lacks a tag: the image is part of an image for several platforms, or was pushed by
    /// its digest alone.
    NoTag,
    /// The image is in another repository.
    #[non_exhaustive]
    Repository {
        /// Its name, without the registry.
        repository: Option<String>,
    },
    /// The action failed.
    #[non_exhaustive]
    Result {
        /// The result, such as `FAILED`.
        result: Option<String>,
    },
    /// Another service sent the event.
    #[non_exhaustive]
    Source {
        /// The service, such as `aws.s3`.
        source: String,
    },
    /// The image has another tag.
    #[non_exhaustive]
    Tag {
        /// The tag of the image.
        tag: String,
    },
}

/// Prints one clause, in lower case.
impl fmt::Display for IgnoreReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action { action } => write!(f, "the action is {}", Given(action.as_deref())),
            Self::Artifact { media_type } => {
                let media_type = Given(Some(media_type));
                write!(f, "the artifact type {media_type} is not a container image")
            }
            Self::DetailType { detail_type } => {
                write!(f, "the event is {}", Given(Some(detail_type)))
            }
            Self::Form { media_type } => {
                let media_type = media_type.as_deref();
                write!(f, "the media type of the manifest is {}", Given(media_type))
            }
            Self::NoDigest => f.write_str("the event has no SHA-256 digest"),
            Self::NoTag => f.write_str(
                "the image has no tag: it is part of an image for several platforms, or was \
                 pushed by its digest alone",
            ),
            Self::Repository { repository } => {
                write!(f, "the repository is {}", Given(repository.as_deref()))
            }
            Self::Result { result } => write!(f, "the result is {}", Given(result.as_deref())),
            Self::Source { source } => write!(f, "the event is from {}", Given(Some(source))),
            Self::Tag { tag } => write!(f, "the tag is {}", Given(Some(tag))),
        }
    }
}

/// A member of an event, which can be missing or empty.
struct Given<'a>(Option<&'a str>);

impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None | Some("") => f.write_str("not given"),
            Some(text) => Quoted(text).fmt(f),
        }
    }
}
