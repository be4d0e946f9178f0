//! The names of images.

/// Returns what is wrong with the name of an image.
///
/// ECS refuses characters that no image's name has (API reference of ContainerDefinition). Container
/// runtimes refuse the rest when they pull: the grammar is that of Docker's references.
pub(crate) fn flaw(image: &str) -> Option<&'static str> {
    if image.is_empty() {
        return Some("is empty");
    }
    if image.contains("://") {
        return Some("begins with a scheme, which an image's name doesn't have");
    }
    let is_allowed = |it: char| it.is_ascii_alphanumeric() || "-_:./#@".contains(it);
    if !image.chars().all(is_allowed) {
        return Some("has a character that the name of an image can't have");
    }
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return Some("has an invalid digest: expected `sha256:` and 64 hexadecimal digits");
    }
    let last = name.rsplit('/').next().unwrap_or_default();
    let (name, tag) = match last.split_once(':') {
        Some((_, tag)) => (&name[..name.len() - tag.len() - 1], Some(tag)),
        None => (name, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Some("has an invalid tag: expected 1 to 128 letters, digits, `_`, `.` and `-`");
    }
    let path = match name.split_once('/') {
        // The first part is a host if it can't be the name of an organization.
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => path,
        _ => name,
    };
    if path.chars().any(|it| it.is_ascii_uppercase()) {
        return Some("has a capital letter in the repository's name");
    }
    let is_part = |part: &str| {
        let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
        part.starts_with(is_plain)
            && part.ends_with(is_plain)
            && part.chars().all(|it| is_plain(it) || "._-".contains(it))
    };
    (!path.split('/').all(is_part)).then_some("has an invalid repository name")
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let is_hex = hex.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it));
    match algorithm {
        "sha256" => hex.len() == 64 && is_hex,
        _ => hex.len() >= 32 && is_hex,
    }
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag.chars().all(|it| it.is_ascii_alphanumeric() || "_.-".contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_images_are_checked() {
        let digest = format!("web@sha256:{}", "ab".repeat(32));
        let long = format!("web:{}", "a".repeat(129));
        for (image, expected) in [
            ("web", None),
            ("web:1", None),
            ("library/web:1.0_x-y", None),
            ("localhost:5000/a/b:1", None),
            ("Registry.example.com/web", None),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:2", None),
            (digest.as_str(), None),
            ("", Some("is empty")),
            (
                "https://example.com/web",
                Some("begins with a scheme, which an image's name doesn't have"),
            ),
            ("web 1", Some("has a character that the name of an image can't have")),
            ("web:1\n", Some("has a character that the name of an image can't have")),
            (
                "web:",
                Some("has an invalid tag: expected 1 to 128 letters, digits, `_`, `.` and `-`"),
            ),
            (
                &long,
                Some("has an invalid tag: expected 1 to 128 letters, digits, `_`, `.` and `-`"),
            ),
            (
                "web@sha256:ab",
                Some("has an invalid digest: expected `sha256:` and 64 hexadecimal digits"),
            ),
            ("Team/web", Some("has a capital letter in the repository's name")),
            ("team//web", Some("has an invalid repository name")),
            ("-web", Some("has an invalid repository name")),
        ] {
            assert_eq!(flaw(image), expected, "{image}");
        }
    }
}
