//! [`Compressor`]: the compression of a push's layers, while the push sends those that are ready.

use std::collections::HashSet;

use futures_util::future::{try_join, try_join_all};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::error::Error;
use crate::image::blob::Blob;
use crate::image::compression::pending::PendingCompression;
use crate::image::opened::Image;
use crate::names::digest::Digest;
use crate::push::obstacles::obstacle;
use crate::push::send::MissingLayer;
use crate::push::survey::{RepositoryState, Survey};
use crate::report::{Event, Reporter};
use crate::upload::part_size::PartSizes;
use crate::wire::destination::Destination;

/// The compression of an image's layers for the repositories of a push.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compressor<'a> {
    pub(super) image: &'a Image,
    pub(super) repositories: &'a [Destination],
    pub(super) parts: PartSizes,
    pub(super) reporter: &'a Reporter,
}

impl Compressor<'_> {
    /// Compresses the layers one after another. Looks each up as soon as it is compressed, and hands
    /// it to `layers` if a repository lacks it. Returns the image with the compressed layers, and
    /// adds those that a repository has to its survey.
    ///
    /// Returns the opened image at once if it has no layers to compress.
    pub(super) async fn run(
        self,
        mut surveys: Vec<Survey>,
        layers: UnboundedSender<MissingLayer>,
    ) -> Result<(Image, Vec<Survey>), Error> {
        let Some(pending) = self.image.compression() else {
            return Ok((self.image.clone(), surveys));
        };
        let (ready, arriving) = unbounded_channel();
        // The lookups run beside the compression, so that no core waits for them.
        let compress = self.compress_all(pending, ready);
        try_join(compress, self.hand_over(arriving, &mut surveys, layers)).await?;
        Ok((self.image.compress().await?, surveys))
    }

    async fn compress_all(
        self,
        pending: &PendingCompression,
        ready: UnboundedSender<Blob>,
    ) -> Result<(), Error> {
        for layer in pending.layers() {
            let blob = pending.compress(layer).await?;
            if let Some(obstacle) = obstacle(&blob, self.parts) {
                return Err(Error::unsupported(self.image.digest(), &[obstacle]));
            }
            self.reporter.report(Event::LayerCompressed {
                layer: layer.layer().clone(),
                compressed: blob.layer.clone(),
            });
            // The survey covered blobs that the image has in both forms.
            if !pending.keeps(blob.layer.digest()) {
                // Fails only if the receiver has failed, and its error ends the push.
                let _ = ready.send(blob);
            }
        }
        Ok(())
    }

    /// Looks up the layers that have become ready, all at once.
    async fn hand_over(
        self,
        mut arriving: UnboundedReceiver<Blob>,
        surveys: &mut [Survey],
        layers: UnboundedSender<MissingLayer>,
    ) -> Result<(), Error> {
        let mut ready = Vec::new();
        while arriving.recv_many(&mut ready, usize::MAX).await > 0 {
            let available = self.available(surveys, &ready).await?;
            for blob in ready.drain(..) {
                let mut to = Vec::new();
                for (at, available) in available.iter().enumerate() {
                    if available.contains(blob.layer.digest()) {
                        let repository = self.repositories[at].repository().clone();
                        let layer = blob.layer.clone();
                        self.reporter.report(Event::LayerSkipped { repository, layer });
                    } else {
                        to.push(at);
                    }
                }
                if !to.is_empty() {
                    // Fails only if an upload has failed, and its error ends the push.
                    let _ = layers.send(MissingLayer { blob, to });
                }
            }
            for (survey, available) in surveys.iter_mut().zip(available) {
                survey.available.extend(available);
            }
        }
        Ok(())
    }

    /// Returns which of the blobs each repository has.
    async fn available(
        self,
        surveys: &[Survey],
        blobs: &[Blob],
    ) -> Result<Vec<HashSet<Digest>>, Error> {
        let digests: Vec<&Digest> = blobs.iter().map(|blob| blob.layer.digest()).collect();
        let digests = &digests;
        let ask = |(to, survey): (&Destination, &Survey)| {
            let (to, state) = (to.clone(), survey.state);
            async move {
                match state {
                    RepositoryState::Exists => to.available(digests).await,
                    // The push has just created it.
                    RepositoryState::ToBeCreated => Ok(HashSet::new()),
                }
            }
        };
        try_join_all(self.repositories.iter().zip(surveys).map(ask)).await
    }
}
