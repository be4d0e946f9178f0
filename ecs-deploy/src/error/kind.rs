//! [`ErrorKind`]: the kind of an error, for a program that acts on it.

use std::fmt;

use serde::Serialize;

/// The kind of an [`Error`](crate::Error), for a program that acts on it. `Display` and serde write
/// the same word, such as `accessDenied`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credentials are valid, but their policy lacks the action. Add
    /// [`missing_statement`](crate::Error::missing_statement). The source has the principal, the
    /// action and the resource in AWS's words. For RegisterTaskDefinition, the missing action is
    /// often `iam:PassRole` on the task's roles.
    AccessDenied,
    /// The cluster doesn't exist in the region and account. Correct the name or the region.
    ClusterNotFound,
    /// The command and the environment variables of a one-off task are longer than ECS accepts. Put
    /// the command into the image, or its input into a file or a parameter.
    CommandTooLong,
    /// The request couldn't be sent as configured: the credentials, the region or the HTTP client
    /// is missing.
    Configuration,
    /// The credentials are expired, or AWS doesn't know them. Renew them.
    Credentials,
    /// All new tasks run and none has failed, but old tasks were still there at the time limit. ECS
    /// completes the deployment when they have stopped: it needs no rollback. Allow more time, look
    /// for long connections or scale-in protection, or choose
    /// [`Complete::WhenNewTasksRun`](crate::events::Complete::WhenNewTasksRun).
    Draining,
    /// The deployment was complete, and a task of it failed within the time of
    /// [`RollOut::soak`](crate::RollOut::soak). Look at
    /// [`task_failures`](crate::Error::task_failures).
    FailedAfterCompletion,
    /// A file couldn't be read or written; the source says why.
    File,
    /// Not every service of a fleet runs its new revision: see
    /// [`Error::outcomes`](crate::Error::outcomes).
    FleetFailed,
    /// A reference to a task definition is neither a family, `FAMILY:REVISION`, nor a revision's
    /// ARN.
    InvalidReference,
    /// A service's name or ARN is invalid.
    InvalidService,
    /// A task definition is invalid, or an edit to it is impossible or makes it invalid. The
    /// message says what is wrong and at which place.
    InvalidTaskDefinition,
    /// ECS registered the task definition without one of its members, most likely because the member
    /// is misspelled: see [`Error::findings`](crate::Error::findings). The revision isn't used.
    /// Correct the member; if ECS should ignore it, tolerate it with
    /// [`RollOut::tolerate`](crate::RollOut::tolerate).
    MemberDropped,
    /// AWS didn't answer: the route, the host name or the connection failed, or the request timed
    /// out. Try again later.
    Network,
    /// The check of the service found a reason not to begin the rollout: see
    /// [`Error::findings`](crate::Error::findings). Nothing was registered. Fix the cause, or
    /// tolerate it with [`RollOut::tolerate`](crate::RollOut::tolerate).
    NotReady,
    /// ECS knows no earlier revision of the service to roll back to. Deploy one by its name.
    NothingToRollBackTo,
    /// A concurrent deployment changed the service after the revision was copied from it. The new
    /// revision would undo that change, so it isn't deployed. Copy the current revision again, and
    /// make the same changes.
    Outdated,
    /// The deployment is paused at a lifecycle hook until the caller decides: see
    /// [`Error::pause`](crate::Error::pause).
    PausedAtHook,
    /// ECS accepted the call, but its response is invalid. Report it.
    Protocol,
    /// The ARN of the service or the task definition names another region than the configuration.
    /// Correct either.
    RegionMismatch,
    /// ECS rolled this deployment back: the old revision runs. Look at
    /// [`task_failures`](crate::Error::task_failures) and at the service's events.
    RolledBack,
    /// The deployment failed without a rollback. Look at
    /// [`task_failures`](crate::Error::task_failures), and deploy a revision that works.
    RolloutFailed,
    /// ECS refused the request for another reason; the source says which.
    Service,
    /// The service has been deleted. Create it again, or correct the name.
    ServiceInactive,
    /// The service doesn't exist in the cluster. Correct the name, the cluster or the region.
    ServiceNotFound,
    /// A caller stopped the deployment with StopServiceDeployment. Find out who called it, and why.
    Stopped,
    /// Another deployment of the same service replaced this one before it was complete. Find out
    /// who else deploys.
    Superseded,
    /// The task definition doesn't exist in the region and account: the revision is missing, or the
    /// family has no active revision. Correct the name or the region.
    TaskDefinitionNotFound,
    /// A one-off task ran and failed. [`task_failures`](crate::Error::task_failures) has the
    /// container, its exit code and the reason; [`logs`](crate::Error::logs) has the locations of
    /// its logs.
    TaskFailed,
    /// A one-off task never ran: ECS had no capacity for it, or couldn't get its image, its secrets
    /// or another resource. The message says which.
    TaskNotStarted,
    /// The account made more requests than AWS allows. Try again later.
    Throttled,
    /// The rollout wasn't complete at the time limit, and it continues on ECS. Look at
    /// [`task_failures`](crate::Error::task_failures), or allow more time. If
    /// [`deployment`](crate::Error::deployment) is `None`, the calls that begin the rollout timed
    /// out, or the error is about a one-off task, whose state is in the message.
    TimedOut,
    /// The task definition has no container of that name. Correct the name.
    UnknownContainer,
    /// CodeDeploy or another program controls the service's deployments. Deploy through it.
    UnsupportedController,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
