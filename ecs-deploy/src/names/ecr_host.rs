//! [`EcrHost`]: the hosts of ECR's private registries, in every partition of AWS.

/// The host of a private registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EcrHost<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) is_fips: bool,
    pub(crate) is_dual_stack: bool,
}

impl<'a> EcrHost<'a> {
    /// Splits an image's name into the host and the rest: the repository with a tag, a digest or
    /// both. Returns `None` if the image isn't in a private registry of ECR.
    pub(crate) fn split(image: &'a str) -> Option<(Self, &'a str)> {
        let (host, path) = image.split_once('/')?;
        let (account, rest) = host.split_at_checked(12)?;
        if !account.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let (service, rest) =
            SERVICES.iter().find_map(|service| Some((service, rest.strip_prefix(service)?)))?;
        let (region, suffix) = rest.split_once('.')?;
        if region.is_empty() || !PARTITIONS.iter().any(|it| it.suffixes.contains(&suffix)) {
            return None;
        }
        let is_fips = service.contains("-fips");
        let is_dual_stack = service.contains("dkr-ecr");
        Some((Self { account, region, is_fips, is_dual_stack }, path))
    }

    /// Returns the ARN of a repository of the registry.
    pub(crate) fn repository_arn(&self, repository: &str) -> String {
        let Self { account, region, .. } = self;
        format!("arn:{}:ecr:{region}:{account}:repository/{repository}", partition(region))
    }
}

/// Returns the partition of a region.
pub(crate) fn partition(region: &str) -> &'static str {
    let found = PARTITIONS.iter().find(|it| region.starts_with(it.region_prefix));
    found.map_or(COMMERCIAL, |it| it.name)
}

struct Partition {
    name: &'static str,
    region_prefix: &'static str,
    /// The DNS suffixes of its registries.
    suffixes: &'static [&'static str],
}

const COMMERCIAL: &str = "aws";

/// The partitions of the SDKs' partitions.json. The commercial one is the last, because its regions
/// have no common prefix.
const PARTITIONS: [Partition; 8] = [
    Partition {
        name: "aws-cn",
        region_prefix: "cn-",
        suffixes: &["amazonaws.com.cn", "on.amazonwebservices.com.cn"],
    },
    Partition { name: "aws-eusc", region_prefix: "eusc-", suffixes: &["amazonaws.eu"] },
    Partition { name: "aws-iso", region_prefix: "us-iso-", suffixes: &["c2s.ic.gov"] },
    Partition { name: "aws-iso-b", region_prefix: "us-isob-", suffixes: &["sc2s.sgov.gov"] },
    Partition { name: "aws-iso-e", region_prefix: "eu-isoe-", suffixes: &["cloud.adc-e.uk"] },
    Partition { name: "aws-iso-f", region_prefix: "us-isof-", suffixes: &["csp.hci.ic.gov"] },
    Partition {
        name: "aws-us-gov",
        region_prefix: "us-gov-",
        suffixes: &["amazonaws.com", "on.aws"],
    },
    Partition { name: COMMERCIAL, region_prefix: "", suffixes: &["amazonaws.com", "on.aws"] },
];

/// The text after the account in a host name, as AWS's credential helper accepts it: the dot form
/// everywhere, the dash form in dual-stack hosts.
const SERVICES: [&str; 4] = [".dkr.ecr.", ".dkr.ecr-fips.", ".dkr-ecr.", ".dkr-ecr-fips."];

/// Returns an image for each suffix of each partition: the partition, the region and the image.
#[cfg(test)]
pub(crate) fn images_of_all_partitions() -> Vec<(&'static str, String, String)> {
    let mut images = Vec::new();
    for Partition { name, region_prefix, suffixes } in &PARTITIONS {
        let region = match *region_prefix {
            "" => "eu-west-1".to_owned(),
            prefix => format!("{prefix}east-1"),
        };
        for suffix in *suffixes {
            let image = format!("123456789012.dkr.ecr.{region}.{suffix}/team/web:2");
            images.push((*name, region.clone(), image));
        }
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_registries() {
        let images = images_of_all_partitions();
        assert_eq!(images.len(), 11);
        for (name, region, image) in images {
            let (host, path) = EcrHost::split(&image).unwrap();
            assert_eq!((host.region, path), (region.as_str(), "team/web:2"), "{image}");
            assert_eq!(partition(&region), name);
            assert_eq!(
                host.repository_arn("team/web"),
                format!("arn:{name}:ecr:{region}:123456789012:repository/team/web")
            );
        }
    }
}
