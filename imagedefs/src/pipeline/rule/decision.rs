//! The decision of a rule about an event.

use std::fmt;

use serde::Serialize;

use crate::text::flaw::Quoted;

/// What a [`DeployRule`](crate::rule::DeployRule) says about an event.
///
/// Serialises as `{"decision": "deploy"}`, or as `"decision": "ignore"` with the members of the
/// [`IgnoreReason`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "decision", rename_all = "camelCase")]
#[allow(clippy::exhaustive_enums, reason = "there is nothing between yes and no")]
pub enum Decision {
    /// The image is to be deployed.
    Deploy,
    /// It isn't, for this reason.
    Ignore(IgnoreReason),
}

/// `deploy`, or `ignore: ` and the reason.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy => f.write_str("deploy"),
            Self::Ignore(reason) => write!(f, "ignore: {reason}"),
        }
    }
}

/// Why an event is no reason to deploy: the first thing in it that the rule doesn't take, with what
/// the event has instead.
///
/// Serialises with the name of the variant as `reason`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum IgnoreReason {
    /// Another action.
    #[non_exhaustive]
    Action {
        /// Such as `DELETE`, or `UPDATE_STORAGE_CLASS` for an image that is archived.
        action: Option<String>,
    },
    /// Another kind of event.
    #[non_exhaustive]
    DetailType {
        /// Such as `ECR Image Scan`.
        detail_type: String,
    },
    /// An index where a single image is wanted, or the other way round.
    #[non_exhaustive]
    Form {
        /// The media type of the manifest.
        media_type: Option<String>,
    },
    /// There is no SHA-256 digest.
    NoDigest,
    /// There is no tag: a part of an image for several platforms, or an image that was pushed by
    /// its digest alone.
    NoTag,
    /// Another repository.
    #[non_exhaustive]
    Repository {
        /// Its name, without the registry.
        repository: Option<String>,
    },
    /// It went wrong.
    #[non_exhaustive]
    Result {
        /// Such as `FAILED`.
        result: Option<String>,
    },
    /// An event of another service.
    #[non_exhaustive]
    Source {
        /// Such as `aws.s3`.
        source: String,
    },
    /// Another tag.
    #[non_exhaustive]
    Tag {
        /// The tag of the image.
        tag: String,
    },
}

/// One clause, in lower case.
impl fmt::Display for IgnoreReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action { action } => write!(f, "the action is {}", Given(action.as_deref())),
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

/// A member of an event, which may lack it or have it empty.
struct Given<'a>(Option<&'a str>);

impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None | Some("") => f.write_str("not given"),
            Some(text) => Quoted(text).fmt(f),
        }
    }
}
