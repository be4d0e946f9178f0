//! One layer, to one repository or several: a cursor for each that moves over its parts.
//!
//! ECR keeps one cursor per upload, so that the parts of a layer go one after another; speed comes
//! from many layers at once, and from reading the next part while one is sent.

use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::api::{Calls, CompleteAnswer, PartAnswer, Started};
use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::events::{Event, Reporter};
use crate::frame::Frame;
use crate::image::{Blob, Layer};
use crate::limits::{self, LargeLayers};
use crate::memory::Memory;
use crate::parts::Parts;

/// What all uploads of a push share.
#[derive(Debug, Clone)]
pub(crate) struct Uploader {
    pub(crate) memory: Arc<Memory>,
    pub(crate) reporter: Reporter,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) large_layers: LargeLayers,
}

/// How many bytes of content went over the line, and how many were read for that.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// To each repository, in the order in which they were given.
    pub(crate) sent: Vec<u64>,
    pub(crate) read: u64,
}

impl Uploader {
    /// Puts a layer into the repositories. Each byte is read once for all of them, as long as
    /// nothing goes wrong: those that are ahead wait for those that are behind.
    pub(crate) async fn upload(&self, blob: Blob, to: &[Arc<Calls>]) -> Result<Moved, Error> {
        let layer = blob.layer.clone();
        let about = |error: Error| error.about(layer.digest());
        self.upload_layer(&layer, blob, to).await.map_err(about)
    }

    async fn upload_layer(
        &self,
        layer: &Layer,
        blob: Blob,
        to: &[Arc<Calls>],
    ) -> Result<Moved, Error> {
        let size = layer.size();
        let expected = self.part_size(self.memory.usual_part_size(), size);
        let mut room = self.memory.reserve(size, expected, to.len()).await;
        let begin = to.iter().map(|calls| Upload::begin(self, calls, layer));
        let mut uploads = try_join_all(begin).await?;
        let mut parts = Parts::open(blob).await?;
        let mut moved = Moved::default();
        while uploads.iter().any(|upload| !upload.is_complete) {
            let unfinished: Vec<u64> = uploads
                .iter()
                .filter(|upload| !upload.is_complete && upload.cursor.next < size)
                .map(|upload| upload.cursor.next)
                .collect();
            let Some(&first) = unfinished.iter().min() else {
                // Before it is completed, so that nothing wrong is stored, and the file is blamed
                // by name.
                parts.verify(size).await?;
                let rest = uploads.iter_mut().filter(|upload| !upload.is_complete);
                let ended = try_join_all(rest.map(Upload::complete)).await?;
                if ended.contains(&Ended::Refused) {
                    parts.start_again().await;
                }
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
            moved.read += len;
            let next = first + len;
            if next < size && room.has_room_ahead() {
                parts.read_ahead(next, part_size.min(size - next), &room);
            }
            let waiting: Vec<&mut Upload<'_>> = uploads
                .iter_mut()
                .filter(|upload| !upload.is_complete && upload.cursor.next == first)
                .collect();
            let mut frames: Vec<Frame> = (1..waiting.len()).map(|_| frame.copy(&room)).collect();
            frames.push(frame);
            let sending = waiting.into_iter().zip(frames);
            try_join_all(sending.map(|(upload, frame)| upload.send(frame))).await?;
        }
        moved.sent = uploads.iter().map(|upload| upload.sent).collect();
        Ok(moved)
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

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Complete,
    Gone,
    Refused,
}

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
            Step::StartAgain => self.start_again("UploadLayerPart", "the upload is gone").await,
            Step::Stuck => {
                let (digest, next) = (self.layer.digest(), self.cursor.next);
                let problem = format!("the upload of {digest} does not get past byte {next}");
                Err(Error::protocol("UploadLayerPart", self.calls.repository(), problem))
            }
        }
    }

    /// Completes the layer, all of which has arrived.
    async fn complete(&mut self) -> Result<Ended, Error> {
        const OPERATION: &str = "CompleteLayerUpload";
        let digest = self.layer.digest();
        let ended = match self.calls.complete(&self.id, digest).await? {
            CompleteAnswer::Complete => Ended::Complete,
            // An attempt whose answer was lost may have completed it.
            CompleteAnswer::Gone if self.calls.available(&[digest]).await?.contains(digest) => {
                Ended::Complete
            }
            CompleteAnswer::Gone => {
                self.start_again(OPERATION, "the upload is gone").await?;
                Ended::Gone
            }
            CompleteAnswer::Refused(reason) => {
                self.start_again(OPERATION, &reason).await?;
                Ended::Refused
            }
        };
        if ended == Ended::Complete {
            self.is_complete = true;
            self.note(|checkpoint| checkpoint.end(&self.id));
            let (repository, layer) = (self.calls.repository().clone(), self.layer.clone());
            self.uploader.reporter.report(Event::LayerFinished { repository, layer });
        }
        Ok(ended)
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
                let problem = format!("{digest} could not be uploaded in two attempts: {reason}");
                return Err(Error::protocol(operation, repository, problem));
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

/// Where the upload stands on the server, as far as its answers tell.
#[derive(Debug)]
struct Cursor {
    next: u64,
    /// The farthest that it has been.
    farthest: u64,
    /// How many answers in a row did not move it forward.
    stalled: u32,
    /// How far an earlier process may have got.
    earlier: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    On,
    StartAgain,
    Stuck,
}

/// A cursor that hasn't moved after so many parts won't.
const MAX_STALLS: u32 = 3;

impl Cursor {
    /// At a byte up to which everything has arrived.
    fn at(next: u64) -> Self {
        Self { next, farthest: next, stalled: 0, earlier: 0 }
    }

    /// Where an earlier process noted last that it was; it may have got on to the end since.
    fn resumed(next: u64, size: u64) -> Self {
        Self { earlier: size, ..Self::at(next) }
    }

    /// Moves on after a part that ended at byte `last`.
    ///
    /// A part that is out of order is as a rule one whose first attempt arrived while its answer
    /// was lost, and which the SDK has sent again: the server's word on where it stands counts.
    fn follow(&mut self, answer: &PartAnswer, last: u64) -> Step {
        let next = match answer {
            PartAnswer::Gone | PartAnswer::OutOfOrder { last_valid: None } => {
                return Step::StartAgain;
            }
            PartAnswer::OutOfOrder { last_valid: Some(valid) }
            | PartAnswer::Received { last: valid } => valid.saturating_add(1),
        };
        if next > self.earlier.max(last + 1) {
            // Beyond anything sent here: whose bytes those are is unknown.
            return Step::StartAgain;
        }
        // Farther than ever before: a server that loses bytes again and again moves the cursor
        // forth and back for ever. A part that it takes on the way there is no loss.
        if next > self.farthest {
            self.farthest = next;
            self.stalled = 0;
        } else if next <= last {
            self.stalled += 1;
        }
        self.next = next;
        if self.stalled < MAX_STALLS { Step::On } else { Step::Stuck }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_arrived_moves_the_cursor() {
        let mut cursor = Cursor::at(10);
        assert_eq!(cursor.follow(&PartAnswer::Received { last: 19 }, 19), Step::On);
        assert_eq!(cursor.next, 20);
    }

    #[test]
    fn a_part_that_had_arrived_before_moves_it_too() {
        let mut cursor = Cursor::at(10);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(19) };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 20);
    }

    #[test]
    fn the_tail_of_a_part_is_sent_from_where_the_server_stands() {
        let mut cursor = Cursor::at(10);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(14) };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 15);
    }

    #[test]
    fn a_server_that_lost_bytes_gets_them_again() {
        let mut cursor = Cursor::at(10);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(4) };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 5);
    }

    #[test]
    fn a_server_that_lost_many_parts_gets_all_of_them_again() {
        let mut cursor = Cursor::at(100);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(49) };
        assert_eq!(cursor.follow(&answer, 109), Step::On);
        for next in [60, 70, 80, 90, 100, 110] {
            assert_eq!(cursor.follow(&PartAnswer::Received { last: next - 1 }, next - 1), Step::On);
            assert_eq!(cursor.next, next);
        }
    }

    #[test]
    fn what_an_earlier_process_sent_is_not_sent_again() {
        let mut cursor = Cursor::resumed(10, 100);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(39) };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 40);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(100) };
        assert_eq!(cursor.follow(&answer, 49), Step::StartAgain, "more than there is");
    }

    #[test]
    fn uploads_that_are_apart_meet() {
        assert_eq!(meeting(&[20], 20, 10), 10);
        assert_eq!(meeting(&[20, 25], 20, 10), 5);
        assert_eq!(meeting(&[20, 24], 20, 10), 10, "a part of 4 would be too small");
        assert_eq!(meeting(&[20, 80, 27], 20, 10), 7);
    }

    #[test]
    fn a_server_that_keeps_losing_them_is_given_up() {
        let mut cursor = Cursor::at(10);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(9) };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.follow(&answer, 19), Step::Stuck);
    }

    #[test]
    fn a_server_that_goes_forth_and_back_is_given_up() {
        let mut cursor = Cursor::at(0);
        let mut steps = 0;
        // Part size 10: the server takes up to byte 9, and then says that it has only 5.
        while steps < 100 {
            steps += 1;
            let last = cursor.next + 9;
            let answer = if cursor.next >= 10 {
                PartAnswer::OutOfOrder { last_valid: Some(4) }
            } else {
                PartAnswer::Received { last }
            };
            if cursor.follow(&answer, last) == Step::Stuck {
                break;
            }
        }
        assert!(steps < 20, "it went on for {steps} steps");
    }

    #[test]
    fn what_nobody_here_sent_means_a_new_upload() {
        for answer in [
            PartAnswer::Gone,
            PartAnswer::OutOfOrder { last_valid: None },
            PartAnswer::OutOfOrder { last_valid: Some(20) },
            PartAnswer::Received { last: u64::MAX },
        ] {
            assert_eq!(Cursor::at(10).follow(&answer, 19), Step::StartAgain, "{answer:?}");
        }
    }
}
