//! The names of images, as Docker, podman and people write them.

use crate::names::digest::Digest;

/// Returns whether both names mean the same image to Docker or podman, which complete a short name
/// with `docker.io/library/` or `localhost/`.
pub(super) fn is_same_name(one: &str, other: &str) -> bool {
    short(one) == short(other)
}

fn short(name: &str) -> &str {
    if let Some(local) = name.strip_prefix("localhost/") {
        return local;
    }
    let of_hub = name.strip_prefix("index.docker.io/").or_else(|| name.strip_prefix("docker.io/"));
    let name = of_hub.unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

/// The limit of images in one message.
const MAX_LISTED: usize = 20;

/// Lists the descriptions of images for a message.
pub(super) fn listed(mut images: impl ExactSizeIterator<Item = String>) -> String {
    let described: Vec<String> = images.by_ref().take(MAX_LISTED).collect();
    match images.len() {
        0 => described.join(", "),
        more => format!("{}, and {more} more", described.join(", ")),
    }
}

/// An image id, or its beginning, as Docker prints it: at least 12 hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct ImageId<'a>(&'a str);

impl<'a> ImageId<'a> {
    /// Returns the id that `name` may be.
    pub(super) fn from_name(name: &'a str) -> Option<Self> {
        let hex = name.strip_prefix("sha256:").unwrap_or(name);
        let digits = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (digits && (12..=64).contains(&hex.len())).then_some(Self(hex))
    }

    pub(super) fn is(self, digest: &Digest) -> bool {
        digest.hex().starts_with(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_with_and_without_its_registry() {
        for (one, other) in [
            ("web:1", "docker.io/library/web:1"),
            ("web:1", "localhost/web:1"),
            ("localhost/web:1", "docker.io/library/web:1"),
            ("library/web:1", "web:1"),
            ("me/shop:1", "docker.io/me/shop:1"),
            ("me/shop:1", "index.docker.io/me/shop:1"),
            ("me/shop:1", "localhost/me/shop:1"),
        ] {
            assert!(is_same_name(one, other) && is_same_name(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("web:1", "web:2"),
            ("web:1", "quay.io/web:1"),
            ("web:1", "localhost:5000/web:1"),
            ("web", "web:latest"),
            ("me/web:1", "library/web:1"),
        ] {
            assert!(!is_same_name(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let list = |count: usize| {
            listed((1..=count).map(|it| it.to_string()).collect::<Vec<_>>().into_iter())
        };
        assert_eq!(list(2), "1, 2");
        assert!(list(20).ends_with(", 19, 20"));
        assert!(list(23).ends_with(", 19, 20, and 3 more"));
    }

    #[test]
    fn an_id_has_twelve_digits_or_more() {
        let digest = Digest::from_content(b"config");
        for id in [digest.as_str(), digest.hex(), &digest.hex()[..12], &digest.as_str()[..27]] {
            assert!(ImageId::from_name(id).unwrap().is(&digest), "{id}");
        }
        for name in ["web", "", "sha256:", &digest.hex()[..11], "deadbeefdeadbeeg"] {
            assert!(ImageId::from_name(name).is_none(), "{name}");
        }
        assert!(!ImageId::from_name("0123456789ab").unwrap().is(&digest));
    }
}
