//! What a part, and a piece of a layer, allocate: counted in a process of its own, against a server
//! in it that allocates next to nothing. One test, because the allocator is everybody's.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::alloc::System;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use benches::layout::Layout;
use benches::sink::answer;
use ecr_push::transport::{RegistryEndpoint, Transport};
use ecr_push::{Image, Pusher, Repository};
use local_aws::LocalAws;
use stats_alloc::{Region, Stats, StatsAlloc};
use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: StatsAlloc<System> = StatsAlloc::system();

const MIB: u64 = 1024 * 1024;
const PART: u64 = 10 * MIB;

#[tokio::test]
async fn a_part_takes_no_memory_of_its_own() {
    let by_api = |parts| push(Transport::Api, parts);
    let by_registry = |parts| push(Transport::Registry, parts);
    // What is made once, by the SDK and the runtime, is made now.
    by_api(1).await;
    by_registry(1).await;

    let (few, many) = (by_api(10).await, by_api(30).await);
    // Three buffers, one on the line and two ahead, however many parts there are.
    assert!(few.bytes > 3 * framed(PART) && few.bytes < 3 * framed(PART) + 2 * MIB, "{few:?}");
    let part = each(&few, &many, 20);
    assert!(part.bytes < 64 * 1024, "a part of 10 MiB allocates {part:?}");
    assert!(part.allocations < 500, "a part of 10 MiB allocates {part:?}");

    let (few, many) = (by_registry(10).await, by_registry(30).await);
    assert!(few.bytes < 3 * MIB, "{few:?}");
    let part = each(&few, &many, 20);
    // 20 pieces of half a MiB, each read by a task of its own, and a fifth of a request.
    assert!(part.bytes < 64 * 1024, "10 MiB of a layer allocate {part:?}");
    assert!(part.allocations < 150, "10 MiB of a layer allocate {part:?}");
}

/// What was asked for.
#[derive(Debug)]
struct Asked {
    bytes: u64,
    allocations: usize,
}

impl From<Stats> for Asked {
    fn from(stats: Stats) -> Self {
        let grown = usize::try_from(stats.bytes_reallocated).unwrap_or_default();
        let bytes = (stats.bytes_allocated + grown) as u64;
        Self { bytes, allocations: stats.allocations + stats.reallocations }
    }
}

/// What each of so many more parts asked for.
fn each(few: &Asked, many: &Asked, more: u64) -> Asked {
    // How far a push reads ahead depends on the moment, so that more parts can even ask for less.
    let allocations = many.allocations.saturating_sub(few.allocations) / more as usize;
    Asked { bytes: many.bytes.saturating_sub(few.bytes) / more, allocations }
}

/// As base64, without what is around it.
fn framed(content: u64) -> u64 {
    content / 3 * 4
}

/// Pushes one layer of so many parts, and returns what was asked for meanwhile.
async fn push(transport: Transport, parts: u64) -> Asked {
    let folder = TempDir::new().unwrap();
    Layout::write(folder.path(), &[parts * PART]).unwrap();
    let image = Image::open(folder.path()).await.unwrap();
    let repository: Repository =
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web".parse().unwrap();
    // For its credentials.
    let config = LocalAws::new().sdk_config().into_builder().http_client(Sink).build();
    let endpoint: RegistryEndpoint = "http://registry.example".parse().unwrap();
    let pusher = Pusher::new(&config).registry_endpoint(endpoint.anonymous());
    let region = Region::new(&ALLOCATOR);
    let pushed = pusher.push(&image, &repository).transport(transport).await.unwrap();
    let asked = region.change().into();
    assert!(pushed.bytes_sent() > parts * PART);
    asked
}

/// The sink, without a line to it.
#[derive(Debug, Clone)]
struct Sink;

impl HttpClient for Sink {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Sink {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let response = answer(request).await.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response)
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
