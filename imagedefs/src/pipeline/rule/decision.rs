//! The decision of a rule about an event.

use std::fmt;

use crate::text::flaw::Quoted;

/// What a [`DeployRule`](crate::DeployRule) says about an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// Why an event is no reason to deploy: the first thing in it that the rule doesn't take. What the
/// event has instead is in it, and empty where it has nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IgnoreReason {
    /// Another action, such as `DELETE`, or `UPDATE_STORAGE_CLASS` for an image that is archived.
    Action(String),
    /// Another kind of event, such as `ECR Image Scan`.
    DetailType(String),
    /// Another media type: an index where a single image is wanted, or the other way round.
    Form(String),
    /// There is no SHA-256 digest.
    NoDigest,
    /// There is no tag: a part of an image for several platforms, or an image that was pushed by
    /// its digest alone.
    NoTag,
    /// Another repository.
    Repository(String),
    /// It went wrong.
    Result(String),
    /// An event of another service.
    Source(String),
    /// Another tag.
    Tag(String),
}

/// One clause, in lower case.
impl fmt::Display for IgnoreReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action(action) => write!(f, "the action is {}", OrNone(action)),
            Self::DetailType(kind) => write!(f, "the event is {}", OrNone(kind)),
            Self::Form(media_type) => {
                write!(f, "the media type of the manifest is {}", OrNone(media_type))
            }
            Self::NoDigest => f.write_str("the event has no SHA-256 digest"),
            Self::NoTag => f.write_str(
                "the image has no tag: it is part of an image for several platforms, or was \
                 pushed by its digest alone",
            ),
            Self::Repository(name) => write!(f, "the repository is {}", OrNone(name)),
            Self::Result(result) => write!(f, "the result is {}", OrNone(result)),
            Self::Source(source) => write!(f, "the event is from {}", OrNone(source)),
            Self::Tag(tag) => write!(f, "the tag is {}", OrNone(tag)),
        }
    }
}

struct OrNone<'a>(&'a str);

impl fmt::Display for OrNone<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => f.write_str("not given"),
            text => Quoted(text).fmt(f),
        }
    }
}
