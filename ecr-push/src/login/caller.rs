//! Which account's registry is meant, where nobody says so: the caller's own.

use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::aws::failure::explain;
use crate::error::Error;
use crate::names::repository::Repository;

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
