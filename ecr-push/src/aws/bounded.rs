//! [`bounded`]: the caller's HTTP client, with limits on every answer.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_sdk_ecr::config::http::HttpRequest;
use aws_sdk_ecr::config::{ConfigBag, RuntimeComponents};
use aws_sdk_ecr::error::{BoxError, ConnectorError};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use aws_types::SdkConfig;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// The size up to which an answer is read. The largest legitimate one holds the manifests of a
/// lookup; ECR's service model allows each of them 4 MiB, and real ones have a few KiB.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// The time in which an answer has to arrive after its headers.
const MAX_TIME: Duration = Duration::from_secs(120);

/// Returns the configuration with limits on each answer: 16 MiB, and two minutes after its headers.
/// An endless answer then costs neither memory nor time. An answer that isn't HTTP counts as an
/// error in transit, which the SDK retries.
pub(crate) fn bounded(config: &SdkConfig) -> SdkConfig {
    match config.http_client() {
        Some(client) => config.to_builder().http_client(Bounded(client)).build(),
        None => config.clone(),
    }
}

#[derive(Debug, Clone)]
struct Bounded<C>(C);

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await.map_err(in_transit)?;
            let body = mem::replace(answer.body_mut(), SdkBody::taken());
            *answer.body_mut() = limited(body);
            Ok(answer)
        })
    }
}

/// Gives an error without a class the class of errors in transit: the client could not parse the
/// answer as HTTP.
fn in_transit(error: ConnectorError) -> ConnectorError {
    if error.is_other() && error.as_other().is_none() {
        return ConnectorError::other(error.into_source(), Some(ErrorKind::TransientError));
    }
    error
}

fn limited(body: SdkBody) -> SdkBody {
    match body.bytes() {
        Some(bytes) if bytes.len() as u64 <= MAX_ANSWER => body,
        _ => SdkBody::from_body_1_x(Limited {
            body,
            left: MAX_ANSWER,
            deadline: Box::pin(sleep(MAX_TIME)),
        }),
    }
}

/// An answer's body with what is left of its limits.
struct Limited {
    body: SdkBody,
    left: u64,
    deadline: Pin<Box<Sleep>>,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, left, deadline } = self.get_mut();
        if deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Exceeded::Time.into())));
        }
        let Some(frame) = ready!(Pin::new(body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame?;
        let len = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(len) {
            Some(rest) => *left = rest,
            None => return Poll::Ready(Some(Err(Exceeded::Size.into()))),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

/// The limit that an answer exceeds.
#[derive(Debug)]
pub(crate) enum Exceeded {
    Size,
    Time,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "the answer is larger than 16 MiB",
            Self::Time => "the answer was not complete 120 s after its headers",
        })
    }
}

impl std::error::Error for Exceeded {}
