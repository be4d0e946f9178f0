//! Lists in pages.

use serde_json::{Value, json};

use crate::ecr::constraints::violated;
use crate::error::AwsError;

/// ECR's API reference: a page has 1 to 1000 items, and 100 unless the request says otherwise.
const DEFAULT: usize = 100;

/// One page of a list, as `{key: […], nextToken}`.
pub(crate) fn page(
    key: &str,
    items: Vec<Value>,
    max_results: Option<i64>,
    next_token: Option<&str>,
) -> Result<Value, AwsError> {
    let size = match max_results {
        None => DEFAULT,
        Some(size @ 1..=1000) => size as usize,
        // Users report the words, of what is too large.
        Some(size) => {
            let bound =
                if size < 1 { "greater than or equal to 1" } else { "less than or equal to 1000" };
            return Err(violated("maxResults", &format!("Member must have value {bound}")));
        }
    };
    // The token is opaque to clients: here it is the position at which the next page starts. ECR's
    // words for a wrong one are inferred.
    let start = match next_token {
        None => 0,
        Some(token) => token
            .parse()
            .ok()
            .filter(|start| *start < items.len())
            .ok_or_else(|| violated("nextToken", "must be a token from an earlier answer"))?,
    };
    let end = items.len().min(start + size);
    let mut answer = json!({ key: &items[start..end] });
    if end < items.len() {
        answer["nextToken"] = json!(end.to_string());
    }
    Ok(answer)
}
