//! References to container images.

pub(crate) mod digest;
mod grammar;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Error;
use crate::names::ecr::{EcrRegistry, plain_host};
use crate::names::image_uri::grammar::{Parts, check, split_registry};
use crate::text::flaw::{Flaw, Quoted};
use crate::text::problem_kind::ProblemKind;

/// A reference to a container image, as ECS accepts it: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.
///
/// The text is kept exactly as written. `httpd:2.4` stays `httpd:2.4`, and a reference without a
/// tag stays without one.
///
/// ```
/// use imagedefs::ImageUri;
///
/// let image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4.2".parse::<ImageUri>()?;
/// assert_eq!(image.repository(), "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web");
/// assert_eq!(image.tag(), Some("1.4.2"));
/// assert_eq!(image.digest(), None);
/// assert_eq!(image.ecr().map(|registry| registry.region()), Some("eu-west-1"));
/// # Ok::<(), imagedefs::Error>(())
/// ```
///
/// The grammar is that of the `distribution` project, which Docker and containerd use, without the
/// parts that ECS refuses (ECS API, `ContainerDefinition`): digests other than SHA-256, more than
/// 255 characters before the digest, and hosts that are IPv6 addresses, because ECS does not allow
/// their brackets. A tag and a digest together are accepted; ECS's answers show that it takes them,
/// but AWS does not document it. A mistyped host of Amazon ECR is refused too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageUri(String);

impl ImageUri {
    /// Returns the text, as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns everything before the tag and the digest.
    pub fn repository(&self) -> &str {
        Parts::new(&self.0).repository
    }

    /// Returns the host and port of the registry. `None` means Docker Hub, for short names such as
    /// `httpd`.
    pub fn registry(&self) -> Option<&str> {
        split_registry(self.repository()).0
    }

    /// Returns the private ECR registry of the image, if it is in one.
    pub fn ecr(&self) -> Option<EcrRegistry<'_>> {
        EcrRegistry::from_host(self.registry()?).ok().flatten()
    }

    /// Returns the tag, if any. Without tag and digest, ECS uses `latest`.
    pub fn tag(&self) -> Option<&str> {
        Parts::new(&self.0).tag
    }

    /// Returns the digest, `sha256:` and 64 hexadecimal digits, if any.
    pub fn digest(&self) -> Option<&str> {
        Parts::new(&self.0).digest
    }

    /// Parses a reference. Returns all that is wrong with an invalid one.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Flaw>> {
        let flaws = check(text);
        if flaws.is_empty() { Ok(Self(text.to_owned())) } else { Err(flaws) }
    }

    /// Creates the reference by digest to an image in a private registry of ECR, with the
    /// registry's main host.
    ///
    /// # Errors
    ///
    /// `InvalidImageUri` if one of the parts is invalid.
    pub(crate) fn from_ecr(
        account: &str,
        region: &str,
        repository: &str,
        digest: &str,
    ) -> Result<Self, Error> {
        let text = format!("{}/{repository}@{digest}", plain_host(account, region));
        // A `/` or `:` in one of the parts would change the meaning of the reference.
        if ![account, region].iter().any(|part| part.contains(['/', ':', '@'])) {
            let image = text.parse::<Self>()?;
            let is_meant = image.ecr().is_some_and(|registry| {
                registry.account() == account && registry.region() == region
            });
            if is_meant && image.tag().is_none() {
                return Ok(image);
            }
        }
        let [account, region, repository] = [account, region, repository].map(Quoted);
        let what = format!(
            "the reference does not have the account {account}, the region {region} and the \
             repository {repository}"
        );
        Err(Error::invalid_image_uri(&text, vec![Flaw::new(0, ProblemKind::EcrHost, what)]))
    }

    /// Returns everything before the tag and the digest, without the host.
    pub(crate) fn path(&self) -> &str {
        split_registry(self.repository()).1
    }
}

impl AsRef<str> for ImageUri {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ImageUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).map_err(|flaws| Error::invalid_image_uri(text, flaws))
    }
}

impl Serialize for ImageUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ImageUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_reference_stay_where_they_belong() {
        let hex = "0123456789abcdef".repeat(4);
        let digest = format!("sha256:{hex}");
        let build = |account: &str, region: &str, repository: &str| {
            ImageUri::from_ecr(account, region, repository, &digest)
        };
        let image = build("111122223333", "us-gov-west-1", "shop/web").unwrap();
        let host = "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com";
        assert_eq!(image.as_str(), format!("{host}/shop/web@{digest}"));

        for (account, region, repository) in [
            ("example.com/111122223333", "us-east-1", "web"),
            ("111122223333", "us-east-1.amazonaws.com/other", "web"),
            ("111122223333", "us-east-1", "web:1"),
        ] {
            let error = build(account, region, repository).unwrap_err();
            let what = format!(
                "the reference does not have the account `{account}`, the region `{region}` and \
                 the repository `{repository}`"
            );
            assert_eq!(error.problems()[0].what(), what);
        }
        let error = ImageUri::from_ecr("111122223333", "us-east-1", "web", &format!("{digest}@x"));
        assert!(error.is_err());
    }
}
