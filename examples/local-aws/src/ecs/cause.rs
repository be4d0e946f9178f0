//! Why a deployment fails, in ECS's words.

/// The cause of a deployment's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Alarm,
    CircuitBreaker,
    LifecycleHook,
    StopRequest,
}

impl Cause {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Cause::Alarm => "alarm",
            Cause::CircuitBreaker => "circuit breaker",
            Cause::LifecycleHook => "lifecycle hook",
            Cause::StopRequest => "stop request",
        }
    }

    /// The circuit breaker's is reported, the others are inferred.
    pub(crate) fn failure(self) -> &'static str {
        match self {
            Cause::Alarm => "alarm detected.",
            Cause::CircuitBreaker => "tasks failed to start.",
            Cause::LifecycleHook => "lifecycle hook failed.",
            Cause::StopRequest => "stopped.",
        }
    }

    /// The `rolloutStateReason` of the deployment that has failed.
    pub(crate) fn reason(self) -> String {
        format!("ECS deployment {}: {}", self.name(), self.failure())
    }

    /// The `statusReason` of a service deployment that isn't rolled back. Texts inferred.
    pub(crate) fn stopped(self) -> &'static str {
        match self {
            Cause::Alarm => "Service deployment alarm was triggered.",
            Cause::CircuitBreaker => "Service deployment circuit breaker was triggered.",
            Cause::LifecycleHook => "Service deployment lifecycle hook failed.",
            Cause::StopRequest => "Service deployment was stopped.",
        }
    }
}
