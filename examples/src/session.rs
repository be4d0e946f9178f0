//! A configuration to call AWS with: the real one, or the emulator.

use aws_config::{BehaviorVersion, Region, SdkConfig};
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
    /// Where there are no credentials or no region.
    pub async fn on_aws() -> Result<Self, BoxError> {
        let (client, traffic) = http_client();
        let config =
            aws_config::defaults(BehaviorVersion::latest()).http_client(client).load().await;
        if config.region().is_none() {
            let cure = "set AWS_REGION, or a `region` in the profile that AWS_PROFILE names";
            return Err(format!("no region is configured: {cure}").into());
        }
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
            Some(server) => format!("local-aws on {}", server.endpoint_url()),
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
            "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
        )
    }
}

impl std::error::Error for NoCredentials {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// The SDK's own client with rustls; ring builds without a C toolchain's half minute.
fn http_client() -> (CountingClient, Traffic) {
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    CountingClient::around(client)
}
