//! [`Transfer`]: the upload of one layer to one repository, with its restarts.
//!
//! ```text
//!   ┌── next part, at the server's position
//!   v │
//! sending ──> completing ──> complete
//!   ^  │ lost     │ lost or rejected
//!   └──┴──────────┘ restarts at byte 0
//! ```
//!
//! After each part the [`Cursor`] decides: continue at the server's position, restart, or fail
//! because the upload is stuck. A transfer whose completing request carries the content skips
//! `sending`.
//!
//! A transfer restarts once; a second loss is an error. A transfer that resumes an upload from the
//! checkpoint may restart twice, because that upload may have expired. One invariant holds: the
//! checkpoint lists every upload that this push may continue, and stops listing it as soon as the
//! upload is complete, lost or replaced.

use crate::error::Error;
use crate::image::blob::Layer;
use crate::names::repository::Repository;
use crate::outside::Outside;
use crate::report::{Event, Reporter};
use crate::upload::checkpoint::Checkpoint;
use crate::upload::cursor::{Cursor, Step};
use crate::upload::link::{Link, Part};
use crate::wire::answers::{CompleteAnswer, CompletionFailure, PartAnswer};

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

/// The receivers of each step: the events, and the checkpoint if the push has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Logs<'a> {
    pub(super) reporter: &'a Reporter,
    pub(super) checkpoint: Option<&'a Checkpoint>,
}

/// The origin of an upload, which decides whether it may restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// An earlier process started it, so it may have expired.
    Checkpoint,
    /// It is new. Losing it starts a replacement.
    First,
    /// It replaces a lost upload. Losing it is an error.
    Second,
}

const PART: &str = "UploadLayerPart";
const COMPLETE: &str = "CompleteLayerUpload";

impl<'a> Transfer<'a> {
    /// Creates the transfer for an upload that has just started.
    pub(super) fn new(link: Link<'a>, layer: &'a Layer, logs: Logs<'a>) -> Self {
        let transfer = Self::begin(link, layer, logs, Cursor::new(0), Origin::First);
        transfer.note_begin();
        transfer.report(|repository, layer| Event::LayerStarted { repository, layer });
        transfer
    }

    /// Creates the transfer for an upload of an earlier process that had sent `sent` bytes.
    pub(super) fn resumed(link: Link<'a>, layer: &'a Layer, logs: Logs<'a>, sent: u64) -> Self {
        let cursor = Cursor::resumed(sent, layer.size());
        let transfer = Self::begin(link, layer, logs, cursor, Origin::Checkpoint);
        transfer.report(|repository, layer| Event::LayerResumed { repository, layer, sent });
        transfer
    }

    /// Returns the first byte of the next part; `None` if the transfer only needs to be completed,
    /// or is complete.
    pub(super) fn next(&self) -> Option<u64> {
        let size = self.layer.size();
        let is_sending = !self.is_complete && self.cursor.next < self.link.sending_end(size);
        is_sending.then_some(self.cursor.next)
    }

    /// Returns the byte at which the last part ends. The completing request carries the rest.
    pub(super) fn end(&self) -> u64 {
        self.link.sending_end(self.layer.size())
    }

    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Returns the part size that the server requests.
    pub(super) fn part_size(&self) -> u64 {
        self.link.part_size()
    }

    /// Returns how many bytes of content were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends a part that starts at the cursor.
    pub(super) async fn send(&mut self, part: Part) -> Result<(), Error> {
        let bytes = part.bytes().clone();
        self.sent += bytes.end - bytes.start;
        let answer = match self.link.send(part, self.layer).await {
            // The id comes from a file and may not be ECR's. How ECR answers such an id is
            // undocumented, so any rejection restarts the upload.
            Err(error) if self.origin == Origin::Checkpoint && error.is_refusal() => {
                return self.start_again(PART, &error.to_string()).await;
            }
            answer => answer?,
        };
        match self.cursor.follow(&answer, bytes.end - 1) {
            Step::On => {
                let sent = self.cursor.next;
                if sent < bytes.end {
                    self.link.note_short();
                }
                self.note(|checkpoint| checkpoint.sent(self.link.id(), sent));
                self.report_progress(sent);
                Ok(())
            }
            Step::StartAgain(reason) => self.start_again(PART, &reason).await,
            Step::Stuck => Err(self.stuck()),
        }
    }

    /// Waits for a turn to send if the completing request carries content. After that, completing
    /// waits only for the server.
    pub(super) async fn get_ready_to_complete(&self) {
        self.link.get_ready_to_complete(self.layer, self.cursor.next).await;
    }

    /// Completes the layer after all its bytes have arrived, or sends them in the same request.
    /// Returns the reason if the upload must restart. If the server lacks bytes at the end, the
    /// transfer continues there.
    pub(super) async fn complete(&mut self) -> Result<Option<CompletionFailure>, Error> {
        let (size, next) = (self.layer.size(), self.cursor.next);
        self.sent += size - next;
        match self.link.complete(self.layer, next).await? {
            CompleteAnswer::Complete => {}
            CompleteAnswer::Short { last_valid } => {
                self.link.note_short();
                let answer = PartAnswer::OutOfOrder { last_valid };
                return match self.cursor.follow(&answer, size - 1) {
                    Step::On => Ok(None),
                    Step::StartAgain(reason) => {
                        Ok(Some(CompletionFailure { reason, is_content: false }))
                    }
                    Step::Stuck => Err(self.stuck()),
                };
            }
            CompleteAnswer::Incomplete(failure) => {
                if failure.is_content {
                    // Removes the entry now, so that no later push resumes this upload even if this
                    // push fails.
                    self.note(|checkpoint| checkpoint.end(self.link.id()));
                }
                return Ok(Some(failure));
            }
        }
        self.is_complete = true;
        self.note(|checkpoint| checkpoint.end(self.link.id()));
        if next < size {
            self.report_progress(size);
        }
        self.report(|repository, layer| Event::LayerFinished { repository, layer });
        Ok(None)
    }

    /// Restarts after a rejected completion.
    pub(super) async fn start_over(&mut self, failure: &CompletionFailure) -> Result<(), Error> {
        self.start_again(COMPLETE, &failure.reason).await
    }

    /// Replaces a lost or rejected upload with a new one. Fails if the lost upload was already a
    /// replacement.
    async fn start_again(&mut self, operation: &'static str, reason: &str) -> Result<(), Error> {
        let (repository, digest) = (self.link.repository(), self.layer.digest());
        let (upload, shown) = (Outside::new(self.link.id()), Outside::new(reason));
        tracing::warn!(%repository, %digest, %upload, reason = %shown, "restarting the upload");
        self.note(|checkpoint| checkpoint.end(self.link.id()));
        self.origin = match self.origin {
            Origin::Checkpoint => Origin::First,
            Origin::First => Origin::Second,
            Origin::Second => {
                return Err(Error::lost_twice(operation, repository, digest, reason));
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

    fn stuck(&self) -> Error {
        Error::stuck(self.link.repository(), self.layer.digest(), self.cursor.next)
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
