//! On which terms a deployment is watched: what every way to begin one has in common.

use std::time::Duration;

/// For how long a deployment is watched, and what is done about one that doesn't go well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) timeout: Duration,
    pub(crate) on_failure: OnFailure,
    pub(crate) on_pause: OnPause,
    pub(crate) patience: Patience,
}

/// What to do where a rollout fails or isn't complete in time, and ECS doesn't roll it back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// Leave the service as it is: the safe choice while nobody knows what would be better.
    #[default]
    Leave,
    /// Tell ECS to go back to what ran before, and don't wait for it: by StopServiceDeployment,
    /// or, where that isn't possible or not allowed, by deploying the revision that the last
    /// completed deployment ran. The outcome remains an error, which says what was done.
    ///
    /// Before each of the two, the service is looked at once more. Nothing is done where the
    /// deployment is complete after all, where another one has taken over, or where that can't be
    /// seen; nor where the wait ends because a call isn't allowed or the credentials are no longer
    /// valid, or before ECS has answered UpdateService.
    RollBack,
}

/// What to do where a deployment stops at a lifecycle hook of the type PAUSE, until somebody
/// decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnPause {
    /// End with [`PausedAtHook`](crate::ErrorKind::PausedAtHook): a program doesn't wait for
    /// people. The deployment stays where it is; the error has the [`Pause`](crate::stages::Pause) to
    /// decide about, and the [`Handle`](crate::Handle) to follow it from there.
    #[default]
    Return,
    /// Go on watching, until [`Deployer::resolve`](crate::Deployer::resolve) or somebody else
    /// decides, or the time is up.
    Wait,
}

/// How long a rollout is given whose tasks fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Patience {
    /// Until the first task fails of something that no further attempt will cure, such as an image
    /// that doesn't exist: [`FailureCause::can_heal`](crate::diagnosis::FailureCause::can_heal). ECS itself
    /// goes on with the deployment, unless [`OnFailure::RollBack`] ends it.
    UntilHopeless,
    /// Until ECS gives up, or the time is up: the safe choice, since somebody may mend what is
    /// wrong meanwhile.
    #[default]
    UntilOver,
}

impl Terms {
    pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            timeout: Self::DEFAULT_TIMEOUT,
            on_failure: OnFailure::default(),
            on_pause: OnPause::default(),
            patience: Patience::default(),
        }
    }
}

/// The methods that set the terms: the same, with the same documentation, on each builder that has
/// a field `terms`.
macro_rules! terms {
    () => {
        /// How long it may take in all, counted from when it is first awaited: the calls that begin
        /// it and the wait; 30 minutes by default. Without a circuit breaker, ECS never gives up
        /// itself.
        ///
        /// When the wait is over without success, what is left to do (a last look, the reasons of
        /// stopped tasks, [`OnFailure::RollBack`](crate::OnFailure::RollBack)) takes 30 seconds
        /// more at most. A call that ECS never answers holds up neither.
        pub fn timeout(mut self, timeout: Duration) -> Self {
            self.terms.timeout = timeout;
            self
        }

        /// What to do where the deployment fails or isn't complete in time, and ECS doesn't roll it
        /// back: by default, nothing.
        pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
            self.terms.on_failure = on_failure;
            self
        }

        /// What to do where it stops at a lifecycle hook until somebody decides: by default, end
        /// with an error that says so.
        pub fn on_pause(mut self, on_pause: OnPause) -> Self {
            self.terms.on_pause = on_pause;
            self
        }

        /// How long it is given when its tasks fail: by default, as long as ECS does.
        pub fn patience(mut self, patience: Patience) -> Self {
            self.terms.patience = patience;
            self
        }
    };
}
pub(crate) use terms;
