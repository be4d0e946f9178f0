//! One layer: a cursor that moves over its parts.
//!
//! ECR keeps one cursor per upload, so that the parts of a layer go one after another; speed comes
//! from many layers at once.

use crate::api::{Calls, CompleteAnswer, PartAnswer, Started};
use crate::error::Error;
use crate::events::{Event, Reporter};
use crate::image::Blob;
use crate::parts::PartReader;
use crate::push::Memory;
use crate::tasks::blocking;

/// Puts a layer into the repository, and returns how many bytes of content were sent for it.
pub(crate) async fn upload(
    blob: &Blob,
    calls: &Calls,
    memory: &Memory,
    reporter: &Reporter,
) -> Result<u64, Error> {
    let layer = &blob.layer;
    let mut sent = 0;
    // An upload can expire. Once that is made good; twice in a row is no accident.
    for _ in 0..2 {
        let mut reserved = memory.reserve(layer.size(), memory.usual_part_size()).await;
        let Started { upload_id, part_size } = calls.start_upload().await?;
        memory.learn_part_size(part_size);
        if part_size > reserved.part_size {
            // Given back before asking for more: whoever holds some while waiting for more can
            // wait for ever.
            drop(reserved);
            reserved = memory.reserve(layer.size(), part_size).await;
        }
        reporter.report(Event::LayerStarted { layer: layer.clone() });
        let attempt = Attempt { blob, calls, reporter, upload_id: &upload_id, part_size };
        let ended = attempt.run(&mut sent).await;
        drop(reserved);
        if ended? == Ended::Complete {
            reporter.report(Event::LayerFinished { layer: layer.clone() });
            return Ok(sent);
        }
        tracing::warn!(digest = %layer.digest(), upload_id, "the upload is gone, starting again");
    }
    let problem = format!("the upload of {} disappeared twice", layer.digest());
    Err(Error::protocol("UploadLayerPart", calls.repository(), problem))
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Complete,
    Gone,
}

struct Attempt<'a> {
    blob: &'a Blob,
    calls: &'a Calls,
    reporter: &'a Reporter,
    upload_id: &'a str,
    part_size: u64,
}

impl Attempt<'_> {
    async fn run(&self, sent: &mut u64) -> Result<Ended, Error> {
        let layer = &self.blob.layer;
        let mut cursor = Cursor::default();
        let blob = self.blob.clone();
        let mut reader = blocking(move || PartReader::open(blob)).await?;
        while cursor.next < layer.size() {
            let first = cursor.next;
            let len = self.part_size.min(layer.size() - first);
            let read = blocking(move || {
                // Bounded by the largest part, so that it fits.
                let content = reader.read(first, len as usize);
                content.map(|content| (reader, content))
            });
            let content;
            (reader, content) = read.await?;
            *sent += len;
            let answer = self.calls.send_part(self.upload_id, first, content).await?;
            match cursor.follow(&answer, first + len - 1) {
                Step::On => {
                    let sent = cursor.next;
                    self.reporter.report(Event::LayerProgress { layer: layer.clone(), sent });
                }
                Step::StartAgain => return Ok(Ended::Gone),
                Step::Stuck => {
                    let problem = format!(
                        "the upload of {} does not get past byte {}",
                        layer.digest(),
                        cursor.next
                    );
                    return Err(Error::protocol(
                        "UploadLayerPart",
                        self.calls.repository(),
                        problem,
                    ));
                }
            }
        }
        // Before it is completed, so that nothing wrong is stored, and the file is blamed by name.
        reader.verify()?;
        self.complete().await
    }

    async fn complete(&self) -> Result<Ended, Error> {
        let digest = self.blob.layer.digest();
        match self.calls.complete(self.upload_id, digest).await? {
            CompleteAnswer::Complete => Ok(Ended::Complete),
            // An attempt whose answer was lost may have completed it.
            CompleteAnswer::Gone if self.calls.available(&[digest]).await?.contains(digest) => {
                Ok(Ended::Complete)
            }
            CompleteAnswer::Gone => Ok(Ended::Gone),
        }
    }
}

/// Where the upload stands on the server, as far as its answers tell.
#[derive(Debug, Default)]
struct Cursor {
    next: u64,
    /// The farthest that it has been.
    farthest: u64,
    /// How many answers in a row did not get it any farther.
    stalled: u32,
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
        if next > last + 1 {
            // Beyond anything sent here: whose bytes those are is unknown.
            return Step::StartAgain;
        }
        // Farther than ever before: a server that loses bytes again and again moves the cursor
        // forth and back for ever.
        if next > self.farthest {
            self.farthest = next;
            self.stalled = 0;
        } else {
            self.stalled += 1;
        }
        self.next = next;
        if self.stalled < MAX_STALLS { Step::On } else { Step::Stuck }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(next: u64) -> Cursor {
        Cursor { next, farthest: next, stalled: 0 }
    }

    #[test]
    fn a_part_that_arrived_moves_the_cursor() {
        let mut cursor = at(10);
        assert_eq!(cursor.follow(&PartAnswer::Received { last: 19 }, 19), Step::On);
        assert_eq!(cursor.next, 20);
    }

    #[test]
    fn a_part_that_had_arrived_before_moves_it_too() {
        let mut cursor = at(10);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(19) };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 20);
    }

    #[test]
    fn the_tail_of_a_part_is_sent_from_where_the_server_stands() {
        let mut cursor = at(10);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(14) };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 15);
    }

    #[test]
    fn a_server_that_lost_bytes_gets_them_again() {
        let mut cursor = at(10);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(4) };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 5);
    }

    #[test]
    fn a_server_that_keeps_losing_them_is_given_up() {
        let mut cursor = at(10);
        let answer = PartAnswer::OutOfOrder { last_valid: Some(9) };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.follow(&answer, 19), Step::Stuck);
    }

    #[test]
    fn a_server_that_goes_forth_and_back_is_given_up() {
        let mut cursor = Cursor::default();
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
            assert_eq!(at(10).follow(&answer, 19), Step::StartAgain, "{answer:?}");
        }
    }
}
