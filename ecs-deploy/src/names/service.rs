//! [`Service`]: the name of a service in a cluster.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::names::arn::{EcsArn, is_plain, region};
use crate::names::ecr_host::partition;
use crate::names::invalid::{InvalidName, NameFlaw, Subject, check};

/// The name of an ECS service: the names of its cluster and its own, or its ARN.
///
/// ```
/// use ecs_deploy::Service;
///
/// let by_name = Service::new("prod", "web")?;
/// assert_eq!(by_name.to_string(), "prod/web");
///
/// let by_arn: Service = "arn:aws:ecs:eu-west-1:123456789012:service/prod/web".parse()?;
/// assert_eq!((by_arn.cluster(), by_arn.name()), ("prod", "web"));
/// assert_eq!(by_arn.region(), Some("eu-west-1"));
/// # Ok::<(), ecs_deploy::Error>(())
/// ```
///
/// The serde form is the text that `Display` prints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Service {
    cluster: String,
    name: String,
    /// The part before `service/` in the ARN; empty if only the names are known.
    prefix: String,
}

impl Service {
    /// Creates the name of the service `name` in `cluster`. Each may be a name or an ARN, also the
    /// short form of a service's ARN, which lacks the cluster. Names alone mean the region and the
    /// account of the caller's configuration.
    ///
    /// ```
    /// use ecs_deploy::Service;
    ///
    /// let service = Service::new(
    ///     "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
    ///     "arn:aws:ecs:eu-west-1:123456789012:service/web",
    /// )?;
    /// assert_eq!(service.to_string(), "arn:aws:ecs:eu-west-1:123456789012:service/prod/web");
    /// # Ok::<(), ecs_deploy::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`InvalidName`] if a name isn't valid in ECS (1 to 255 letters, digits, hyphens and
    /// underscores), or if the ARN of the service is of another cluster. As an
    /// [`Error`](crate::Error) it has the kind
    /// [`InvalidService`](crate::ErrorKind::InvalidService).
    pub fn new(cluster: impl Into<String>, name: impl Into<String>) -> Result<Self, InvalidName> {
        let (cluster, name) = (cluster.into(), name.into());
        let (of_cluster, cluster_name) =
            parse_cluster(&cluster).map_err(|flaw| invalid(&cluster, flaw))?;
        in_cluster(&name, cluster_name, of_cluster).map_err(|flaw| invalid(&name, flaw))
    }

    /// Returns the cluster's name.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Returns the service's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the region if the service was named by its ARN.
    pub fn region(&self) -> Option<&str> {
        region(&self.prefix)
    }

    /// Returns the same service in the region and account of `arn`, an ARN of ECS; unchanged if it
    /// was named by its own ARN.
    pub(crate) fn beside(&self, arn: &str) -> Self {
        let prefix: Vec<&str> = arn.splitn(6, ':').collect();
        match prefix[..] {
            ["arn", partition, "ecs", region, account, _]
                if self.prefix.is_empty()
                    && [partition, region].into_iter().all(is_plain)
                    && account.bytes().all(|it| it.is_ascii_digit() || it == b'*') =>
            {
                Self { prefix: format!("arn:{partition}:ecs:{region}:{account}:"), ..self.clone() }
            }
            _ => self.clone(),
        }
    }

    /// Returns whether both can be the same service: names lack the region and the account.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        let (here, there) = (self.prefix.as_str(), other.prefix.as_str());
        (&self.cluster, &self.name) == (&other.cluster, &other.name)
            && (here == there || here.is_empty() || there.is_empty())
    }

    /// Returns the part before `service/` in its ARN; `None` if only the names are known.
    pub(crate) fn prefix(&self) -> Option<&str> {
        Some(self.prefix.as_str()).filter(|prefix| !prefix.is_empty())
    }

    /// Returns its ARN, or a pattern for any account of `region` if only the names are known.
    pub(crate) fn pattern(&self, region: &str) -> String {
        self.beside(&format!("arn:{}:ecs:{region}:*:service", partition(region))).to_string()
    }

    /// Returns the cluster for a request: its ARN if known, so that ECS refuses another account's
    /// cluster instead of using one of the same name.
    pub(crate) fn cluster_reference(&self) -> String {
        match self.prefix.as_str() {
            "" => self.cluster.clone(),
            prefix => format!("{prefix}cluster/{}", self.cluster),
        }
    }
}

/// Parses an ARN or `CLUSTER/SERVICE`, the forms that `Display` prints.
impl FromStr for Service {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse(text).map_err(|flaw| invalid(text, flaw))
    }
}

impl TryFrom<String> for Service {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Service> for String {
    fn from(service: Service) -> Self {
        service.to_string()
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, name, prefix } = self;
        match prefix.as_str() {
            "" => write!(f, "{cluster}/{name}"),
            prefix => write!(f, "{prefix}service/{cluster}/{name}"),
        }
    }
}

fn parse(text: &str) -> Result<Service, NameFlaw> {
    const KIND: &str = "an ECS service";
    let Some(arn) = EcsArn::parse(text, KIND)? else {
        let names = text
            .split_once('/')
            .ok_or_else(|| NameFlaw::new("it is neither CLUSTER/SERVICE nor an ARN", text.len()))?;
        return with_names(names, 0, "");
    };
    let Some(path) = arn.resource.strip_prefix("service/") else {
        return Err(NameFlaw::new(format!("it isn't the ARN of {KIND}"), arn.prefix.len()));
    };
    // Services from before 2021 may still have the short form of the ARN.
    let names = path.split_once('/').ok_or_else(|| {
        let problem = "its ARN lacks the cluster: use CLUSTER/SERVICE";
        NameFlaw::new(problem, text.len() - path.len())
    })?;
    with_names(names, text.len() - path.len(), arn.prefix)
}

/// Parses the name or the ARN of a cluster; returns the part before `cluster/` in the ARN, and the
/// name.
fn parse_cluster(text: &str) -> Result<(&str, &str), NameFlaw> {
    const KIND: &str = "an ECS cluster";
    let Some(arn) = EcsArn::parse(text, KIND)? else {
        check(CLUSTER, text)?;
        return Ok(("", text));
    };
    let Some(name) = arn.resource.strip_prefix("cluster/") else {
        return Err(NameFlaw::new(format!("it isn't the ARN of {KIND}"), arn.prefix.len()));
    };
    check(CLUSTER, name).map_err(|flaw| flaw.shifted(text.len() - name.len()))?;
    Ok((arn.prefix, name))
}

/// Parses the name or the ARN of a service in a cluster.
fn in_cluster(text: &str, cluster: &str, of_cluster: &str) -> Result<Service, NameFlaw> {
    let arn = EcsArn::parse(text, "an ECS service")?;
    let short = arn.and_then(|it| it.resource.strip_prefix("service/"));
    let service = match (arn, short) {
        (Some(arn), Some(name)) if !name.contains('/') => {
            check(SERVICE, name).map_err(|flaw| flaw.shifted(text.len() - name.len()))?;
            let [cluster, name, prefix] = [cluster, name, arn.prefix].map(str::to_owned);
            Service { cluster, name, prefix }
        }
        (Some(_), _) => parse(text)?,
        (None, _) => {
            check(SERVICE, text)?;
            let [cluster, name, prefix] = [cluster, text, of_cluster].map(str::to_owned);
            return Ok(Service { cluster, name, prefix });
        }
    };
    if service.cluster != cluster {
        let problem = format!("it is in the cluster `{}`, not in `{cluster}`", service.cluster);
        return Err(NameFlaw::new(problem, text.len() - service.name.len()));
    }
    if !of_cluster.is_empty() && service.prefix != of_cluster {
        let problem = "its region or account isn't the cluster's";
        return Err(NameFlaw::new(problem, 0));
    }
    Ok(service)
}

/// Creates a service from the names of the cluster and the service, which begin at `start`.
fn with_names(
    (cluster, name): (&str, &str),
    start: usize,
    prefix: &str,
) -> Result<Service, NameFlaw> {
    check(CLUSTER, cluster).map_err(|flaw| flaw.shifted(start))?;
    check(SERVICE, name).map_err(|flaw| flaw.shifted(start + cluster.len() + 1))?;
    let [cluster, name, prefix] = [cluster, name, prefix].map(str::to_owned);
    Ok(Service { cluster, name, prefix })
}

fn invalid(text: &str, flaw: NameFlaw) -> InvalidName {
    InvalidName::new(Subject::Service, text, flaw)
}

const CLUSTER: &str = "the cluster's name";
const SERVICE: &str = "the service's name";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_printed_is_parsed(cluster in "[a-zA-Z0-9_-]{1,40}", name in "[a-zA-Z0-9_-]{1,40}") {
            let by_name = Service::new(&cluster, &name).unwrap();
            prop_assert_eq!(&by_name.to_string().parse::<Service>().unwrap(), &by_name);
            let arn = format!("arn:aws-cn:ecs:cn-north-1:123456789012:service/{cluster}/{name}");
            let by_arn: Service = arn.parse().unwrap();
            prop_assert_eq!(by_arn.to_string(), arn);
            prop_assert_eq!(by_arn.region(), Some("cn-north-1"));
            prop_assert_eq!(by_arn.cluster_reference(), format!("arn:aws-cn:ecs:cn-north-1:123456789012:cluster/{}", cluster));
        }

        #[test]
        fn nothing_panics(text in ".{0,60}", tail in "[a-z:/]{0,40}") {
            let _ = text.parse::<Service>();
            let _ = format!("arn:aws:ecs:{tail}").parse::<Service>();
        }
    }

    #[test]
    fn names_are_taken_as_people_paste_them() {
        let prefix = "arn:aws-cn:ecs:cn-north-1:123456789012:";
        let cluster = format!("{prefix}cluster/prod");
        let (long, short) = (format!("{prefix}service/prod/web"), format!("{prefix}service/web"));
        for (cluster, name) in [
            ("prod", long.as_str()),
            ("prod", &short),
            (&cluster, "web"),
            (&cluster, &long),
            (&cluster, &short),
        ] {
            let service = Service::new(cluster, name).unwrap();
            assert_eq!(service.to_string(), long, "{cluster} {name}");
            assert_eq!((service.cluster(), service.name()), ("prod", "web"));
        }
        for (cluster, name, problem) in [
            ("test", long.as_str(), "it is in the cluster `prod`, not in `test`"),
            (
                "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
                &short,
                "its region or account isn't the cluster's",
            ),
            ("prod", &cluster, "it isn't the ARN of an ECS service"),
            (&long, "web", "it isn't the ARN of an ECS cluster"),
        ] {
            let error = Service::new(cluster, name).unwrap_err().to_string();
            assert!(error.ends_with(problem), "{error}");
        }
    }

    #[test]
    fn a_bad_name_is_explained() {
        let long = "a".repeat(256);
        for (text, offset, expected) in [
            ("web", 3, "invalid service `web`: it is neither CLUSTER/SERVICE nor an ARN"),
            ("/web", 0, "invalid service `/web`: the cluster's name is empty"),
            (
                "prod/web/1",
                8,
                "invalid service `prod/web/1`: the service's name has '/', but only letters, \
                 digits, '-' and '_' are allowed",
            ),
            (
                "arn:aws:ecs:eu-west-1:12345678901:service/prod/web",
                22,
                "invalid service `arn:aws:ecs:eu-west-1:12345678901:service/prod/web`: its \
                 account isn't 12 digits",
            ),
            (
                "arn:aws:ecs:eu-west-1:123456789012:service/web",
                43,
                "invalid service `arn:aws:ecs:eu-west-1:123456789012:service/web`: its ARN \
                 lacks the cluster: use CLUSTER/SERVICE",
            ),
            (
                "arn:aws:ecr:eu-west-1:123456789012:repository/web",
                0,
                "invalid service `arn:aws:ecr:eu-west-1:123456789012:repository/web`: it isn't \
                 the ARN of an ECS service",
            ),
            (
                "arn:a\u{1b}[2J:ecs:eu-west-1:123456789012:service/prod/web",
                4,
                "invalid service `arn:a\\u{1b}[2J:ecs:eu-west-1:123456789012:service/prod/web`: its \
                 partition is invalid",
            ),
            (
                "arn:aws:ecs:eu\n::error:123456789012:service/prod/web",
                12,
                "invalid service `arn:aws:ecs:eu\\n::error:123456789012:service/prod/web`: its \
                 region is invalid",
            ),
            (
                "arn:aws:ecs::123456789012:service/prod/web",
                12,
                "invalid service `arn:aws:ecs::123456789012:service/prod/web`: its ARN lacks \
                 the region",
            ),
        ] {
            let invalid = text.parse::<Service>().unwrap_err();
            assert_eq!((invalid.to_string().as_str(), invalid.offset()), (expected, offset));
        }
        let error = Service::new("prod", long).unwrap_err();
        assert!(error.to_string().ends_with("the service's name has 256 characters, at most 255"));
    }
}
