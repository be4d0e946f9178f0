//! [`FleetPolicy`]: what happens if one rollout of several fails.

/// What to do where one rollout of a [`Fleet`](crate::fleet::Fleet) doesn't succeed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FleetPolicy {
    /// Rolls back all rollouts that have begun, the failed one included, as soon as one fails. A
    /// deployment in progress is stopped; a service whose deployment is complete gets its previous
    /// revision. The fleet waits until each of these revisions runs, each for as long as the
    /// timeout of its rollout. A service with a newer deployment by another caller is left alone.
    /// [`OnFailure`](crate::OnFailure) has no effect.
    AllOrNothing,
    /// Begins every wave regardless of failures.
    KeepGoing,
    /// Waits for the other rollouts of the wave, and begins no further wave. This is the safe
    /// choice: it touches no more services, and changes no running service again.
    #[default]
    StopAfterWave,
}
