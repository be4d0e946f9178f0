//! A configuration to call AWS with: the real one, or the emulator.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use local_aws::{LocalAws, Server};

use crate::ending::BoxError;
use crate::traffic::{CountingClient, Traffic};

/// What a program calls AWS through. The emulator, where it is one, ends with this value.
#[derive(Debug)]
pub struct Session {
    config: SdkConfig,
    traffic: Traffic,
    server: Option<Server>,
}

impl Session {
    /// AWS, with credentials, region and endpoints from where every AWS tool takes them:
    /// environment, profiles, container, instance.
    ///
    /// # Errors
    /// Where there are no credentials or no region, or an endpoint is none.
    pub async fn on_aws() -> Result<Self, BoxError> {
        let session = Self::load(Self::loader()?).await?;
        if session.config.region().is_none_or(|region| region.as_ref().is_empty()) {
            let cure = "set AWS_REGION, or a `region` in the profile that AWS_PROFILE names";
            return Err(format!("no region is configured: {cure}").into());
        }
        Ok(session)
    }

    /// AWS in this region, whichever is configured.
    ///
    /// # Errors
    /// Where there are no credentials, or an endpoint is none.
    pub async fn on_aws_in(region: &str) -> Result<Self, BoxError> {
        let (loader, traffic) = Self::loader()?;
        Self::load((loader.region(Region::new(region.to_owned())), traffic)).await
    }

    /// AWS in the region of a repository, or the emulator.
    ///
    /// # Errors
    /// As [`on_aws_in`](Self::on_aws_in) and [`on_emulator`](Self::on_emulator).
    pub async fn of(aws: bool, repository: &ecr_push::Repository) -> Result<Self, BoxError> {
        if aws { Self::on_aws_in(repository.region()).await } else { Self::on_emulator().await }
    }

    fn loader() -> Result<(ConfigLoader, Traffic), BoxError> {
        check_endpoints()?;
        let (client, traffic) = http_client();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(client)
            .timeout_config(timeouts());
        Ok((loader, traffic))
    }

    async fn load((loader, traffic): (ConfigLoader, Traffic)) -> Result<Self, BoxError> {
        let config = loader.load().await;
        // Asked for now, so that nothing is half done when it turns out that there are none.
        let provider = config.credentials_provider().ok_or("no credentials are configured")?;
        provider.provide_credentials().await.map_err(NoCredentials)?;
        Ok(Self { config, traffic, server: None })
    }

    /// An emulator on a free port of 127.0.0.1, with a repository and a service to deploy to. It
    /// is called over HTTP like AWS.
    ///
    /// # Errors
    /// Where the operating system has no port to give.
    pub async fn on_emulator() -> Result<Self, BoxError> {
        let local = LocalAws::new();
        local.create_demo();
        // A rollout takes minutes on ECS, and a demonstration should not.
        local.set_rollout_pace(0.01);
        let server = local.listen(([127, 0, 0, 1], 0).into()).await?;
        let (client, traffic) = http_client();
        let credentials = Credentials::from_keys("AKIALOCALAWSEXAMPLE", "local", None);
        // Nothing from the environment: an AWS_ENDPOINT_URL there means something else.
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

    /// For the SDK's clients, [`Pusher`](ecr_push::Pusher) and
    /// [`Deployer`](ecs_deploy::Deployer).
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// What has been sent so far.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Where the calls go, for the story.
    pub fn place(&self) -> String {
        match &self.server {
            Some(server) => {
                format!("the emulator on {}; --aws is for AWS", server.endpoint_url())
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
            "no AWS credentials were found: set AWS_PROFILE to a profile that has some, or \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    }
}

impl std::error::Error for NoCredentials {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// What is set and empty, as CI leaves variables that it has no value for, would be a panic of the
/// SDK's, and what is no URL a request that it can't send.
fn check_endpoints() -> Result<(), BoxError> {
    for name in
        ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECS", "AWS_ENDPOINT_URL_STS"]
    {
        match std::env::var(name) {
            Ok(url) if url.is_empty() => {
                return Err(format!("{name} is set, but empty: unset it").into());
            }
            Ok(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                return Err(
                    format!("{name} is `{url}`, which is no http:// or https:// URL").into()
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// Without them, the SDK waits for a server that never answers. A part of 13 MB gets through in
/// that time at 1 Mbit/s.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(120))
        .build()
}

/// The SDK's own client with rustls; ring builds without a C toolchain's half minute.
fn http_client() -> (CountingClient, Traffic) {
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    CountingClient::around(client)
}
