//! The SDK configuration of a program: for AWS, or for an emulator that it starts.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use local_aws::{LocalAws, Server};

use crate::ending::BoxError;
use crate::network::{client_of_environment, direct_client};
use crate::traffic::{CountingClient, Traffic};

/// The connection of a program to AWS or to an emulator. An emulator stops when this value is
/// dropped.
#[derive(Debug)]
pub struct Session {
    config: SdkConfig,
    traffic: Traffic,
    server: Option<Server>,
}

impl Session {
    /// Connects to AWS. Credentials, region and endpoints come from the usual places: environment,
    /// profiles, container, instance. So do proxies (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) and the
    /// certificates of AWS_CA_BUNDLE.
    ///
    /// # Errors
    /// Fails if credentials or the region are missing, or an endpoint, a proxy or the certificates
    /// are invalid.
    pub async fn on_aws() -> Result<Self, BoxError> {
        let session = Self::load(Self::loader()?).await?;
        if session.config.region().is_none_or(|region| region.as_ref().is_empty()) {
            let cure = "set AWS_REGION, or `region` in the profile that AWS_PROFILE names";
            return Err(format!("no region is configured: {cure}").into());
        }
        Ok(session)
    }

    /// Connects to AWS in this region and ignores the configured one.
    ///
    /// # Errors
    /// Fails if credentials are missing or an endpoint is invalid.
    pub async fn on_aws_in(region: &str) -> Result<Self, BoxError> {
        let (loader, traffic) = Self::loader()?;
        Self::load((loader.region(Region::new(region.to_owned())), traffic)).await
    }

    /// Connects to AWS in the region of a repository, or to an emulator.
    ///
    /// # Errors
    /// Fails like [`on_aws_in`](Self::on_aws_in) and [`on_emulator`](Self::on_emulator).
    pub async fn of(aws: bool, repository: &ecr_push::Repository) -> Result<Self, BoxError> {
        if aws { Self::on_aws_in(repository.region()).await } else { Self::on_emulator().await }
    }

    fn loader() -> Result<(ConfigLoader, Traffic), BoxError> {
        check_endpoints()?;
        let (client, traffic) = CountingClient::around(client_of_environment()?);
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(client)
            .timeout_config(timeouts());
        Ok((loader, traffic))
    }

    async fn load((loader, traffic): (ConfigLoader, Traffic)) -> Result<Self, BoxError> {
        let config = loader.load().await;
        // Requests them now, so that missing credentials fail before the first change.
        let provider = config.credentials_provider().ok_or("no credentials are configured")?;
        provider.provide_credentials().await.map_err(NoCredentials)?;
        Ok(Self { config, traffic, server: None })
    }

    /// Starts an emulator on a free port of 127.0.0.1, with a repository and a service to deploy
    /// to. The SDK calls it over HTTP like AWS.
    ///
    /// # Errors
    /// Fails if the operating system refuses a port.
    pub async fn on_emulator() -> Result<Self, BoxError> {
        let local = LocalAws::new();
        local.create_demo();
        // A rollout takes minutes on ECS. A demonstration should take a moment.
        local.set_rollout_pace(0.01);
        let server = local.listen(([127, 0, 0, 1], 0).into()).await?;
        let (client, traffic) = CountingClient::around(direct_client());
        let credentials = Credentials::from_keys("AKIALOCALAWSEXAMPLE", "local", None);
        // Ignores the environment: an AWS_ENDPOINT_URL there belongs to another server, and proxies
        // don't reach this one.
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(LocalAws::REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(server.endpoint_url())
            .http_client(client)
            .timeout_config(timeouts())
            .build();
        Ok(Self { config, traffic, server: Some(server) })
    }

    /// Returns the configuration for the SDK's clients, [`Pusher`](ecr_push::Pusher) and
    /// [`Deployer`](ecs_deploy::Deployer).
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Returns the counters of the requests sent so far.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Returns the emulator that this session started, if it did.
    pub fn emulator(&self) -> Option<&LocalAws> {
        self.server.as_ref().map(Server::local)
    }

    /// Describes the target of the calls, for the program's output.
    pub fn place(&self) -> String {
        match &self.server {
            Some(server) => {
                format!("the emulator on {}; use --aws for AWS", server.endpoint_url())
            }
            None => {
                let region = self.config.region().map_or("no region", Region::as_ref);
                match self.config.endpoint_url() {
                    Some(url) => format!("{url}, {region}"),
                    None => format!("AWS, {region}"),
                }
            }
        }
    }
}

#[derive(Debug)]
struct NoCredentials(aws_credential_types::provider::error::CredentialsError);

impl std::fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "no AWS credentials found: set AWS_PROFILE to a profile with credentials, or \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    }
}

impl std::error::Error for NoCredentials {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Refuses endpoint variables that the SDK can't use. CI often sets a variable to an empty string:
/// the SDK panics on it. An invalid URL fails only at the first request.
fn check_endpoints() -> Result<(), BoxError> {
    for name in
        ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECS", "AWS_ENDPOINT_URL_STS"]
    {
        match std::env::var(name) {
            Ok(url) if url.is_empty() => {
                return Err(format!("{name} is set but empty: unset it").into());
            }
            Ok(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                return Err(format!(
                    "invalid {name} `{url}`: expected a URL with http:// or https://"
                )
                .into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// The SDK has no timeouts by default, and waits forever for a server that never answers. A part of
/// 13 MB needs less than the read timeout at 1 Mbit/s.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(120))
        .build()
}
