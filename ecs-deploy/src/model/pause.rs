//! [`Pause`]: a stop at a lifecycle hook, and what is decided about it.

use std::fmt;

use serde::Serialize;

/// A stop at a lifecycle hook of the type PAUSE. The deployment continues, or is rolled back, when that
/// is decided or when the hook's time is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    pub(crate) service_deployment: String,
    pub(crate) hook: String,
    pub(crate) stage: Option<String>,
    pub(crate) on_timeout: Option<Resolution>,
}

/// What is decided about a [`Pause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Resolution {
    /// The deployment continues with its next stage.
    Continue,
    /// ECS rolls it back.
    RollBack,
}

/// Why ECS rolled a deployment back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RollbackCause {
    /// A CloudWatch alarm of the deployment configuration went off.
    Alarm,
    /// Too many of its tasks failed.
    CircuitBreaker,
    /// A lifecycle hook failed or timed out, or it was decided there to roll back.
    LifecycleHook,
    /// A StopServiceDeployment call stopped it.
    StopRequest,
    /// ECS doesn't say, or `ecs:DescribeServiceDeployments` isn't allowed.
    Unknown,
}

impl Pause {
    /// The ARN of the service deployment that stands still.
    pub fn service_deployment(&self) -> &str {
        &self.service_deployment
    }

    /// The hook's id, which ContinueServiceDeployment takes.
    pub fn hook(&self) -> &str {
        &self.hook
    }

    /// The lifecycle stage, such as `POST_TEST_TRAFFIC_SHIFT`, if ECS names one.
    pub fn stage(&self) -> Option<&str> {
        self.stage.as_deref()
    }

    /// What ECS does when the hook's time is up; `None` if it doesn't say.
    pub fn on_timeout(&self) -> Option<Resolution> {
        self.on_timeout
    }
}

/// `paused at POST_TEST_TRAFFIC_SHIFT by the hook 0a1b`
impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stage {
            Some(stage) => write!(f, "paused at {stage} by the hook {}", self.hook),
            None => write!(f, "paused by the hook {}", self.hook),
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
