//! Names of images in private registries of ECR.

use crate::names::ecr_host::EcrHost;

/// An image in ECR. Two texts that name the same image parse to equal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EcrImage<'a> {
    pub(super) host: EcrHost<'a>,
    pub(super) repository: &'a str,
    pub(super) pick: Pick<'a>,
}

/// The tag or digest that selects an image of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick<'a> {
    Digest(&'a str),
    Tag(&'a str),
}

/// The properties that select an API endpoint of ECR.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Endpoint {
    pub(super) region: String,
    pub(super) is_fips: bool,
    pub(super) is_dual_stack: bool,
}

impl<'a> EcrImage<'a> {
    /// Parses an image's name; `None` if it isn't in a private registry of ECR.
    pub(super) fn parse(image: &'a str) -> Option<Self> {
        let (host, path) = EcrHost::split(image)?;
        // A container runtime ignores the tag if there is a digest.
        let (name, digest) = match path.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (path, None),
        };
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        Some(Self { host, repository, pick: digest.map_or(Pick::Tag(tag), Pick::Digest) })
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        let EcrHost { region, is_fips, is_dual_stack, .. } = self.host;
        Endpoint { region: region.to_owned(), is_fips, is_dual_stack }
    }

    /// Returns the repository's ARN.
    pub(super) fn arn(&self) -> String {
        self.host.repository_arn(self.repository)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::names::ecr_host::images_of_all_partitions;

    #[test]
    fn what_is_in_ecr_is_known_by_its_host() {
        for (host, region, is_fips, is_dual_stack) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", false, false),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", true, false),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", false, false),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1", false, true),
            ("123456789012.dkr-ecr-fips.us-east-1.on.aws", "us-east-1", true, true),
        ] {
            let text = format!("{host}/team/web:2");
            let image = EcrImage::parse(&text).unwrap();
            assert_eq!((image.host.account, image.repository), ("123456789012", "team/web"));
            assert_eq!(image.pick, Pick::Tag("2"));
            let region = region.to_owned();
            assert_eq!(image.endpoint(), Endpoint { region, is_fips, is_dual_stack });
        }
        for other in [
            "",
            "nginx",
            "nginx:1",
            "public.ecr.aws/nginx/nginx:1",
            "docker.io/library/nginx",
            "localhost:5000/web",
            "12345678901.dkr.ecr.eu-west-1.amazonaws.com/web",
            "1234567890123.dkr.ecr.eu-west-1.amazonaws.com/web",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.example/web",
            "123456789012.dkr.ecr.eu-west-1.example.com/web",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr..amazonaws.com/web",
            "12345678901ü.dkr.ecr.eu-west-1.amazonaws.com/web",
        ] {
            assert_eq!(EcrImage::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_digest_comes_before_a_tag_and_latest_is_the_default() {
        for (name, pick) in [
            ("web", Pick::Tag("latest")),
            ("web:latest", Pick::Tag("latest")),
            ("web:2", Pick::Tag("2")),
            ("web@sha256:2b", Pick::Digest("sha256:2b")),
            ("web:2@sha256:2b", Pick::Digest("sha256:2b")),
        ] {
            let text = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}");
            let image = EcrImage::parse(&text).unwrap();
            assert_eq!((image.repository, image.pick), ("web", pick), "{text}");
        }
    }

    #[test]
    fn the_arn_is_of_the_region_s_partition() {
        for (host, arn) in [
            ("eu-west-1.amazonaws.com", "arn:aws:ecr:eu-west-1:123456789012:repository/web"),
            (
                "cn-north-1.amazonaws.com.cn",
                "arn:aws-cn:ecr:cn-north-1:123456789012:repository/web",
            ),
            (
                "us-gov-west-1.amazonaws.com",
                "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/web",
            ),
        ] {
            let text = format!("123456789012.dkr.ecr.{host}/web");
            assert_eq!(EcrImage::parse(&text).unwrap().arn(), arn);
        }
    }

    #[test]
    fn an_image_is_known_in_every_partition() {
        for (partition, region, text) in images_of_all_partitions() {
            let image = EcrImage::parse(&text).unwrap();
            let arn = format!("arn:{partition}:ecr:{region}:123456789012:repository/team/web");
            assert_eq!((image.arn(), image.pick), (arn, Pick::Tag("2")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".{0,40}", tail in "[.a-z0-9/:@-]{0,40}") {
            let _ = EcrImage::parse(&text);
            let _ = EcrImage::parse(&format!("123456789012.dkr{tail}"));
        }
    }
}
