//! Tokens for clients of Docker's protocol, and the registry of the caller's account.
//!
//! A push doesn't need this module. [`TokenProvider`] gets the token with which Docker and other
//! clients log in to a registry, and renews it before it expires. [`DockerConfig`] writes the token
//! into the file from which they read it.
//! [`Repository::from_caller`](crate::Repository::from_caller) names a repository in the registry
//! of the account that the credentials belong to.

pub(crate) mod cache;
mod docker_config;
mod secret;
pub(crate) mod token;

use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::aws::bounded::bounded;
use crate::aws::failure::explain_of;
use crate::error::Error;
use crate::names::repository::Repository;

pub use self::docker_config::DockerConfig;
pub use self::token::{Token, TokenProvider};

impl Repository {
    /// Returns the repository `name` in the registry of the account that the credentials belong to,
    /// in the region of the configuration.
    ///
    /// This takes one call of `sts:GetCallerIdentity`. The call needs no permission, and a policy
    /// can't deny it (STS API reference). If you know the account, use [`Repository::new`], which
    /// makes no call.
    ///
    /// # Errors
    /// Returns [`InvalidRepository`](crate::ErrorKind::InvalidRepository) if the region or the name
    /// is invalid, and [`Configuration`](crate::ErrorKind::Configuration) if the configuration has
    /// no region; both before the call. Otherwise returns the error of STS, such as
    /// [`Credentials`](crate::ErrorKind::Credentials).
    ///
    /// # Cancellation
    /// Dropping the future drops the call and has no side effects.
    pub async fn from_caller(config: &SdkConfig, name: &str) -> Result<Self, Error> {
        const OPERATION: &str = "GetCallerIdentity";
        let region = config.region().map(Region::as_ref).filter(|region| !region.is_empty());
        let region = region.ok_or_else(Error::no_region)?;
        Self::check("ACCOUNT", region, name)?;
        let client = aws_sdk_sts::Client::new(&bounded(config));
        let identity = client.get_caller_identity().send().await.map_err(|error| {
            let (kind, cause) = explain_of("STS", error);
            Error::login_call(kind, OPERATION, region, cause)
        })?;
        let is_account = |id: &&str| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
        let account = identity.account().filter(is_account).ok_or_else(|| {
            let problem = "the response has no `Account` of 12 digits";
            Error::login_protocol(OPERATION, region, problem)
        })?;
        Ok(Self::new(account, region, name)?)
    }
}
