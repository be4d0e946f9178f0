//! Retries of calls beyond those of the SDK, and lists in pages.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
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
/// token of the next page. A list that doesn't end is an error: ECS repeats a token, or its pages
/// stay empty.
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
    let (mut token, mut tokens) = (None, HashSet::new());
    let mut empty = 0;
    loop {
        let (items, next) = attempts.make(operation, subject, || page(token.clone())).await?;
        empty = if items.is_empty() { empty + 1 } else { 0 };
        all.extend(items);
        let Some(next) = next else { return Ok(all) };
        let problem = match () {
            () if empty == EMPTY_PAGES => format!("{EMPTY_PAGES} pages in a row are empty"),
            () if all.len() > LONGEST_LIST => format!("it has more than {LONGEST_LIST} entries"),
            () if !tokens.insert(hash(&next)) => {
                "a page has the token of an earlier one".to_owned()
            }
            () => {
                token = Some(next);
                continue;
            }
        };
        return Err(Error::protocol(
            operation,
            format!("the list of {subject} doesn't end: {problem}"),
        ));
    }
}

/// Returns a list of a response. A response without it doesn't mean that nothing is there.
pub(crate) fn listed<T>(
    operation: &'static str,
    member: &str,
    list: Option<Vec<T>>,
) -> Result<Vec<T>, Error> {
    list.ok_or_else(|| Error::protocol(operation, format!("it has no `{member}`")))
}

/// Returns a number in place of a token: a token may be long, and a list may have many.
fn hash(token: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    token.hash(&mut hasher);
    hasher.finish()
}

/// A list may have empty pages, because ECS filters after it reads a page.
const EMPTY_PAGES: usize = 100;
/// More than any list of ECS has: a family's revisions and a cluster's tasks are the longest.
const LONGEST_LIST: usize = 1_000_000;

const SHORTEST: Duration = Duration::from_secs(2);
/// 2 + 4 + 8 + 16 seconds in total.
const LONGEST: Duration = Duration::from_secs(16);
const LONGEST_CALL: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Reads a list whose pages `page` returns by their number; returns the number of pages too.
    async fn list(
        page: impl Fn(usize) -> (Vec<u8>, Option<String>),
    ) -> (Result<Vec<u8>, String>, usize) {
        let calls = Cell::new(0);
        let all = pages(Attempts::Single, "ListTasks", "demo", |_| {
            calls.set(calls.get() + 1);
            let page = page(calls.get());
            async { Ok(page) }
        });
        (all.await.map_err(|error| error.to_string()), calls.get())
    }

    #[tokio::test]
    async fn a_list_that_does_not_end_is_an_error() {
        let problem = |it: &str| {
            Err(format!("invalid response to ListTasks: the list of demo doesn't end: {it}"))
        };
        let repeated = problem("a page has the token of an earlier one");
        assert_eq!(list(|_| (vec![1], Some("a".to_owned()))).await, (repeated.clone(), 2));
        let in_turn = |page: usize| (vec![1], Some((page % 3).to_string()));
        assert_eq!(list(in_turn).await, (repeated, 4));
        let empty = problem("100 pages in a row are empty");
        assert_eq!(list(|page| (vec![], Some(page.to_string()))).await, (empty, 100));
        let long = problem("it has more than 1000000 entries");
        let full = |page: usize| (vec![1; 100_000], Some(page.to_string()));
        assert_eq!(list(full).await, (long, 11));
    }

    #[tokio::test]
    async fn empty_pages_between_others_are_read() {
        let page = |page: usize| match page {
            500 => (vec![2], None),
            page => (vec![1; usize::from(page % 100 == 0)], Some(page.to_string())),
        };
        let (all, calls) = list(page).await;
        assert_eq!((all, calls), (Ok(vec![1, 1, 1, 1, 2]), 500));
    }
}
