//! One request to a registry, with the SDK's HTTP client, retries and timeouts, and with the token.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecr::config::http::HttpRequest;
use aws_sdk_ecr::config::retry::RetryConfig;
use aws_sdk_ecr::error::BoxError;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime::client::stalled_stream_protection::StalledStreamProtectionInterceptor;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use zeroize::Zeroizing;

use crate::aws::retries::Attempts;
use crate::error::Error;
use crate::login::token::{Token, TokenProvider};
use crate::names::repository::Repository;
use crate::report::Reporter;
use crate::wire::registry::answer::{Answer, Refusal, RequestError, read};
use crate::wire::registry::renewals::Renewals;
use crate::wire::transport::{RegistryEndpoint, RegistryLogin};

/// The connection settings for a repository's registry.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) config: SdkConfig,
    pub(crate) endpoint: RegistryEndpoint,
    pub(crate) tokens: TokenProvider,
    pub(crate) repository: Repository,
    pub(crate) reporter: Reporter,
    pub(crate) renewals: Renewals,
}

/// A request to a registry.
#[derive(Debug)]
pub(crate) struct Request {
    /// The corresponding operation of ECR's API, whose IAM action the request needs.
    pub(crate) operation: &'static str,
    pub(crate) method: &'static str,
    /// The part of the URL after the host, including the query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: SdkBody,
}

impl Request {
    pub(crate) fn new(operation: &'static str, method: &'static str, path: String) -> Self {
        Self { operation, method, path, headers: Vec::new(), body: SdkBody::empty() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn body(mut self, body: SdkBody) -> Self {
        self.body = body;
        self
    }
}

/// The reason why a request failed.
#[derive(Debug)]
pub(crate) enum RequestFailure {
    /// Getting the token failed, so the request was not sent.
    NoToken(Error),
    /// The SDK got no answer, or the registry rejected the request.
    Sdk(Box<RequestError>),
}

impl RequestFailure {
    /// Returns the registry's error, if the registry answered.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::NoToken(_) => None,
            Self::Sdk(failed) => failed.as_service_error(),
        }
    }
}

impl Http {
    /// Fetches a token ahead of the next request. A failure surfaces in that request.
    pub(crate) async fn get_token(&self) {
        if let Err(error) = self.authorization().await {
            tracing::debug!(repository = %self.repository, %error, "got no token in advance");
        }
    }

    /// Sends a request. Retries with a new token if the registry rejects the token: once, and again
    /// if the registry has accepted another request meanwhile. Then renewal works, and others used
    /// up what the new token was good for.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, RequestFailure> {
        let mut seen = None;
        loop {
            let (authorization, token) =
                self.authorization().await.map_err(RequestFailure::NoToken)?;
            let in_flight = self.renewals.enter();
            let failed = match self.attempt(request, authorization).await {
                Ok(answer) => {
                    in_flight.accept();
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            drop(in_flight);
            match (token, failed.as_service_error()) {
                (Some(token), Some(refusal))
                    if refusal.is_of_token() && self.may_renew(refusal, &mut seen).await =>
                {
                    tracing::debug!(repository = %self.repository, "renewing a rejected token");
                    self.tokens.invalidate(&token);
                }
                _ => return Err(RequestFailure::Sdk(failed.into())),
            }
        }
    }

    /// Decides whether the request gets another token. `seen` is the number of accepted requests at
    /// its last refusal.
    async fn may_renew(&self, refusal: &Refusal, seen: &mut Option<u64>) -> bool {
        match seen {
            None => {
                *seen = Some(self.renewals.accepted());
                true
            }
            Some(seen) => {
                refusal.is_surely_of_token() && self.renewals.any_accepted_since(seen).await
            }
        }
    }

    async fn authorization(&self) -> Result<(Option<Zeroizing<String>>, Option<Token>), Error> {
        Ok(match self.endpoint.how_to_log_in() {
            RegistryLogin::Ecr => {
                let token = self.tokens.token(&self.repository).await?;
                (Some(token.basic()), Some(token))
            }
            RegistryLogin::None => (None, None),
            RegistryLogin::Password(basic) => (Some(basic.clone()), None),
        })
    }

    /// Sends the request through the SDK's own machinery, although it belongs to no service model.
    /// The caller's configuration therefore applies to it as it does to the API.
    async fn attempt(
        &self,
        request: &Request,
        authorization: Option<Zeroizing<String>>,
    ) -> Result<Answer, RequestError> {
        const USER_AGENT: &str = concat!("ecr-push/", env!("CARGO_PKG_VERSION"));
        let Self { config, endpoint, repository, reporter, .. } = self;
        let Request { operation, method, path, headers, body } = request;
        let (method, path, headers) = (*method, path.clone(), headers.clone());
        // `None` means that a body can be sent only once; no request here has such a body.
        let body = body.try_clone().unwrap_or_else(SdkBody::taken);
        let body = Mutex::new(Some(body));
        let serialize = move |()| -> Result<HttpRequest, BoxError> {
            let taken = body.lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut http = HttpRequest::new(taken.unwrap_or_else(SdkBody::taken));
            http.set_method(method)?;
            http.set_uri(path.as_str())?;
            let length = http.body().content_length().unwrap_or_default();
            // HEAD and GET have no content length.
            if matches!(method, "PATCH" | "POST" | "PUT") {
                http.headers_mut().insert("content-length", length.to_string());
            }
            http.headers_mut().insert("user-agent", USER_AGENT);
            for (name, value) in &headers {
                http.headers_mut().try_insert(*name, value.clone())?;
            }
            if let Some(basic) = &authorization {
                let value = format!("Basic {}", basic.as_str());
                http.headers_mut().try_insert("authorization", value)?;
            }
            Ok(http)
        };
        let retries = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        let mut builder = Operation::builder()
            .service_name("ecr-push registry")
            .operation_name(*operation)
            .endpoint_url(endpoint.url())
            .no_auth()
            .standard_retry(&retries)
            .retry_classifier(TransientErrorClassifier::<Refusal>::new())
            .retry_classifier(HttpStatusCodeClassifier::new_from_codes(RETRIED))
            .with_connection_poisoning()
            .interceptor(Attempts::new(operation, repository, reporter));
        if let Some(client) = config.http_client() {
            builder = builder.http_client(client);
        }
        if let Some(timeouts) = config.timeout_config() {
            builder = builder.timeout_config(timeouts.clone());
        }
        if let Some(sleep) = config.sleep_impl() {
            builder = builder.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            builder = builder.time_source(time);
        }
        builder = builder
            .stalled_stream_protection(stall_protection(config))
            .interceptor(StalledStreamProtectionInterceptor::default());
        if let Some(version) = config.behavior_version() {
            builder = builder.behavior_version(version);
        }
        builder
            .serializer(serialize)
            .deserializer(move |response| {
                read(method, response).map_err(OrchestratorError::operation)
            })
            .build()
            .invoke(())
            .await
    }
}

/// Returns the caller's protection against a server that stops reading or answering, with at least
/// a minute of patience: on a slow link that several layers share, a piece of 512 KiB may take long.
fn stall_protection(config: &SdkConfig) -> StalledStreamProtectionConfig {
    const PATIENCE: Duration = Duration::from_secs(60);
    let set = config.stalled_stream_protection();
    let set = set.unwrap_or_else(|| StalledStreamProtectionConfig::enabled().build());
    StalledStreamProtectionConfig::enabled()
        .is_enabled(set.is_enabled())
        .upload_enabled(set.upload_enabled())
        .download_enabled(set.download_enabled())
        .grace_period(set.grace_period().max(PATIENCE))
        .build()
}

/// The statuses that are retried: throttling, and those that the SDK retries by default.
const RETRIED: &[u16] = &[429, 500, 502, 503, 504];
