//! Requests per second, as token buckets on the emulator's clock.

use std::collections::HashMap;

use crate::clock::Timestamp;
use crate::error::AwsError;

/// What each operation may be called, per account and region. Nothing is limited unless asked for.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    rates: HashMap<String, Rate>,
    buckets: HashMap<(String, String, String), Bucket>,
}

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
struct Rate {
    per_second: f64,
    at_once: f64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

/// ECR's Service Quotas page, the defaults: requests per second per account and region. How much
/// may come at once isn't documented; here it is what one second allows.
const DEFAULTS: [(&str, f64); 8] = [
    ("BatchCheckLayerAvailability", 1000.0),
    ("BatchGetImage", 2000.0),
    ("CompleteLayerUpload", 100.0),
    ("GetAuthorizationToken", 500.0),
    ("GetDownloadUrlForLayer", 3000.0),
    ("InitiateLayerUpload", 100.0),
    ("PutImage", 10.0),
    ("UploadLayerPart", 500.0),
];

impl Quotas {
    pub(crate) fn set_defaults(&mut self) {
        for (operation, per_second) in DEFAULTS {
            self.set(operation, per_second);
        }
    }

    pub(crate) fn set(&mut self, operation: &str, per_second: f64) {
        self.set_with_burst(operation, per_second, per_second.max(1.0));
    }

    pub(crate) fn set_with_burst(&mut self, operation: &str, per_second: f64, at_once: f64) {
        self.rates.insert(operation.to_owned(), Rate { per_second, at_once });
    }

    /// Takes a token, or refuses as AWS does: users report HTTP 400 and these words.
    pub(crate) fn take(
        &mut self,
        account: &str,
        region: &str,
        operation: &str,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        let Some(&rate) = self.rates.get(operation) else { return Ok(()) };
        let Rate { per_second, at_once: capacity } = rate;
        let key = (account.to_owned(), region.to_owned(), operation.to_owned());
        let bucket = self.buckets.entry(key).or_insert(Bucket { tokens: capacity, at: now });
        let refilled = now.since(bucket.at).as_secs_f64() * per_second;
        bucket.tokens = (bucket.tokens + refilled).min(capacity);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(AwsError::new("ThrottlingException", "Rate exceeded"));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;

    #[tokio::test(start_paused = true)]
    async fn a_second_s_worth_at_once_and_then_one_by_one() {
        let mut quotas = Quotas::default();
        quotas.set_defaults();
        let now = Clock::new().now();
        let mut put = |region, now| quotas.take("123456789012", region, "PutImage", now).is_ok();
        assert_eq!((0..20).filter(|_| put("us-east-1", now)).count(), 10);
        assert!(put("eu-west-1", now), "another region has a quota of its own");
        let later = now + Duration::from_millis(100);
        assert!(put("us-east-1", later));
        assert!(!put("us-east-1", later));
        let much_later = later + Duration::from_secs(60);
        assert_eq!((0..20).filter(|_| put("us-east-1", much_later)).count(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_limited_unless_asked_for() {
        let mut quotas = Quotas::default();
        let now = Clock::new().now();
        assert!((0..5000).all(|_| quotas.take("1", "r", "PutImage", now).is_ok()));
    }
}
