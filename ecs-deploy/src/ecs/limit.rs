//! The time that something may take which begins with several calls.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::error::repr::Repr;
use crate::names::service::Service;

/// For the calls that begin it.
pub(crate) struct Limit<'a> {
    /// Such as "the rollout to", in front of the service.
    pub(crate) what: &'static str,
    pub(crate) service: &'a Service,
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
}

impl Limit<'_> {
    /// The answer to `call`, if it comes in time.
    pub(crate) async fn hold<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        timeout_at(self.deadline, call).await.unwrap_or_else(|_| {
            let (what, service, after) = (self.what, self.service.clone(), self.timeout);
            Err(Repr::NotBegun { what, service, operation, after }.into())
        })
    }
}

/// When the time is up that began at `began`.
pub(crate) fn deadline(began: Instant, timeout: Duration) -> Instant {
    // Too far off to be a moment is as good as never.
    began.checked_add(timeout).unwrap_or_else(|| began + NEVER)
}

const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
