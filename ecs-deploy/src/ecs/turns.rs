//! [`Turns`]: the budget of calls that the rollouts of one client share when they begin.
//!
//! AWS throttles an account, not a rollout. If 200 services begin at once, each with its own
//! retries, they take each other's chances, and some give up. So only a few calls of a kind are
//! made at once, and throttled ones are repeated one by one, in the order in which they came.

use std::future::Future;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::error::Error;
use crate::error::kind::ErrorKind;

/// The turns of each kind of call, because AWS throttles each kind by itself.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    descriptions: Turn,
    registrations: Turn,
    updates: Turn,
}

/// A kind of call that begins a rollout.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Description,
    Registration,
    Update,
}

#[derive(Debug)]
struct Turn {
    places: Semaphore,
    /// The right to repeat a throttled call. Tokio hands it on in the order of the requests.
    retry: Mutex<()>,
}

impl Default for Turn {
    fn default() -> Self {
        Self { places: Semaphore::new(AT_ONCE), retry: Mutex::default() }
    }
}

impl Turns {
    fn of(&self, kind: Kind) -> &Turn {
        match kind {
            Kind::Description => &self.descriptions,
            Kind::Registration => &self.registrations,
            Kind::Update => &self.updates,
        }
    }

    /// Makes a call when it is its turn. If ECS throttles it, it is repeated for about a minute from
    /// its turn on, in addition to the SDK's own retries. Only the caller's time limit ends the wait
    /// for the turn.
    pub(crate) async fn make<T, F>(&self, kind: Kind, call: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let turn = self.of(kind);
        // The semaphore is never closed. The boxes keep the nesting of futures below the compiler's
        // limit.
        let place = turn.places.acquire().await.ok();
        let (place, result) = holding(place, Box::pin(call())).await;
        drop(place);
        match result {
            Err(error) if error.kind() == ErrorKind::Throttled => {}
            result => return result,
        }
        let throttled = Instant::now();
        let mut right = Some(turn.retry.lock().await);
        let mut delay = SHORTEST;
        // The wait for the turn is the first delay.
        sleep_until(throttled + delay).await;
        loop {
            let (still, result) = holding(right, Box::pin(call())).await;
            right = still;
            match result {
                Err(error) if error.kind() == ErrorKind::Throttled && delay < LONGEST => {
                    tracing::debug!(%error, "repeating the throttled call");
                    delay *= 2;
                    sleep(delay).await;
                }
                result => return result,
            }
        }
    }
}

/// Makes a call while it holds the caller's place. A call without an answer gives the place up
/// after a while, and continues.
async fn holding<P, F: Future + Unpin>(place: Option<P>, mut call: F) -> (Option<P>, F::Output) {
    match timeout(LONGEST_TURN, &mut call).await {
        Ok(result) => (place, result),
        Err(_) => {
            drop(place);
            (None, call.await)
        }
    }
}

/// The number of calls of a kind at once.
const AT_ONCE: usize = 10;
/// The time after which a call without an answer no longer delays the others.
const LONGEST_TURN: Duration = Duration::from_secs(30);
/// The delays double, and sum up to 63 seconds.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(32);
