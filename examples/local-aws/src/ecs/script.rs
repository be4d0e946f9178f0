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
    /// They are healthy, and their first essential container exits later.
    CrashLate {
        /// What it exits with.
        exit_code: i32,
        /// How long after the task is RUNNING; not before it is healthy.
        #[serde(deserialize_with = "seconds")]
        after: Duration,
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
    /// They never start: the secret doesn't exist.
    SecretMissing,
    /// They are healthy in the end.
    Slow {
        /// How long it takes to pull the image, the usual cause of a slow start.
        #[serde(deserialize_with = "seconds")]
        pulling: Duration,
    },
    /// They start, fail a health check, and are stopped for it.
    Unhealthy {
        /// Whose check they fail.
        by: HealthCheck,
    },
    /// They are never created, for lack of capacity.
    Unplaceable,
    /// They never start: the image isn't for the platform that they run on.
    WrongPlatform,
}

/// A container that exits by itself while its task runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ContainerExit {
    /// The container's name. A task without such a container ignores the exit.
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

    /// The time from PENDING to RUNNING, or to the failure that keeps it from RUNNING.
    pub(crate) fn pulling(self) -> Duration {
        match self {
            Script::ImageMissing | Script::ImagePullThrottled | Script::WrongPlatform => {
                PULLING_IN_VAIN
            }
            Script::Slow { pulling } => pulling,
            _ => PULLING,
        }
    }

    /// The time from RUNNING to the next change.
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
    /// A pace at which everything happens at once.
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

/// The time from UpdateService to the scheduler's first look at it. Inferred.
pub(crate) const FIRST_LOOK: Duration = Duration::from_secs(3);
/// The time from PROVISIONING to PENDING, in which Fargate makes the network interface. Inferred.
pub(crate) const PROVISIONING: Duration = Duration::from_secs(8);
/// The time from PENDING to RUNNING, in which the image is pulled. Inferred.
const PULLING: Duration = Duration::from_secs(15);
/// The time from PENDING to STOPPED if the image can't be pulled, with five attempts. Reported: the
/// first failed task shows two and a half minutes after UpdateService.
const PULLING_IN_VAIN: Duration = Duration::from_secs(140);
/// The time from RUNNING to the exit of a crashing container. Inferred.
const CRASHING: Duration = Duration::from_secs(5);
/// The time from RUNNING to UNHEALTHY: AWS documentation has three retries by default, 30 s apart.
const CONTAINER_CHECKS: Duration = Duration::from_secs(90);
/// The time from RUNNING to unhealthy in the target group: two failures by default, 30 s apart (AWS
/// documentation on target groups).
const TARGET_CHECKS: Duration = Duration::from_secs(60);
/// AWS documentation on the circuit breaker: a task without any health check counts as healthy once
/// it has been RUNNING for 40 seconds. The same time for a task with a check is inferred.
const HEALTHY: Duration = Duration::from_secs(40);
/// The time from the scheduler's decision to STOPPED. Inferred; at most the `stopTimeout` of 30 s.
pub(crate) const STOPPING: Duration = Duration::from_secs(10);
/// The time from the last task in place to COMPLETED. Inferred.
pub(crate) const SETTLING: Duration = Duration::from_secs(10);
/// The time from the decision to roll back to the failed deployment's FAILED. Reported as brief.
pub(crate) const FAILING: Duration = Duration::from_secs(5);
/// AWS documentation: with alarms, a rolling update waits for a bake time once its tasks are in
/// place, which ECS calculates from the alarms. Its length is inferred.
pub(crate) const ALARM_BAKE: Duration = Duration::from_secs(5 * 60);
/// A lifecycle stage in which there is nothing to wait for. Inferred.
pub(crate) const STAGE: Duration = Duration::from_secs(5);
/// The time from the beginning of a shift of traffic to its end. Inferred.
pub(crate) const SHIFTING: Duration = Duration::from_secs(15);
/// The time from the call of a Lambda function for a lifecycle hook to its answer. Inferred.
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

pub(crate) fn minutes(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 60)
}
