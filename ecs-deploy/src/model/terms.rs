//! The terms of a wait for a deployment, which all builders of rollouts share.

use std::time::Duration;

/// The time limit of a wait, and the reactions to a failure or pause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) timeout: Duration,
    /// The part of the time limit that passed before the first poll.
    pub(crate) spent: Duration,
    pub(crate) complete: Complete,
    /// The time for which the tasks of a complete deployment are watched.
    pub(crate) soak: Duration,
    pub(crate) on_failure: OnFailure,
    pub(crate) on_pause: OnPause,
    pub(crate) patience: Patience,
}

/// The end of a rollout whose old tasks are still there at the time limit, although all new tasks
/// run and none has failed: see [`Progress::is_draining`](crate::events::Progress::is_draining).
///
/// This takes effect only after all new tasks have run for 40 seconds; after that time, ECS counts
/// a task without a health check as healthy. ECS completes such a deployment by itself. It is never
/// rolled back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Complete {
    /// Ends with [`Draining`](crate::ErrorKind::Draining), because ECS doesn't call the deployment
    /// complete.
    #[default]
    WhenEcsSaysSo,
    /// Ends with success. [`Deployed::is_draining`](crate::Deployed::is_draining) tells it apart.
    /// Before the time limit, the rollout still waits for ECS.
    WhenNewTasksRun,
}

/// The reaction to a rollout that fails or times out and that ECS doesn't roll back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// Leaves the service as it is. This is the safe choice, because it makes no further change.
    #[default]
    Leave,
    /// Asks ECS to roll back, and doesn't wait for the result. It calls StopServiceDeployment; if
    /// that isn't possible or allowed, it deploys the revision of the last complete deployment. The
    /// outcome is still an error, which names the rollback.
    ///
    /// Before each of the two calls, the rollout reads the service's state again. It doesn't roll
    /// back if the deployment is complete by then, if another one has replaced it, or if the lookup
    /// fails. It also doesn't roll back if a denied call or expired credentials end the wait, or if
    /// the rollout ends before ECS has responded to UpdateService. A deployment that only waits for
    /// old tasks to stop is healthy, and isn't rolled back: see
    /// [`Complete`](crate::events::Complete).
    ///
    /// If the earlier revision is INACTIVE, its content is registered again, tags included, and
    /// deployed.
    RollBack,
}

/// The reaction to a deployment that is paused at a lifecycle hook of the type PAUSE.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnPause {
    /// Ends with [`PausedAtHook`](crate::ErrorKind::PausedAtHook), so that the program doesn't wait
    /// for a person. The deployment stays paused. The error has the [`Pause`](crate::stages::Pause)
    /// to resolve, and the [`Handle`](crate::Handle) to follow the deployment further.
    #[default]
    Return,
    /// Continues the watch until [`Deployer::resolve`](crate::Deployer::resolve) or another caller
    /// resolves the pause, or until the time limit.
    Wait,
}

/// The time that a rollout has while its tasks fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Patience {
    /// Ends at the first task failure that no retry can fix, such as a missing image: see
    /// [`FailureCause::can_heal`](crate::diagnosis::FailureCause::can_heal). ECS itself continues
    /// the deployment, unless [`OnFailure::RollBack`] ends it.
    UntilHopeless,
    /// Ends when ECS gives up, or at the time limit. This is the safe choice, because a person may
    /// fix the problem in the meantime.
    #[default]
    UntilOver,
}

impl Terms {
    pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

    /// Returns what is left of the time limit at the first poll.
    pub(crate) fn time_left(&self) -> Duration {
        self.timeout.saturating_sub(self.spent)
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            timeout: Self::DEFAULT_TIMEOUT,
            spent: Duration::ZERO,
            complete: Complete::default(),
            soak: Duration::ZERO,
            on_failure: OnFailure::default(),
            on_pause: OnPause::default(),
            patience: Patience::default(),
        }
    }
}

/// Defines the methods that set the terms, for each builder with a field `terms`.
macro_rules! terms {
    () => {
        /// Sets the time limit for the first calls and the wait together, counted from the first
        /// poll. The default is 30 minutes. Without a circuit breaker, ECS never gives up itself.
        ///
        /// After an unsuccessful wait, the remaining steps (a last lookup, the reasons of stopped
        /// tasks, [`OnFailure::RollBack`](crate::OnFailure::RollBack)) take at most 30 seconds
        /// more. Both limits hold even if ECS never answers a call.
        pub fn timeout(mut self, timeout: Duration) -> Self {
            self.terms.timeout = timeout;
            self
        }

        /// Counts time that passed before the first poll toward the time limit, such as that of
        /// [`Deployer::current`](crate::Deployer::current). The default is none.
        pub fn spent(mut self, spent: Duration) -> Self {
            self.terms.spent = spent;
            self
        }

        /// Sets the end of a deployment whose old tasks are still there at the time limit, although
        /// all new tasks run. By default, it is an error of its own kind.
        pub fn complete(mut self, complete: Complete) -> Self {
            self.terms.complete = complete;
            self
        }

        /// Watches the tasks for this long after ECS calls the deployment complete. A container that
        /// crashes a minute after its start passes every rollout without a health check. The default
        /// is not to watch them.
        ///
        /// If a task of the deployment fails in this time, the outcome is
        /// [`FailedAfterCompletion`](crate::ErrorKind::FailedAfterCompletion), and
        /// [`OnFailure`](crate::OnFailure) applies: `RollBack` deploys the last complete revision. A
        /// task doesn't count if a user stopped it, or if AWS took its capacity away. The watch ends
        /// early, with success, if another deployment replaces this one.
        ///
        /// This time comes after the time limit. A service that already ran the revision isn't
        /// watched.
        pub fn soak(mut self, soak: Duration) -> Self {
            self.terms.soak = soak;
            self
        }

        /// Sets the reaction to a deployment that fails or times out if ECS doesn't roll it back.
        /// The default is to leave it.
        pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
            self.terms.on_failure = on_failure;
            self
        }

        /// Sets the reaction to a pause at a lifecycle hook. The default is to end with an error
        /// that holds the pause.
        pub fn on_pause(mut self, on_pause: OnPause) -> Self {
            self.terms.on_pause = on_pause;
            self
        }

        /// Sets the time that the deployment has while its tasks fail. By default, the wait ends
        /// when ECS gives up.
        pub fn patience(mut self, patience: Patience) -> Self {
            self.terms.patience = patience;
            self
        }
    };
}
pub(crate) use terms;
