//! Lifecycle hooks: what holds a deployment up at a stage, and until when.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::controls::HookAnswer;
use super::script::{LAMBDA, minutes};
use super::stage::Stage;
use super::world::World;
use crate::clock::Timestamp;
use crate::error::AwsError;

/// A hook as the deployment configuration has it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hook {
    /// API reference: AWS_LAMBDA by default.
    #[serde(default)]
    target_type: TargetType,
    #[serde(skip_serializing_if = "Option::is_none")]
    hook_target_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(default)]
    lifecycle_stages: Vec<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hook_details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_configuration: Option<Timeout>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum TargetType {
    #[default]
    AwsLambda,
    Pause,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Timeout {
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_in_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<HookAction>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum HookAction {
    Continue,
    #[default]
    Rollback,
}

/// A hook that a deployment has come to.
#[derive(Debug)]
pub(crate) struct HookRun {
    pub(crate) id: String,
    target_type: TargetType,
    target: Option<String>,
    status: Status,
    /// When the Lambda function answers, and what.
    answer: Option<(Timestamp, Status)>,
    expires_at: Timestamp,
    timeout_action: HookAction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    AwaitingAction,
    Failed,
    InProgress,
    Succeeded,
    TimedOut,
}

/// What a hook means to the stage that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Go,
    RollBack,
    Wait,
}

impl Hook {
    /// The rules are the API reference's, the texts inferred.
    pub(crate) fn check(&self) -> Result<(), AwsError> {
        let refuse = |message: &str| Err(AwsError::invalid_parameter(message));
        if self.lifecycle_stages.is_empty() {
            return refuse("A lifecycle hook needs at least one lifecycle stage.");
        }
        if self.lifecycle_stages.iter().any(|stage| !stage.has_hooks()) {
            return refuse("A lifecycle hook can't be invoked at this lifecycle stage.");
        }
        let shifts = [Stage::TestTrafficShift, Stage::ProductionTrafficShift];
        match self.target_type {
            TargetType::AwsLambda if self.hook_target_arn.is_none() => {
                return refuse("hookTargetArn is required for an AWS_LAMBDA hook.");
            }
            TargetType::Pause if self.lifecycle_stages.iter().any(|it| shifts.contains(it)) => {
                return refuse(
                    "A PAUSE hook can't be configured at TEST_TRAFFIC_SHIFT or \
                     PRODUCTION_TRAFFIC_SHIFT.",
                );
            }
            _ => {}
        }
        match self.timeout().timeout_in_minutes {
            Some(minutes) if !(1..=20_160).contains(&minutes) => {
                refuse("timeoutInMinutes must be between 1 and 20160.")
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn is_at(&self, stage: Stage) -> bool {
        self.lifecycle_stages.contains(&stage)
    }

    pub(crate) fn begin(&self, at: Timestamp, world: &mut World<'_>) -> HookRun {
        let timeout = self.timeout();
        // API reference: 24 hours, then ROLLBACK.
        let lasts = minutes(timeout.timeout_in_minutes.unwrap_or(1440));
        let answer = match self.target_type {
            TargetType::Pause => None,
            TargetType::AwsLambda => {
                let target = self.hook_target_arn.as_deref().unwrap_or_default();
                let answers_at = at + world.pace.scale(LAMBDA);
                match world.controls.hook_answer(target) {
                    HookAnswer::Fail => Some((answers_at, Status::Failed)),
                    HookAnswer::None => None,
                    HookAnswer::Succeed => Some((answers_at, Status::Succeeded)),
                }
            }
        };
        HookRun {
            id: world.ids.uuid(),
            target_type: self.target_type,
            target: self.hook_target_arn.clone(),
            status: match self.target_type {
                TargetType::AwsLambda => Status::InProgress,
                TargetType::Pause => Status::AwaitingAction,
            },
            answer,
            expires_at: at + world.pace.scale(lasts.max(Duration::from_secs(1))),
            timeout_action: timeout.action.unwrap_or_default(),
        }
    }

    fn timeout(&self) -> Timeout {
        self.timeout_configuration.unwrap_or_default()
    }
}

impl HookRun {
    /// When it next changes by itself.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        let is_open = matches!(self.status, Status::AwaitingAction | Status::InProgress);
        is_open.then(|| self.answer.map_or(self.expires_at, |(at, _)| at.min(self.expires_at)))
    }

    pub(crate) fn advance(&mut self, at: Timestamp) -> Verdict {
        if let Some(due) = self.next_at().filter(|due| *due <= at) {
            self.status = match self.answer {
                Some((answers_at, status)) if answers_at == due => status,
                _ => Status::TimedOut,
            };
        }
        match (self.status, self.timeout_action) {
            (Status::AwaitingAction | Status::InProgress, _) => Verdict::Wait,
            (Status::Succeeded, _) | (Status::TimedOut, HookAction::Continue) => Verdict::Go,
            (Status::Failed, _) | (Status::TimedOut, HookAction::Rollback) => Verdict::RollBack,
        }
    }

    /// Whether it waits for ContinueServiceDeployment.
    pub(crate) fn awaits_action(&self) -> bool {
        self.status == Status::AwaitingAction
    }

    /// What ContinueServiceDeployment makes of it.
    pub(crate) fn resolve(&mut self, action: HookAction) {
        self.status = match action {
            HookAction::Continue => Status::Succeeded,
            HookAction::Rollback => Status::Failed,
        };
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "hookId": self.id,
            "targetType": self.target_type,
            "status": self.status,
            "expiresAt": self.expires_at.to_json(),
            "timeoutAction": self.timeout_action,
        });
        if let Some(target) = &self.target {
            value["targetArn"] = json!(target);
        }
        value
    }
}
