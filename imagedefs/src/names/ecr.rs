//! The hosts of private Amazon ECR registries.

mod partition;

use crate::names::ecr::partition::{HostForm, Partition, SERVICES, suffixes};
use crate::nearest::is_near;
use crate::text::flaw::{Flaw, Quoted};
use crate::text::placeholder::is_null;
use crate::text::problem_kind::ProblemKind;

/// A private registry of Amazon ECR, as its host describes it.
///
/// Hosts of every partition are known, including FIPS and dual-stack hosts. `public.ecr.aws` is not
/// among them: it has neither account nor region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EcrRegistry<'a> {
    account: &'a str,
    region: &'a str,
    partition: &'static str,
    /// The part between account and region, with a dot at both ends.
    service: &'static str,
    /// The part after the region.
    suffix: &'static str,
}

impl<'a> EcrRegistry<'a> {
    /// Returns the AWS account, 12 digits.
    pub fn account(&self) -> &'a str {
        self.account
    }

    /// Returns the region, such as `us-east-1`.
    pub fn region(&self) -> &'a str {
        self.region
    }

    /// Returns the partition, as ARNs have it: `aws`, `aws-cn`, `aws-us-gov`, ...
    pub fn partition(&self) -> &'static str {
        self.partition
    }

    /// Returns the same kind of host for another account and region.
    ///
    /// # Errors
    ///
    /// The message, if the partition of that region has no such hosts.
    pub(crate) fn host_of(&self, account: &str, region: &str) -> Result<String, String> {
        let form = HostForm::new(self.service, self.suffix);
        let Some(host) = Partition::of_region(region).host(form) else {
            let kind = match form {
                HostForm::DualStackFips | HostForm::Fips => "FIPS",
                HostForm::DualStack | HostForm::Plain => "dual-stack",
            };
            return Err(format!("ECR has no {kind} hosts in the region {}", Quoted(region)));
        };
        Ok(format!("{account}{}{region}.{}", host.service, host.suffix))
    }

    /// Parses a host. Returns `Ok(None)` for a host unrelated to ECR, and a flaw for a host that is
    /// nearly of ECR.
    pub(crate) fn from_host(host: &'a str) -> Result<Option<Self>, Flaw> {
        if !is_about_ecr(host) {
            return Ok(None);
        }
        let flaw = |offset, what| Err(Flaw::new(offset, ProblemKind::EcrHost, what));
        if let Some(capital) = host.find(|c: char| c.is_ascii_uppercase())
            && EcrRegistry::from_host(&host.to_ascii_lowercase()).is_ok()
        {
            let what = format!("capital letter in the ECR host {}", Quoted(host));
            return flaw(capital, what);
        }

        let split = |service: &&'static str| Some((*service, host.split_once(*service)?));
        let Some((service, (account, rest))) = SERVICES.iter().find_map(split) else {
            return flaw(
                0,
                format!("{} looks like an ECR host, but `.dkr.ecr.` is missing", Quoted(host)),
            );
        };
        let start = host.len() - rest.len();
        if let Some(flaw) = missing("AWS account", account, 0) {
            return Err(flaw);
        }
        if let Err(what) = check_account(account) {
            return flaw(0, what);
        }

        if suffixes().any(|suffix| rest == suffix) {
            return flaw(start, format!("missing region before {}", Quoted(rest)));
        }
        let Some((region, suffix)) = rest.split_once('.') else {
            return flaw(start, format!("the ECR host ends after {}", Quoted(rest)));
        };
        let Some(suffix) = suffixes().find(|known| *known == suffix) else {
            let offset = start + region.len() + 1;
            return flaw(offset, format!("invalid ECR host suffix {}", Quoted(suffix)));
        };
        if let Some(flaw) = missing("region", region, start) {
            return Err(flaw);
        }
        if let Err(what) = check_region(region) {
            return flaw(start, what);
        }
        let partition = Partition::of_region(region);
        if !partition.has_suffix(suffix) {
            let (region, suffix) = (Quoted(region), Quoted(suffix));
            return flaw(start, format!("ECR has no hosts under {suffix} in the region {region}"));
        }
        let partition = partition.name;
        Ok(Some(Self { account, region, partition, service, suffix }))
    }
}

/// Returns the main host of a private registry: IPv4, and not FIPS.
pub(crate) fn plain_host(account: &str, region: &str) -> String {
    let suffix = Partition::of_region(region)
        .host(HostForm::Plain)
        .map_or("amazonaws.com", |host| host.suffix);
    format!("{account}.dkr.ecr.{region}.{suffix}")
}

/// Returns the flaw of a part that an unset variable left empty, or with a word for nothing.
fn missing(part: &str, value: &str, offset: usize) -> Option<Flaw> {
    if value.is_empty() {
        let what = format!("the {part} in the ECR host is empty");
        return Some(Flaw::new(offset, ProblemKind::EmptyPart, what));
    }
    is_null(value).then(|| {
        let what = format!("the {part} in the ECR host is {}", Quoted(value));
        Flaw::new(offset, ProblemKind::NullText, what)
    })
}

/// # Errors
///
/// The message that says why it is invalid.
pub(crate) fn check_account(text: &str) -> Result<(), String> {
    let quoted = Quoted(text);
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("invalid AWS account {quoted}: expected 12 digits"));
    }
    match text.len() {
        12 => Ok(()),
        len => Err(format!("the AWS account {quoted} has {len} digits instead of 12")),
    }
}

/// Checks the form alone: AWS adds regions more often than this library is released.
///
/// # Errors
///
/// The message that says why it is invalid.
pub(crate) fn check_region(text: &str) -> Result<(), String> {
    if is_region(text) { Ok(()) } else { Err(format!("invalid AWS region {}", Quoted(text))) }
}

/// Whether the text has the form of `us-east-1` and `us-gov-west-1`: words in lower case, then a
/// number.
fn is_region(text: &str) -> bool {
    let mut parts = text.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.len() >= 2
        && words.iter().all(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_lowercase()))
}

/// Whether a host is one of ECR, or a mistyped or forged one. A private registry may have a name
/// under `amazonaws.com`, and an emulator of ECR uses ECR's form of host under a name of its own.
fn is_about_ecr(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let has_label = host
        .split('.')
        .any(|label| matches!(label, "dkr" | "ecr" | "ecr-fips" | "dkr-ecr" | "dkr-ecr-fips"));
    let is_of_aws = host.contains("amazonaws")
        || suffixes()
            .any(|suffix| host.strip_suffix(suffix).is_some_and(|before| before.ends_with('.')));
    has_label && (is_of_aws || has_nearly_suffix(&host))
}

/// Whether the host has an account and a region of ECR, and then no suffix, or one that differs
/// from a suffix of AWS by at most two letters.
fn has_nearly_suffix(host: &str) -> bool {
    let Some((account, rest)) = SERVICES.iter().find_map(|service| host.split_once(service)) else {
        return false;
    };
    let (region, suffix) = rest.split_once('.').unwrap_or((rest, ""));
    check_account(account).is_ok()
        && is_region(region)
        && (suffix.is_empty() || suffixes().any(|known| is_near(suffix, known, 2)))
}

#[cfg(test)]
mod tests;
