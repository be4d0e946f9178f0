//! One token, and the one call that renews it, for however many callers.

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

/// The token of one endpoint.
pub(crate) struct Cache {
    region: String,
    client: Client,
    time: SharedTimeSource,
    state: Mutex<CacheState>,
}

const OPERATION: &str = "GetAuthorizationToken";

/// "The authorization token is valid for 12 hours" (ECR API reference). Not longer by a clock that
/// is behind.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// How long before its end a token is renewed; a quarter of its life, where that is shorter.
const RENEWED_BEFORE_END: Duration = Duration::from_secs(60 * 60);

/// How long a caller waits for a renewal who could have the old token.
const PATIENCE: Duration = Duration::from_secs(5);

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct CacheState {
    held: Option<CachedToken>,
    /// The last call's, unless one has succeeded since.
    failure: Option<FetchFailure>,
    flight: Option<Flight>,
    flights: u64,
}

struct CachedToken {
    secret: Arc<Secret>,
    /// Before it was asked for.
    asked: Instant,
    /// From then on.
    lifetime: Duration,
}

struct FetchFailure {
    error: Error,
    pause: Duration,
    until: Instant,
}

/// A call on its way. A task of its own, because a caller who waits and isn't polled, as in a
/// `select!`, must not hold up the others; it ends with the last who waits for it.
struct Flight {
    number: u64,
    waiting: usize,
    /// Closes when the call has ended, however it did.
    ended: watch::Receiver<()>,
    task: AbortHandle,
}

/// What a caller finds.
enum TokenLookup {
    Refused(Error),
    /// A call that the caller has begun, and a token that will do if it fails.
    Renewal(Waiter),
    Valid(Arc<Secret>),
    /// A call, with no token meanwhile.
    Waiting(Waiter),
}

impl Cache {
    pub(crate) fn new(region: &str, client: Client, time: SharedTimeSource) -> Self {
        Self { region: region.to_owned(), client, time, state: Mutex::default() }
    }

    /// A token that is valid now.
    pub(crate) async fn secret(self: &Arc<Self>) -> Result<Arc<Secret>, Error> {
        loop {
            match self.find() {
                TokenLookup::Refused(error) => return Err(error),
                TokenLookup::Renewal(mut waiting) => {
                    if timeout(PATIENCE, waiting.ended()).await.is_err() {
                        self.note_slow();
                    }
                    // Whichever it is now. It may also have expired while this waited.
                    if let Some(secret) = self.lock().valid(self.time.now()) {
                        return Ok(secret);
                    }
                }
                TokenLookup::Valid(secret) => return Ok(secret),
                // What it has led to is found the next time round. It leads to nothing where its
                // runtime has been shut down: then the next one begins.
                TokenLookup::Waiting(mut waiting) => waiting.ended().await,
            }
        }
    }

    /// Forgets this token, if it is the one.
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
        // One that has ended and is still here was lost with its runtime.
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
        // Before the call: what it takes is of the token's life.
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

    /// A renewal that takes too long counts as a failure: its call ends with who waited for it.
    fn note_slow(&self) {
        let mut state = self.lock();
        if state.flight.is_some() {
            let text = format!("there was no answer within {PATIENCE:?}");
            let cause = Cause { text, status: None, request_id: None, source: None };
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
        tracing::warn!(%error, ?pause, "got no token");
        self.failure = Some(FetchFailure { error, pause, until: Instant::now() + pause });
    }
}

impl CachedToken {
    /// By two clocks, and the one that leaves less counts: the machine's may be set back, and
    /// tokio's may stand still while the machine sleeps.
    fn left(&self, now: SystemTime) -> Duration {
        let by_clock = self.secret.expires_at().duration_since(now).unwrap_or_default();
        by_clock.min(self.lifetime.saturating_sub(self.asked.elapsed()))
    }

    fn is_fresh(&self, now: SystemTime) -> bool {
        self.left(now) > RENEWED_BEFORE_END.min(self.lifetime / 4)
    }
}

/// A caller's part in a flight.
struct Waiter {
    cache: Arc<Cache>,
    number: u64,
    ended: watch::Receiver<()>,
    /// Of the caller who began it, so that a panic in there is one of the caller's.
    task: Option<JoinHandle<()>>,
}

impl Waiter {
    async fn ended(&mut self) {
        // Nothing is ever sent: it is an error when the sender is dropped.
        let _ = self.ended.changed().await;
        if let Some(task) = self.task.take()
            && let Err(ended) = task.await
            && let Ok(panic) = ended.try_into_panic()
        {
            std::panic::resume_unwind(panic);
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
