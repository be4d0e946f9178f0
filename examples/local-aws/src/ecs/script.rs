//! What the tasks of a deployment do, and how long each of their steps takes.

use std::time::Duration;

/// What becomes of the tasks of a deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub enum Script {
    /// The first essential container exits a few seconds after it started.
    Crash {
        /// What it exits with.
        exit_code: i32,
    },
    /// They start, and stay up.
    #[default]
    Healthy,
    /// They never start: the registry has no such image.
    ImageMissing,
}

/// How fast a rollout goes: 1 is as in ECS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    factor: f64,
    shortest: Duration,
}

impl Pace {
    /// Everything at once.
    pub(crate) const INSTANT: Self = Self { factor: 0.0, shortest: Duration::ZERO };

    pub(crate) fn new(factor: f64) -> Self {
        let factor = if factor.is_finite() { factor.clamp(0.0, 1e6) } else { 1.0 };
        // A task that crashes and is started again without any time passing would never end.
        Self { factor, shortest: Duration::from_millis(10) }
    }

    pub(crate) fn scale(self, duration: Duration) -> Duration {
        duration.mul_f64(self.factor).max(self.shortest)
    }
}

/// From UpdateService to the scheduler's first look at it. Inferred: it isn't documented.
pub(crate) const FIRST_LOOK: Duration = Duration::from_secs(3);
/// From PROVISIONING to PENDING: on Fargate the network interface is made meanwhile. Inferred.
pub(crate) const PROVISIONING: Duration = Duration::from_secs(8);
/// From PENDING to RUNNING: the image is pulled meanwhile. Inferred.
pub(crate) const PULLING: Duration = Duration::from_secs(15);
/// From PENDING to STOPPED where the image can't be pulled: it is tried five times. Reported: the
/// first failed task shows two and a half minutes after UpdateService.
pub(crate) const PULLING_IN_VAIN: Duration = Duration::from_secs(140);
/// From RUNNING to the exit of a crashing container. Inferred.
pub(crate) const CRASHING: Duration = Duration::from_secs(5);
/// AWS documentation on the circuit breaker: a task without any health check counts as healthy
/// once it has been RUNNING for 40 seconds.
pub(crate) const HEALTHY: Duration = Duration::from_secs(40);
/// From the scheduler's decision to STOPPED. Inferred; at most the `stopTimeout` of 30 s.
pub(crate) const STOPPING: Duration = Duration::from_secs(10);
/// From the last task in place to COMPLETED. Inferred.
pub(crate) const SETTLING: Duration = Duration::from_secs(10);
/// From the circuit breaker's decision to roll back to the failed deployment's FAILED. Reported as
/// brief.
pub(crate) const FAILING: Duration = Duration::from_secs(5);

/// How long the scheduler waits before it replaces a failed task. AWS documentation on the service
/// throttle logic: longer each time, up to 15 minutes; the first delay and the factor are inferred.
pub(crate) fn restart_delay(failed_tasks: u32, desired: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(15 * 60);
    // Tasks that fail together are one failure each, but one attempt of the scheduler.
    let rounds = failed_tasks.div_ceil(desired.max(1));
    Duration::from_secs(30)
        .saturating_mul(2u32.saturating_pow(rounds.saturating_sub(1)))
        .min(LONGEST)
}
