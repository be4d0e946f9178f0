//! [`FleetPolicy`]: what happens if one rollout of several fails.

/// What to do where one rollout of a [`Fleet`](crate::fleet::Fleet) doesn't succeed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FleetPolicy {
    /// Take back what has begun, as soon as one fails, and that one too: what is in progress is
    /// stopped, what is complete gets the revision that it ran before, and all are watched until
    /// that runs, each for as long as its rollout might have taken. A service that somebody else has
    /// deployed to meanwhile is left alone. [`OnFailure`](crate::OnFailure) has no say in it.
    AllOrNothing,
    /// Begin every wave nevertheless.
    KeepGoing,
    /// Let the others of its wave end, and begin no further one: the safe choice, since no more
    /// services are touched, and nothing that runs is changed once more.
    #[default]
    StopAfterWave,
}
