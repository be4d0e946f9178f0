//! One layer, to one repository or several: a cursor for each that moves over its parts.
//!
//! ECR keeps one cursor per upload, so that the parts of a layer go one after another; speed comes
//! from many layers at once, and from making the next parts while one is sent.

pub(crate) mod checkpoint;
pub(crate) mod cursor;
pub(crate) mod frame;
pub(crate) mod memory;
mod parts;

use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::error::Error;
use crate::image::blob::Blob;
use crate::image::layer::Layer;
use crate::push::events::{Event, Reporter};
use crate::push::limits::{self, LargeLayers};
use crate::tasks::Working;
use crate::upload::checkpoint::Checkpoint;
use crate::upload::cursor::{Cursor, Step};
use crate::upload::frame::Frame;
use crate::upload::memory::Memory;
use crate::upload::parts::Parts;
use crate::wire::api::{Calls, CompleteAnswer, Incomplete, Started};
use crate::wire::registry::{Arrived, Layers, Registry};

/// What all uploads of a push share.
#[derive(Debug, Clone)]
pub(crate) struct Uploader {
    pub(crate) memory: Arc<Memory>,
    pub(crate) reporter: Reporter,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) large_layers: LargeLayers,
}

/// What one layer has come to.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// In which of the push's repositories.
    pub(crate) to: Vec<(usize, SentTo)>,
    /// How many bytes were read for that.
    pub(crate) read: u64,
}

/// What was sent to a repository.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SentTo {
    pub(crate) bytes: u64,
    /// How many layers came from another repository instead.
    pub(crate) mounted: usize,
}

impl Moved {
    pub(crate) fn by_stream(at: usize, arrived: Arrived) -> Self {
        match arrived {
            Arrived::Mounted => Self { to: vec![(at, SentTo { bytes: 0, mounted: 1 })], read: 0 },
            Arrived::Sent(bytes) => {
                Self { to: vec![(at, SentTo { bytes, mounted: 0 })], read: bytes }
            }
        }
    }
}

impl Uploader {
    /// Puts a layer into the repositories. Each byte is read once for all of them, as long as
    /// nothing goes wrong: those that are ahead wait for those that are behind.
    ///
    /// `numbers` are those of the push's repositories that `to` are.
    pub(crate) async fn upload(
        &self,
        blob: Blob,
        numbers: Vec<usize>,
        to: &[Arc<Calls>],
        sending: Working,
    ) -> Result<Moved, Error> {
        let layer = blob.layer.clone();
        let about = |error: Error| error.about(layer.digest());
        let (sent, read) = self.upload_layer(&layer, blob, to, sending).await.map_err(about)?;
        let sent = sent.into_iter().map(|bytes| SentTo { bytes, mounted: 0 });
        Ok(Moved { to: numbers.into_iter().zip(sent).collect(), read })
    }

    /// Puts a layer into one repository by the registry's own protocol.
    pub(crate) async fn stream(
        &self,
        blob: Blob,
        to: &Registry,
        sending: Working,
    ) -> Result<Arrived, Error> {
        let layers = Layers { memory: &self.memory, reporter: &self.reporter };
        layers.upload(blob, to, sending).await
    }

    /// Returns how many bytes were sent to each repository, and how many were read.
    async fn upload_layer(
        &self,
        layer: &Layer,
        blob: Blob,
        to: &[Arc<Calls>],
        sending: Working,
    ) -> Result<(Vec<u64>, u64), Error> {
        let mut sending = Some(sending);
        let size = layer.size();
        let expected = self.part_size(self.memory.usual_part_size(), size);
        let mut room = self.memory.reserve(size, expected, to.len()).await;
        let begin = to.iter().map(|calls| Upload::begin(self, calls, layer));
        let mut uploads = try_join_all(begin).await?;
        let mut parts = Parts::open(blob).await?;
        let mut read = 0;
        while uploads.iter().any(|upload| !upload.is_complete) {
            let unfinished: Vec<u64> = uploads
                .iter()
                .filter(|upload| !upload.is_complete && upload.cursor.next < size)
                .map(|upload| upload.cursor.next)
                .collect();
            let Some(&first) = unfinished.iter().min() else {
                drop(sending.take());
                let rest = uploads.iter_mut().filter(|upload| !upload.is_complete);
                let ended = rest.map(|upload| async {
                    Ok::<_, Error>(upload.complete().await?.map(|why| (upload, why)))
                });
                let again: Vec<_> = try_join_all(ended).await?.into_iter().flatten().collect();
                if again.iter().any(|(_, why)| why.is_content) {
                    // Where the file is to blame, it is named; where it isn't, the way was.
                    parts.check().await?;
                }
                let again = again.into_iter().map(|(upload, why)| async move {
                    upload.start_again(COMPLETE, &why.reason).await
                });
                try_join_all(again).await?;
                continue;
            };
            // Of what each has asked for last: an upload that was begun anew may ask for another.
            let asked = uploads.iter().map(|upload| upload.part_size).min().unwrap_or(expected);
            let part_size = self.part_size(asked, size);
            if part_size > room.part_size {
                // Given back before asking for more: whoever holds some while waiting for more can
                // wait for ever.
                parts.forget_ahead().await;
                drop(room);
                room = self.memory.reserve(size, part_size, to.len()).await;
            }
            let len = meeting(&unfinished, first, part_size).min(size - first);
            let frame = parts.read(first, len, &room).await?;
            read += len;
            parts.read_ahead(first + len, part_size, size, &room);
            let waiting: Vec<&mut Upload<'_>> = uploads
                .iter_mut()
                .filter(|upload| !upload.is_complete && upload.cursor.next == first)
                .collect();
            let mut frames: Vec<Frame> = (1..waiting.len()).map(|_| frame.copy(&room)).collect();
            frames.push(frame);
            let sent = waiting.into_iter().zip(frames);
            try_join_all(sent.map(|(upload, frame)| upload.send(frame))).await?;
        }
        Ok((uploads.iter().map(|upload| upload.sent).collect(), read))
    }

    fn part_size(&self, asked: u64, size: u64) -> u64 {
        limits::Parts { size: asked, large_layers: self.large_layers }.size_for(size)
    }
}

/// How long the part from `first` on is: less than `part_size` where another upload waits within
/// it, so that the two go on together, unless that would make it smaller than ECR takes.
fn meeting(cursors: &[u64], first: u64, part_size: u64) -> u64 {
    let apart = cursors.iter().map(|cursor| cursor - first);
    apart.filter(|&len| len >= part_size.div_ceil(2)).min().unwrap_or(part_size).min(part_size)
}

const COMPLETE: &str = "CompleteLayerUpload";

/// A layer on its way into one repository.
#[derive(Debug)]
struct Upload<'a> {
    uploader: &'a Uploader,
    calls: &'a Calls,
    layer: &'a Layer,
    id: String,
    part_size: u64,
    cursor: Cursor,
    origin: Origin,
    is_complete: bool,
    sent: u64,
}

/// Which upload it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// An earlier process began it: that it has expired meanwhile is to be expected.
    Checkpoint,
    First,
    /// The one before it was lost, and this one may not be.
    Second,
}

impl<'a> Upload<'a> {
    async fn begin(
        uploader: &'a Uploader,
        calls: &'a Calls,
        layer: &'a Layer,
    ) -> Result<Self, Error> {
        let repository = calls.repository();
        let found = uploader.checkpoint.as_ref().and_then(|it| it.find(repository, layer));
        let (id, part_size, cursor, origin) = match found {
            Some(begun) => {
                let cursor = Cursor::resumed(begun.sent, layer.size());
                let part_size = uploader.memory.usual_part_size();
                (begun.upload_id, part_size, cursor, Origin::Checkpoint)
            }
            None => {
                let Started { upload_id, part_size } = calls.start_upload().await?;
                uploader.memory.learn_part_size(part_size);
                (upload_id, part_size, Cursor::at(0), Origin::First)
            }
        };
        let upload = Self {
            uploader,
            calls,
            layer,
            id,
            part_size,
            cursor,
            origin,
            is_complete: false,
            sent: 0,
        };
        let (repository, layer) = (repository.clone(), layer.clone());
        uploader.reporter.report(match origin {
            Origin::Checkpoint => {
                Event::LayerResumed { repository, layer, sent: upload.cursor.next }
            }
            Origin::First | Origin::Second => {
                upload.note(|checkpoint| {
                    checkpoint.begin(calls.repository(), upload.layer, &upload.id);
                });
                Event::LayerStarted { repository, layer }
            }
        });
        Ok(upload)
    }

    /// Sends a part that begins at the cursor.
    async fn send(&mut self, frame: Frame) -> Result<(), Error> {
        let last = frame.bytes.end - 1;
        self.sent += frame.bytes.end - frame.bytes.start;
        let answer = match self.calls.send_part(&self.id, frame).await {
            // An id from a file may be anything, and what is said of one that isn't ECR's is not
            // known.
            Err(error) if self.origin == Origin::Checkpoint && error.is_refusal() => {
                return self.start_again("UploadLayerPart", &error.to_string()).await;
            }
            answer => answer?,
        };
        match self.cursor.follow(&answer, last) {
            Step::On => {
                let sent = self.cursor.next;
                self.note(|checkpoint| checkpoint.sent(&self.id, sent));
                let (repository, layer) = (self.calls.repository().clone(), self.layer.clone());
                self.uploader.reporter.report(Event::LayerProgress { repository, layer, sent });
                Ok(())
            }
            Step::StartAgain(reason) => self.start_again("UploadLayerPart", &reason).await,
            Step::Stuck => {
                let digest = self.layer.digest();
                Err(Error::stuck(self.calls.repository(), digest, self.cursor.next))
            }
        }
    }

    /// Completes the layer, all of which has arrived. Returns why it has to begin again, where it
    /// has to.
    async fn complete(&mut self) -> Result<Option<Incomplete>, Error> {
        match self.calls.complete(&self.id, self.layer.digest()).await? {
            CompleteAnswer::Complete => {}
            CompleteAnswer::Incomplete(why) => {
                if why.is_content {
                    // Nobody is to go on with it, also if this push ends here.
                    self.note(|checkpoint| checkpoint.end(&self.id));
                }
                return Ok(Some(why));
            }
        }
        self.is_complete = true;
        self.note(|checkpoint| checkpoint.end(&self.id));
        let (repository, layer) = (self.calls.repository().clone(), self.layer.clone());
        self.uploader.reporter.report(Event::LayerFinished { repository, layer });
        Ok(None)
    }

    /// Begins a new upload in place of one that was lost. Once that is made good; twice in a row is
    /// no accident.
    async fn start_again(&mut self, operation: &'static str, reason: &str) -> Result<(), Error> {
        let (repository, digest) = (self.calls.repository(), self.layer.digest());
        tracing::warn!(%repository, %digest, upload = self.id, reason, "starting again");
        self.note(|checkpoint| checkpoint.end(&self.id));
        self.origin = match self.origin {
            Origin::Checkpoint => Origin::First,
            Origin::First => Origin::Second,
            Origin::Second => {
                return Err(Error::twice_in_vain(operation, repository, digest, reason));
            }
        };
        self.uploader.reporter.report(Event::LayerRestarted {
            repository: repository.clone(),
            layer: self.layer.clone(),
            reason: reason.to_owned(),
        });
        let Started { upload_id, part_size } = self.calls.start_upload().await?;
        self.note(|checkpoint| checkpoint.begin(repository, self.layer, &upload_id));
        self.id = upload_id;
        self.part_size = part_size;
        self.cursor = Cursor::at(0);
        Ok(())
    }

    fn note(&self, what: impl FnOnce(&Checkpoint)) {
        if let Some(checkpoint) = &self.uploader.checkpoint {
            what(checkpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_that_are_apart_meet() {
        assert_eq!(meeting(&[20], 20, 10), 10);
        assert_eq!(meeting(&[20, 25], 20, 10), 5);
        assert_eq!(meeting(&[20, 24], 20, 10), 10, "a part of 4 would be too small");
        assert_eq!(meeting(&[20, 80, 27], 20, 10), 7);
    }
}
