//! [`ErrorKind`]: what kind of failure an error is, for a program that acts on it.

use std::fmt;

use serde::Serialize;

/// What kind of failure an [`Error`](crate::Error) is, for a program that acts on it. `Display` and
/// serde write the same word, such as `accessDenied`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credentials are valid, but their policy lacks the action. Add
    /// [`missing_statement`](crate::Error::missing_statement); the source has the principal, the action
    /// and the resource in AWS's words. For RegisterTaskDefinition it is often `iam:PassRole` on
    /// the task's roles.
    AccessDenied,
    /// There is no such cluster in the region and account. Correct the name or the region.
    ClusterNotFound,
    /// The request couldn't be sent as configured: no credentials, no region, no HTTP client.
    Configuration,
    /// Expired credentials, or ones that AWS doesn't know. Renew them.
    Credentials,
    /// A file couldn't be read or written; the source says why.
    File,
    /// Not every service of a fleet runs its new revision: see [`Error::outcomes`](crate::Error::outcomes).
    FleetFailed,
    /// A text that was to name a task definition is neither a family, `FAMILY:REVISION`, nor a
    /// revision's ARN.
    InvalidReference,
    /// A text that was to be a service is none.
    InvalidService,
    /// A text that was to be a task definition is none, or an edit isn't possible or leaves none.
    /// The message says what is wrong and where.
    InvalidTaskDefinition,
    /// No answer: no route, no name, no connection, or the time-out ran out. Try again later.
    Network,
    /// What a look at the service showed makes a rollout pointless: [`Error::findings`](crate::Error::findings) says what.
    /// Nothing was registered. Put it right, or tolerate it by
    /// [`RollOut::tolerate`](crate::RollOut::tolerate).
    NotReady,
    /// There is no revision to go back to that ran on the service before, as far as ECS knows.
    /// Deploy one by its name.
    NothingToRollBackTo,
    /// Somebody else deployed to the service after the revision was copied from it. The new one
    /// would undo that, and isn't deployed. Copy again, and make the same changes.
    Outdated,
    /// The deployment stands still at a lifecycle hook until somebody decides: see
    /// [`Error::pause`](crate::Error::pause).
    PausedAtHook,
    /// ECS accepted the call, but its answer makes no sense. Report it.
    Protocol,
    /// The service or the task definition was given by an ARN of one region, the configuration is
    /// of another. Correct either.
    RegionMismatch,
    /// ECS rolled this deployment back: the old revision runs. Look at
    /// [`task_failures`](crate::Error::task_failures) and at the service's events.
    RolledBack,
    /// The deployment failed, and nobody rolled it back. Look at
    /// [`task_failures`](crate::Error::task_failures), and deploy a revision that works.
    RolloutFailed,
    /// ECS refused the request for another reason; the source says which.
    Service,
    /// The service has been deleted. Create it again, or correct the name.
    ServiceInactive,
    /// The cluster has no such service. Correct the name, the cluster or the region.
    ServiceNotFound,
    /// Somebody stopped the deployment by StopServiceDeployment. Ask who, and why.
    Stopped,
    /// Another deployment of the same service took over before this one was complete. Look at
    /// who else deploys.
    Superseded,
    /// There is no such task definition in the region and account: no such revision, or a family
    /// without an active one. Correct the name or the region.
    TaskDefinitionNotFound,
    /// A one-off task ran and failed: [`task_failures`](crate::Error::task_failures) has the container, its
    /// exit code and the reason, and [`logs`](crate::Error::logs) say where to read on.
    TaskFailed,
    /// A one-off task never ran: there is no capacity for it, or its image, its secrets or the like
    /// couldn't be had. The text says which.
    TaskNotStarted,
    /// More requests than the account may make. Try again later.
    Throttled,
    /// The rollout was still going on when the time was up, and goes on. Look at
    /// [`task_failures`](crate::Error::task_failures), or allow more time. Without a
    /// [`deployment`](crate::Error::deployment), the calls that begin it weren't answered in time; or it
    /// was a one-off task, and the text says what became of it.
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
