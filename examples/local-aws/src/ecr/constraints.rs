//! What ECR's service model allows the members of an input to be, and the words in which ECR
//! refuses the rest.

use std::ops::RangeInclusive;

use crate::error::AwsError;

/// The refusal of a member's value. Users report this wording for patterns and for lengths; that
/// ECR words the rest alike is inferred.
pub(crate) fn violated(member: &str, constraint: &str) -> AwsError {
    AwsError::invalid_parameter(format!(
        "Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"
    ))
}

/// The `min` and `max` that the service model gives a list, a text or a blob. A member that is
/// missing counts as an empty one.
pub(crate) fn check_length(
    member: &str,
    length: usize,
    allowed: RangeInclusive<usize>,
) -> Result<(), AwsError> {
    let (min, max) = (allowed.start(), allowed.end());
    if length < *min {
        let constraint = format!("Member must have length greater than or equal to {min}");
        return Err(violated(member, &constraint));
    }
    if length > *max {
        let constraint = format!("Member must have length less than or equal to {max}");
        return Err(violated(member, &constraint));
    }
    Ok(())
}

/// Repository names, per component, components parted by `/`.
pub(crate) fn check_repository(name: &str) -> Result<(), AwsError> {
    check_length("repositoryName", name.len(), 2..=256)?;
    if name.split('/').all(is_component) {
        return Ok(());
    }
    Err(no_match(
        "repositoryName",
        r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
    ))
}

/// The number of an account.
pub(crate) fn check_registry(id: &str) -> Result<(), AwsError> {
    if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(no_match("registryId", "[0-9]{12}"))
}

/// The service model has the length, and no pattern; users report the pattern. It is wider than
/// the grammar of the OCI distribution specification.
pub(crate) fn check_tag(tag: &str) -> Result<(), AwsError> {
    check_length("imageTag", tag.len(), 1..=300)?;
    if is_tag(tag) {
        return Ok(());
    }
    Err(no_match("imageTag", "[a-zA-Z0-9-_.]+"))
}

pub(crate) fn is_tag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Any digest, of any algorithm. Users report that ECR holds an `imageDigest` against the pattern
/// that the service model has for a `layerDigest`.
pub(crate) fn check_digest(member: &str, digest: &str) -> Result<(), AwsError> {
    let algorithm = |b: u8| b.is_ascii_alphanumeric() || b"-_+.".contains(&b);
    if let Some((name, hex)) = digest.split_once(':')
        && !name.is_empty()
        && name.bytes().all(algorithm)
        && !hex.is_empty()
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return Ok(());
    }
    Err(no_match(member, "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"))
}

/// `sha256:` and 64 lower-case hexadecimal digits: the only digests that ECR stores.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// A UUID.
pub(crate) fn check_upload_id(id: &str) -> Result<(), AwsError> {
    let groups = [8, 4, 4, 4, 12];
    if id.split('-').map(str::len).eq(groups)
        && id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
    {
        return Ok(());
    }
    Err(no_match(
        "uploadId",
        "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    ))
}

pub(crate) fn no_match(member: &str, pattern: &str) -> AwsError {
    violated(member, &format!("must satisfy regular expression '{pattern}'"))
}

fn is_component(component: &str) -> bool {
    let mut rest = component;
    loop {
        let word = rest.trim_start_matches(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if word.len() == rest.len() {
            return false;
        }
        if word.is_empty() {
            return true;
        }
        rest = match word.as_bytes() {
            [b'.', ..] => &word[1..],
            [b'_', b'_', ..] => &word[2..],
            [b'_', ..] => &word[1..],
            [b'-', ..] => word.trim_start_matches('-'),
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names() {
        for good in ["a1", "team/app", "a.b_c__d-e---f/g", "1app", &"a".repeat(256)] {
            assert_eq!(check_repository(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "App",
            "-app",
            "app-",
            "a..b",
            "a___b",
            "a._b",
            "a//b",
            "/app",
            "app/",
            "é1",
            &"a".repeat(257),
        ] {
            assert!(check_repository(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags() {
        for good in ["latest", "1.4.2", "_x", "A-b.c", ".x", &"a".repeat(300)] {
            assert_eq!(check_tag(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "a+b", "a:b", "é", &"a".repeat(301)] {
            assert!(check_tag(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn digests() {
        let hex = "0123456789abcdef".repeat(4);
        let sha256 = format!("sha256:{hex}");
        let upper = format!("sha256:{}", hex.to_uppercase());
        let short = format!("sha256:{}", &hex[1..]);
        let sha512 = format!("sha512:{hex}{hex}");
        for good in [&sha256, &upper, &short, &sha512] {
            assert_eq!(check_digest("imageDigest", good), Ok(()), "{good}");
        }
        for bad in ["", "sha256", "sha256:", ":00", "sha 256:00", "sha256:xy"] {
            assert!(check_digest("imageDigest", bad).is_err(), "{bad}");
        }
        assert!(is_sha256(&sha256));
        for bad in [&hex, &upper, &short, &sha512] {
            assert!(!is_sha256(bad), "{bad}");
        }
    }

    #[test]
    fn upload_ids() {
        let id = "0a1B2c3d-0000-4000-8000-00000000000f";
        assert_eq!(check_upload_id(id), Ok(()));
        for bad in ["", "upload", &id[1..], &id.replace('-', "0"), &id.replace('f', "g")] {
            assert!(check_upload_id(bad).is_err(), "{bad}");
        }
    }
}
