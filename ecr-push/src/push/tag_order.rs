//! The order in which tags are set.

use std::cmp::Reverse;

use crate::names::tag::Tag;

/// Returns the tags in the order in which they are set. Tags that name one version come before tags
/// that move from version to version, so `latest` never points to an image for which ECR rejected
/// `1.4.2`. Otherwise the order stays as given.
pub(crate) fn in_order(tags: &[Tag]) -> Vec<Tag> {
    let mut tags = tags.to_vec();
    // The sort is stable.
    tags.sort_by_key(|tag| Reverse(precision(tag.as_str())));
    tags
}

/// Guesses how precisely a tag names one version. Only the order depends on this guess.
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

/// How precisely a tag names one version. The variants ascend, because `Ord` compares them.
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
}
