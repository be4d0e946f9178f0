//! What the tasks of a deployment do, and how long each of their steps takes.

use std::time::Duration;

use serde::Deserialize;

use crate::faults::seconds;

/// What becomes of the tasks of a deployment, or of RunTask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum Script {
    /// They never start: the first essential container's image doesn't have its command.
    CommandNotFound,
    /// The first essential container exits a few seconds after it started.
    Crash {
        /// What it exits with.
        exit_code: i32,
    },
    /// Every second task crashes, beginning with the first; the others are healthy.
    Flaky {
        /// What the first essential container of those exits with.
        exit_code: i32,
    },
    /// They start, and stay up.
    #[default]
    Healthy,
    /// They never start: the registry has no such image.
    ImageMissing,
    /// They never start: their role may not pull the image.
    ImagePullDenied,
    /// They never start: the registry answers too many requests.
    ImagePullThrottled,
    /// They never start: their log group doesn't exist.
    LogGroupMissing,
    /// The first essential container is killed a few seconds after it started, because it uses
    /// more memory than it may.
    OutOfMemory,
    /// They never start: their execution role may not read the secrets.
    SecretDenied,
    /// They never start: there is no such secret.
    SecretMissing,
    /// They are healthy in the end.
    Slow {
        /// How long it takes to pull the image, which is what makes a task slow as a rule.
        #[serde(deserialize_with = "seconds")]
        pulling: Duration,
    },
    /// They start, fail a health check, and are stopped for it.
    Unhealthy {
        /// Whose check they fail.
        by: HealthCheck,
    },
    /// There is no capacity for them: no task comes into being.
    Unplaceable,
    /// They never start: the image isn't for the platform that they run on.
    WrongPlatform,
}

/// A container that exits by itself while its task runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ContainerExit {
    /// The container's name. A task without such a container is as if there were no exit.
    pub container: String,
    /// How long after the task is RUNNING.
    #[serde(deserialize_with = "seconds")]
    pub after: Duration,
    /// What it exits with.
    pub exit_code: i32,
}

impl ContainerExit {
    /// The exit of `container` with `exit_code`, so long after its task is RUNNING.
    pub fn new(container: impl Into<String>, after: Duration, exit_code: i32) -> Self {
        Self { container: container.into(), after, exit_code }
    }
}

/// Who checks whether a task is healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[non_exhaustive]
pub enum HealthCheck {
    /// The `healthCheck` of a container definition.
    Container,
    /// The target group of a load balancer.
    LoadBalancer,
}

impl Script {
    /// What the task does that is started as the `ordinal`th of its deployment, counted from 0.
    pub(crate) fn of_task(self, ordinal: u32) -> Self {
        match self {
            Script::Flaky { exit_code } if ordinal.is_multiple_of(2) => Script::Crash { exit_code },
            Script::Flaky { .. } => Script::Healthy,
            script => script,
        }
    }

    /// From PENDING to RUNNING, or to where it turns out that it never gets there.
    pub(crate) fn pulling(self) -> Duration {
        match self {
            Script::ImageMissing | Script::ImagePullThrottled | Script::WrongPlatform => {
                PULLING_IN_VAIN
            }
            Script::Slow { pulling } => pulling,
            _ => PULLING,
        }
    }

    /// From RUNNING to whatever comes next.
    pub(crate) fn running(self) -> Duration {
        match self {
            Script::Crash { .. } | Script::OutOfMemory => CRASHING,
            Script::Unhealthy { by: HealthCheck::Container } => CONTAINER_CHECKS,
            Script::Unhealthy { by: HealthCheck::LoadBalancer } => TARGET_CHECKS,
            _ => HEALTHY,
        }
    }
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
        // A script may ask for any duration; a year is as good as for ever.
        const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        duration.min(LONGEST).mul_f64(self.factor).max(self.shortest)
    }
}

/// From UpdateService to the scheduler's first look at it. Inferred: it isn't documented.
pub(crate) const FIRST_LOOK: Duration = Duration::from_secs(3);
/// From PROVISIONING to PENDING: on Fargate the network interface is made meanwhile. Inferred.
pub(crate) const PROVISIONING: Duration = Duration::from_secs(8);
/// From PENDING to RUNNING: the image is pulled meanwhile. Inferred.
const PULLING: Duration = Duration::from_secs(15);
/// From PENDING to STOPPED where the image can't be pulled: it is tried five times. Reported: the
/// first failed task shows two and a half minutes after UpdateService.
const PULLING_IN_VAIN: Duration = Duration::from_secs(140);
/// From RUNNING to the exit of a crashing container. Inferred.
const CRASHING: Duration = Duration::from_secs(5);
/// From RUNNING to UNHEALTHY: AWS documentation has three retries by default, 30 s apart.
const CONTAINER_CHECKS: Duration = Duration::from_secs(90);
/// From RUNNING to unhealthy in the target group: two failures by default, 30 s apart (AWS
/// documentation on target groups).
const TARGET_CHECKS: Duration = Duration::from_secs(60);
/// AWS documentation on the circuit breaker: a task without any health check counts as healthy
/// once it has been RUNNING for 40 seconds. That one with a check takes as long is inferred.
const HEALTHY: Duration = Duration::from_secs(40);
/// From the scheduler's decision to STOPPED. Inferred; at most the `stopTimeout` of 30 s.
pub(crate) const STOPPING: Duration = Duration::from_secs(10);
/// From the last task in place to COMPLETED. Inferred.
pub(crate) const SETTLING: Duration = Duration::from_secs(10);
/// From the decision to roll back to the failed deployment's FAILED. Reported as brief.
pub(crate) const FAILING: Duration = Duration::from_secs(5);
/// AWS documentation: with alarms, a rolling update waits for a bake time once its tasks are in
/// place, which ECS calculates from the alarms. Its length is inferred.
pub(crate) const ALARM_BAKE: Duration = Duration::from_secs(5 * 60);
/// A lifecycle stage in which there is nothing to wait for. Inferred.
pub(crate) const STAGE: Duration = Duration::from_secs(5);
/// From the beginning of a shift of traffic to its end. Inferred.
pub(crate) const SHIFTING: Duration = Duration::from_secs(15);
/// From the call of a Lambda function for a lifecycle hook to its answer. Inferred.
pub(crate) const LAMBDA: Duration = Duration::from_secs(5);

/// How long the scheduler waits before it replaces a failed task. AWS documentation on the service
/// throttle logic: longer each time, up to 15 minutes; the first delay and the factor are inferred.
pub(crate) fn restart_delay(failed_tasks: u32, desired: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(15 * 60);
    Duration::from_secs(30)
        .saturating_mul(2u32.saturating_pow(rounds(failed_tasks, desired).saturating_sub(1)))
        .min(LONGEST)
}

/// Tasks that fail together are one failure each, but one attempt of the scheduler.
pub(crate) fn rounds(failed_tasks: u32, desired: u32) -> u32 {
    failed_tasks.div_ceil(desired.max(1))
}
