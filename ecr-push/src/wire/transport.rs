//! [`Transport`]: by which protocol a push goes, and [`RegistryEndpoint`]: to which address.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::error::Error;

/// The protocol by which layers and manifests are sent; see [`Push::transport`](crate::Push::transport).
///
/// Both check the same, recover from the same faults, and end in the same
/// [`Pushed`](crate::Pushed).
///
/// ```
/// use ecr_push::transport::Transport;
/// use ecr_push::{Image, Pushed, Pusher, Repository};
///
/// # type Config = aws_types::SdkConfig;
/// # async fn push(config: &Config, image: &Image) -> Result<Pushed, ecr_push::Error> {
/// let repository: Repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web".parse()?;
/// let base = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/base/debian".parse()?;
/// let push = Pusher::new(config).push(image, &repository);
/// push.transport(Transport::Registry).mount_from(&base).tag("1.4.2".parse()?).await
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// ECR's API, signed with the credentials. It needs no token and no other endpoint than that of
    /// the API, goes on with uploads of an earlier process (a
    /// [checkpoint](crate::Push::checkpoint)), and sends a third more bytes, since it takes layers
    /// as base64.
    #[default]
    Api,
    /// The protocol that Docker speaks, the [Registry HTTP API V2][spec], with a token from
    /// `ecr:GetAuthorizationToken`. It sends layers as they are, straight from their files, in one
    /// to two MiB of memory each, and can [mount](crate::Push::mount_from) layers of another
    /// repository. ECR says less of what it refuses: where a permission is missing, it may drop the
    /// connection.
    ///
    /// It speaks through the HTTP client of the configuration, whose proxies and TLS settings hold.
    /// A time-out for reading has to leave time for a request of 50 MiB. What is there already is
    /// asked of ECR's API, in two calls for an image of up to 99 layers, and the token at the same
    /// time, also where it turns out that nothing has to be sent.
    ///
    /// [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
    Registry,
}

/// Where [`Transport::Registry`] finds the registry, where that isn't at the host of the
/// repository's URI: a VPC endpoint under a name of its own, a proxy, or a registry that isn't ECR,
/// to test with.
///
/// The text is `http://` or `https://` and a host, with a port where it isn't the usual one.
///
/// ```
/// use ecr_push::transport::RegistryEndpoint;
///
/// let of_vpc: RegistryEndpoint = "https://vpce-0a1b2c.dkr.ecr.eu-west-1.vpce.amazonaws.com".parse()?;
/// let for_tests = "http://127.0.0.1:5000".parse::<RegistryEndpoint>()?.anonymous();
/// # let _ = (of_vpc, for_tests);
/// # Ok::<(), ecr_push::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RegistryEndpoint {
    /// Without a slash at its end.
    url: String,
    login: RegistryLogin,
}

/// With what a registry is logged in to.
#[derive(Clone)]
pub(crate) enum RegistryLogin {
    /// ECR's token.
    Ecr,
    None,
    /// `USER:PASSWORD` in base64.
    Password(Zeroizing<String>),
}

impl RegistryEndpoint {
    /// A registry that isn't ECR and takes no login. ECR's API isn't called at all then: what is
    /// there is asked of the registry, blob by blob.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.login = RegistryLogin::None;
        self
    }

    /// A registry that isn't ECR and takes this login, by HTTP's Basic authentication. ECR's API
    /// isn't called at all then: what is there is asked of the registry, blob by blob.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let basic = base64_simd::STANDARD.encode_to_string(pair.as_bytes());
        self.login = RegistryLogin::Password(Zeroizing::new(basic));
        self
    }

    /// That of a registry of ECR's.
    pub(crate) fn from_host(host: &str) -> Self {
        Self { url: format!("https://{host}"), login: RegistryLogin::Ecr }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn authority(&self) -> &str {
        self.url.split_once("://").map_or("", |(_, authority)| authority)
    }

    pub(crate) fn how_to_log_in(&self) -> &RegistryLogin {
        &self.login
    }

    pub(crate) fn is_ecr(&self) -> bool {
        matches!(self.login, RegistryLogin::Ecr)
    }
}

impl FromStr for RegistryEndpoint {
    type Err = Error;

    /// # Errors
    /// [`InvalidEndpoint`](crate::ErrorKind::InvalidEndpoint), saying what is wrong.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem: &str| Error::invalid_endpoint(text, problem);
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("it begins with neither `http://` nor `https://`"));
        };
        if !matches!(scheme, "http" | "https") {
            return Err(wrong("it begins with neither `http://` nor `https://`"));
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            // Not repeated: it may have a password.
            let text = format!("{scheme}://…");
            let problem = "leave out the user and password, which `login` takes";
            return Err(Error::invalid_endpoint(&text, problem));
        }
        if let Some(at) = authority.find(['/', '?', '#']) {
            let problem = format!("leave out `{}`: a registry is at a host", &authority[at..]);
            return Err(wrong(&problem));
        }
        let (host, port) = match authority.rfind(':') {
            Some(colon) if !authority[colon..].contains(']') => {
                (&authority[..colon], Some(&authority[colon + 1..]))
            }
            _ => (authority, None),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_address = host.starts_with('[')
            && host.ends_with(']')
            && host[1..host.len() - 1].chars().all(|c| c.is_ascii_hexdigit() || c == ':');
        if host.is_empty() || !(is_address || host.chars().all(allowed)) {
            return Err(wrong("there is no host in it"));
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(wrong("its port is none"));
        }
        Ok(Self { url: format!("{scheme}://{authority}"), login: RegistryLogin::Ecr })
    }
}

/// The address, without what is logged in with.
impl fmt::Display for RegistryEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ecr => "Ecr",
            Self::None => "None",
            Self::Password(_) => "Password(<redacted>)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_by_http() {
        for (text, url, authority) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000", "127.0.0.1:5000"),
            ("https://registry.example/", "https://registry.example", "registry.example"),
            ("http://[::1]:80", "http://[::1]:80", "[::1]:80"),
            ("http://[::1]", "http://[::1]", "[::1]"),
        ] {
            let endpoint: RegistryEndpoint = text.parse().unwrap();
            assert_eq!((endpoint.to_string().as_str(), endpoint.authority()), (url, authority));
            assert!(endpoint.is_ecr());
        }
    }

    #[test]
    fn what_is_none_is_said() {
        let none = "it begins with neither `http://` nor `https://`";
        for (text, problem) in [
            ("registry.example", none),
            ("ftp://registry.example", none),
            ("http://", "there is no host in it"),
            ("http://a b", "there is no host in it"),
            ("http://a:b", "its port is none"),
            ("http://a/v2/", "leave out `/v2`: a registry is at a host"),
        ] {
            let text_of = |text| format!("`{text}` is no address of a registry: {problem}");
            let error = text.parse::<RegistryEndpoint>().unwrap_err();
            assert_eq!(error.to_string(), text_of(text));
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let error = "http://a:hush@b".parse::<RegistryEndpoint>().unwrap_err();
        assert!(!error.to_string().contains("hush"), "{error}");
        let endpoint = "http://b".parse::<RegistryEndpoint>().unwrap().login("a", "hush");
        assert_eq!(
            format!("{endpoint:?}"),
            r#"RegistryEndpoint { url: "http://b", login: Password(<redacted>) }"#
        );
    }
}
