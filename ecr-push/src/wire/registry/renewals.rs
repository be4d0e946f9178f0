//! Whether it helps to renew a token again: a registry may let only a few requests pass with each.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The requests of one repository, as far as they show whether renewal works.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    counts: Mutex<Counts>,
    changed: Notify,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    accepted: u64,
    in_flight: usize,
}

impl Renewals {
    /// Counts a request as in flight until the value is dropped.
    pub(super) fn enter(&self) -> InFlight<'_> {
        self.lock().in_flight += 1;
        InFlight(self)
    }

    /// Returns how many requests the registry has accepted.
    pub(super) fn accepted(&self) -> u64 {
        self.lock().accepted
    }

    /// Returns whether the registry has accepted a request since it had accepted `seen`, and sets
    /// `seen` to the new number. Waits while requests in flight can still show it, so that the order
    /// in which answers arrive makes no difference.
    pub(super) async fn any_accepted_since(&self, seen: &mut u64) -> bool {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let counts = *self.lock();
            if counts.accepted > *seen || counts.in_flight == 0 {
                let is_any = counts.accepted > *seen;
                *seen = counts.accepted;
                return is_any;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct InFlight<'a>(&'a Renewals);

impl InFlight<'_> {
    /// Notes that the registry has accepted the request's token.
    pub(super) fn accept(self) {
        self.0.lock().accepted += 1;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_in_flight_shows_that_renewal_does_not_work() {
        let renewals = Renewals::default();
        let mut seen = renewals.accepted();
        drop(renewals.enter());
        assert!(!renewals.any_accepted_since(&mut seen).await);
    }

    #[tokio::test]
    async fn the_answer_to_another_request_is_waited_for() {
        let renewals = Renewals::default();
        let mut seen = renewals.accepted();
        let (refused, accepted) = (renewals.enter(), renewals.enter());
        let both = async {
            tokio::task::yield_now().await;
            drop(refused);
            tokio::task::yield_now().await;
            accepted.accept();
        };
        let (is_any, ()) = tokio::join!(renewals.any_accepted_since(&mut seen), both);
        assert!(is_any);
        assert_eq!(seen, 1);
        assert!(!renewals.any_accepted_since(&mut seen).await);
    }
}
