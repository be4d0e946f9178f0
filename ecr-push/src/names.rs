//! Where an image goes and what it is called: [`Repository`], [`Tag`], [`Digest`].

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// An ECR repository, by the URI that the console and `docker push` use:
/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`.
///
/// Reads the registry hosts of every partition, FIPS and dual-stack ones included, and prints
/// exactly what it has read.
///
/// ```
/// use ecr_push::Repository;
///
/// let repository: Repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web".parse()?;
/// assert_eq!(repository.account(), "123456789012");
/// assert_eq!(repository.region(), "eu-west-1");
/// assert_eq!(repository.name(), "team/web");
/// assert_eq!(repository.arn(), "arn:aws:ecr:eu-west-1:123456789012:repository/team/web");
/// # Ok::<(), ecr_push::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    uri: String,
    region: Span,
    /// Where the name starts, after the host and its slash.
    name: usize,
    partition: &'static str,
}

impl Repository {
    /// The 12 digits of the account whose registry this is.
    pub fn account(&self) -> &str {
        &self.uri[..ACCOUNT_DIGITS]
    }

    /// The region of the registry. A push goes there, whatever region the configuration has.
    pub fn region(&self) -> &str {
        &self.uri[self.region.start..self.region.end]
    }

    /// The registry's host.
    pub fn host(&self) -> &str {
        &self.uri[..self.name - 1]
    }

    /// The repository's name within its registry, such as `team/web`.
    pub fn name(&self) -> &str {
        &self.uri[self.name..]
    }

    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// Which of ECR's API endpoints belongs to the registry's host.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let host = self.host();
        Endpoint {
            region: self.region().to_owned(),
            fips: host.contains("ecr-fips."),
            dual_stack: host.ends_with(".on.aws") || host.contains(".on.amazonwebservices."),
        }
    }

    /// The ARN by which IAM policies name the repository.
    pub fn arn(&self) -> String {
        let (partition, region, account) = (self.partition, self.region(), self.account());
        format!("arn:{partition}:ecr:{region}:{account}:repository/{}", self.name())
    }
}

impl FromStr for Repository {
    type Err = Error;

    /// # Errors
    /// [`InvalidRepository`](crate::ErrorKind::InvalidRepository), saying what is wrong.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Error::invalid_repository(text, problem);
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(wrong(format!("leave out `{scheme}://`, a repository URI has no scheme")));
        }
        let Some((host, name)) = text.split_once('/') else {
            return Err(wrong(
                "there is no `/` in it, the form is \
                 `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`"
                    .to_owned(),
            ));
        };
        if let Some((_, digest)) = name.split_once('@') {
            return Err(wrong(format!(
                "leave out `@{digest}`, the digest is the image's and follows from it"
            )));
        }
        if let Some((_, tag)) = name.split_once(':') {
            return Err(wrong(format!("leave out `:{tag}`, tags are given apart")));
        }
        let Host { region, partition } = Host::parse(host).map_err(wrong)?;
        check_name(name).map_err(wrong)?;
        Ok(Self { uri: text.to_owned(), region, name: host.len() + 1, partition })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.uri)
    }
}

/// What tells one API endpoint of ECR from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    pub(crate) region: String,
    pub(crate) fips: bool,
    pub(crate) dual_stack: bool,
}

/// A tag of an image, such as `1.4.2`.
///
/// Up to 128 letters, digits, underscores, dots and dashes, not starting with a dot or a dash: the
/// grammar of the OCI distribution specification, which is stricter than ECR's API (300
/// characters), because nothing could pull a tag that breaks it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Error;

    /// # Errors
    /// [`InvalidTag`](crate::ErrorKind::InvalidTag), saying what is wrong.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Err(Error::invalid_tag(text, problem));
        if text.is_empty() {
            return wrong("it is empty".to_owned());
        }
        if text.len() > 128 {
            return wrong(format!("it has {} characters, at most 128 are allowed", text.len()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if let Some((at, c)) = text.char_indices().find(|&(_, c)| !allowed(c)) {
            return wrong(format!(
                "{c:?} at byte {at} is not allowed, only letters, digits, `_`, `.` and `-` are"
            ));
        }
        if text.starts_with(['.', '-']) {
            return wrong("it must start with a letter, a digit or `_`".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SHA-256 digest of a layer or a manifest: `sha256:` and 64 lower-case hexadecimal digits.
///
/// ECR stores no other algorithm.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// The digest's text, with its algorithm.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 hexadecimal digits alone: a blob's file name in an OCI layout.
    pub(crate) fn hex(&self) -> &str {
        &self.0[SHA256.len()..]
    }

    /// The digest of `content`.
    pub(crate) fn of(content: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::from_hash(&sha2::Sha256::digest(content))
    }

    pub(crate) fn from_hash(hash: &[u8]) -> Self {
        let mut text = SHA256.to_owned();
        for byte in hash {
            text.push_str(&format!("{byte:02x}"));
        }
        Self(text)
    }
}

impl FromStr for Digest {
    type Err = Error;

    /// # Errors
    /// [`InvalidDigest`](crate::ErrorKind::InvalidDigest), saying what is wrong.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Err(Error::invalid_digest(text, problem));
        let Some(hex) = text.strip_prefix(SHA256) else {
            return wrong("it does not start with `sha256:`, and ECR knows no other".to_owned());
        };
        if let Some((at, c)) =
            hex.char_indices().find(|&(_, c)| !matches!(c, '0'..='9' | 'a'..='f'))
        {
            let at = at + SHA256.len();
            return wrong(format!("{c:?} at byte {at} is no lower-case hexadecimal digit"));
        }
        if hex.len() != 64 {
            return wrong(format!("it has {} hexadecimal digits instead of 64", hex.len()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Span {
    start: usize,
    end: usize,
}

struct Host {
    region: Span,
    partition: &'static str,
}

const SHA256: &str = "sha256:";
const ACCOUNT_DIGITS: usize = 12;

/// What follows the account, as AWS's own credential helper accepts it: the dot form everywhere,
/// the dash form of the dual-stack hosts.
const SERVICES: [&str; 4] = [".dkr.ecr.", ".dkr.ecr-fips.", ".dkr-ecr.", ".dkr-ecr-fips."];

/// DNS suffixes after the region, each with the partitions whose regions it has. A suffix that
/// others end with (`amazonaws.com` of `amazonaws.com.cn`) can't match too early: all that follows
/// the region is compared.
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

impl Host {
    /// # Errors
    /// What is wrong with `host`.
    fn parse(host: &str) -> Result<Self, String> {
        if host == "public.ecr.aws" || host == "ecr-public.aws.com" {
            return Err("ECR Public is another service, this is for private registries".to_owned());
        }
        let digits = host.bytes().take_while(u8::is_ascii_digit).count();
        let form = "the form is `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`";
        let service = |at: usize| SERVICES.iter().find(|service| host[at..].starts_with(**service));
        let Some(service) = service(digits) else {
            let account = host.split('.').next().unwrap_or(host);
            if service(account.len()).is_some() {
                return Err(format!("`{account}` is no account id, which is 12 digits"));
            }
            return Err(format!("`{host}` is no ECR registry, {form}"));
        };
        if digits != ACCOUNT_DIGITS {
            return Err(format!("the account id has {digits} digits instead of 12"));
        }
        let start = digits + service.len();
        let region_len = host[start..].find('.').unwrap_or(host.len() - start);
        let region = &host[start..start + region_len];
        let suffix = host[start + region_len..].strip_prefix('.').unwrap_or_default();
        if !is_region(region) {
            return Err(format!("`{region}` is no region, {form}"));
        }
        let Some((_, partitions)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) else {
            return Err(format!("`{suffix}` is no domain of AWS, {form}"));
        };
        let partition = partition(region);
        if !partitions.contains(&partition) {
            return Err(format!("the region {region} has no registries under `{suffix}`"));
        }
        Ok(Self { region: Span { start, end: start + region_len }, partition })
    }
}

/// As `us-east-1` and `us-gov-west-1` are made: words in lower case, then a number.
fn is_region(text: &str) -> bool {
    let mut parts = text.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && words.len() >= 2
        && words.iter().all(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_lowercase()))
}

/// The partition by the region's prefix, as the SDKs' partitions.json has it.
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

/// ECR's service model: 2 to 256 characters, `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` between slashes.
fn check_name(name: &str) -> Result<(), String> {
    if !(2..=256).contains(&name.len()) {
        return Err(format!(
            "the name has {} characters, 2 to 256 are allowed",
            name.chars().count()
        ));
    }
    if let Some(c) =
        name.chars().find(|&c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/'))
    {
        let hint = if c.is_ascii_uppercase() { ", names are lower case" } else { "" };
        return Err(format!("{c:?} is not allowed in the name{hint}"));
    }
    for component in name.split('/') {
        let separators = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let at_an_end = !component.starts_with(|c: char| c.is_ascii_alphanumeric())
            || !component.ends_with(|c: char| c.is_ascii_alphanumeric());
        let allowed =
            |run: &str| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-');
        if at_an_end || !separators.into_iter().all(allowed) {
            return Err(format!(
                "`{component}` in the name needs letters or digits around each `.`, `_`, `__` or \
                 `-`"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
