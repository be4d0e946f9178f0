//! The image that CodePipeline's action ECRBuildAndPublish has published.

use serde::Serialize;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::names::image_uri::ImageUri;
use crate::text::flaw::Quoted;

/// What CodePipeline's action ECRBuildAndPublish says about the image that it made: its output
/// variables, which are all that it puts out (CodePipeline user guide, ECRBuildAndPublish action).
///
/// They have neither account nor region, and no name of a container. With these, and without a
/// file in git whose image has no tag, which is what AWS's tutorial does about it:
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
/// It is for private registries. To a public one the action pushes without saying where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedImage {
    repository: String,
    digest: String,
}

impl PublishedImage {
    /// The variable that has the digest.
    pub const DIGEST_VARIABLE: &str = "ECRImageDigestId";

    /// The variable that has the repository.
    pub const REPOSITORY_VARIABLE: &str = "ECRRepositoryName";

    /// From the values of `ECRRepositoryName` and `ECRImageDigestId`.
    ///
    /// The user guide calls the second "the sha256 digest", and doesn't show one: it is taken with
    /// `sha256:` in front and without.
    ///
    /// # Errors
    ///
    /// `InvalidEnvironment`, where a value is empty, or `#{NAMESPACE.VARIABLE}`, which CodePipeline
    /// has not replaced: the action has no namespace, or another one.
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

    /// The image by its digest. `account` has 12 digits; `region` is one such as `eu-west-1`, and
    /// tells the partition. In a build, [`CodeBuildEnv`](crate::codebuild::CodeBuildEnv) knows both.
    ///
    /// # Errors
    ///
    /// `InvalidImageUri`, where one of the four parts is no good.
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
