//! Findings about a service before a rollout registers anything.

mod requirements;

use aws_sdk_ecs::types::{SchedulingStrategy, Service as Description};
use serde_json::Value;

use crate::ecs::update::Update;
use crate::model::description::{is_in_progress, primary};
use crate::model::finding::{Finding, FindingKind};
use crate::revision::Revision;
use crate::revision::check::problem::{Problem, Severity};
use crate::rollout::preflight::requirements::mismatches;

/// Returns the findings about a deployment of `revision` with `update` to a described service.
pub(crate) fn findings(
    description: &Description,
    update: &Update,
    revision: &Revision,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = revision.new_problems().iter().map(finding).collect();
    findings.extend(mismatches(description, revision));
    let tags = revision.removed_tags();
    if !tags.is_empty() {
        let tags: Vec<String> = tags.iter().map(|it| format!("`{}`", it.escape_debug())).collect();
        let text = format!(
            "the new revision removes the tags {} of {}: keep them in the task definition if that \
             isn't intended; `aws ecs describe-task-definition` prints them with `--include TAGS`",
            tags.join(" and "),
            revision.short()
        );
        findings.push(Finding::new(FindingKind::TagsRemoved, text));
    }
    findings.extend(settings(description, update));
    findings
}

fn finding(problem: &Problem) -> Finding {
    let kind = match problem.severity() {
        Severity::Error => FindingKind::InvalidTaskDefinition,
        Severity::Warning => FindingKind::DoubtfulTaskDefinition,
    };
    Finding::new(kind, problem.to_string())
}

/// Returns the findings about the service's settings.
fn settings(description: &Description, update: &Update) -> Vec<Finding> {
    let mut findings = Vec::new();
    let settings = Settings::new(description, update);
    let progress = primary(description).filter(|it| is_in_progress(it));
    if let Some(id) = progress.and_then(|it| it.id()) {
        let text = format!("deployment {id} is in progress: this rollout replaces it");
        findings.push(Finding::new(FindingKind::DeploymentInProgress, text));
    }
    if settings.desired == 0 {
        findings.push(Finding::desired_count_zero());
    }
    if settings.is_stuck() {
        let Settings { desired, minimum_percent, maximum_percent, .. } = settings;
        let tasks = if desired == 1 { "task" } else { "tasks" };
        let text = format!(
            "ECS can neither start nor stop a task with {desired} {tasks}, a minimum of \
             {minimum_percent} % and a maximum of {maximum_percent} %: lower the minimum or raise \
             the maximum"
        );
        findings.push(Finding::new(FindingKind::NoProgress, text));
    }
    if !settings.has_breaker {
        let text = "the deployment circuit breaker is off: ECS retries a revision forever if its \
                    tasks fail";
        findings.push(Finding::new(FindingKind::CircuitBreakerOff, text.to_owned()));
    }
    findings
}

/// The service's settings after the update.
struct Settings {
    desired: u64,
    minimum_percent: u64,
    maximum_percent: u64,
    is_rolling: bool,
    has_breaker: bool,
}

impl Settings {
    /// Merges the update into the service's settings. UpdateService keeps the members of a
    /// configuration that aren't given (API reference).
    fn new(description: &Description, update: &Update) -> Self {
        let old = description.deployment_configuration();
        let new = |name: &str| update.configuration().and_then(|it| it.get(name));
        let percent = |name, old: Option<i32>, default| {
            let old = old.and_then(|it| u64::try_from(it).ok());
            new(name).and_then(Value::as_u64).or(old).unwrap_or(default)
        };
        let strategy = new("strategy").and_then(Value::as_str);
        let strategy = strategy.or(old.and_then(|it| it.strategy()).map(|it| it.as_str()));
        let is_daemon = description.scheduling_strategy() == Some(&SchedulingStrategy::Daemon);
        let breaker = new("deploymentCircuitBreaker").and_then(|it| it.get("enable")?.as_bool());
        let old_breaker = old.and_then(|it| it.deployment_circuit_breaker());
        let desired = update.new_count().map(u64::from);
        Self {
            desired: desired
                .or(u64::try_from(description.desired_count()).ok())
                .unwrap_or_default(),
            minimum_percent: percent(
                "minimumHealthyPercent",
                old.and_then(|it| it.minimum_healthy_percent()),
                100,
            ),
            maximum_percent: percent(
                "maximumPercent",
                old.and_then(|it| it.maximum_percent()),
                200,
            ),
            is_rolling: !is_daemon && strategy.is_none_or(|it| it == "ROLLING"),
            has_breaker: breaker.or(old_breaker.map(|it| it.enable())).unwrap_or(false),
        }
    }

    /// Returns whether a rolling update can neither start nor stop a task. ECS rounds the maximum
    /// down and the minimum up (AWS documentation).
    fn is_stuck(&self) -> bool {
        let most = self.desired.saturating_mul(self.maximum_percent) / 100;
        let fewest = self.desired.saturating_mul(self.minimum_percent).div_ceil(100);
        self.is_rolling && self.desired > 0 && most <= self.desired && fewest >= self.desired
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{
        Deployment, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentRolloutState,
        DeploymentStrategy,
    };

    use super::*;

    fn service(desired: i32, minimum: i32, maximum: i32) -> Description {
        let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
        let configuration = DeploymentConfiguration::builder()
            .minimum_healthy_percent(minimum)
            .maximum_percent(maximum)
            .deployment_circuit_breaker(breaker)
            .build();
        Description::builder()
            .desired_count(desired)
            .deployment_configuration(configuration)
            .build()
    }

    fn kinds(description: &Description, update: &Update) -> Vec<FindingKind> {
        settings(description, update).iter().map(Finding::kind).collect()
    }

    #[test]
    fn a_service_without_room_is_found() {
        for (desired, minimum, maximum, is_stuck) in [
            (1, 100, 200, false),
            (1, 100, 199, true),
            (1, 50, 150, true),
            (1, 0, 100, false),
            (2, 50, 100, false),
            (2, 100, 150, false),
            (2, 51, 149, true),
            (4, 100, 100, true),
            (0, 100, 100, false),
        ] {
            let found = kinds(&service(desired, minimum, maximum), &Update::default());
            let what = format!("{desired} {minimum} {maximum}");
            assert_eq!(found.contains(&FindingKind::NoProgress), is_stuck, "{what}");
        }
    }

    #[test]
    fn what_is_going_to_be_changed_counts() {
        let mut update = Update::default();
        update.desired_count(2);
        assert_eq!(kinds(&service(1, 50, 150), &update), []);
        let configuration = DeploymentConfiguration::builder()
            .strategy(DeploymentStrategy::BlueGreen)
            .deployment_circuit_breaker(
                DeploymentCircuitBreaker::builder().enable(false).rollback(false).build(),
            )
            .build();
        let mut update = Update::default();
        update.deployment_configuration(&configuration);
        assert_eq!(kinds(&service(1, 100, 100), &update), [FindingKind::CircuitBreakerOff]);
    }

    #[test]
    fn each_finding_is_said_in_a_clause() {
        let mut description = service(1, 100, 100);
        description.deployments = Some(vec![
            Deployment::builder()
                .id("ecs-svc/1")
                .status("PRIMARY")
                .rollout_state(DeploymentRolloutState::InProgress)
                .build(),
        ]);
        description.deployment_configuration.as_mut().unwrap().deployment_circuit_breaker = None;
        let said: Vec<String> =
            settings(&description, &Update::default()).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "deployment ecs-svc/1 is in progress: this rollout replaces it",
                "ECS can neither start nor stop a task with 1 task, a minimum of 100 % and a \
                 maximum of 100 %: lower the minimum or raise the maximum",
                "the deployment circuit breaker is off: ECS retries a revision forever if its \
                 tasks fail",
            ]
        );
        assert_eq!(
            settings(&service(0, 100, 200), &Update::default())[0].to_string(),
            "the desired count is 0: the rollout can't show whether the revision runs"
        );
    }
}
