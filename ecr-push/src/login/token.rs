//! [`Token`] and [`TokenProvider`]: what Docker's protocol wants for a login to a registry.

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

/// Gets the tokens with which Docker's protocol logs in to ECR's registries, and keeps each as
/// long as it lasts.
///
/// For whoever speaks that protocol: Docker itself, or another client. A [`Push`](crate::Push)
/// by [`Transport::Registry`](crate::transport::Transport::Registry) gets its own.
///
/// A token holds for every registry of its region that the credentials may access (ECR user guide,
/// "Private registry authentication"), so there is one per region and kind of endpoint, and one
/// provider for each set of credentials. Cheap to clone: clones share their tokens.
///
/// - Callers who want a token at the same time wait for one call of `ecr:GetAuthorizationToken`.
/// - A token lasts 12 hours. In its last hour, or in the last quarter of a shorter life, it is
///   renewed. Should that fail, or take longer than 5 seconds, it is handed out while it is valid.
/// - After a failure there is no call for a second, then two, at most 60: meanwhile, everybody is
///   told of the failure at once.
/// - No token is handed out whose time is over, by the configuration's time source or by the time
///   that has passed since it came: a clock that is set back prolongs nothing.
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
    /// A provider with the credentials, the HTTP client and the time source of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self::from_clients(Arc::new(Clients::new(config)))
    }

    pub(crate) fn from_clients(clients: Arc<Clients>) -> Self {
        Self { shared: Arc::new(TokenCaches { clients, caches: Mutex::default() }) }
    }

    /// A token that is valid now, for the registry of `repository`; from its region, and from the
    /// FIPS or dual-stack endpoint where its host is of that kind.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied),
    /// [`ExpiredToken`](crate::ErrorKind::ExpiredToken) where this machine's clock is wrong,
    /// [`Protocol`](crate::ErrorKind::Protocol) where the answer holds no token, and whatever else
    /// ECR refuses.
    ///
    /// # Cancellation
    /// Dropping the future takes nothing from others who wait for the same call. With the last of
    /// them, the call ends.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn token(&self, repository: &Repository) -> Result<Token, Error> {
        let secret = self.cache(repository).secret().await?;
        Ok(Token { secret, registry: repository.host().to_owned() })
    }

    /// Forgets a token that a registry has rejected, with HTTP 401 or 403: users report 403 for
    /// one that has expired. The next [`token`](Self::token) is another one. Where somebody else
    /// has got that already, nothing happens.
    ///
    /// Try the request once more with the new token, and no more than once: 403 is also the answer
    /// where a permission is missing, which no token brings.
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

/// A user and a password for one registry, for 12 hours.
///
/// Whoever has it can do there what the credentials can that it came from, and it can't be taken
/// back. So `Debug` doesn't show the password, and it is overwritten in memory when the last clone
/// is dropped. (The SDK may keep its own copy of the answer for a while, and logs it at level
/// `TRACE`.)
#[derive(Clone)]
pub struct Token {
    secret: Arc<Secret>,
    registry: String,
}

impl Token {
    /// The user's name, which is `AWS`.
    pub fn user(&self) -> &str {
        self.secret.user()
    }

    /// The password.
    pub fn password(&self) -> &str {
        self.secret.password()
    }

    /// The registry's host, such as `123456789012.dkr.ecr.eu-west-1.amazonaws.com`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// When it expires, as ECR says.
    pub fn expires_at(&self) -> SystemTime {
        self.secret.expires_at()
    }

    /// The answer to Docker's `get` from a [credential helper]: JSON with `ServerURL`, `Username`
    /// and `Secret`. It holds the password.
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

    /// `USER:PASSWORD` in base64, for HTTP's Basic authentication and for Docker's configuration.
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
