//! One clock for everything that the emulator times.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use serde_json::{Value, json};
use tokio::time::Instant;

/// A wall clock that follows tokio's: usually real, and virtual under `tokio::time::pause`, so that
/// an hour of a rollout takes no time.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    started: Instant,
    at_start: SystemTime,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), at_start: SystemTime::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let since_epoch =
            self.at_start.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(since_epoch + self.started.elapsed())
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Clock::now(self).0
    }
}

/// A moment on the emulator's clock, counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(Duration);

impl Timestamp {
    /// Seconds since the Unix epoch, to the millisecond: how awsJson1.1 writes a time.
    pub fn as_secs_f64(self) -> f64 {
        // Whole milliseconds, because a float with all its nanoseconds prints differently after
        // a client has parsed and rounded it.
        self.0.as_millis() as f64 / 1000.0
    }

    /// How long after `earlier` this is; zero if it isn't later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn to_json(self) -> Value {
        json!(self.as_secs_f64())
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0 + duration)
    }
}
