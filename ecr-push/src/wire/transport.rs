//! [`Transport`]: the protocol of a push, and [`RegistryEndpoint`]: the address of the registry.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::error::Error;

/// The protocol for layers and manifests; see [`Push::transport`](crate::Push::transport).
///
/// Both protocols make the same checks, recover from the same errors, and produce the same
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
    /// ECR's API, signed with the credentials. It needs no token and only the API's endpoint, and
    /// it can resume the uploads of an earlier process (see [checkpoint](crate::Push::checkpoint)).
    /// It sends a third more bytes, because layers are encoded in base64.
    #[default]
    Api,
    /// Docker's protocol, the [Registry HTTP API V2][spec], with a token from
    /// `ecr:GetAuthorizationToken`. It streams layers unencoded from their files, with one to two
    /// MiB of memory for each, and can [mount](crate::Push::mount_from) layers of another
    /// repository. ECR's errors have less detail here: if a permission is missing, ECR may drop the
    /// connection.
    ///
    /// Requests use the HTTP client of the configuration, including its proxies and TLS settings. A
    /// read timeout must allow for a request of 50 MiB. The push looks up existing content through
    /// ECR's API, in two calls for an image of up to 99 layers. It requests the token at the same
    /// time, even if nothing turns out to be missing.
    ///
    /// [spec]: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
    Registry,
}

/// The address of the registry for [`Transport::Registry`], if it isn't the host of the
/// repository's URI: a VPC endpoint with its own name, a proxy, or a registry for tests that isn't
/// ECR.
///
/// The text is `http://` or `https://`, a host, and a port if it isn't the default one.
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
    /// The URL without a trailing slash.
    url: String,
    login: RegistryLogin,
}

/// The login for a registry.
#[derive(Clone)]
pub(crate) enum RegistryLogin {
    /// ECR's token.
    Ecr,
    None,
    /// `USER:PASSWORD` in base64.
    Password(Zeroizing<String>),
}

impl RegistryEndpoint {
    /// Marks the registry as one that isn't ECR and needs no login. The push then makes no call of
    /// ECR's API; it checks for existing content at the registry, one request per blob.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.login = RegistryLogin::None;
        self
    }

    /// Marks the registry as one that isn't ECR and takes this login through HTTP's Basic
    /// authentication. The push then makes no call of ECR's API; it checks for existing content at
    /// the registry, one request per blob.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let basic = base64_simd::STANDARD.encode_to_string(pair.as_bytes());
        self.login = RegistryLogin::Password(Zeroizing::new(basic));
        self
    }

    /// Returns the endpoint for a host of ECR's.
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

    /// Parses an address.
    ///
    /// # Errors
    /// Returns [`InvalidEndpoint`](crate::ErrorKind::InvalidEndpoint) with the reason.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |problem: &str| Error::invalid_endpoint(text, problem);
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("expected `http://` or `https://` at the start"));
        };
        if !matches!(scheme, "http" | "https") {
            return Err(wrong("expected `http://` or `https://` at the start"));
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            // The text isn't repeated, because it may contain a password.
            let text = format!("{scheme}://…");
            let problem = "leave out the user and password, set them with `login`";
            return Err(Error::invalid_endpoint(&text, problem));
        }
        if let Some(at) = authority.find(['/', '?', '#']) {
            let problem = format!("leave out `{}`, the address has no path", &authority[at..]);
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
            return Err(wrong("missing or invalid host"));
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(wrong("invalid port"));
        }
        Ok(Self { url: format!("{scheme}://{authority}"), login: RegistryLogin::Ecr })
    }
}

/// Writes the address without the login.
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
        let none = "expected `http://` or `https://` at the start";
        for (text, problem) in [
            ("registry.example", none),
            ("ftp://registry.example", none),
            ("http://", "missing or invalid host"),
            ("http://a b", "missing or invalid host"),
            ("http://a:b", "invalid port"),
            ("http://a/v2/", "leave out `/v2`, the address has no path"),
        ] {
            let text_of = |text| format!("invalid registry address `{text}`: {problem}");
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
