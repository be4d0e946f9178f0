use crate::{
    error::Error,
    flaw::{Flaw, Quoted},
    image_uri::ImageUri,
    problem::ProblemKind,
};

/// The private Amazon ECR registry that an image is in, as its host says.
///
/// Knows the hosts of every partition, FIPS and dual-stack ones too. `public.ecr.aws` is not one
/// of them: it has neither account nor region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EcrRegistry<'a> {
    account: &'a str,
    region: &'a str,
    partition: &'static str,
}

impl<'a> EcrRegistry<'a> {
    /// The AWS account, 12 digits.
    pub fn account(&self) -> &'a str {
        self.account
    }

    /// The region, such as `us-east-1`.
    pub fn region(&self) -> &'a str {
        self.region
    }

    /// The partition, as ARNs have it: `aws`, `aws-cn`, `aws-us-gov`, ...
    pub fn partition(&self) -> &'static str {
        self.partition
    }

    /// `Ok(None)` for a host that has nothing to do with ECR, a flaw for one that is nearly of ECR.
    pub(crate) fn of_host(host: &'a str) -> Result<Option<Self>, Flaw> {
        if !is_about_ecr(host) {
            return Ok(None);
        }
        let flaw = |offset, what| Err(Flaw::new(offset, ProblemKind::EcrHost, what));

        let separators = [".dkr.ecr.", ".dkr-ecr.", ".dkr.ecr-fips.", ".dkr-ecr-fips."];
        let found = separators.iter().find_map(|separator| host.split_once(separator));
        let Some((account, rest)) = found else {
            return flaw(
                0,
                format!("{} looks like an ECR host and has no `.dkr.ecr.` in it", Quoted(host)),
            );
        };
        if !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return flaw(0, format!("{} is no AWS account, which has 12 digits", Quoted(account)));
        }
        if account.len() != 12 {
            let (account, len) = (Quoted(account), account.len());
            return flaw(0, format!("the AWS account {account} has {len} digits instead of 12"));
        }

        let start = host.len() - rest.len();
        let suffixes = SUFFIXES.iter().map(|(suffix, _)| *suffix);
        if suffixes.clone().any(|suffix| rest == suffix) {
            return flaw(start, format!("there is no region before {}", Quoted(rest)));
        }
        let Some((region, suffix)) = rest.split_once('.') else {
            return flaw(start, format!("the ECR host ends with {}", Quoted(rest)));
        };
        let Some((_, partition)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) else {
            let offset = start + region.len() + 1;
            return flaw(offset, format!("{} is not how an ECR host ends", Quoted(suffix)));
        };
        if !is_region(region) {
            return flaw(start, format!("{} is no AWS region", Quoted(region)));
        }
        let of_region = partition_of(region);
        // The commercial regions share their suffixes with those of GovCloud.
        let shares = *partition == "aws" && of_region == "aws-us-gov";
        if of_region != *partition && !shares {
            let (region, suffix) = (Quoted(region), Quoted(suffix));
            return flaw(start, format!("the region {region} has no ECR hosts under {suffix}"));
        }
        let partition = of_region;
        Ok(Some(Self { account, region, partition }))
    }
}

/// The reference by digest to an image in a private registry, with the registry's main host.
///
/// # Errors
///
/// `InvalidImageUri`, where one of the parts is no good.
pub(crate) fn image_by_digest(
    account: &str,
    region: &str,
    repository: &str,
    digest: &str,
) -> Result<ImageUri, Error> {
    let partition = partition_of(region);
    // GovCloud has the suffix of the commercial regions.
    let suffix = SUFFIXES
        .iter()
        .find(|(_, other)| *other == partition)
        .map_or("amazonaws.com", |(suffix, _)| suffix);
    let text = format!("{account}.dkr.ecr.{region}.{suffix}/{repository}@{digest}");
    let image = text.parse::<ImageUri>()?;
    // A `/` in one of the parts, or a `:`, would make it a reference to somewhere else.
    let is_meant = image.ecr().is_some_and(|it| it.account() == account && it.region() == region)
        && image.tag().is_none();
    if is_meant {
        return Ok(image);
    }
    let [account, region, repository] = [account, region, repository].map(Quoted);
    let what = format!(
        "the account {account}, the region {region} and the repository {repository} are not those \
         of this reference"
    );
    Err(Error::invalid_image_uri(&text, vec![Flaw::new(0, ProblemKind::EcrHost, what)]))
}

/// What ECR hosts end with, and the partition: the partition data of the AWS SDKs, and for the
/// dual-stack hosts Amazon's own ECR credential helper.
const SUFFIXES: [(&str, &str); 9] = [
    ("amazonaws.com", "aws"),
    ("on.aws", "aws"),
    ("amazonaws.com.cn", "aws-cn"),
    ("on.amazonwebservices.com.cn", "aws-cn"),
    ("amazonaws.eu", "aws-eusc"),
    ("c2s.ic.gov", "aws-iso"),
    ("sc2s.sgov.gov", "aws-iso-b"),
    ("cloud.adc-e.uk", "aws-iso-e"),
    ("csp.hci.ic.gov", "aws-iso-f"),
];

/// The partition by the region's prefix, as the SDKs' partition data has it.
fn partition_of(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
    ];
    let found = PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("aws", |(_, partition)| partition)
}

/// As `us-east-1` and `us-gov-west-1` are made: words in lower case, then a number.
fn is_region(text: &str) -> bool {
    let mut parts = text.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.len() >= 2
        && words.iter().all(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_lowercase()))
}

/// Whether a host is one of ECR, or can only be a mistaken or a forged one. A registry of one's own
/// may well be on a name under `amazonaws.com`, and an emulator of ECR calls its hosts like ECR
/// does, under a name of its own.
fn is_about_ecr(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let has_label = host
        .split('.')
        .any(|label| matches!(label, "dkr" | "ecr" | "ecr-fips" | "dkr-ecr" | "dkr-ecr-fips"));
    let is_of_aws = host.contains("amazonaws")
        || SUFFIXES.iter().any(|(suffix, _)| {
            host.strip_suffix(suffix).is_some_and(|before| before.ends_with('.'))
        });
    has_label && is_of_aws
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_hosts_of_every_partition() {
        for (host, region, partition) in [
            ("dkr.ecr.us-east-1.amazonaws.com", "us-east-1", "aws"),
            ("dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", "aws"),
            ("dkr-ecr.eu-west-1.on.aws", "eu-west-1", "aws"),
            ("dkr-ecr-fips.us-west-2.on.aws", "us-west-2", "aws"),
            ("dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", "aws-us-gov"),
            ("dkr.ecr-fips.us-gov-east-1.amazonaws.com", "us-gov-east-1", "aws-us-gov"),
            ("dkr-ecr-fips.us-gov-west-1.on.aws", "us-gov-west-1", "aws-us-gov"),
            ("dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn"),
            ("dkr.ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", "aws-cn"),
            ("dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "aws-eusc"),
            ("dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "aws-iso"),
            ("dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", "aws-iso-b"),
            ("dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", "aws-iso-e"),
            ("dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", "aws-iso-f"),
        ] {
            let host = format!("111122223333.{host}");
            let expected = EcrRegistry { account: "111122223333", region, partition };
            assert_eq!(EcrRegistry::of_host(&host), Ok(Some(expected)), "{host}");
        }
    }

    #[test]
    fn parts_of_a_reference_stay_where_they_belong() {
        let hex = "0123456789abcdef".repeat(4);
        let digest = format!("sha256:{hex}");
        let build = |account: &str, region: &str, repository: &str| {
            image_by_digest(account, region, repository, &digest)
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
                "the account `{account}`, the region `{region}` and the repository `{repository}` \
                 are not those of this reference"
            );
            assert_eq!(error.problems()[0].what(), what);
        }
        let error = image_by_digest("111122223333", "us-east-1", "web", &format!("{digest}@x"));
        assert!(error.is_err());
    }

    #[test]
    fn leaves_other_hosts_alone() {
        for host in [
            "docker.io",
            "ghcr.io",
            "public.ecr.aws",
            "localhost",
            "ecr.example.com",
            "registry.dkr.ecr.example.com",
            "ec2-203-0-113-25.compute-1.amazonaws.com",
            "000000000000.dkr.ecr.us-east-1.localhost.localstack.cloud",
        ] {
            assert_eq!(EcrRegistry::of_host(host), Ok(None), "{host}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_host_that_is_nearly_of_ecr() {
        for (host, offset, what) in [
            (
                "11112222333.dkr.ecr.us-east-1.amazonaws.com",
                0,
                "the AWS account `11112222333` has 11 digits instead of 12",
            ),
            (
                "111EXAMPLE.dkr.ecr.us-east-1.amazonaws.com",
                0,
                "`111EXAMPLE` is no AWS account, which has 12 digits",
            ),
            ("111122223333.dkr.ecr.amazonaws.com", 21, "there is no region before `amazonaws.com`"),
            (
                "111122223333.dkr.ecr.us-east-1.amazonaws.co",
                31,
                "`amazonaws.co` is not how an ECR host ends",
            ),
            (
                "111122223333.dkr.ecr.us-east-1.amazonaws.com.fake.example.com",
                31,
                "`amazonaws.com.fake.example.com` is not how an ECR host ends",
            ),
            ("111122223333.dkr.ecr.US-EAST-1.amazonaws.com", 21, "`US-EAST-1` is no AWS region"),
            (
                "111122223333.dkr.ecr.us-east-1.amazonaws.com.cn",
                21,
                "the region `us-east-1` has no ECR hosts under `amazonaws.com.cn`",
            ),
            (
                "111122223333.dkr.ecr.cn-north-1.amazonaws.com",
                21,
                "the region `cn-north-1` has no ECR hosts under `amazonaws.com`",
            ),
            ("111122223333.dkr.ecr.amazonaws", 21, "the ECR host ends with `amazonaws`"),
            (
                "111122223333.ecr.us-east-1.amazonaws.com",
                0,
                "`111122223333.ecr.us-east-1.amazonaws.com` looks like an ECR host and has no \
                 `.dkr.ecr.` in it",
            ),
            (
                "api.ecr.us-east-1.on.aws",
                0,
                "`api.ecr.us-east-1.on.aws` looks like an ECR host and has no `.dkr.ecr.` in it",
            ),
        ] {
            let flaw = Flaw::new(offset, ProblemKind::EcrHost, what);
            assert_eq!(EcrRegistry::of_host(host), Err(flaw));
        }
    }
}
