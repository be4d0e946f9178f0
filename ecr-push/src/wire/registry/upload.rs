//! One layer to one repository: requests that are as long as the file, or nearly so, with a cursor
//! that moves over them.

use tracing::Instrument as _;

use super::body::Content;
use super::{Begun, Registry};
use crate::error::Error;
use crate::image::blob::Blob;
use crate::image::blob_reader::BlobReader;
use crate::image::layer::Layer;
use crate::push::events::{Event, Reporter};
use crate::tasks::Working;
use crate::upload::cursor::{Cursor, Step};
use crate::upload::memory::Memory;
use crate::wire::api::CompleteAnswer;

/// How much of a layer goes into one request. Docker sends layers of any size in one, so ECR has no
/// limit here that matters. A request that is lost is sent again from where it began, or from where
/// ECR says that it got; one that takes long meets the caller's time-out for reading; and after
/// each one, the line is idle for a round trip.
pub(crate) const CHUNK: u64 = 50 * 1024 * 1024;

/// Smaller layers go with the request that completes them, which saves one. There are reports of
/// such requests being refused from 10 MB on, and others of 15 GB.
pub(crate) const SMALL: u64 = 5 * 1024 * 1024;

/// What the layers of a push have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layers<'a> {
    pub(crate) memory: &'a Memory,
    pub(crate) reporter: &'a Reporter,
}

/// What became of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    Mounted,
    /// With so many bytes of content sent.
    Sent(u64),
}

impl Layers<'_> {
    /// Puts a layer into the repository.
    pub(crate) async fn upload(
        &self,
        blob: Blob,
        to: &Registry,
        sending: Working,
    ) -> Result<Arrived, Error> {
        let layer = blob.layer.clone();
        let span = tracing::debug_span!("upload", repository = %to.repository());
        let upload = self.upload_layer(&layer, blob, to, sending).instrument(span);
        upload.await.map_err(|error| error.about(layer.digest()))
    }

    async fn upload_layer(
        &self,
        layer: &Layer,
        blob: Blob,
        to: &Registry,
        sending: Working,
    ) -> Result<Arrived, Error> {
        let _place = self.memory.place_to_upload().await;
        let reader = BlobReader::open(blob).await?;
        let location = match to.begin(layer.digest()).await? {
            Begun::Mounted => {
                let (repository, layer) = (to.repository().clone(), layer.clone());
                self.reporter.report(Event::LayerMounted { repository, layer });
                return Ok(Arrived::Mounted);
            }
            Begun::Upload(location) => location,
        };
        let content = Content::new(reader.clone(), layer, to.repository(), self.reporter);
        let upload = Upload {
            to,
            layer,
            memory: self.memory,
            reporter: self.reporter,
            reader,
            content,
            sending: Some(sending),
            location,
            cursor: Cursor::at(0),
            began: 1,
            sent: 0,
        };
        upload.report(|repository, layer| Event::LayerStarted { repository, layer });
        upload.run().await.map(Arrived::Sent)
    }
}

/// A layer on its way.
struct Upload<'a> {
    to: &'a Registry,
    layer: &'a Layer,
    memory: &'a Memory,
    reporter: &'a Reporter,
    reader: BlobReader,
    content: Content,
    sending: Option<Working>,
    location: String,
    cursor: Cursor,
    /// How many uploads were begun for it.
    began: u32,
    sent: u64,
}

impl Upload<'_> {
    /// Returns how many bytes were sent.
    async fn run(mut self) -> Result<u64, Error> {
        const OPERATION: &str = "CompleteLayerUpload";
        let (size, digest) = (self.layer.size(), self.layer.digest());
        loop {
            if size > SMALL && !self.send_all().await? {
                continue;
            }
            let whole = (size <= SMALL).then_some((&self.content, size));
            if whole.is_some() {
                self.content.set_turn(self.memory.turn_to_send(size).await);
                self.sent += size;
            }
            drop(self.sending.take());
            let ended = self.to.complete(&self.location, digest, whole).await?;
            self.content.set_turn(None);
            match ended {
                CompleteAnswer::Complete => break,
                CompleteAnswer::Incomplete(why) => {
                    if why.is_content {
                        // Where the file is to blame, it is named; where it isn't, the way was.
                        self.reader.check().await?;
                    }
                    self.start_again(OPERATION, &why.reason).await?;
                }
            }
        }
        if size <= SMALL {
            let sent = size;
            self.report(|repository, layer| Event::LayerProgress { repository, layer, sent });
        }
        self.report(|repository, layer| Event::LayerFinished { repository, layer });
        Ok(self.sent)
    }

    /// Sends what has not arrived yet; `false` where the upload was lost, and another one begun.
    async fn send_all(&mut self) -> Result<bool, Error> {
        const OPERATION: &str = "UploadLayerPart";
        let size = self.layer.size();
        while self.cursor.next < size {
            let first = self.cursor.next;
            let end = size.min(first + CHUNK);
            self.content.set_turn(self.memory.turn_to_send(size).await);
            self.sent += end - first;
            let Self { to, location, content, .. } = self;
            let answer = to.send_chunk(location, content, first, end).await?;
            content.set_turn(None);
            match self.cursor.follow(&answer, end - 1) {
                Step::On => {
                    let sent = self.cursor.next;
                    self.report(|repository, layer| Event::LayerProgress {
                        repository,
                        layer,
                        sent,
                    });
                }
                Step::StartAgain(reason) => {
                    self.start_again(OPERATION, &reason).await?;
                    return Ok(false);
                }
                Step::Stuck => {
                    let digest = self.layer.digest();
                    return Err(Error::stuck(self.to.repository(), digest, self.cursor.next));
                }
            }
        }
        Ok(true)
    }

    /// Begins a new upload in place of one that was lost. Once that is made good; twice in a row is
    /// no accident.
    async fn start_again(&mut self, operation: &'static str, reason: &str) -> Result<(), Error> {
        let (repository, digest) = (self.to.repository(), self.layer.digest());
        tracing::warn!(%repository, %digest, reason, "starting again");
        if self.began > 1 {
            return Err(Error::twice_in_vain(operation, repository, digest, reason));
        }
        let reason = reason.to_owned();
        self.report(|repository, layer| Event::LayerRestarted { repository, layer, reason });
        self.location = self.to.begin_upload().await?;
        self.cursor = Cursor::at(0);
        self.began += 1;
        Ok(())
    }

    fn report(&self, event: impl FnOnce(crate::Repository, Layer) -> Event) {
        self.reporter.report(event(self.to.repository().clone(), self.layer.clone()));
    }
}
