//! The upload of one layer to one or several repositories, through either protocol.
//!
//! ECR keeps one cursor per upload and accepts only a part that starts there, so the parts of a
//! layer are sent one after another. Speed comes from concurrent layers, and from preparing the
//! next parts while one is sent.
//!
//! A layer has a [`Transfer`] for each repository. Its [`Link`] speaks the protocol, and one
//! [`Feed`] reads the file for all transfers. The upload repeats two phases until every transfer is
//! complete:
//!
//! ```text
//! started ─┐
//! resumed ─┴─> sending ──> completing ──> complete
//!                 ^            │
//!                 └────────────┘ some transfers were rejected and restart
//! ```
//!
//! While a transfer has bytes to send, the upload sends the part at the lowest cursor to all
//! transfers at that cursor. When none has, it completes those that aren't complete. With the
//! registry's protocol, a layer of up to 5 MiB skips `sending`: the completing request carries it. If
//! the registry keeps only whole 10 MiB of what it is sent, the completing request carries the rest.
//! [`Transfer`] describes when a transfer restarts.
//!
//! Three invariants hold. With ECR's API, each byte is read once for all repositories, unless an
//! upload restarts or loses bytes. A layer never holds one memory reservation while it waits for a
//! larger one. A layer has a turn to send through the registry's protocol only while a request with
//! its content is in flight.

pub(crate) mod checkpoint;
mod cursor;
mod feed;
mod frame;
mod link;
pub(crate) mod memory;
pub(crate) mod part_size;
pub(crate) mod receipt;
mod transfer;

use std::sync::Arc;

use futures_util::future::try_join_all;
use tracing::Instrument as _;

use crate::error::Error;
use crate::image::blob::{Blob, Layer};
use crate::image::blob_reader::BlobReader;
use crate::report::{Event, Reporter};
use crate::tasks::Working;
use crate::upload::checkpoint::Checkpoint;
use crate::upload::feed::{Feed, PartFeed, PartReader, room};
use crate::upload::link::{ApiLink, Link, RegistryLink, Tail};
use crate::upload::memory::Memory;
use crate::upload::part_size::{LargeLayers, PartSizes};
use crate::upload::receipt::{LayerReceipt, UploadOutcome};
use crate::upload::transfer::{Logs, Transfer};
use crate::wire::answers::{NewUpload, Round};
use crate::wire::api::Calls;
use crate::wire::registry::Registry;
use crate::wire::registry::body::LayerContent;
use crate::wire::registry::uploads::MountAnswer;

/// The state that all uploads of a push share.
#[derive(Debug, Clone)]
pub(crate) struct Uploader {
    pub(crate) memory: Arc<Memory>,
    pub(crate) reporter: Reporter,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) large_layers: LargeLayers,
    pub(crate) round: Round,
}

impl Uploader {
    /// Sends a layer to the repositories through ECR's API. Reads each byte once for all of them,
    /// unless an upload restarts or loses bytes: uploads that are ahead wait for those that are
    /// behind.
    ///
    /// `numbers` are the positions of the repositories `to` within the push. Drops `sending` when
    /// the layer only needs to be completed.
    pub(crate) async fn upload_by_api(
        &self,
        blob: Blob,
        numbers: Vec<usize>,
        to: &[Arc<Calls>],
        sending: Working,
    ) -> Result<LayerReceipt, Error> {
        let layer = blob.layer.clone();
        let upload = self.upload_parts(&layer, blob, to, sending);
        let (sent, bytes_read) = upload.await.map_err(|error| error.about(layer.digest()))?;
        let sent = sent.into_iter().map(UploadOutcome::Sent);
        Ok(LayerReceipt { outcomes: numbers.into_iter().zip(sent).collect(), bytes_read })
    }

    /// Sends a layer to one repository through the registry's protocol, or mounts it from another
    /// repository.
    ///
    /// `number` is the position of the repository `to` within the push. Drops `sending` when the
    /// layer only needs to be completed; completing a small layer also sends it.
    pub(crate) async fn upload_by_registry(
        &self,
        blob: Blob,
        number: usize,
        to: &Registry,
        sending: Working,
    ) -> Result<LayerReceipt, Error> {
        let layer = blob.layer.clone();
        let span = tracing::debug_span!("upload", repository = %to.repository());
        let upload = self.upload_stream(&layer, blob, to, sending).instrument(span);
        let outcome = upload.await.map_err(|error| error.about(layer.digest()))?;
        let bytes_read = match outcome {
            UploadOutcome::Mounted => 0,
            UploadOutcome::Sent(bytes) => bytes,
        };
        Ok(LayerReceipt { outcomes: vec![(number, outcome)], bytes_read })
    }

    /// Sends the layer in parts. Returns how many bytes were sent to each repository, and how many
    /// were read.
    async fn upload_parts(
        &self,
        layer: &Layer,
        blob: Blob,
        to: &[Arc<Calls>],
        sending: Working,
    ) -> Result<(Vec<u64>, u64), Error> {
        let (size, large_layers) = (layer.size(), self.large_layers);
        let usual = PartSizes::new(self.memory.usual_part_size(), large_layers).size_for(size);
        let room = room(&self.memory, size, usual, to.len()).await;
        let begin = to.iter().map(|calls| self.begin(calls, layer));
        let mut transfers = try_join_all(begin).await?;
        let mut feed = Feed::Parts(PartFeed {
            reader: PartReader::open(blob).await?,
            room: Some(room),
            memory: self.memory.clone(),
            large_layers,
            size,
            links: to.len(),
        });
        let bytes_read = run(size, &mut transfers, &mut feed, sending).await?;
        Ok((transfers.iter().map(Transfer::sent).collect(), bytes_read))
    }

    /// Starts the upload of a layer, or resumes the one that an earlier process started.
    async fn begin<'a>(
        &'a self,
        calls: &'a Calls,
        layer: &'a Layer,
    ) -> Result<Transfer<'a>, Error> {
        let checkpoint = self.checkpoint.as_ref();
        match checkpoint.and_then(|checkpoint| checkpoint.take(calls.repository(), layer)) {
            Some(record) => {
                let part_size = self.memory.usual_part_size();
                let upload = NewUpload { id: record.upload_id, part_size };
                let link = Link::Api(ApiLink { calls, upload });
                Ok(Transfer::resumed(link, layer, self.logs(), record.sent))
            }
            None => {
                let upload = calls.start_upload().await?;
                self.memory.learn_part_size(upload.part_size);
                let link = Link::Api(ApiLink { calls, upload });
                Ok(Transfer::new(link, layer, self.logs()))
            }
        }
    }

    async fn upload_stream(
        &self,
        layer: &Layer,
        blob: Blob,
        to: &Registry,
        sending: Working,
    ) -> Result<UploadOutcome, Error> {
        let _place = self.memory.place_to_upload().await;
        let reader = BlobReader::open(blob).await?;
        let location = match to.start_layer(layer.digest(), self.round).await? {
            MountAnswer::Mounted => {
                let (repository, layer) = (to.repository().clone(), layer.clone());
                self.reporter.report(Event::LayerMounted { repository, layer });
                return Ok(UploadOutcome::Mounted);
            }
            MountAnswer::Upload(location) => location,
        };
        let content = LayerContent::new(reader.clone(), layer, to.repository(), &self.reporter);
        let tail = match self.round {
            Round::Again => Tail::WithCompletion,
            Round::First => Tail::Before,
        };
        let link = RegistryLink { registry: to, memory: &self.memory, content, location, tail };
        let link = Link::Registry(link);
        let mut transfers = [Transfer::new(link, layer, self.logs())];
        run(layer.size(), &mut transfers, &mut Feed::Stream(reader), sending).await?;
        Ok(UploadOutcome::Sent(transfers[0].sent()))
    }

    fn logs(&self) -> Logs<'_> {
        Logs { reporter: &self.reporter, checkpoint: self.checkpoint.as_ref() }
    }
}

/// Sends a layer of `size` bytes until every transfer is complete. Returns how many bytes were
/// read.
async fn run(
    size: u64,
    transfers: &mut [Transfer<'_>],
    feed: &mut Feed,
    sending: Working,
) -> Result<u64, Error> {
    let mut sending = Some(sending);
    let mut read = 0;
    while !transfers.iter().all(Transfer::is_complete) {
        let cursors: Vec<u64> = transfers.iter().filter_map(Transfer::next).collect();
        let Some(&first) = cursors.iter().min() else {
            complete(transfers, feed, &mut sending).await?;
            continue;
        };
        // Uses the size that ECR requested last: a restarted upload may request another one.
        let asked = transfers.iter().map(Transfer::part_size).min().unwrap_or(size);
        let part_size = feed.part_size(asked);
        let end = transfers.iter().map(Transfer::end).min().unwrap_or(size);
        let len = meeting(&cursors, first, part_size).min(end - first);
        let waiting: Vec<&mut Transfer<'_>> =
            transfers.iter_mut().filter(|transfer| transfer.next() == Some(first)).collect();
        let parts = feed.read(first..first + len, part_size, waiting.len()).await?;
        read += len;
        let sent = waiting.into_iter().zip(parts);
        try_join_all(sent.map(|(transfer, part)| transfer.send(part))).await?;
    }
    Ok(read)
}

/// Completes the transfers that aren't complete, and restarts those that ECR rejects.
async fn complete(
    transfers: &mut [Transfer<'_>],
    feed: &Feed,
    sending: &mut Option<Working>,
) -> Result<(), Error> {
    let rest: Vec<&mut Transfer<'_>> =
        transfers.iter_mut().filter(|transfer| !transfer.is_complete()).collect();
    for transfer in &rest {
        transfer.get_ready_to_complete().await;
    }
    drop(sending.take());
    let ended = rest.into_iter().map(|transfer| async {
        Ok::<_, Error>(transfer.complete().await?.map(|failure| (transfer, failure)))
    });
    let failed: Vec<_> = try_join_all(ended).await?.into_iter().flatten().collect();
    if failed.iter().any(|(_, failure)| failure.is_content) {
        // If the file has changed, this error names it; if not, the bytes were damaged in transit.
        feed.check().await?;
    }
    let again = failed
        .into_iter()
        .map(|(transfer, failure)| async move { transfer.start_over(&failure).await });
    try_join_all(again).await?;
    Ok(())
}

/// Returns the length of the part that starts at `first`. If another upload's cursor lies within
/// the part, the part ends there, so that both uploads continue together, unless the part would be
/// smaller than ECR accepts.
fn meeting(cursors: &[u64], first: u64, part_size: u64) -> u64 {
    let apart = cursors.iter().map(|cursor| cursor - first);
    apart.filter(|&len| len >= part_size.div_ceil(2)).min().unwrap_or(part_size).min(part_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_that_are_apart_meet() {
        assert_eq!(meeting(&[20], 20, 10), 10);
        assert_eq!(meeting(&[20, 25], 20, 10), 5);
        assert_eq!(meeting(&[20, 24], 20, 10), 10, "a part of 4 bytes would be too small");
        assert_eq!(meeting(&[20, 80, 27], 20, 10), 7);
    }
}
