//! Names and digests as ECR's service model constrains them.

use crate::error::AwsError;

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` per component, components parted by `/`, 2 to 256
/// characters: ECR's service model.
pub(crate) fn check_repository(name: &str) -> Result<(), AwsError> {
    if (2..=256).contains(&name.len()) && name.split('/').all(is_component) {
        return Ok(());
    }
    Err(AwsError::invalid_parameter(
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular \
         expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''",
    ))
}

/// `sha256:` and 64 lower-case hexadecimal digits, the only digests that ECR stores.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// The OCI distribution specification's grammar of a tag: a word character, then at most 127 word
/// characters, dots and dashes.
pub(crate) fn check_tag(tag: &str) -> Result<(), AwsError> {
    let mut bytes = tag.bytes();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if bytes.next().is_some_and(word)
        && tag.len() <= 128
        && bytes.all(|b| word(b) || b == b'.' || b == b'-')
    {
        return Ok(());
    }
    Err(AwsError::invalid_parameter(
        "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular \
         expression '[a-zA-Z0-9-_.]+''",
    ))
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
        for good in ["app", "a1", "team/app", "a.b_c__d-e---f/g", "1app"] {
            assert_eq!(check_repository(good), Ok(()), "{good}");
        }
        let long = "a".repeat(257);
        for bad in [
            "", "a", "App", "-app", "app-", "a..b", "a___b", "a//b", "/app", "app/", "é1", &long,
        ] {
            assert!(check_repository(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags() {
        for good in ["latest", "1.4.2", "_x", "A-b.c"] {
            assert_eq!(check_tag(good), Ok(()), "{good}");
        }
        let long = "a".repeat(129);
        for bad in ["", ".x", "-x", "a b", "a+b", "a:b", &long] {
            assert!(check_tag(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn digests() {
        let hex = "0123456789abcdef".repeat(4);
        assert!(is_digest(&format!("sha256:{hex}")));
        assert!(!is_digest(&hex));
        assert!(!is_digest(&format!("sha256:{}", hex.to_uppercase())));
        assert!(!is_digest(&format!("sha256:{}", &hex[1..])));
        assert!(!is_digest(&format!("sha512:{hex}{hex}")));
    }
}
