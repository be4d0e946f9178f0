//! A time limit that begins with the program, before the first call.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::ending::BoxError;

/// The time limit of a program.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimit {
    began: Instant,
    limit: Duration,
}

impl TimeLimit {
    /// Starts a limit of this many seconds.
    pub fn new(seconds: u64) -> Self {
        Self { began: Instant::now(), limit: Duration::from_secs(seconds) }
    }

    /// Returns the result of `work`.
    ///
    /// # Errors
    /// Fails like the work, or at the end of the time. `what` names the work in the error.
    pub async fn hold<T, E: Into<BoxError>>(
        &self,
        what: impl Display,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, BoxError> {
        match timeout(self.limit.saturating_sub(self.spent()), work).await {
            Ok(result) => result.map_err(Into::into),
            Err(_) => Err(format!("{what} timed out after {} s", self.limit.as_secs()).into()),
        }
    }

    /// Returns the whole time.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Returns the time since its start.
    pub fn spent(&self) -> Duration {
        self.began.elapsed()
    }
}
