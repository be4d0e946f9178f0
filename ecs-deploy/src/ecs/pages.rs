//! Lists in pages.

use std::future::Future;

use crate::ecs::patience::Attempts;
use crate::error::Error;

/// All items of a list. `page` makes the call for the page of a token, and returns its items and the
/// token of the next one.
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
