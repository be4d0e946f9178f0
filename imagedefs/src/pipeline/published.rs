//! The image that CodePipeline's action ECRBuildAndPublish published.

use serde::Serialize;

use crate::definitions::containers::check_repository;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::names::image_uri::ImageUri;
use crate::text::flaw::Quoted;

/// The image that CodePipeline's action ECRBuildAndPublish published, from its output variables,
/// which are its only output (CodePipeline user guide, ECRBuildAndPublish action).
///
/// The variables have neither account nor region, and no name of a container. AWS's tutorial uses a
/// file in git instead, whose image has no tag. With the variables:
///
/// ```
/// use imagedefs::containers::ContainerMap;
/// use imagedefs::published::PublishedImage;
///
/// let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// let image = PublishedImage::new("shop/web", digest)?.image_uri("111122223333", "eu-west-1")?;
/// let containers = r#"{"shop/web": "web"}"#.parse::<ContainerMap>()?;
/// let definitions = containers.definitions([image])?;
/// assert_eq!(
///     definitions.get("web").map(|image| image.as_str()),
///     Some(&*format!("111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web@{digest}")),
/// );
/// # Ok::<(), imagedefs::Error>(())
/// ```
///
/// Only private registries are supported. For a public registry, the action does not output where
/// it pushed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedImage {
    repository: String,
    digest: String,
}

impl PublishedImage {
    /// The variable with the digest.
    pub const DIGEST_VARIABLE: &str = "ECRImageDigestId";

    /// The variable with the repository.
    pub const REPOSITORY_VARIABLE: &str = "ECRRepositoryName";

    /// Takes the values of `ECRRepositoryName` and `ECRImageDigestId`.
    ///
    /// The user guide calls the second one "the sha256 digest", and shows no example: it is
    /// accepted with and without `sha256:` in front.
    ///
    /// # Errors
    ///
    /// `InvalidEnvironment` if a value is empty, or is `#{NAMESPACE.VARIABLE}`, which CodePipeline
    /// did not replace because the action has another namespace or none; also if the repository is
    /// not a name without registry and tag.
    pub fn new(repository: &str, digest: &str) -> Result<Self, Error> {
        let mut reasons = Vec::new();
        for (name, value) in
            [(Self::REPOSITORY_VARIABLE, repository), (Self::DIGEST_VARIABLE, digest)]
        {
            if value.is_empty() {
                reasons.push(format!("`{name}` is empty: its action has to run before this one"));
            } else if value.starts_with("#{") {
                let value = Quoted(value);
                reasons.push(format!(
                    "`{name}` is {value}, which was not replaced: give the action that namespace"
                ));
            } else if name == Self::REPOSITORY_VARIABLE {
                let reasons_of = check_repository(value).into_iter();
                reasons.extend(reasons_of.map(|reason| format!("`{name}`: {reason}")));
            }
        }
        if !reasons.is_empty() {
            let what = "cannot use the variables of ECRBuildAndPublish";
            return Err(Error::refused(ErrorKind::InvalidEnvironment, what, reasons));
        }
        let digest =
            if digest.contains(':') { digest.to_owned() } else { format!("sha256:{digest}") };
        Ok(Self { repository: repository.to_owned(), digest })
    }

    /// Returns the image by its digest. `account` has 12 digits; `region` is a region such as
    /// `eu-west-1`, and determines the partition. In a build,
    /// [`CodeBuildEnv`](crate::codebuild::CodeBuildEnv) has both.
    ///
    /// # Errors
    ///
    /// `InvalidImageUri` if one of the four parts is invalid.
    pub fn image_uri(&self, account: &str, region: &str) -> Result<ImageUri, Error> {
        ImageUri::from_ecr(account, region, &self.repository, &self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn the_digest_may_lack_its_algorithm() {
        for digest in [HEX.to_owned(), format!("sha256:{HEX}")] {
            let image = PublishedImage::new("shop/web", &digest).unwrap();
            assert_eq!(
                image.image_uri("111122223333", "cn-north-1").unwrap().as_str(),
                format!("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web@sha256:{HEX}")
            );
        }
    }

    #[test]
    fn values_that_are_none_are_said_all_at_once() {
        let error = PublishedImage::new("#{Build.ECRRepositoryName}", "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidEnvironment);
        assert_eq!(
            error.to_string(),
            "cannot use the variables of ECRBuildAndPublish:\n  \
             `ECRRepositoryName` is `#{Build.ECRRepositoryName}`, which was not replaced: give the \
             action that namespace\n  \
             `ECRImageDigestId` is empty: its action has to run before this one"
        );
    }

    #[test]
    fn a_repository_is_a_name_without_registry_and_tag() {
        let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
        for (repository, reason) in [
            (format!("{host}/shop/web"), "remove the registry"),
            (format!("{host}/shop/web:1"), "remove the registry"),
            ("shop/web:1".to_owned(), "remove the tag and the digest"),
            ("undefined".to_owned(), "a part of the repository name is `undefined`"),
            ("shop//web".to_owned(), "empty part in the repository name"),
        ] {
            let error = PublishedImage::new(&repository, HEX).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidEnvironment);
            assert_eq!(
                error.to_string(),
                format!(
                    "cannot use the variables of ECRBuildAndPublish: `ECRRepositoryName`: \
                     repository {}: {reason}",
                    Quoted(&repository)
                )
            );
        }
    }

    #[test]
    fn parts_that_are_no_good_are_said() {
        let image = PublishedImage::new("shop/web", "sha256:12").unwrap();
        let error = image.image_uri("11112222333", "eu-west-1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidImageUri);
        let what = error.problems().iter().map(|problem| problem.what()).collect::<Vec<_>>();
        assert_eq!(
            what,
            [
                "the AWS account `11112222333` has 11 digits instead of 12",
                "the digest has 2 digits instead of 64"
            ]
        );
    }
}
