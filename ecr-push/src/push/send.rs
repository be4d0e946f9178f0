//! The sending of a push's missing layers: the largest first, several at once.

use std::cmp::Reverse;
use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument as _;

use crate::error::Error;
use crate::image::blob::Blob;
use crate::image::graph::Graph;
use crate::push::repository_plan::RepositoryPlan;
use crate::tasks::{Working, joined};
use crate::upload::Uploader;
use crate::upload::receipt::{LayerReceipt, LayersReceipt};
use crate::wire::destination::Destination;

/// A layer, and the numbers of the repositories that lack it.
#[derive(Debug)]
pub(crate) struct MissingLayer {
    pub(crate) blob: Blob,
    pub(crate) to: Vec<usize>,
}

/// Returns each layer that a repository lacks, with the numbers of those repositories.
pub(crate) fn missing_layers(graph: &Graph, plans: &[RepositoryPlan]) -> Vec<MissingLayer> {
    let missing: Vec<_> = plans.iter().map(RepositoryPlan::missing).collect();
    let lacking = |blob: &Blob| -> Vec<usize> {
        let digest = blob.layer.digest();
        (0..missing.len()).filter(|&at| missing[at].contains(digest)).collect()
    };
    let layers =
        graph.blobs.iter().map(|blob| MissingLayer { blob: blob.clone(), to: lacking(blob) });
    layers.filter(|layer| !layer.to.is_empty()).collect()
}

/// The uploads in flight. Dropping it aborts all of them, so that no upload outlives the push.
type Uploads = JoinSet<Result<LayerReceipt, Error>>;

/// Sends each layer to the repositories that lack it, and also those that arrive later. Drops
/// `sending` when all layers only need to be completed; with the registry's protocol, completing a
/// small layer also sends it.
pub(crate) async fn send(
    uploader: &Uploader,
    repositories: &[Destination],
    mut layers: Vec<MissingLayer>,
    mut later: UnboundedReceiver<MissingLayer>,
    sending: Working,
) -> Result<LayersReceipt, Error> {
    // The largest layer starts first: it takes longest, because one layer can't be split over
    // several uploads.
    layers.sort_by_key(|layer| Reverse(layer.blob.layer.size()));
    let mut uploads = Uploads::new();
    for layer in layers {
        start(&mut uploads, uploader, repositories, layer, &sending);
    }
    let mut receipt = LayersReceipt::new(repositories.len());
    loop {
        let ended = match select(pin!(later.recv()), pin!(next_end(&mut uploads))).await {
            Either::Left((Some(layer), _)) => Either::Left(layer),
            Either::Left((None, _)) => break,
            Either::Right((ended, _)) => Either::Right(ended),
        };
        match ended {
            Either::Left(layer) => start(&mut uploads, uploader, repositories, layer, &sending),
            Either::Right(ended) => receipt.add(joined(ended)?),
        }
    }
    drop(sending);
    while let Some(ended) = uploads.join_next().await {
        receipt.add(joined(ended)?);
    }
    Ok(receipt)
}

/// Starts the uploads of a layer.
fn start(
    uploads: &mut Uploads,
    uploader: &Uploader,
    repositories: &[Destination],
    MissingLayer { blob, to }: MissingLayer,
    sending: &Working,
) {
    let digest = blob.layer.digest();
    let span = tracing::info_span!("layer", %digest, size = blob.layer.size());
    let (mut numbers, mut apis) = (Vec::new(), Vec::new());
    for at in to {
        match &repositories[at] {
            Destination::Api(calls) => {
                numbers.push(at);
                apis.push(calls.clone());
            }
            // The registry's protocol streams a file with one reader per repository.
            Destination::Registry(registry) => {
                let (uploader, blob) = (uploader.clone(), blob.clone());
                let (registry, sending) = (registry.clone(), sending.clone());
                let upload =
                    async move { uploader.upload_by_registry(blob, at, &registry, sending).await };
                uploads.spawn(upload.instrument(span.clone()));
            }
        }
    }
    if !apis.is_empty() {
        let (uploader, sending) = (uploader.clone(), sending.clone());
        let upload = async move { uploader.upload_by_api(blob, numbers, &apis, sending).await };
        uploads.spawn(upload.instrument(span));
    }
}

/// Waits for the next upload that ends; forever if none is in flight.
async fn next_end(uploads: &mut Uploads) -> Result<Result<LayerReceipt, Error>, JoinError> {
    match uploads.join_next().await {
        Some(ended) => ended,
        None => std::future::pending().await,
    }
}
