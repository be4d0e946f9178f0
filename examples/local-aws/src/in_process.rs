//! The front for tests: an SDK HTTP client that calls the core directly.

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use http_body_util::BodyExt as _;

use crate::core::Reply;
use crate::link::pause;
use crate::local::LocalAws;
use crate::registry::{self, Registry};

impl LocalAws {
    /// A configuration whose clients call this emulator in process: no sockets, so that time can
    /// be paused, and the hosts of the requests are AWS's own.
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::from_keys("AKIALOCALAWSEXAMPLE", "local", None);
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(Self::REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(InProcess::new(self.clone()))
            .retry_config(RetryConfig::standard())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(self.clock.clone())
            .build()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct InProcess {
    local: LocalAws,
}

impl InProcess {
    pub(crate) fn new(local: LocalAws) -> Self {
        Self { local }
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let local = self.local.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            // A real answer takes a while, and other tasks run meanwhile.
            tokio::task::yield_now().await;
            let line = local.line();
            let registry = request.uri().host().and_then(Registry::of_host);
            let reply = match registry {
                Some(registry) => registry::serve(&local, &line, registry, request).await,
                None => {
                    let (parts, body) = request.into_parts();
                    let Ok(body) = local.piece(body.collect()).await else {
                        let target = parts.headers.get("x-amz-target");
                        let target = target.and_then(|target| target.to_str().ok());
                        local.in_core(|core, now| core.record_stalled(target, 0, now));
                        return Err(ConnectorError::io("the connection was reset".into()));
                    };
                    let body = body.map_err(ConnectorError::user)?.to_bytes();
                    line.receive(body.len() as u64).await;
                    line.round_trip().await;
                    local.answer(http::Request::from_parts(parts, body))
                }
            };
            let response = match reply {
                Reply::Answer(response, delay) => {
                    pause(delay).await;
                    response
                }
                Reply::Lost(delay) => {
                    pause(delay).await;
                    return Err(ConnectorError::io("the connection was reset".into()));
                }
            };
            HttpResponse::try_from(response.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
