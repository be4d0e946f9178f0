//! The hosts of private registries in every partition.

use crate::names::text::Problem;
use crate::outside::Outside;

/// The parts of a registry's host beside the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Host {
    pub(crate) region: Span,
    pub(crate) partition: &'static str,
}

/// A range of bytes in a text; `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The properties that distinguish ECR's API endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    pub(crate) region: String,
    pub(crate) fips: bool,
    pub(crate) dual_stack: bool,
}

pub(crate) const ACCOUNT_DIGITS: usize = 12;

/// The expected form of a repository URI, as most users know it.
pub(crate) const FORM: &str = "expected `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`";

impl Host {
    /// Parses the host of a registry.
    ///
    /// # Errors
    /// Returns what is wrong with `host`. The text starts with the host, so byte positions count
    /// from its start.
    pub(crate) fn parse(host: &str) -> Result<Self, Problem> {
        if host == "public.ecr.aws" || host == "ecr-public.aws.com" {
            let problem = "ECR Public is not supported, only private registries are";
            return Err(Problem::new(problem));
        }
        if let Some(colon) = host.find(':') {
            let port = Outside::new(&host[colon..]);
            let problem =
                format!("leave out `{port}` at byte {colon}, ECR's registries have no port");
            return Err(Problem::with_offset(colon, problem));
        }
        let digits = host.bytes().take_while(u8::is_ascii_digit).count();
        let service = |at: usize| SERVICES.iter().find(|service| host[at..].starts_with(**service));
        let Some(service) = service(digits) else {
            let account = host.split('.').next().unwrap_or(host);
            if service(account.len()).is_some() {
                let account = Outside::new(account);
                let problem = format!("`{account}` is not an account id of 12 digits");
                return Err(Problem::with_offset(0, problem));
            }
            let host = Outside::new(host);
            return Err(Problem::new(format!("`{host}` is not an ECR registry, {FORM}")));
        };
        if digits != ACCOUNT_DIGITS {
            let problem = format!("the account id has {digits} digits instead of 12");
            return Err(Problem::with_offset(0, problem));
        }
        let start = digits + service.len();
        let end = host[start..].find('.').map_or(host.len(), |length| start + length);
        let region = &host[start..end];
        let suffix = host[end..].strip_prefix('.').unwrap_or_default();
        if !is_region(region) {
            let region = Outside::new(region);
            let problem = format!("`{region}` at byte {start} is not a region, {FORM}");
            return Err(Problem::with_offset(start, problem));
        }
        let Some((_, partitions)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) else {
            let at = host.len() - suffix.len();
            let suffix = Outside::new(suffix);
            let problem = format!("`{suffix}` at byte {at} is not a domain of AWS, {FORM}");
            return Err(Problem::with_offset(at, problem));
        };
        let partition = partition(region);
        if !partitions.contains(&partition) {
            let problem = format!("the region {region} has no registries under `{suffix}`");
            return Err(Problem::with_offset(start, problem));
        }
        Ok(Self { region: Span { start, end }, partition })
    }

    /// Returns the domain of the ordinary hosts in a region, neither FIPS nor dual-stack.
    pub(crate) fn domain(region: &str) -> &'static str {
        let partition = partition(region);
        // The table lists the ordinary domain of each partition before its dual-stack domain.
        SUFFIXES
            .iter()
            .find(|(_, partitions)| partitions.contains(&partition))
            .map_or("amazonaws.com", |(suffix, _)| suffix)
    }
}

/// Returns whether a text has the form of a region, such as `us-east-1` or `us-gov-west-1`: words
/// in lower case, then a number.
pub(crate) fn is_region(text: &str) -> bool {
    let mut parts = text.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && words.len() >= 2
        && words.iter().all(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_lowercase()))
}

/// The part after the account, as AWS's own credential helper accepts it: the dot form, valid for
/// every host, and the dash form of the dual-stack hosts.
const SERVICES: [&str; 4] = [".dkr.ecr.", ".dkr.ecr-fips.", ".dkr-ecr.", ".dkr-ecr-fips."];

/// The DNS suffixes after the region, each with the partitions that use it. A suffix that is a
/// prefix of another one (`amazonaws.com` of `amazonaws.com.cn`) can't match too early, because the
/// parser compares everything after the region.
const SUFFIXES: [(&str, &[&str]); 9] = [
    ("amazonaws.com", &["aws", "aws-us-gov"]),
    ("amazonaws.com.cn", &["aws-cn"]),
    ("amazonaws.eu", &["aws-eusc"]),
    ("c2s.ic.gov", &["aws-iso"]),
    ("cloud.adc-e.uk", &["aws-iso-e"]),
    ("csp.hci.ic.gov", &["aws-iso-f"]),
    ("on.amazonwebservices.com.cn", &["aws-cn"]),
    ("on.aws", &["aws", "aws-us-gov"]),
    ("sc2s.sgov.gov", &["aws-iso-b"]),
];

/// Returns the partition by the region's prefix, according to the SDKs' partitions.json.
fn partition(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
    ];
    PREFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}
