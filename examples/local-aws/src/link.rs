//! The line between client and emulator: how long a round trip takes, and how much goes through.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

/// What the line is like. Without any setting, as fast as the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// What each request waits for its answer beside everything else.
    pub round_trip: Duration,
    /// Bytes per second that each connection takes in; in process, each request is one.
    pub per_connection: Option<u64>,
    /// Bytes per second that all connections take in together.
    pub in_total: Option<u64>,
}

/// One connection's view of the line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    link: Link,
    own: Queue,
    shared: Queue,
}

impl Line {
    pub(crate) fn new(link: Link, shared: Queue) -> Self {
        Self { link, own: Queue::default(), shared }
    }

    /// Waits as long as `bytes` are on their way.
    pub(crate) async fn receive(&self, bytes: u64) {
        let own = self.link.per_connection.map(|rate| self.own.pass(bytes, rate));
        let shared = self.link.in_total.map(|rate| self.shared.pass(bytes, rate));
        if let Some(arrived) = own.max(shared) {
            sleep_until(arrived).await;
        }
    }

    /// Waits for the way there and back.
    pub(crate) async fn round_trip(&self) {
        pause(self.link.round_trip).await;
    }
}

/// Waits, unless the duration is zero: even that would cost a turn of the timer.
pub(crate) async fn pause(duration: Duration) {
    if !duration.is_zero() {
        sleep(duration).await;
    }
}

/// How exact tokio's timers are.
const TIMER: Duration = Duration::from_millis(1);

/// A pipe that takes one byte after another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    free_at: Arc<Mutex<Option<Instant>>>,
}

impl Queue {
    /// When `bytes` are through, behind all that came before.
    fn pass(&self, bytes: u64, rate: u64) -> Instant {
        let now = Instant::now();
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = match *free_at {
            // The task that waited for the piece before woke up late, but by no more than the
            // timer's precision: the line wasn't idle.
            Some(free_at) if now <= free_at + TIMER => free_at,
            _ => now,
        };
        let ends = begins + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        *free_at = Some(ends);
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_take_their_time() {
        let link = Link { per_connection: Some(1000), ..Link::default() };
        let line = Line::new(link, Queue::default());
        let began = Instant::now();
        line.receive(500).await;
        line.receive(1500).await;
        assert_eq!(began.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn small_pieces_take_as_long_as_large_ones() {
        let link = Link { in_total: Some(1_000_000), ..Link::default() };
        let line = Line::new(link, Queue::default());
        let began = Instant::now();
        for _ in 0..1000 {
            line.receive(1300).await;
        }
        assert_eq!(began.elapsed(), Duration::from_millis(1300));
        tokio::time::sleep(Duration::from_secs(1)).await;
        line.receive(1000).await;
        assert_eq!(began.elapsed(), Duration::from_millis(2301), "idle time is lost");
    }

    #[tokio::test(start_paused = true)]
    async fn connections_share_what_there_is_in_total() {
        let link = Link { in_total: Some(1000), per_connection: Some(800), ..Link::default() };
        let shared = Queue::default();
        let lines = [Line::new(link, shared.clone()), Line::new(link, shared)];
        let began = Instant::now();
        tokio::join!(lines[0].receive(800), lines[1].receive(800));
        assert_eq!(began.elapsed(), Duration::from_millis(1600));
    }

    #[tokio::test(start_paused = true)]
    async fn without_settings_nothing_waits() {
        let line = Line::new(Link::default(), Queue::default());
        let began = Instant::now();
        line.receive(u64::MAX).await;
        line.round_trip().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
