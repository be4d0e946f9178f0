use crate::error::Error;
use crate::file::distance;
use crate::names::image_uri::ImageUri;
use crate::text::flaw::{Flaw, Quoted};
use crate::text::problem::ProblemKind;

/// The private Amazon ECR registry that an image is in, as its host says.
///
/// Knows the hosts of every partition, FIPS and dual-stack ones too. `public.ecr.aws` is not one
/// of them: it has neither account nor region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EcrRegistry<'a> {
    account: &'a str,
    region: &'a str,
    partition: &'static str,
    /// Between account and region, with a dot at both ends.
    service: &'static str,
    /// After the region.
    suffix: &'static str,
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

    /// The same kind of host for another account and region.
    ///
    /// # Errors
    ///
    /// The partition of that region has no such hosts.
    pub(crate) fn host_of(&self, account: &str, region: &str) -> Result<String, String> {
        let partition = partition_of(region);
        // GovCloud has no suffixes of its own.
        let owner = if partition == "aws-us-gov" { "aws" } else { partition };
        let is_fips = self.service.contains("-fips");
        let dual_stack = is_dual_stack(self.suffix);
        let none = |kind| format!("the region {} has no {kind} hosts of ECR", Quoted(region));
        if is_fips && owner != "aws" {
            return Err(none("FIPS"));
        }
        let (suffix, _) = SUFFIXES
            .iter()
            .find(|(suffix, other)| *other == owner && is_dual_stack(suffix) == dual_stack)
            .ok_or_else(|| none("dual-stack"))?;
        let service = match (dual_stack && owner == "aws", is_fips) {
            (false, false) => ".dkr.ecr.",
            (false, true) => ".dkr.ecr-fips.",
            (true, false) => ".dkr-ecr.",
            (true, true) => ".dkr-ecr-fips.",
        };
        Ok(format!("{account}{service}{region}.{suffix}"))
    }

    /// `Ok(None)` for a host that has nothing to do with ECR, a flaw for one that is nearly of ECR.
    pub(crate) fn of_host(host: &'a str) -> Result<Option<Self>, Flaw> {
        if !is_about_ecr(host) {
            return Ok(None);
        }
        let flaw = |offset, what| Err(Flaw::new(offset, ProblemKind::EcrHost, what));
        if let Some(capital) = host.find(|c: char| c.is_ascii_uppercase())
            && EcrRegistry::of_host(&host.to_ascii_lowercase()).is_ok()
        {
            let what = format!("there is a capital letter in the ECR host {}", Quoted(host));
            return flaw(capital, what);
        }

        let split = |service: &&'static str| Some((*service, host.split_once(*service)?));
        let Some((service, (account, rest))) = SERVICES.iter().find_map(split) else {
            return flaw(
                0,
                format!("{} looks like an ECR host and has no `.dkr.ecr.` in it", Quoted(host)),
            );
        };
        if let Err(what) = check_account(account) {
            return flaw(0, what);
        }

        let start = host.len() - rest.len();
        let suffixes = SUFFIXES.iter().map(|(suffix, _)| *suffix);
        if suffixes.clone().any(|suffix| rest == suffix) {
            return flaw(start, format!("there is no region before {}", Quoted(rest)));
        }
        let Some((region, suffix)) = rest.split_once('.') else {
            return flaw(start, format!("the ECR host ends with {}", Quoted(rest)));
        };
        let Some((suffix, partition)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) else {
            let offset = start + region.len() + 1;
            return flaw(offset, format!("{} is not how an ECR host ends", Quoted(suffix)));
        };
        if let Err(what) = check_region(region) {
            return flaw(start, what);
        }
        let of_region = partition_of(region);
        // The commercial regions share their suffixes with those of GovCloud.
        let shares = *partition == "aws" && of_region == "aws-us-gov";
        if of_region != *partition && !shares {
            let (region, suffix) = (Quoted(region), Quoted(suffix));
            return flaw(start, format!("the region {region} has no ECR hosts under {suffix}"));
        }
        let partition = of_region;
        Ok(Some(Self { account, region, partition, service, suffix }))
    }
}

/// # Errors
///
/// Why it is none.
pub(crate) fn check_account(text: &str) -> Result<(), String> {
    let quoted = Quoted(text);
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{quoted} is no AWS account, which has 12 digits"));
    }
    match text.len() {
        12 => Ok(()),
        len => Err(format!("the AWS account {quoted} has {len} digits instead of 12")),
    }
}

/// By its form alone: AWS adds regions more often than this library is published.
///
/// # Errors
///
/// Why it is none.
pub(crate) fn check_region(text: &str) -> Result<(), String> {
    if is_region(text) { Ok(()) } else { Err(format!("{} is no AWS region", Quoted(text))) }
}

/// What stands between account and region, as Amazon's ECR credential helper accepts it: the form
/// with a dot everywhere, the one with a hyphen for dual-stack hosts.
const SERVICES: [&str; 4] = [".dkr.ecr.", ".dkr-ecr.", ".dkr.ecr-fips.", ".dkr-ecr-fips."];

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

fn is_dual_stack(suffix: &str) -> bool {
    suffix.starts_with("on.")
}

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
    has_label && (is_of_aws || has_nearly_suffix(&host))
}

/// Whether it is an account and a region of ECR before nothing, or before what a letter or two
/// make a suffix of AWS.
fn has_nearly_suffix(host: &str) -> bool {
    let Some((account, rest)) = SERVICES.iter().find_map(|service| host.split_once(service)) else {
        return false;
    };
    let (region, suffix) = rest.split_once('.').unwrap_or((rest, ""));
    let is_mistyped = |known: &str| distance(suffix, known) <= 2;
    check_account(account).is_ok()
        && is_region(region)
        && (suffix.is_empty() || SUFFIXES.iter().any(|(known, _)| is_mistyped(known)))
}

#[cfg(test)]
mod tests;
