//! An HTTP client that shows each request to the test before the emulator receives it.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use ecr_push::Pusher;
use local_aws::LocalAws;

/// Returns a pusher whose requests pass through `look`. `look` can answer a request with JSON
/// instead of the emulator.
pub(crate) fn pusher(
    local: &LocalAws,
    look: impl Fn(&HttpRequest) -> Option<String> + Send + Sync + 'static,
) -> Pusher {
    answering(local, move |request| {
        let answer = look(request)?;
        Some(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer))))
    })
}

/// Does the same as [`pusher`] with any answer or failure.
pub(crate) fn answering(
    local: &LocalAws,
    look: impl Fn(&HttpRequest) -> Option<Result<HttpResponse, ConnectorError>> + Send + Sync + 'static,
) -> Pusher {
    let config = local.sdk_config();
    let client = Through { client: config.http_client().unwrap(), look: Look(Arc::new(look)) };
    Pusher::new(&config.into_builder().http_client(client).build())
}

/// Returns the operation of a request to the API.
pub(crate) fn operation(request: &HttpRequest) -> &str {
    let target = request.headers().get("x-amz-target").unwrap();
    target.split_once('.').unwrap().1
}

type Looking = dyn Fn(&HttpRequest) -> Option<Result<HttpResponse, ConnectorError>> + Send + Sync;

#[derive(Clone)]
struct Look(Arc<Looking>);

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Look")
    }
}

#[derive(Debug, Clone)]
struct Through<C> {
    client: C,
    look: Look,
}

impl HttpClient for Through<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let client = self.client.http_connector(settings, components);
        SharedHttpConnector::new(Through { client, look: self.look.clone() })
    }
}

impl HttpConnector for Through<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match (self.look.0)(&request) {
            None => self.client.call(request),
            Some(answer) => HttpConnectorFuture::ready(answer),
        }
    }
}
