//! [`StageView`]: the service deployment, ECS's newer view of a deployment: lifecycle stages, hooks
//! and the cause of a rollback.

use aws_sdk_ecs::types::{
    DeploymentLifecycleHookAction, DeploymentLifecycleHookStatus, ServiceDeployment,
    ServiceDeploymentBrief, ServiceDeploymentRollbackMonitorsStatus, ServiceDeploymentStatus,
};

use crate::model::handle::DeploymentRecord;
use crate::model::pause::{Pause, Resolution, RollbackCause};
use crate::names::arn::short;

/// The state of a service deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StageView {
    pub(crate) status: Status,
    pub(crate) stage: Option<Stage>,
    pub(crate) pause: Option<Pause>,
    pub(crate) cause: RollbackCause,
    /// ECS's reason for the status; may be empty.
    pub(crate) reason: String,
}

/// The lifecycle stage of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stage {
    pub(crate) name: String,
    /// The new revision's share of the traffic.
    pub(crate) traffic_percent: Option<f64>,
}

/// The status of a service deployment, as far as this crate distinguishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// ECS rolls it back, has done so, or will do so.
    GoingBack,
    Open,
    /// It ended without a rollback, or another deployment replaced it.
    Stopped,
    Successful,
}

impl StageView {
    /// Reads the state; `None` if `found` belongs to another deployment. The last ARN that ECS
    /// reported may be that of the deployment before.
    pub(super) fn from_description(
        found: &ServiceDeployment,
        record: &DeploymentRecord,
    ) -> Option<Self> {
        let target = found.target_service_revision();
        if target.and_then(|it| it.arn()).map(short) != Some(record.number()) {
            return None;
        }
        let traffic_percent = target.and_then(|it| it.requested_production_traffic_weight());
        let stage = found.lifecycle_stage().map(|it| it.as_str().to_owned());
        let stage = stage.map(|name| Stage { name, traffic_percent });
        Some(Self {
            status: status(found.status()),
            pause: pause(found, stage.as_ref()),
            stage,
            cause: cause(found),
            reason: reason(found),
        })
    }

    /// Reads the state from an entry of a list, which has only the status and its reason.
    pub(super) fn from_brief(found: &ServiceDeploymentBrief) -> Self {
        Self {
            status: status(found.status()),
            stage: None,
            pause: None,
            cause: cause_by_status(found.status()),
            reason: found.status_reason().unwrap_or_default().trim_end_matches('.').to_owned(),
        }
    }
}

/// Returns the hook that waits. A hook without an id can't be resolved.
fn pause(found: &ServiceDeployment, stage: Option<&Stage>) -> Option<Pause> {
    let waiting = Some(&DeploymentLifecycleHookStatus::AwaitingAction);
    let hook = found.lifecycle_hook_details().iter().find(|it| it.status() == waiting)?;
    Some(Pause {
        service_deployment: found.service_deployment_arn()?.to_owned(),
        hook: hook.hook_id()?.to_owned(),
        stage: stage.map(|it| it.name.clone()),
        on_timeout: match hook.timeout_action() {
            Some(DeploymentLifecycleHookAction::Continue) => Some(Resolution::Continue),
            Some(DeploymentLifecycleHookAction::Rollback) => Some(Resolution::RollBack),
            _ => None,
        },
    })
}

fn status(status: Option<&ServiceDeploymentStatus>) -> Status {
    match status {
        Some(
            ServiceDeploymentStatus::RollbackFailed
            | ServiceDeploymentStatus::RollbackInProgress
            | ServiceDeploymentStatus::RollbackRequested
            | ServiceDeploymentStatus::RollbackSuccessful
            | ServiceDeploymentStatus::StopRequested,
        ) => Status::GoingBack,
        Some(ServiceDeploymentStatus::Stopped) => Status::Stopped,
        Some(ServiceDeploymentStatus::Successful) => Status::Successful,
        _ => Status::Open,
    }
}

/// Returns the cause from the structured fields. A `stoppedAt` without another cause is a stop
/// request: the service model documents it for deployments that a user stops.
fn cause(found: &ServiceDeployment) -> RollbackCause {
    let triggered = Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered);
    if found.alarms().is_some_and(|it| !it.triggered_alarm_names().is_empty()) {
        return RollbackCause::Alarm;
    }
    if found.deployment_circuit_breaker().is_some_and(|it| it.status() == triggered) {
        return RollbackCause::CircuitBreaker;
    }
    let has_failed = |status: Option<&DeploymentLifecycleHookStatus>| {
        matches!(
            status,
            Some(DeploymentLifecycleHookStatus::Failed | DeploymentLifecycleHookStatus::TimedOut)
        )
    };
    if found.lifecycle_hook_details().iter().any(|it| has_failed(it.status())) {
        return RollbackCause::LifecycleHook;
    }
    if found.stopped_at().is_some() {
        return RollbackCause::StopRequest;
    }
    cause_by_status(found.status())
}

/// Returns the cause from the status, which shows a stop request only.
fn cause_by_status(status: Option<&ServiceDeploymentStatus>) -> RollbackCause {
    match status {
        Some(
            ServiceDeploymentStatus::RollbackRequested | ServiceDeploymentStatus::StopRequested,
        ) => RollbackCause::StopRequest,
        _ => RollbackCause::Unknown,
    }
}

fn reason(found: &ServiceDeployment) -> String {
    let alarms = found.alarms().map(|it| it.triggered_alarm_names()).unwrap_or_default();
    let words = found
        .rollback()
        .and_then(|it| it.reason())
        .or(found.status_reason())
        .unwrap_or_default()
        .trim_end_matches('.');
    match alarms {
        [] => words.to_owned(),
        names if words.is_empty() => format!("alarm {} was triggered", names.join(", ")),
        names => format!("{words} ({})", names.join(", ")),
    }
}
