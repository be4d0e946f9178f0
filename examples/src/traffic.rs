//! Counters of the HTTP requests of a program, retries by the SDK included.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The number and the size of requests that an HTTP client sent.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Traffic {
    /// Returns the number of requests.
    pub fn requests(&self) -> u64 {
        self.counters.requests.load(Ordering::Relaxed)
    }

    /// Returns the size of all request bodies in bytes.
    pub fn bytes(&self) -> u64 {
        self.counters.bytes.load(Ordering::Relaxed)
    }

    fn count(&self, request: &HttpRequest) {
        let bytes = request.body().content_length().unwrap_or(0);
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// An HTTP client that counts requests and passes them on.
#[derive(Debug)]
pub(crate) struct CountingClient {
    inner: SharedHttpClient,
    traffic: Traffic,
}

impl CountingClient {
    pub(crate) fn around(inner: SharedHttpClient) -> (Self, Traffic) {
        let traffic = Traffic::default();
        (Self { inner, traffic: traffic.clone() }, traffic)
    }
}

impl HttpClient for CountingClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(CountingConnector { inner, traffic: self.traffic.clone() })
    }
}

#[derive(Debug)]
struct CountingConnector {
    inner: SharedHttpConnector,
    traffic: Traffic,
}

impl HttpConnector for CountingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.traffic.count(&request);
        self.inner.call(request)
    }
}
