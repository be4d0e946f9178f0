//! The newer view of a deployment, by its service deployment: lifecycle stages, hooks, and why it
//! was rolled back. Not every policy allows it, and it may lag behind by seconds (reported).

use std::fmt;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    DeploymentLifecycleHookAction, DeploymentLifecycleHookStatus, ServiceDeployment,
    ServiceDeploymentBrief, ServiceDeploymentRollbackMonitorsStatus, ServiceDeploymentStatus,
};

use crate::deployer::Deployer;
use crate::error::Error;
use crate::model::handle::Followed;
use crate::revision::short;

/// A stop at a lifecycle hook of the type PAUSE: the deployment goes on, or back, when somebody
/// decides, or when the hook's time is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    service_deployment: String,
    hook: String,
    stage: String,
    on_timeout: String,
}

/// What is decided about a [`Pause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resolution {
    /// The deployment goes on to its next stage.
    Continue,
    /// ECS rolls it back.
    RollBack,
}

/// Why ECS rolled a deployment back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RollbackCause {
    /// A CloudWatch alarm of the deployment configuration went off.
    Alarm,
    /// Too many of its tasks failed.
    CircuitBreaker,
    /// A lifecycle hook failed, ran out of time, or somebody decided at it to go back.
    LifecycleHook,
    /// Somebody stopped it by StopServiceDeployment.
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

    /// The lifecycle stage, such as `POST_TEST_TRAFFIC_SHIFT`.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// What ECS does when the hook's time is up: `CONTINUE` or `ROLLBACK`; empty where it doesn't
    /// say.
    pub fn on_timeout(&self) -> &str {
        &self.on_timeout
    }
}

/// `paused at POST_TEST_TRAFFIC_SHIFT by the hook 0a1b`
impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "paused at {} by the hook {}", self.stage, self.hook)
    }
}

impl Deployer {
    /// Decides about a deployment that stands still at a lifecycle hook: ContinueServiceDeployment.
    /// It returns as soon as ECS has accepted it; what becomes of it, the rollout tells, or
    /// [`follow`](Self::follow).
    ///
    /// # Errors
    /// Those of the call, such as [`Service`](crate::ErrorKind::Service) where the hook isn't
    /// waiting any more.
    pub async fn resolve(&self, pause: &Pause, resolution: Resolution) -> Result<(), Error> {
        let action = match resolution {
            Resolution::Continue => DeploymentLifecycleHookAction::Continue,
            Resolution::RollBack => DeploymentLifecycleHookAction::Rollback,
        };
        let call = self
            .client()
            .continue_service_deployment()
            .service_deployment_arn(&pause.service_deployment)
            .hook_id(&pause.hook)
            .action(action);
        let subject = &pause.service_deployment;
        call.send().await.map_err(|it| Error::api("ContinueServiceDeployment", subject, it))?;
        Ok(())
    }
}

/// What the newer view says of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Newer {
    pub(crate) status: Status,
    /// The lifecycle stage and the traffic, for people; empty where it has none.
    pub(crate) stage: String,
    pub(crate) pause: Option<Pause>,
    pub(crate) cause: RollbackCause,
    /// ECS's words on its status; may be empty.
    pub(crate) reason: String,
}

/// The status, as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It is rolled back, or about to be: it won't run.
    GoingBack,
    Open,
    /// It ended without being rolled back, or somebody else's has taken its place.
    Stopped,
    Successful,
}

impl Newer {
    /// `None` where `found` is the view of another deployment: what ECS last told may be that of
    /// the one before.
    fn of(found: &ServiceDeployment, followed: &Followed) -> Option<Self> {
        let target = found.target_service_revision();
        if target.and_then(|it| it.arn()).map(short) != Some(followed.number()) {
            return None;
        }
        let weight = target.and_then(|it| it.requested_production_traffic_weight());
        let name = found.lifecycle_stage().map(|it| it.as_str()).unwrap_or_default();
        let stage = match weight {
            Some(weight) if !name.is_empty() => format!("{name}, {weight} % of the traffic"),
            _ => name.to_owned(),
        };
        let hooks = found.lifecycle_hook_details();
        let waiting = hooks
            .iter()
            .find(|it| it.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction));
        let pause = waiting.map(|hook| Pause {
            service_deployment: found.service_deployment_arn().unwrap_or_default().to_owned(),
            hook: hook.hook_id().unwrap_or_default().to_owned(),
            stage: name.to_owned(),
            on_timeout: hook.timeout_action().map_or("", |it| it.as_str()).to_owned(),
        });
        Some(Self {
            status: status(found.status()),
            stage,
            pause,
            cause: cause(found),
            reason: reason(found),
        })
    }

    fn of_brief(found: &ServiceDeploymentBrief) -> Self {
        Self {
            status: status(found.status()),
            stage: String::new(),
            pause: None,
            cause: cause_by_status(found.status()),
            reason: found.status_reason().unwrap_or_default().trim_end_matches('.').to_owned(),
        }
    }
}

/// How the newer view is had.
#[derive(Debug)]
pub(crate) struct View {
    arn: Option<String>,
    /// What the policy doesn't allow isn't asked for again.
    may_describe: bool,
    may_list: bool,
}

impl View {
    pub(crate) fn new(followed: &Followed) -> Self {
        Self { arn: followed.service_deployment.clone(), may_describe: true, may_list: true }
    }

    /// The ARN of the service deployment, as far as it is known.
    pub(crate) fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    /// Whether no further look will show anything.
    pub(crate) fn is_denied(&self) -> bool {
        !self.may_list && (!self.may_describe || self.arn.is_none())
    }

    /// `None` where ECS doesn't show it: not now, or not to these credentials. One call where the
    /// ARN is known, two where it has to be found first. Where only the list is allowed, it has the
    /// status and no more.
    pub(crate) async fn look(&mut self, client: &Client, followed: &Followed) -> Option<Newer> {
        if let Some(newer) = self.describe(client, followed).await {
            return Some(newer);
        }
        // Where it is known and there was no answer, another call most likely has none either.
        let is_known = self.may_describe && self.arn.is_some();
        if is_known || !self.may_list {
            return None;
        }
        let ours = self.find(client, followed).await?;
        self.arn = ours.service_deployment_arn().map(str::to_owned);
        if self.may_describe {
            return self.describe(client, followed).await;
        }
        Some(Newer::of_brief(&ours))
    }

    async fn describe(&mut self, client: &Client, followed: &Followed) -> Option<Newer> {
        let arn = self.arn.as_ref().filter(|_| self.may_describe)?;
        let call = client.describe_service_deployments().service_deployment_arns(arn);
        let result = call.send().await;
        let result = result.map_err(|it| Error::api("DescribeServiceDeployments", arn, it));
        let output = unless_denied(result, &mut self.may_describe)?;
        let newer = output.service_deployments().first().and_then(|it| Newer::of(it, followed));
        if newer.is_none() {
            // Of the deployment before, or not there yet.
            self.arn = None;
        }
        newer
    }

    /// Joined by the number at the end of the deployment's id and of the service revision's ARN.
    async fn find(
        &mut self,
        client: &Client,
        followed: &Followed,
    ) -> Option<ServiceDeploymentBrief> {
        let list = client
            .list_service_deployments()
            .cluster(followed.service.cluster_reference())
            .service(followed.service.name());
        let result = list.send().await;
        let result =
            result.map_err(|it| Error::api("ListServiceDeployments", &followed.service, it));
        let output = unless_denied(result, &mut self.may_list)?;
        output.service_deployments.unwrap_or_default().into_iter().find(|it| {
            it.target_service_revision_arn().is_some_and(|arn| short(arn) == followed.number())
        })
    }
}

fn unless_denied<T>(result: Result<T, Error>, is_allowed: &mut bool) -> Option<T> {
    result
        .inspect_err(|error| {
            tracing::debug!(%error, "no newer view of the deployment");
            *is_allowed &= error.is_retryable();
        })
        .ok()
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

/// From the structured fields, which one of them has brought it down. What is left is a request:
/// the service model has `stoppedAt` for deployments that a user stops.
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

/// Nothing but a request is asked for.
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
        names if words.is_empty() => format!("the alarm {} went off", names.join(", ")),
        names => format!("{words} ({})", names.join(", ")),
    }
}
