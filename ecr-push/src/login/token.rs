//! [`Token`] and [`TokenProvider`]: the login that Docker's protocol needs for a registry.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_types::SdkConfig;
use zeroize::Zeroizing;

use crate::aws::clients::Clients;
use crate::error::Error;
use crate::login::cache::Cache;
use crate::login::secret::Secret;
use crate::names::host::Endpoint;
use crate::names::repository::Repository;

/// A source of the tokens with which Docker's protocol logs in to ECR's registries. It caches each
/// token as long as the token is valid.
///
/// Use it for a client of that protocol: Docker itself, or another one. A [`Push`](crate::Push)
/// through [`Transport::Registry`](crate::transport::Transport::Registry) gets its own tokens.
///
/// A token is valid for every registry of its region that the credentials may access (ECR user
/// guide, "Private registry authentication"). The provider therefore keeps one token per region and
/// kind of endpoint. Create one provider for each set of credentials. Clones are cheap and share
/// their tokens.
///
/// - Concurrent callers share one call of `ecr:GetAuthorizationToken`.
/// - A token lasts 12 hours. The provider renews it in its last hour, or in the last quarter of a
///   shorter life. If the renewal fails, or takes longer than 5 seconds, callers get the old token
///   while it is valid.
/// - After a failure the provider pauses before the next call: 1 second, then 2, at most 60. During
///   the pause every caller without a valid token gets the failure at once.
/// - The provider never returns an expired token. It checks the configuration's time source and the
///   time that has passed since the request, so setting the clock back doesn't prolong a token.
///
/// The credentials need `ecr:GetAuthorizationToken` on `*`.
#[derive(Debug, Clone)]
pub struct TokenProvider {
    shared: Arc<TokenCaches>,
}

#[derive(Debug)]
struct TokenCaches {
    clients: Arc<Clients>,
    caches: Mutex<HashMap<Endpoint, Arc<Cache>>>,
}

impl TokenProvider {
    /// Creates a provider with the credentials, the HTTP client and the time source of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self::from_clients(Arc::new(Clients::new(config)))
    }

    pub(crate) fn from_clients(clients: Arc<Clients>) -> Self {
        Self { shared: Arc::new(TokenCaches { clients, caches: Mutex::default() }) }
    }

    /// Returns a token that is valid now for the registry of `repository`. The token comes from the
    /// repository's region, and from the FIPS or dual-stack endpoint if the host is of that kind.
    ///
    /// # Errors
    /// Returns [`AccessDenied`](crate::ErrorKind::AccessDenied),
    /// [`ExpiredToken`](crate::ErrorKind::ExpiredToken) if this machine's clock is wrong,
    /// [`Protocol`](crate::ErrorKind::Protocol) if the answer lacks a token, or the kind of any
    /// other refusal by ECR.
    ///
    /// # Cancellation
    /// Dropping the future doesn't affect other callers who wait for the same call. The call ends
    /// when the last of them is dropped.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn token(&self, repository: &Repository) -> Result<Token, Error> {
        let secret = self.cache(repository).secret().await?;
        Ok(Token { secret, registry: repository.host().to_owned() })
    }

    /// Removes a token from the cache after a registry has rejected it with HTTP 401 or 403 (users
    /// report 403 for an expired token). The next [`token`](Self::token) is a new one. The call has
    /// no effect if another caller has already replaced the token.
    ///
    /// Retry the request with the new token only once: the registry also answers 403 if a
    /// permission is missing, and a new token doesn't change that.
    pub fn invalidate(&self, token: &Token) {
        for cache in self.caches().values() {
            cache.forget(&token.secret);
        }
    }

    fn cache(&self, repository: &Repository) -> Arc<Cache> {
        let cache = || {
            let client = self.shared.clients.client(repository);
            let time = self.shared.clients.config().time_source().unwrap_or_default();
            Arc::new(Cache::new(repository.region(), client, time))
        };
        self.caches().entry(repository.endpoint()).or_insert_with(cache).clone()
    }

    fn caches(&self) -> std::sync::MutexGuard<'_, HashMap<Endpoint, Arc<Cache>>> {
        self.shared.caches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A user and a password for one registry, valid for 12 hours.
///
/// A token grants its holder the registry permissions of the credentials that requested it, and
/// AWS can't revoke it. `Debug` therefore hides the password, and the password is overwritten in
/// memory when the last clone is dropped. (The SDK may keep its own copy of the answer for a while,
/// and logs the answer at level `TRACE`.)
#[derive(Clone)]
pub struct Token {
    secret: Arc<Secret>,
    registry: String,
}

impl Token {
    /// Returns the user's name, which is `AWS`.
    pub fn user(&self) -> &str {
        self.secret.user()
    }

    /// Returns the password.
    pub fn password(&self) -> &str {
        self.secret.password()
    }

    /// Returns the registry's host, such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the time at which the token expires, according to ECR.
    pub fn expires_at(&self) -> SystemTime {
        self.secret.expires_at()
    }

    /// Returns the answer to a `get` request of Docker's [credential helper] protocol: JSON with
    /// `ServerURL`, `Username` and `Secret`. It contains the password.
    ///
    /// [credential helper]: https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
    pub fn credential_helper_answer(&self) -> String {
        serde_json::json!({
            "ServerURL": self.registry,
            "Username": self.user(),
            "Secret": self.password(),
        })
        .to_string()
    }

    /// Returns `USER:PASSWORD` in base64, for HTTP's Basic authentication and Docker's
    /// configuration.
    pub(crate) fn basic(&self) -> Zeroizing<String> {
        let pair = Zeroizing::new(format!("{}:{}", self.user(), self.password()));
        Zeroizing::new(base64_simd::STANDARD.encode_to_string(pair.as_bytes()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}:<redacted>@{})", self.user(), self.registry)
    }
}

#[cfg(test)]
impl Token {
    pub(crate) fn for_tests(registry: &str, password: &str) -> Self {
        let secret = Arc::new(Secret::for_tests(password));
        Self { secret, registry: registry.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_has_no_password() {
        let token = Token::for_tests("123456789012.dkr.ecr.us-east-1.amazonaws.com", "hush");
        assert_eq!(
            format!("{token:?}"),
            "Token(AWS:<redacted>@123456789012.dkr.ecr.us-east-1.amazonaws.com)"
        );
    }

    #[test]
    fn docker_is_answered_in_its_own_terms() {
        let token = Token::for_tests("r.example", "h\"ush");
        assert_eq!(
            token.credential_helper_answer(),
            r#"{"Secret":"h\"ush","ServerURL":"r.example","Username":"AWS"}"#
        );
        assert_eq!(*token.basic(), "QVdTOmgidXNo");
    }
}
