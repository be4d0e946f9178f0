//! [`Repository`]: the destination of an image.

use std::fmt;
use std::str::FromStr;

use crate::names::host::{ACCOUNT_DIGITS, Endpoint, FORM, Host, is_region};
use crate::names::text::{InvalidName, NameKind, Problem, serde_as_text};
use crate::outside::Outside;

/// An ECR repository, named by the URI that the console and `docker push` use:
/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`.
///
/// It parses the registry hosts of every partition, including FIPS and dual-stack hosts, and prints
/// exactly the text that it parsed.
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
    host: Host,
    /// The byte at which the name starts, after the host and its slash.
    name: usize,
}

impl Repository {
    /// Builds the repository `name` of an account in a region, with the ordinary host of its
    /// partition.
    ///
    /// # Errors
    /// Returns an [`InvalidName`] if the account isn't 12 digits, the region is invalid, or the
    /// name isn't allowed.
    ///
    /// ```
    /// use ecr_push::Repository;
    ///
    /// let repository = Repository::new("123456789012", "cn-north-1", "team/web")?;
    /// let uri = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/web";
    /// assert_eq!(repository.as_str(), uri);
    /// # Ok::<(), ecr_push::Error>(())
    /// ```
    pub fn new(account: &str, region: &str, name: &str) -> Result<Self, InvalidName> {
        let uri = uri(account, region, name);
        if account.len() != ACCOUNT_DIGITS || !account.bytes().all(|b| b.is_ascii_digit()) {
            let account = Outside::new(account);
            let problem = format!("`{account}` is not an account id of 12 digits");
            return Err(invalid(&uri, Problem::with_offset(0, problem)));
        }
        // The account is part of the checked text, so that the URI can't get another host.
        Self::check(account, region, name)?;
        uri.parse()
    }

    /// Returns the 12 digits of the account that owns the registry.
    pub fn account(&self) -> &str {
        &self.uri[..ACCOUNT_DIGITS]
    }

    /// Returns the region of the registry. A push uses it instead of the configuration's region.
    pub fn region(&self) -> &str {
        &self.uri[self.host.region.start..self.host.region.end]
    }

    /// Returns the registry's host.
    pub fn host(&self) -> &str {
        &self.uri[..self.name - 1]
    }

    /// Returns the repository's name within its registry, such as `team/web`.
    pub fn name(&self) -> &str {
        &self.uri[self.name..]
    }

    /// Returns the whole URI.
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// Returns the partition of the region, such as `aws` or `aws-cn`: the second field of an ARN.
    pub fn partition(&self) -> &str {
        self.host.partition
    }

    /// Returns the ARN that IAM policies use for the repository.
    pub fn arn(&self) -> String {
        let (partition, region, account) = (self.partition(), self.region(), self.account());
        format!("arn:{partition}:ecr:{region}:{account}:repository/{}", self.name())
    }

    /// Returns the API endpoint of ECR that belongs to the registry's host.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let host = self.host();
        Endpoint {
            region: self.region().to_owned(),
            fips: host.contains("ecr-fips."),
            dual_stack: host.ends_with(".on.aws") || host.contains(".on.amazonwebservices."),
        }
    }

    /// Checks that a repository of this name can exist in this region. The message shows `account`.
    pub(crate) fn check(account: &str, region: &str, name: &str) -> Result<(), InvalidName> {
        let uri = uri(account, region, name);
        let wrong = |problem| Err(invalid(&uri, problem));
        if !is_region(region) {
            let region = Outside::new(region);
            return wrong(Problem::new(format!("`{region}` is not a region such as `us-east-1`")));
        }
        check_name(name, uri.len() - name.len()).or_else(wrong)
    }
}

impl FromStr for Repository {
    type Err = InvalidName;

    /// Parses a repository's URI.
    ///
    /// # Errors
    /// Returns an [`InvalidName`]. It says what is wrong, and gives the position in bytes, counted
    /// from 0.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if let Some(rest) = without_login(text) {
            let problem = "leave out the user and password before the `@`";
            return Err(invalid(&rest, Problem::new(problem)));
        }
        let wrong = |problem| invalid(text, problem);
        if let Some((at, c)) =
            text.char_indices().find(|(_, c)| c.is_whitespace() || c.is_control())
        {
            let problem = format!("{c:?} at byte {at} is not allowed");
            return Err(wrong(Problem::with_offset(at, problem)));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            let scheme = Outside::new(scheme);
            let problem = format!("leave out `{scheme}://`, a repository URI has no scheme");
            return Err(wrong(Problem::with_offset(0, problem)));
        }
        let Some((host, name)) = text.split_once('/') else {
            return Err(wrong(Problem::new(format!("missing `/`, {FORM}"))));
        };
        let name_at = host.len() + 1;
        if let Some((before, digest)) = name.split_once('@') {
            let digest = Outside::new(digest);
            let problem = format!("leave out `@{digest}`, the image determines its digest");
            return Err(wrong(Problem::with_offset(name_at + before.len(), problem)));
        }
        if let Some((before, tag)) = name.split_once(':') {
            let tag = Outside::new(tag);
            let problem = format!("leave out `:{tag}`, tags are set separately");
            return Err(wrong(Problem::with_offset(name_at + before.len(), problem)));
        }
        let host = Host::parse(host).map_err(wrong)?;
        check_name(name, name_at).map_err(wrong)?;
        Ok(Self { uri: text.to_owned(), host, name: name_at })
    }
}

serde_as_text!(Repository);

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

fn invalid(text: &str, problem: Problem) -> InvalidName {
    InvalidName::new(NameKind::Repository, text, problem)
}

fn uri(account: &str, region: &str, name: &str) -> String {
    format!("{account}.dkr.ecr.{region}.{}/{name}", Host::domain(region))
}

/// Returns the text without `USER:PASSWORD` if it has them before its host: an error ends up in
/// logs, and a password must not.
fn without_login(text: &str) -> Option<String> {
    let rest = &text[text.rfind('@')?..];
    // No host follows the `@` of a digest. A password can contain a slash.
    (rest.contains('/') || rest.contains(".dkr")).then(|| format!("…{rest}"))
}

/// Checks a name that starts at byte `start` of the text. ECR's service model allows 2 to 256
/// characters, `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` between slashes.
fn check_name(name: &str, start: usize) -> Result<(), Problem> {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/');
    if let Some((at, c)) = name.char_indices().find(|&(_, c)| !allowed(c)) {
        let hint = if c.is_ascii_uppercase() { ", names are lower case" } else { "" };
        let at = start + at;
        let problem = format!("{c:?} at byte {at} is not allowed in the name{hint}");
        return Err(Problem::with_offset(at, problem));
    }
    if !(2..=256).contains(&name.len()) {
        let problem = format!("the name has {} characters, 2 to 256 are allowed", name.len());
        return Err(Problem::with_offset(start, problem));
    }
    let mut at = start;
    for component in name.split('/') {
        if component.is_empty() {
            let problem = format!("a part of the name is missing at byte {at}, next to a `/`");
            return Err(Problem::with_offset(at, problem));
        }
        let separators = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let at_an_end = !component.starts_with(|c: char| c.is_ascii_alphanumeric())
            || !component.ends_with(|c: char| c.is_ascii_alphanumeric());
        let allowed =
            |run: &str| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-');
        if at_an_end || !separators.into_iter().all(allowed) {
            let problem = format!(
                "`{component}` at byte {at} in the name needs letters or digits around each `.`, \
                 `_`, `__` or `-`"
            );
            return Err(Problem::with_offset(at, problem));
        }
        at += component.len() + 1;
    }
    Ok(())
}
