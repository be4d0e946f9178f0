//! [`FailureCause`]: the cause of a task's failure, for a program that reacts to it.

pub(super) mod symptoms;
pub(super) mod text;

use std::fmt;

use serde::Serialize;

/// The cause of a task's failure, as far as it is certain.
///
/// It is derived first from ECS's codes (the stop code, the exit code, the health status), then
/// from the messages: the container's before the task's. ECS documents the beginnings of the
/// messages and examples ("Stopped tasks error messages" in its developer guide), but they aren't
/// part of the API, and Fargate truncates long ones. An uncertain message therefore gets a wider
/// cause, for which [`can_heal`](Self::can_heal) is true. The message itself is in
/// [`TaskFailure::reason`](crate::diagnosis::TaskFailure::reason).
///
/// `Display` prints a few words.
///
/// ```
/// use ecs_deploy::diagnosis::FailureCause;
///
/// let cause = FailureCause::Exited { code: 3 };
/// assert_eq!(cause.to_string(), "exited with code 3");
/// assert!(cause.can_heal());
/// assert!(!FailureCause::ImageMissing.can_heal());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FailureCause {
    /// ECS found no capacity for the task: Fargate lacked it, or a quota is used up.
    Capacity,
    /// The container's command exists but isn't executable. Make the file executable in the image,
    /// or run the container as a user who may execute it.
    CommandDenied,
    /// The image lacks the command. Correct the command or the entry point: each is a list, and ECS
    /// treats a whole command line in one element as the name of a single file.
    CommandNotFound,
    /// The container failed the `healthCheck` of its definition.
    ContainerHealthCheck,
    /// A container exited by itself. The application's logs contain the reason.
    Exited {
        /// The exit code. In a service, 0 is also a failure, because a service runs forever.
        code: i32,
    },
    /// The image or the registry doesn't exist. Push the image, or correct its name.
    ImageMissing,
    /// The registry doesn't allow the pull, or hides whether the image exists. Allow the pull to
    /// the task's execution role, or on EC2 to the instance's role.
    ImagePullDenied,
    /// The image pull failed for another reason: no route to the registry, its rate limit, or a
    /// full disk.
    ImagePullFailed,
    /// AWS's side failed: the host, its maintenance, or an internal error of EC2 or ECS.
    Infrastructure,
    /// The task failed the load balancer's health check.
    LoadBalancerHealthCheck,
    /// The task isn't allowed to write its logs. Allow it to the task's execution role.
    LogDenied,
    /// The log driver failed to start for another reason, such as no route to CloudWatch Logs.
    LogDriverFailed,
    /// The log group doesn't exist. Create it, or set `awslogs-create-group`.
    LogGroupMissing,
    /// ECS couldn't create or attach the task's network interface.
    NetworkInterface,
    /// A container was killed because it exceeded its memory limit. Raise the limit.
    OutOfMemory,
    /// ECS can't assume a role of the task definition. Correct its name, or its trust policy.
    RoleNotAssumable,
    /// The task isn't allowed to read or decrypt a secret. Allow it to the task's execution role.
    SecretDenied,
    /// A secret, a parameter, or a key in it doesn't exist. Create it, or correct its name.
    SecretMissing,
    /// Reading a secret failed for another reason, such as no route to its store.
    SecretUnreadable,
    /// AWS reclaimed the Spot capacity.
    SpotInterruption,
    /// The task, or one of its containers, failed to start for another reason.
    StartFailed,
    /// A container didn't reach the required state in time, and ECS gives no reason.
    StartTimeout,
    /// A user or a program stopped the task with StopTask.
    StoppedByUser,
    /// ECS gives no reason that this crate recognizes.
    Unknown,
    /// ECS couldn't create or mount a volume, such as one of EFS.
    VolumeFailed,
    /// The image is for another processor or operating system than the task's, or its command isn't
    /// a program. Build the image for the task's platform.
    WrongPlatform,
}

impl FailureCause {
    /// Returns whether another attempt may succeed without any change.
    ///
    /// False only if the cause is certain and every further task would fail in the same way: a
    /// missing resource stays missing, and a denied action stays denied, until an operator creates
    /// or allows it. The answer describes this moment. A recent change may not have taken effect
    /// yet (IAM is eventually consistent, and ECR replicates to other regions after the push). If
    /// such a cause ends a rollout, deploy again after the change has taken effect.
    pub fn can_heal(self) -> bool {
        !matches!(
            self,
            Self::CommandDenied
                | Self::CommandNotFound
                | Self::ImageMissing
                | Self::ImagePullDenied
                | Self::LogDenied
                | Self::LogGroupMissing
                | Self::RoleNotAssumable
                | Self::SecretDenied
                | Self::SecretMissing
                | Self::WrongPlatform
        )
    }
}

impl fmt::Display for FailureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capacity => "no capacity",
            Self::CommandDenied => "command not executable",
            Self::CommandNotFound => "command not found",
            Self::ContainerHealthCheck => "container health check failed",
            Self::Exited { code } => return write!(f, "exited with code {code}"),
            Self::ImageMissing => "image not found",
            Self::ImagePullDenied => "image pull denied",
            Self::ImagePullFailed => "image pull failed",
            Self::Infrastructure => "infrastructure failed",
            Self::LoadBalancerHealthCheck => "load balancer health check failed",
            Self::LogDenied => "logging denied",
            Self::LogDriverFailed => "log driver failed",
            Self::LogGroupMissing => "log group not found",
            Self::NetworkInterface => "network interface failed",
            Self::OutOfMemory => "out of memory",
            Self::RoleNotAssumable => "role can't be assumed",
            Self::SecretDenied => "secret denied",
            Self::SecretMissing => "secret not found",
            Self::SecretUnreadable => "secret unreadable",
            Self::SpotInterruption => "Spot capacity reclaimed",
            Self::StartFailed => "start failed",
            Self::StartTimeout => "start timed out",
            Self::StoppedByUser => "stopped by a user",
            Self::Unknown => "unknown cause",
            Self::VolumeFailed => "volume failed",
            Self::WrongPlatform => "image for the wrong platform",
        })
    }
}

#[cfg(test)]
mod tests;
