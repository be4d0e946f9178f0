//! [`Transfer`]: one layer on its way into one repository, and what is done when it goes wrong.
//!
//! - *Sending*: parts go out at the cursor. Once all have arrived, or if the content goes with the
//!   completion, the transfer is *completing*.
//! - *Completing*: one request, after which the transfer is *complete*.
//! - In both states the upload may be lost or refused. Then a new one begins, and the transfer is
//!   *sending* from byte 0 again.
//!
//! The [`Cursor`] decides after each part: continue where the server stands, start again, or fail. A
//! transfer starts again once; a second loss is an error. An upload from a checkpoint may be lost once
//! more than that, since it may have expired.

use crate::error::Error;
use crate::image::blob::Layer;
use crate::names::repository::Repository;
use crate::report::{Event, Reporter};
use crate::upload::checkpoint::Checkpoint;
use crate::upload::cursor::{Cursor, Step};
use crate::upload::link::{Link, Part};
use crate::wire::answers::{CompleteAnswer, CompletionFailure};

/// The upload of a layer to one repository.
#[derive(Debug)]
pub(super) struct Transfer<'a> {
    link: Link<'a>,
    layer: &'a Layer,
    logs: Logs<'a>,
    cursor: Cursor,
    origin: Origin,
    is_complete: bool,
    sent: u64,
}

/// Where each step is noted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Logs<'a> {
    pub(super) reporter: &'a Reporter,
    pub(super) checkpoint: Option<&'a Checkpoint>,
}

/// The origin of an upload, which decides whether it may restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// An earlier process began it, so it may have expired since.
    Checkpoint,
    First,
    /// It replaces a lost upload. Losing it is an error.
    Second,
}

const PART: &str = "UploadLayerPart";
const COMPLETE: &str = "CompleteLayerUpload";

impl<'a> Transfer<'a> {
    /// An upload that has just begun.
    pub(super) fn new(link: Link<'a>, layer: &'a Layer, logs: Logs<'a>) -> Self {
        let transfer = Self::begin(link, layer, logs, Cursor::new(0), Origin::First);
        transfer.note_begin();
        transfer.report(|repository, layer| Event::LayerStarted { repository, layer });
        transfer
    }

    /// An upload of an earlier process, which had got to byte `sent`.
    pub(super) fn resumed(link: Link<'a>, layer: &'a Layer, logs: Logs<'a>, sent: u64) -> Self {
        let cursor = Cursor::resumed(sent, layer.size());
        let transfer = Self::begin(link, layer, logs, cursor, Origin::Checkpoint);
        transfer.report(|repository, layer| Event::LayerResumed { repository, layer, sent });
        transfer
    }

    /// Where the next part begins; `None` if completing is all that is left to do.
    pub(super) fn next(&self) -> Option<u64> {
        let size = self.layer.size();
        let is_sending =
            !self.is_complete && self.cursor.next < size && !self.link.completes_with_content(size);
        is_sending.then_some(self.cursor.next)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// How large its parts are to be.
    pub(super) fn part_size(&self) -> u64 {
        self.link.part_size()
    }

    /// How many bytes of content were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends a part that starts at the cursor.
    pub(super) async fn send(&mut self, part: Part) -> Result<(), Error> {
        let bytes = part.bytes().clone();
        self.sent += bytes.end - bytes.start;
        let answer = match self.link.send(part, self.layer).await {
            // An id from a file may be anything, and what ECR answers to one that it never gave is
            // not known.
            Err(error) if self.origin == Origin::Checkpoint && error.is_refusal() => {
                return self.start_again(PART, &error.to_string()).await;
            }
            answer => answer?,
        };
        match self.cursor.follow(&answer, bytes.end - 1) {
            Step::On => {
                let sent = self.cursor.next;
                self.note(|checkpoint| checkpoint.sent(self.link.id(), sent));
                self.report_progress(sent);
                Ok(())
            }
            Step::StartAgain(reason) => self.start_again(PART, &reason).await,
            Step::Stuck => {
                let (repository, next) = (self.link.repository(), self.cursor.next);
                Err(Error::stuck(repository, self.layer.digest(), next))
            }
        }
    }

    /// Waits for what completing takes, so that nothing but the server is waited for then.
    pub(super) async fn get_ready_to_complete(&self) {
        self.link.get_ready_to_complete(self.layer).await;
    }

    /// Completes the layer, all of which has arrived or goes along. Returns why it has to start
    /// again, if it has to.
    pub(super) async fn complete(&mut self) -> Result<Option<CompletionFailure>, Error> {
        let size = self.layer.size();
        let with_content = self.link.completes_with_content(size);
        if with_content {
            self.sent += size;
        }
        match self.link.complete(self.layer).await? {
            CompleteAnswer::Complete => {}
            CompleteAnswer::Incomplete(failure) => {
                if failure.is_content {
                    // No later push may resume it, even if this push ends here.
                    self.note(|checkpoint| checkpoint.end(self.link.id()));
                }
                return Ok(Some(failure));
            }
        }
        self.is_complete = true;
        self.note(|checkpoint| checkpoint.end(self.link.id()));
        if with_content {
            self.report_progress(size);
        }
        self.report(|repository, layer| Event::LayerFinished { repository, layer });
        Ok(None)
    }

    /// Starts again after a completion that failed.
    pub(super) async fn start_over(&mut self, failure: &CompletionFailure) -> Result<(), Error> {
        self.start_again(COMPLETE, &failure.reason).await
    }

    /// Begins a new upload in place of one that was lost or refused: once.
    async fn start_again(&mut self, operation: &'static str, reason: &str) -> Result<(), Error> {
        let (repository, digest) = (self.link.repository(), self.layer.digest());
        tracing::warn!(%repository, %digest, upload = self.link.id(), reason, "starting again");
        self.note(|checkpoint| checkpoint.end(self.link.id()));
        self.origin = match self.origin {
            Origin::Checkpoint => Origin::First,
            Origin::First => Origin::Second,
            Origin::Second => {
                return Err(Error::twice_in_vain(operation, repository, digest, reason));
            }
        };
        let reason = reason.to_owned();
        self.report(|repository, layer| Event::LayerRestarted { repository, layer, reason });
        self.link.restart().await?;
        self.note_begin();
        self.cursor = Cursor::new(0);
        Ok(())
    }

    fn begin(
        link: Link<'a>,
        layer: &'a Layer,
        logs: Logs<'a>,
        cursor: Cursor,
        origin: Origin,
    ) -> Self {
        Self { link, layer, logs, cursor, origin, is_complete: false, sent: 0 }
    }

    fn note_begin(&self) {
        let (repository, id) = (self.link.repository(), self.link.id());
        self.note(|checkpoint| checkpoint.begin(repository, self.layer, id));
    }

    fn note(&self, step: impl FnOnce(&Checkpoint)) {
        if let Some(checkpoint) = self.logs.checkpoint {
            step(checkpoint);
        }
    }

    fn report_progress(&self, sent: u64) {
        self.report(|repository, layer| Event::LayerProgress { repository, layer, sent });
    }

    fn report(&self, event: impl FnOnce(Repository, Layer) -> Event) {
        self.logs.reporter.report(event(self.link.repository().clone(), self.layer.clone()));
    }
}
