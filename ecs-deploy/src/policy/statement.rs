//! [`Statement`]: one statement of a policy.

/// A feature that a policy can allow beside the rollout itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Diagnosis,
    Hooks,
    Prune,
    RollBack,
    RunTask,
    ServiceDeployments,
    Tags,
}

/// One statement of the document.
pub(super) struct Statement {
    pub(super) sid: &'static str,
    /// Each action with its reason and the loss without it.
    pub(super) actions: Vec<(&'static str, &'static str, Option<&'static str>)>,
    pub(super) resources: Vec<String>,
    pub(super) condition: Option<Condition>,
}

/// The operator, the key and the value.
pub(super) type Condition = (&'static str, &'static str, String);
