//! A rate limit that keeps PutImage within ECR's quota.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::names::repository::Repository;

/// The quota on ECR's Service Quotas page: 10 PutImage requests per second, per account and region.
/// It is the tightest of a push's quotas, because each manifest and each tag takes one request. A
/// push stays far below the others.
const PER_SECOND: usize = 10;

/// The times of the recent PutImage calls, by account and region.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    calls: Mutex<HashMap<(String, String), VecDeque<Instant>>>,
}

impl Pace {
    /// Waits until one more call keeps within ten calls per second. A push of few manifests doesn't
    /// wait.
    pub(crate) async fn keep(&self, repository: &Repository) {
        let registry = (repository.account().to_owned(), repository.region().to_owned());
        let turn = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let calls = calls.entry(registry).or_default();
            let now = Instant::now();
            let turn = match calls.len().checked_sub(PER_SECOND) {
                Some(at) => calls.get(at).map_or(now, |&call| now.max(call + WINDOW)),
                None => now,
            };
            calls.push_back(turn);
            while calls.len() > PER_SECOND {
                calls.pop_front();
            }
            turn
        };
        if turn > Instant::now() {
            sleep_until(turn).await;
        }
    }
}

/// Slightly more than a second, because the latency of requests varies.
const WINDOW: Duration = Duration::from_millis(1050);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_at_once_and_then_ten_per_second() {
        let pace = Pace::default();
        let repository = |region: &str| {
            format!("123456789012.dkr.ecr.{region}.amazonaws.com/web")
                .parse::<Repository>()
                .unwrap()
        };
        let (here, there) = (repository("us-east-1"), repository("eu-west-1"));
        let began = Instant::now();
        let mut turns = Vec::new();
        for _ in 0..25 {
            pace.keep(&here).await;
            turns.push(began.elapsed());
        }
        pace.keep(&there).await;
        assert_eq!(began.elapsed(), turns[24], "another region has a quota of its own");
        assert_eq!(turns[..10], [Duration::ZERO; 10]);
        for (tenth_before, turn) in turns.iter().zip(&turns[10..]) {
            assert_eq!(*turn, *tenth_before + WINDOW);
        }
    }
}
