//! [`FailureCause`]: why a task stopped, for a program that acts on it.

pub(super) mod symptoms;
pub(super) mod text;

use std::fmt;

use serde::Serialize;

/// Why a task failed, as far as that is known for certain.
///
/// It is read from ECS's codes first (the stop code, the exit code, the health status), then from
/// its texts, the container's before the task's. ECS documents the beginnings of the texts and
/// examples of them ("Stopped tasks error messages" in its developer guide), but they aren't part
/// of the API, and Fargate cuts long ones short. So what isn't recognised for certain has a wider
/// cause, of which [`can_heal`](Self::can_heal) is true. The text itself is in
/// [`TaskFailure::reason`](crate::diagnosis::TaskFailure::reason).
///
/// `Display` is a few words.
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
    /// There was no room for the task: Fargate had no capacity, or a quota is used up.
    Capacity,
    /// The container's command is there but may not be executed. Make the file executable in the
    /// image, or run it as a user who may.
    CommandDenied,
    /// The image has no such command. Correct the command or the entry point: each is a list, and a
    /// whole command line in one element is looked for as one file.
    CommandNotFound,
    /// The container failed the `healthCheck` of its definition.
    ContainerHealthCheck,
    /// A container exited by itself. The reason is in the application's logs.
    Exited {
        /// What it exited with; 0 too is a failure in a service, which runs for ever.
        code: i32,
    },
    /// The registry has no such image, or there is no such registry. Push it, or correct its name.
    ImageMissing,
    /// The registry doesn't let the task pull the image, or doesn't say that there is none. Allow it
    /// to the task's execution role, or on EC2 to the instance's.
    ImagePullDenied,
    /// The image couldn't be pulled for another reason: no way to the registry, its rate limit, a
    /// full disk.
    ImagePullFailed,
    /// AWS's side failed: the host, its maintenance, an error of EC2's or ECS's own.
    Infrastructure,
    /// The load balancer found the task unhealthy.
    LoadBalancerHealthCheck,
    /// The task may not write its logs. Allow it to the task's execution role.
    LogDenied,
    /// The log driver couldn't begin for another reason, such as no way to CloudWatch Logs.
    LogDriverFailed,
    /// There is no such log group. Create it, or set `awslogs-create-group`.
    LogGroupMissing,
    /// The task's network interface couldn't be made or attached.
    NetworkInterface,
    /// A container was killed because it used more memory than it may. Give it more.
    OutOfMemory,
    /// ECS can't assume a role of the task definition. Correct its name, or its trust policy.
    RoleNotAssumable,
    /// The task may not read a secret or decrypt it. Allow it to the task's execution role.
    SecretDenied,
    /// There is no such secret, parameter, or key in it. Create it, or correct its name.
    SecretMissing,
    /// A secret couldn't be read for another reason, such as no way to its store.
    SecretUnreadable,
    /// AWS took the Spot capacity back.
    SpotInterruption,
    /// The task, or a container of it, couldn't be started for another reason.
    StartFailed,
    /// A container didn't get to where it should in time, nor said why.
    StartTimeout,
    /// Somebody stopped the task, or a program did: StopTask.
    StoppedByUser,
    /// ECS gives no reason that is known here.
    Unknown,
    /// A volume couldn't be made or mounted, such as one of EFS.
    VolumeFailed,
    /// The image is for another processor or operating system than the task runs on, or what it
    /// starts is no program. Build it for the task's platform.
    WrongPlatform,
}

impl FailureCause {
    /// Whether another attempt may succeed although nobody changes anything.
    ///
    /// False only where the cause is certain and every further task must meet it: what is missing
    /// stays missing, and what is denied stays denied, until somebody makes it or allows it. That is
    /// said of the moment. What has been changed outside just before may still be on its way (IAM
    /// is eventually consistent, ECR replicates to other regions after the push), so that whoever
    /// ends a rollout for a cause like that deploys again when it has arrived.
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
            Self::SpotInterruption => "Spot capacity taken back",
            Self::StartFailed => "start failed",
            Self::StartTimeout => "start timed out",
            Self::StoppedByUser => "stopped by a user",
            Self::Unknown => "unknown cause",
            Self::VolumeFailed => "volume failed",
            Self::WrongPlatform => "image of the wrong platform",
        })
    }
}

#[cfg(test)]
mod tests;
