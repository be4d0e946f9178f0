//! The cache of one token, with a single renewal call that all concurrent callers share.
//!
//! The cache holds at most one token, one failure and one call:
//!
//! ```text
//! fresh token ----------------------------> the caller gets the token
//! valid token due for renewal,
//!   with a call or a recent failure ------> the caller gets the token
//!   with neither -------------------------> the caller starts a call and waits up to 5 s;
//!                                           then it gets the valid token, old or new
//! no valid token,
//!   with a recent failure ----------------> the caller gets the failure
//!   without one --------------------------> the caller starts or joins the call, then looks again
//! ```
//!
//! A call that succeeds replaces the token and clears the failure. A call that fails, or that a
//! caller with a valid token has waited for 5 s, leaves a failure; it is recent for 1 s, then twice
//! as long each time, at most 60 s.
//!
//! Invariant: a call exists only while a caller waits for it, and at most one exists at a time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_ecr::Client;
use aws_types::sdk_config::SharedTimeSource;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use crate::aws::failure::explain;
use crate::error::Error;
use crate::error::answer::Cause;
use crate::error::kind::ErrorKind;
use crate::login::secret::Secret;
use crate::tasks::joined;

/// The token of one endpoint, with the call that renews it.
pub(crate) struct Cache {
    region: String,
    client: Client,
    time: SharedTimeSource,
    state: Mutex<CacheState>,
}

const OPERATION: &str = "GetAuthorizationToken";

/// "The authorization token is valid for 12 hours" (ECR API reference). This limit also applies if
/// this machine's clock is behind.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// How long before its expiry a token is renewed; a quarter of its life if that is shorter.
const RENEWED_BEFORE_END: Duration = Duration::from_secs(60 * 60);

/// How long a caller with a valid old token waits for a renewal.
const PATIENCE: Duration = Duration::from_secs(5);

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct CacheState {
    held: Option<CachedToken>,
    /// The failure of the last call; `None` after a success.
    failure: Option<FetchFailure>,
    flight: Option<Flight>,
    flights: u64,
}

struct CachedToken {
    secret: Arc<Secret>,
    /// The time before the request.
    asked: Instant,
    /// The token's life, counted from `asked`.
    lifetime: Duration,
}

struct FetchFailure {
    error: Error,
    pause: Duration,
    until: Instant,
}

/// A call in flight. It runs in its own task, because a caller that waits but isn't polled, as in
/// a `select!`, must not delay the others. The call ends when its last caller stops waiting.
struct Flight {
    number: u64,
    waiting: usize,
    /// Closes when the call has ended, with any result.
    ended: watch::Receiver<()>,
    task: AbortHandle,
}

/// The result of a caller's look at the cache.
enum TokenLookup {
    Refused(Error),
    /// The caller has started a call, and has a valid token in case the call fails.
    Renewal(Waiter),
    Valid(Arc<Secret>),
    /// A call is in flight, and the cache has no valid token.
    Waiting(Waiter),
}

impl Cache {
    pub(crate) fn new(region: &str, client: Client, time: SharedTimeSource) -> Self {
        Self { region: region.to_owned(), client, time, state: Mutex::default() }
    }

    /// Returns a token that is valid now.
    pub(crate) async fn secret(self: &Arc<Self>) -> Result<Arc<Secret>, Error> {
        let mut was_lost = false;
        loop {
            match self.find() {
                TokenLookup::Refused(error) => return Err(error),
                TokenLookup::Renewal(mut waiting) => {
                    if timeout(PATIENCE, waiting.ended()).await.is_err() {
                        self.note_slow();
                    }
                    // The token may be old or new. It may also have expired during the wait.
                    if let Some(secret) = self.lock().valid(self.time.now()) {
                        return Ok(secret);
                    }
                }
                TokenLookup::Valid(secret) => return Ok(secret),
                // The next iteration finds the call's result. If the call's runtime was shut down,
                // the call has no result, and the next iteration starts a new call. If that is lost
                // too, this caller's own runtime was shut down.
                TokenLookup::Waiting(mut waiting) => match waiting.ended().await {
                    Err(error) if was_lost => return Err(error),
                    ended => was_lost = ended.is_err(),
                },
            }
        }
    }

    /// Removes this token if it is the cached one.
    pub(crate) fn forget(&self, rejected: &Arc<Secret>) {
        let mut state = self.lock();
        if state.held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.secret, rejected)) {
            state.held = None;
        }
    }

    fn find(self: &Arc<Self>) -> TokenLookup {
        let now = self.time.now();
        let mut state = self.lock();
        let is_fresh = state.held.as_ref().is_some_and(|held| held.is_fresh(now));
        let failed = state.failure.as_ref().filter(|failure| Instant::now() < failure.until);
        let failed = failed.map(|failure| failure.error.clone());
        // A call that has ended but is still registered was lost with its runtime.
        let is_flying = state.flight.as_ref().is_some_and(|it| it.ended.has_changed().is_ok());
        match (state.valid(now), failed) {
            (Some(secret), None) if is_fresh || is_flying => TokenLookup::Valid(secret),
            (Some(secret), Some(_)) => TokenLookup::Valid(secret),
            (Some(_), None) => TokenLookup::Renewal(self.begin(&mut state)),
            (None, Some(error)) => TokenLookup::Refused(error),
            (None, None) => TokenLookup::Waiting(match &mut state.flight {
                Some(flight) if is_flying => self.join(flight),
                _ => self.begin(&mut state),
            }),
        }
    }

    fn begin(self: &Arc<Self>, state: &mut CacheState) -> Waiter {
        state.flights += 1;
        let number = state.flights;
        let (landing, ended) = watch::channel(());
        let cache = self.clone();
        let call = async move {
            let outcome = cache.fetch().await;
            cache.land(number, outcome);
            drop(landing);
        };
        let task = tokio::spawn(call.in_current_span());
        state.flight =
            Some(Flight { number, waiting: 1, ended: ended.clone(), task: task.abort_handle() });
        Waiter { cache: self.clone(), number, ended, task: Some(task) }
    }

    fn join(self: &Arc<Self>, flight: &mut Flight) -> Waiter {
        flight.waiting += 1;
        let (number, ended) = (flight.number, flight.ended.clone());
        Waiter { cache: self.clone(), number, ended, task: None }
    }

    async fn fetch(&self) -> Result<CachedToken, Error> {
        // The times are taken before the call, because the call's duration counts as part of the
        // token's life.
        let (asked, time) = (Instant::now(), self.time.now());
        let answer = self.client.get_authorization_token().send().await.map_err(|error| {
            let (kind, cause) = explain(error);
            Error::login_call(kind, OPERATION, &self.region, cause)
        })?;
        let secret = Secret::read(answer)
            .map_err(|problem| Error::login_protocol(OPERATION, &self.region, problem))?;
        let expires_at = secret.expires_at();
        let lifetime = expires_at.duration_since(time).unwrap_or_default().min(LIFETIME);
        let held = CachedToken { secret: Arc::new(secret), asked, lifetime };
        let now = self.time.now();
        if held.left(now).is_zero() {
            return Err(Error::expired_token(&self.region, now, expires_at));
        }
        Ok(held)
    }

    fn land(&self, number: u64, outcome: Result<CachedToken, Error>) {
        let mut state = self.lock();
        if state.flight.as_ref().is_some_and(|flight| flight.number == number) {
            state.flight = None;
        }
        match outcome {
            Ok(held) => {
                tracing::debug!(region = %self.region, lasts = ?held.lifetime, "got a token");
                state.held = Some(held);
                state.failure = None;
            }
            Err(error) => state.note(error),
        }
    }

    /// Records a renewal that takes too long as a failure. Its call ends when its last caller stops
    /// waiting.
    fn note_slow(&self) {
        let mut state = self.lock();
        if state.flight.is_some() {
            let text = format!("no answer within {PATIENCE:?}");
            let cause = Cause::without_answer(text);
            let kind = ErrorKind::Network;
            state.note(Error::login_call(kind, OPERATION, &self.region, cause));
        }
    }

    fn lock(&self) -> MutexGuard<'_, CacheState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("region", &self.region).finish_non_exhaustive()
    }
}

impl CacheState {
    fn valid(&self, now: SystemTime) -> Option<Arc<Secret>> {
        let held = self.held.as_ref().filter(|held| !held.left(now).is_zero())?;
        Some(held.secret.clone())
    }

    fn note(&mut self, error: Error) {
        let pause = match &self.failure {
            Some(before) => (before.pause * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        tracing::warn!(%error, ?pause, "could not get a token");
        self.failure = Some(FetchFailure { error, pause, until: Instant::now() + pause });
    }
}

impl CachedToken {
    /// Returns the remaining life. Two clocks measure it, and the smaller result counts: the
    /// machine's clock may be set back, and tokio's may stand still while the machine sleeps.
    fn left(&self, now: SystemTime) -> Duration {
        let by_clock = self.secret.expires_at().duration_since(now).unwrap_or_default();
        by_clock.min(self.lifetime.saturating_sub(self.asked.elapsed()))
    }

    fn is_fresh(&self, now: SystemTime) -> bool {
        self.left(now) > RENEWED_BEFORE_END.min(self.lifetime / 4)
    }
}

/// A caller's share in a call; dropping it leaves the call.
struct Waiter {
    cache: Arc<Cache>,
    number: u64,
    ended: watch::Receiver<()>,
    /// The task, held by the caller that started it, so that a panic in the task reaches that
    /// caller.
    task: Option<JoinHandle<()>>,
}

impl Waiter {
    /// Waits for the end of the call.
    ///
    /// # Errors
    /// Fails if this caller started the call, and the runtime of the call was shut down.
    async fn ended(&mut self) -> Result<(), Error> {
        // The sender never sends a value; the receiver gets an error when the sender is dropped.
        let _ = self.ended.changed().await;
        match self.task.take() {
            Some(task) => joined(task.await.map(Ok)),
            None => Ok(()),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        if let Some(flight) = &mut state.flight
            && flight.number == self.number
        {
            flight.waiting -= 1;
            if flight.waiting == 0 {
                flight.task.abort();
                state.flight = None;
            }
        }
    }
}
