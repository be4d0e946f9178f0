//! Who is calling, and tokens for what speaks Docker's protocol.
//!
//! A push needs none of this. [`TokenProvider`] gets the token with which Docker and other clients log
//! in to a registry, and renews it before its end; [`DockerConfig`] writes it where they look for it.
//! [`Repository::from_caller`](crate::Repository::from_caller) names a repository in the registry of
//! the account that the credentials belong to.

pub(crate) mod cache;
mod docker_config;
mod secret;
pub(crate) mod token;

use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::aws::failure::explain;
use crate::error::Error;
use crate::names::repository::Repository;

pub use self::docker_config::DockerConfig;
pub use self::token::{Token, TokenProvider};

impl Repository {
    /// The repository `name` in the registry of whoever the credentials belong to, in the region
    /// of the configuration.
    ///
    /// One call of `sts:GetCallerIdentity`, which everybody may make: it needs no permission, and
    /// none can be taken away (STS API reference). Where the account is known,
    /// [`Repository::new`] needs no call.
    ///
    /// # Errors
    /// [`InvalidRepository`](crate::ErrorKind::InvalidRepository) where the region or the name is
    /// none, and [`Configuration`](crate::ErrorKind::Configuration) where no region is configured:
    /// both before the call. Otherwise what STS refuses, such as
    /// [`Credentials`](crate::ErrorKind::Credentials).
    ///
    /// # Cancellation
    /// Dropping the future drops the call, and nothing is left behind.
    pub async fn from_caller(config: &SdkConfig, name: &str) -> Result<Self, Error> {
        const OPERATION: &str = "GetCallerIdentity";
        let region = config.region().map(Region::as_ref).filter(|region| !region.is_empty());
        let region = region.ok_or_else(Error::no_region)?;
        Self::check("ACCOUNT", region, name)?;
        let client = aws_sdk_sts::Client::new(config);
        let identity = client.get_caller_identity().send().await.map_err(|error| {
            let (kind, cause) = explain(error);
            Error::login_call(kind, OPERATION, region, cause)
        })?;
        let account = identity.account().ok_or_else(|| {
            Error::login_protocol(OPERATION, region, "the answer lacks the account's id")
        })?;
        Ok(Self::new(account, region, name)?)
    }
}
