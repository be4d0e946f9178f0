//! What becomes of tags, and in which order they are set.

use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

use crate::names::digest::Digest;
use crate::names::tag::Tag;
use crate::wire::api::Found;

/// What setting a tag changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TagChange {
    /// The repository didn't have it.
    Created,
    /// It is on this image already: nothing is done.
    Kept,
    /// It was on another image.
    #[non_exhaustive]
    Moved {
        /// Which one.
        from: Digest,
    },
    /// It is set; what it was on before is not known, because it could not be looked up: that isn't
    /// allowed or wanted, or ECR can't read the image, which may be in the archive.
    Set,
}

impl fmt::Display for TagChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("new"),
            Self::Kept => f.write_str("already there"),
            Self::Moved { from } => write!(f, "moved from {from}"),
            Self::Set => f.write_str("set"),
        }
    }
}

impl TagChange {
    /// What it means to put `tag` on the image `digest`, where `found` is what there is; `None`
    /// where that isn't known.
    pub(crate) fn of(tag: &Tag, digest: &Digest, found: Option<&Found>) -> Self {
        match found.map(|found| (found.tags.get(tag), found.unknown.contains(tag))) {
            None | Some((None, true)) => Self::Set,
            Some((None, false)) => Self::Created,
            Some((Some(current), _)) if current == digest => Self::Kept,
            Some((Some(current), _)) => Self::Moved { from: current.clone() },
        }
    }
}

/// The tags in the order in which they are set: those that name one version before those that
/// move from version to version, so that `latest` never points at an image that `1.4.2` was
/// refused for. Otherwise as given.
pub(crate) fn in_order(tags: &[Tag]) -> Vec<Tag> {
    let mut tags = tags.to_vec();
    // Stable.
    tags.sort_by_key(|tag| Reverse(precision(tag.as_str())));
    tags
}

/// How much a tag looks like the name of one version: a guess, on which only the order depends.
fn precision(tag: &str) -> Precision {
    let version = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
    let numbers = version
        .split(['.', '-', '_', '+'])
        .take_while(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        .count();
    let is_commit = (7..=64).contains(&tag.len())
        && tag.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && tag.bytes().any(|b| b.is_ascii_digit());
    match numbers {
        _ if is_commit => Precision::Version,
        3.. => Precision::Version,
        2 => Precision::Minor,
        1 => Precision::Major,
        _ => Precision::Name,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Name,
    Major,
    Minor,
    Version,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_before_what_floats() {
        let tags = [
            "latest",
            "1",
            "1.4",
            "1.4.2",
            "main",
            "v1.4.2-rc1",
            "v2",
            "0a1b2c3",
            "deadbeef",
            "20261125",
            "build-7",
            "1.4-alpine",
        ];
        let tags: Vec<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        let ordered = in_order(&tags);
        let ordered: Vec<&str> = ordered.iter().map(Tag::as_str).collect();
        assert_eq!(
            ordered,
            [
                "1.4.2",
                "v1.4.2-rc1",
                "0a1b2c3",
                "20261125",
                "1.4",
                "1.4-alpine",
                "1",
                "v2",
                "latest",
                "main",
                "deadbeef",
                "build-7",
            ]
        );
    }

    #[test]
    fn changes_are_told_in_few_words() {
        let from = Digest::of(b"a");
        assert_eq!(TagChange::Created.to_string(), "new");
        assert_eq!(TagChange::Kept.to_string(), "already there");
        assert_eq!(TagChange::Set.to_string(), "set");
        let expected = format!("moved from {from}");
        assert_eq!(TagChange::Moved { from }.to_string(), expected);
    }
}
