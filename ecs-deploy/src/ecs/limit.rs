//! The time limit of an operation that begins with several calls.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::error::repr::Repr;
use crate::names::service::Service;

/// The limit of the calls that begin the operation.
pub(crate) struct Limit<'a> {
    /// The operation's name in front of the service, such as "the rollout to".
    pub(crate) what: &'static str,
    pub(crate) service: &'a Service,
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
}

impl Limit<'_> {
    /// Returns the result of `call`, or an error at the deadline.
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

/// Returns the time at which an operation that began at `began` times out.
pub(crate) fn deadline(began: Instant, timeout: Duration) -> Instant {
    // A time that is too far away for the clock is treated as never.
    began.checked_add(timeout).unwrap_or_else(|| began + NEVER)
}

const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
