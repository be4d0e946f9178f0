//! The position of an upload on the server, derived from the answer to each part.

use crate::wire::answers::{GONE, PartAnswer};

/// The upload's position on the server, as far as its answers reveal it.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) next: u64,
    /// The highest position so far.
    farthest: u64,
    /// How many answers in a row did not move the cursor forward.
    stalled: u32,
    /// The highest position that an earlier process may have reached.
    earlier: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    On,
    /// The reason.
    StartAgain(String),
    Stuck,
}

/// The number of answers without progress after which the upload counts as stuck.
const MAX_STALLS: u32 = 3;

impl Cursor {
    /// Creates a cursor for an upload that holds every byte before `next`.
    pub(crate) fn new(next: u64) -> Self {
        Self { next, farthest: next, stalled: 0, earlier: 0 }
    }

    /// Creates a cursor from the last position that an earlier process recorded. That process may
    /// have reached any position up to the end since.
    pub(crate) fn resumed(next: u64, size: u64) -> Self {
        Self { earlier: size, ..Self::new(next) }
    }

    /// Moves the cursor after a part that ended at byte `last`.
    ///
    /// A part is usually out of order because its first attempt arrived, its response was lost, and
    /// the SDK sent it again. The position that the server reports is authoritative.
    pub(crate) fn follow(&mut self, answer: &PartAnswer, last: u64) -> Step {
        let next = match answer {
            PartAnswer::Gone => return Step::StartAgain(GONE.to_owned()),
            PartAnswer::Refused(reason) => return Step::StartAgain(reason.clone()),
            PartAnswer::OutOfOrder { last_valid: valid } | PartAnswer::Received { last: valid } => {
                valid.saturating_add(1)
            }
        };
        if next > self.earlier.max(last + 1) {
            // The position is beyond anything sent here, so the source of those bytes is unknown.
            return Step::StartAgain("the upload holds bytes that were never sent".to_owned());
        }
        // Only a new highest position resets the counter: a server that keeps losing bytes would
        // move the cursor back and forth forever. While the lost bytes are sent again, a part that
        // the server accepts in full isn't a stall.
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
        let mut cursor = Cursor::new(10);
        assert_eq!(cursor.follow(&PartAnswer::Received { last: 19 }, 19), Step::On);
        assert_eq!(cursor.next, 20);
    }

    #[test]
    fn a_part_that_had_arrived_before_moves_it_too() {
        let mut cursor = Cursor::new(10);
        let answer = PartAnswer::OutOfOrder { last_valid: 19 };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 20);
    }

    #[test]
    fn the_tail_of_a_part_is_sent_from_where_the_server_stands() {
        let mut cursor = Cursor::new(10);
        let answer = PartAnswer::OutOfOrder { last_valid: 14 };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 15);
    }

    #[test]
    fn a_server_that_lost_bytes_gets_them_again() {
        let mut cursor = Cursor::new(10);
        let answer = PartAnswer::OutOfOrder { last_valid: 4 };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 5);
    }

    #[test]
    fn a_server_that_lost_many_parts_gets_all_of_them_again() {
        let mut cursor = Cursor::new(100);
        let answer = PartAnswer::OutOfOrder { last_valid: 49 };
        assert_eq!(cursor.follow(&answer, 109), Step::On);
        for next in [60, 70, 80, 90, 100, 110] {
            assert_eq!(cursor.follow(&PartAnswer::Received { last: next - 1 }, next - 1), Step::On);
            assert_eq!(cursor.next, next);
        }
    }

    #[test]
    fn what_an_earlier_process_sent_is_not_sent_again() {
        let mut cursor = Cursor::resumed(10, 100);
        let answer = PartAnswer::OutOfOrder { last_valid: 39 };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.next, 40);
        let answer = PartAnswer::OutOfOrder { last_valid: 100 };
        let reason = "the upload holds bytes that were never sent".to_owned();
        assert_eq!(cursor.follow(&answer, 49), Step::StartAgain(reason), "beyond the layer's end");
    }

    #[test]
    fn a_server_that_keeps_losing_them_is_given_up() {
        let mut cursor = Cursor::new(10);
        let answer = PartAnswer::OutOfOrder { last_valid: 9 };
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.follow(&answer, 19), Step::On);
        assert_eq!(cursor.follow(&answer, 19), Step::Stuck);
    }

    #[test]
    fn a_server_that_goes_forth_and_back_is_given_up() {
        let mut cursor = Cursor::new(0);
        let mut steps = 0;
        // Part size 10: the server takes up to byte 9, and then says that it has only 5.
        while steps < 100 {
            steps += 1;
            let last = cursor.next + 9;
            let answer = if cursor.next >= 10 {
                PartAnswer::OutOfOrder { last_valid: 4 }
            } else {
                PartAnswer::Received { last }
            };
            if cursor.follow(&answer, last) == Step::Stuck {
                break;
            }
        }
        assert!(steps < 20, "no end after {steps} steps");
    }

    #[test]
    fn what_nobody_here_sent_means_a_new_upload() {
        for answer in [
            PartAnswer::Gone,
            PartAnswer::Refused("no".to_owned()),
            PartAnswer::OutOfOrder { last_valid: 20 },
            PartAnswer::Received { last: u64::MAX },
        ] {
            let step = Cursor::new(10).follow(&answer, 19);
            assert!(matches!(step, Step::StartAgain(_)), "{answer:?}");
        }
    }
}
