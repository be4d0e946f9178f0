//! [`Obstacle`]: the reason in a service's messages why its tasks don't run.

use std::fmt;

use serde::Serialize;

use crate::model::cause::FailureCause;
use crate::model::cause::text::cause;

/// The reason in a service's message why its tasks don't run. Before ECS creates a task, the
/// messages are the only explanation.
///
/// AWS documents the messages ("Amazon ECS service event messages" in the developer guide), but
/// they are texts for people and not part of the API. An unknown message has no obstacle.
///
/// `Display` prints a few words.
///
/// ```
/// use ecs_deploy::diagnosis::Obstacle;
///
/// let message = "(service web) was unable to place a task because no container instance met all \
///                of its requirements.";
/// assert_eq!(Obstacle::from_message(message), Some(Obstacle::Placement));
/// assert_eq!(Obstacle::Placement.to_string(), "no container instance fits");
/// assert_eq!(Obstacle::from_message("(service web) has reached a steady state."), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Obstacle {
    /// Fargate or the capacity provider has no capacity at the moment. Wait, or allow more subnets
    /// and zones.
    Capacity,
    /// A task failed the `healthCheck` of a container definition.
    ContainerHealthCheck,
    /// `minimumHealthyPercent` and `maximumPercent` let ECS neither stop nor start a task. Change
    /// either.
    DeploymentConfiguration,
    /// ECS's own role is misconfigured or can't be assumed. Create the service-linked role.
    EcsRole,
    /// A task couldn't be launched or placed for another reason, which is in the message.
    Launch,
    /// No container instance meets the task's requirements: memory, CPU, ports, attributes, or a
    /// connected agent. The message names the closest match.
    Placement,
    /// The account has reached a quota: tasks, vCPUs, or the size of a task. Request an increase.
    Quota,
    /// A task began and failed.
    TaskFailed {
        /// The cause of the failure.
        cause: FailureCause,
    },
    /// ECS can't stop tasks that have scale-in protection. Wait, or end the protection.
    TaskProtection,
    /// Tasks fail repeatedly, so ECS increases the delay between its attempts.
    TasksKeepFailing,
    /// ECS's own calls are throttled. ECS retries them itself.
    Throttled,
    /// The load balancer finds a task unhealthy.
    UnhealthyTarget,
}

impl Obstacle {
    /// Parses a message of the service, such as the one in
    /// [`Event::Message`](crate::events::Event::Message); `None` if it names no known obstacle.
    pub fn from_message(message: &str) -> Option<Self> {
        let message = message.to_lowercase().replace('\u{2019}', "'");
        let has = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
        let obstacle = if has(&["unable to place a task", "unable to place tasks"])
            || has(&["failed to launch a task", "unable to reach steady state", "could not launch"])
        {
            if has(&["service linked role", "service-linked role"]) {
                Self::EcsRole
            } else if has(&["protected tasks"]) {
                Self::TaskProtection
            } else if has(&["no container instance"]) {
                Self::Placement
            } else if has(&["you've reached the limit", "is above your limit"]) {
                Self::Quota
            } else {
                match cause(&message) {
                    Some(FailureCause::Capacity) => Self::Capacity,
                    // AWS documents this message for a subnet in a zone without Fargate.
                    Some(FailureCause::Infrastructure) | None => Self::Launch,
                    Some(cause) => Self::TaskFailed { cause },
                }
            }
        } else if has(&["capacity limit was exceeded"]) {
            Self::Capacity
        } else if has(&["iam permissions policies have been", "iam trust relationship has been"]) {
            Self::EcsRole
        } else if has(&["unable to stop or start tasks during a deployment"]) {
            Self::DeploymentConfiguration
        } else if has(&["unable to consistently start tasks"]) {
            Self::TasksKeepFailing
        } else if has(&["operations are being throttled"]) {
            Self::Throttled
        } else if has(&["failed container health checks"]) {
            Self::ContainerHealthCheck
        } else if has(&["is unhealthy in (", "is not healthy in "]) {
            Self::UnhealthyTarget
        } else {
            return None;
        };
        Some(obstacle)
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capacity => "no capacity for a task",
            Self::ContainerHealthCheck => "container health checks fail",
            Self::DeploymentConfiguration => "the percent limits leave no room",
            Self::EcsRole => "ECS's own role can't be used",
            Self::Launch => "a task can't be launched",
            Self::Placement => "no container instance fits",
            Self::Quota => "a quota is used up",
            Self::TaskFailed { cause } => return cause.fmt(f),
            Self::TaskProtection => "protected tasks can't be stopped",
            Self::TasksKeepFailing => "tasks keep failing",
            Self::Throttled => "ECS is throttled",
            Self::UnhealthyTarget => "load balancer health checks fail",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MESSAGES: &[(&str, Option<Obstacle>)] = &[
        ("has started 2 tasks: (task 0a1b) (task 2c3d).", None),
        ("has begun draining connections on 1 tasks.", None),
        ("has stopped 1 running tasks: (task 0a1b).", None),
        ("registered 1 targets in (target-group arn:a)", None),
        ("(deployment ecs-svc/1) deployment completed.", None),
        ("(deployment ecs-svc/1) deployment failed: tasks failed to start.", None),
        ("rolling back to deployment ecs-svc/1.", None),
        ("has reached a steady state.", None),
        (
            "was unable to place a task because no container instance met all of its \
             requirements. The closest matching (container-instance 0a1b) has insufficient memory \
             available. For more information, see the Troubleshooting section.",
            Some(Obstacle::Placement),
        ),
        (
            "was unable to place a task because no container instance met all of its \
             requirements. The closest matching container-instance 0a1b encountered error \
             \"RESOURCE:ENI\". For more information, see the Troubleshooting section.",
            Some(Obstacle::Placement),
        ),
        (
            "was unable to reach steady state. Reason: No Container Instances were found in your \
             capacity provider.",
            Some(Obstacle::Placement),
        ),
        (
            "was unable to place a task. Reason: Capacity is unavailable at this time. Please try \
             again later or in a different availability zone.",
            Some(Obstacle::Capacity),
        ),
        (
            "was unable to place a task. Reason: You\u{2019}ve reached the limit on the number of \
             vCPUs you can run concurrently",
            Some(Obstacle::Quota),
        ),
        (
            "was unable to place a task. Reason: The requested MEMORY configuration is above your \
             limit.",
            Some(Obstacle::Quota),
        ),
        ("was unable to place a task. Reason: Internal error.", Some(Obstacle::Launch)),
        ("was unable to place a task. Reason: something new.", Some(Obstacle::Launch)),
        (
            "was unable to place a task. Reason: CannotPullContainerError: pull image manifest has \
             been retried 7 time(s): image Manifest does not contain descriptor matching platform \
             'linux/amd64'.",
            Some(Obstacle::TaskFailed { cause: FailureCause::WrongPlatform }),
        ),
        (
            "was unable to reach steady state because task set 1 was unable to scale in. Reason: \
             The number of protected tasks are more than the desired count of tasks.",
            Some(Obstacle::TaskProtection),
        ),
        (
            "failed to launch a task with (error ECS was unable to assume the role \
             'arn:aws:iam::123456789012:role/web' that was provided for this task.",
            Some(Obstacle::TaskFailed { cause: FailureCause::RoleNotAssumable }),
        ),
        (
            "failed to launch a task with (error Unable to assume the service linked role. Please \
             verify that the ECS service linked role exists.).",
            Some(Obstacle::EcsRole),
        ),
        ("(task 0a1b) failed container health checks.", Some(Obstacle::ContainerHealthCheck)),
        (
            "(task 0a1b) (port 80) is unhealthy in (target-group arn:a) due to (reason Health \
             checks failed with these codes: [503]).",
            Some(Obstacle::UnhealthyTarget),
        ),
        (
            "(instance i-0a1b) is unhealthy in (elb web) due to (reason Instance has failed at \
             least the UnhealthyThreshold number of health checks consecutively.)",
            Some(Obstacle::UnhealthyTarget),
        ),
        (
            "task set 1 is not healthy in target-group arn:a due to TARGET GROUP IS NOT FOUND",
            Some(Obstacle::UnhealthyTarget),
        ),
        (
            "is unable to consistently start tasks successfully. For more information, see the \
             Troubleshooting section.",
            Some(Obstacle::TasksKeepFailing),
        ),
        ("operations are being throttled. Will try again later.", Some(Obstacle::Throttled)),
        (
            "was unable to stop or start tasks during a deployment because of the service \
             deployment configuration. Update the minimumHealthyPercent or maximumPercent value \
             and try again.",
            Some(Obstacle::DeploymentConfiguration),
        ),
    ];

    #[test]
    fn messages_have_obstacles() {
        for (message, obstacle) in MESSAGES {
            let message = format!("(service web) {message}");
            assert_eq!(Obstacle::from_message(&message), *obstacle, "{message}");
        }
    }

    #[test]
    fn a_few_words() {
        for obstacle in MESSAGES.iter().filter_map(|(_, obstacle)| *obstacle) {
            let words = obstacle.to_string();
            assert!(words.split(' ').count() <= 6 && !words.ends_with('.'), "{words}");
        }
        let cause = FailureCause::ImageMissing;
        assert_eq!(Obstacle::TaskFailed { cause }.to_string(), "image not found");
    }

    proptest! {
        /// A service's name never reads as an obstacle.
        #[test]
        fn a_name_is_no_obstacle(name in "[a-zA-Z0-9_-]{1,255}") {
            let message = format!("(service {name}) has reached a steady state.");
            prop_assert_eq!(Obstacle::from_message(&message), None);
        }
    }
}
