//! Retries of calls beyond those of the SDK, and lists in pages.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::error::repr::Repr;

/// The number of attempts for a call. The SDK tries each of them several times.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attempts {
    /// Retries after throttling, an internal error of ECS, or a missing response: five attempts in
    /// total, over more than half a minute.
    Patient,
    Single,
}

impl Attempts {
    pub(crate) async fn make<T, F>(
        self,
        operation: &'static str,
        subject: impl fmt::Display,
        call: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if let Self::Single = self {
            return call().await;
        }
        let mut delay = SHORTEST;
        loop {
            // The SDK's clients wait for a response without a time limit unless the caller sets
            // one.
            let error = match timeout(LONGEST_CALL, call()).await {
                Ok(Err(error)) if error.is_retryable() => error,
                Ok(result) => return result,
                Err(_) => {
                    let subject = subject.to_string();
                    Repr::Unanswered { operation, subject, within: LONGEST_CALL }.into()
                }
            };
            if delay > LONGEST {
                return Err(error);
            }
            tracing::debug!(operation, %subject, %error, "retrying");
            sleep(delay).await;
            delay *= 2;
        }
    }
}

/// Reads all pages of a list. `page` requests the page of a token, and returns its items and the
/// token of the next page.
pub(crate) async fn pages<T, F>(
    attempts: Attempts,
    operation: &'static str,
    subject: &str,
    page: impl Fn(Option<String>) -> F,
) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<(Vec<T>, Option<String>), Error>>,
{
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let (items, next) = attempts.make(operation, subject, || page(token.clone())).await?;
        all.extend(items);
        if next.is_none() {
            return Ok(all);
        }
        token = next;
    }
}

const SHORTEST: Duration = Duration::from_secs(2);
/// 2 + 4 + 8 + 16 seconds in total.
const LONGEST: Duration = Duration::from_secs(16);
const LONGEST_CALL: Duration = Duration::from_secs(30);
