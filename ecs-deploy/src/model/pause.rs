//! [`Pause`]: a pause of a deployment at a lifecycle hook, and the decision about it.

use std::fmt;

use serde::Serialize;

use crate::outside::Outside;

/// A pause at a lifecycle hook of the type PAUSE. The deployment continues or is rolled back when a
/// caller resolves the pause, or when the hook times out.
///
/// `Display` quotes ECS's names. The methods return them unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    pub(crate) service_deployment: String,
    pub(crate) hook: String,
    pub(crate) stage: Option<String>,
    pub(crate) on_timeout: Option<Resolution>,
}

/// The decision about a [`Pause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Resolution {
    /// The deployment continues with its next stage.
    Continue,
    /// ECS rolls it back.
    RollBack,
}

/// The cause of a rollback by ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RollbackCause {
    /// A CloudWatch alarm of the deployment configuration was triggered.
    Alarm,
    /// Too many tasks of the deployment failed.
    CircuitBreaker,
    /// A lifecycle hook failed or timed out, or a caller decided to roll back at a hook.
    LifecycleHook,
    /// A StopServiceDeployment call stopped it.
    StopRequest,
    /// ECS doesn't name the cause, or `ecs:DescribeServiceDeployments` isn't allowed.
    Unknown,
}

impl Pause {
    /// Returns the ARN of the paused service deployment.
    pub fn service_deployment(&self) -> &str {
        &self.service_deployment
    }

    /// Returns the hook's id, for ContinueServiceDeployment.
    pub fn hook(&self) -> &str {
        &self.hook
    }

    /// Returns the lifecycle stage, such as `POST_TEST_TRAFFIC_SHIFT`, if ECS names one.
    pub fn stage(&self) -> Option<&str> {
        self.stage.as_deref()
    }

    /// Returns ECS's action when the hook times out; `None` if ECS doesn't name it.
    pub fn on_timeout(&self) -> Option<Resolution> {
        self.on_timeout
    }
}

/// Prints `paused at POST_TEST_TRAFFIC_SHIFT by the hook 0a1b`.
impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hook = Outside::new(&self.hook);
        match self.stage.as_ref().map(Outside::new) {
            Some(stage) => write!(f, "paused at {stage} by the hook {hook}"),
            None => write!(f, "paused by the hook {hook}"),
        }
    }
}

/// Prints the word of ECS's API: `CONTINUE` or `ROLLBACK`.
impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resolution::Continue => "CONTINUE",
            Resolution::RollBack => "ROLLBACK",
        })
    }
}
