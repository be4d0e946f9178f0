//! The partitions of AWS, and the hosts of Amazon ECR in each.

/// A partition of AWS. Its regions share the ends of their hosts.
#[derive(Debug)]
pub(crate) struct Partition {
    /// The name, as ARNs have it.
    pub(crate) name: &'static str,
    /// The prefix of its regions' names. The commercial partition has an empty one, and all other
    /// regions.
    region_prefix: &'static str,
    pub(crate) hosts: &'static [EcrHost],
}

/// A form of host: the part between the account and the region, and the part after the region.
#[derive(Debug)]
pub(crate) struct EcrHost {
    pub(crate) form: HostForm,
    /// The part between account and region, with a dot at both ends.
    pub(crate) service: &'static str,
    pub(crate) suffix: &'static str,
}

/// The way to reach a host: over IPv4 alone or over IPv6 too, with FIPS cryptography or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostForm {
    DualStack,
    DualStackFips,
    Fips,
    Plain,
}

impl HostForm {
    pub(crate) fn new(service: &str, suffix: &str) -> Self {
        match (suffix.starts_with("on."), service.contains("-fips")) {
            (false, false) => Self::Plain,
            (false, true) => Self::Fips,
            (true, false) => Self::DualStack,
            (true, true) => Self::DualStackFips,
        }
    }
}

impl Partition {
    /// Returns the partition of a region, by its prefix, as the SDKs' partition data has it.
    pub(crate) fn of_region(region: &str) -> &'static Self {
        let is_of = |partition: &&Self| region.starts_with(partition.region_prefix);
        PARTITIONS.iter().find(is_of).unwrap_or(&COMMERCIAL)
    }

    pub(crate) fn host(&self, form: HostForm) -> Option<&'static EcrHost> {
        self.hosts.iter().find(|host| host.form == form)
    }

    pub(crate) fn has_suffix(&self, suffix: &str) -> bool {
        self.hosts.iter().any(|host| host.suffix == suffix)
    }
}

/// Lists the ends of ECR's hosts in all partitions, with repetitions.
pub(crate) fn suffixes() -> impl Iterator<Item = &'static str> {
    PARTITIONS.iter().flat_map(|partition| partition.hosts).map(|host| host.suffix)
}

/// The parts between account and region that Amazon's ECR credential helper accepts: the one with a
/// dot everywhere, the one with a hyphen for dual-stack hosts.
pub(crate) const SERVICES: [&str; 4] =
    [".dkr.ecr.", ".dkr-ecr.", ".dkr.ecr-fips.", ".dkr-ecr-fips."];

/// The prefixes and suffixes are from the partition data of the AWS SDKs, the dual-stack hosts from
/// Amazon's own ECR credential helper. The commercial partition comes last, because its prefix is
/// empty.
const PARTITIONS: [Partition; 8] = [
    Partition {
        name: "aws-cn",
        region_prefix: "cn-",
        hosts: &[
            plain("amazonaws.com.cn"),
            EcrHost {
                form: HostForm::DualStack,
                service: ".dkr.ecr.",
                suffix: "on.amazonwebservices.com.cn",
            },
        ],
    },
    Partition { name: "aws-eusc", region_prefix: "eusc-", hosts: &[plain("amazonaws.eu")] },
    Partition { name: "aws-iso", region_prefix: "us-iso-", hosts: &[plain("c2s.ic.gov")] },
    Partition { name: "aws-iso-b", region_prefix: "us-isob-", hosts: &[plain("sc2s.sgov.gov")] },
    Partition { name: "aws-iso-e", region_prefix: "eu-isoe-", hosts: &[plain("cloud.adc-e.uk")] },
    Partition { name: "aws-iso-f", region_prefix: "us-isof-", hosts: &[plain("csp.hci.ic.gov")] },
    Partition { name: "aws-us-gov", region_prefix: "us-gov-", hosts: COMMERCIAL.hosts },
    COMMERCIAL,
];

const COMMERCIAL: Partition = Partition {
    name: "aws",
    region_prefix: "",
    hosts: &[
        plain("amazonaws.com"),
        EcrHost { form: HostForm::Fips, service: ".dkr.ecr-fips.", suffix: "amazonaws.com" },
        EcrHost { form: HostForm::DualStack, service: ".dkr-ecr.", suffix: "on.aws" },
        EcrHost { form: HostForm::DualStackFips, service: ".dkr-ecr-fips.", suffix: "on.aws" },
    ],
};

const fn plain(suffix: &'static str) -> EcrHost {
    EcrHost { form: HostForm::Plain, service: ".dkr.ecr.", suffix }
}
