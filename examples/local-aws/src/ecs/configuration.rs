//! How a service's deployments go: the strategy, the circuit breaker, the alarms, and how many
//! tasks at a time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hooks::Hook;
use super::script::minutes;
use crate::error::AwsError;

/// A deployment configuration; each member can be changed alone.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    #[serde(skip_serializing_if = "Option::is_none")]
    alarms: Option<Alarms>,
    bake_time_in_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    canary_configuration: Option<Canary>,
    deployment_circuit_breaker: Option<Breaker>,
    #[serde(skip_serializing_if = "Option::is_none")]
    early_success_criteria: Option<EarlySuccess>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle_hooks: Option<Vec<Hook>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linear_configuration: Option<Linear>,
    maximum_percent: Option<u32>,
    minimum_healthy_percent: Option<u32>,
    strategy: Option<Strategy>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Strategy {
    BlueGreen,
    Canary,
    Linear,
    #[default]
    Rolling,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Breaker {
    pub(crate) enable: bool,
    pub(crate) rollback: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_on_healthy_task: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold_configuration: Option<Threshold>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
struct Threshold {
    r#type: ThresholdType,
    value: u32,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ThresholdType {
    BoundedPercent,
    Count,
    UnboundedPercent,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alarms {
    pub(crate) alarm_names: Vec<String>,
    pub(crate) enable: bool,
    pub(crate) rollback: bool,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct EarlySuccess {
    enable: bool,
    healthy_percent: Option<u32>,
    source_service_revision_cleanup: Option<Cleanup>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Cleanup {
    Blocking,
    Deferred,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Linear {
    step_percent: Option<f64>,
    step_bake_time_in_minutes: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Canary {
    canary_percent: Option<f64>,
    canary_bake_time_in_minutes: Option<u32>,
}

impl Configuration {
    pub(crate) fn breaker(&self) -> Breaker {
        self.deployment_circuit_breaker.unwrap_or_default()
    }

    /// The alarms, if they are enabled.
    pub(crate) fn alarms(&self) -> Option<&Alarms> {
        self.alarms.as_ref().filter(|alarms| alarms.enable && !alarms.alarm_names.is_empty())
    }

    pub(crate) fn strategy(&self) -> Strategy {
        self.strategy.unwrap_or_default()
    }

    pub(crate) fn hooks(&self) -> &[Hook] {
        self.lifecycle_hooks.as_deref().unwrap_or_default()
    }

    pub(crate) fn bake_time(&self) -> Duration {
        minutes(self.bake_time_in_minutes.unwrap_or(0))
    }

    /// The most tasks at a time. AWS documentation: 200 % by default, rounded down.
    pub(crate) fn maximum(&self, desired: u32) -> u64 {
        u64::from(desired) * u64::from(self.maximum_percent.unwrap_or(200)) / 100
    }

    /// The fewest healthy tasks. AWS documentation: 100 % by default, rounded up.
    pub(crate) fn minimum(&self, desired: u32) -> u64 {
        percent(desired, self.minimum_healthy_percent.unwrap_or(100))
    }

    /// How many healthy tasks a rolling update needs before it is successful. API reference: all,
    /// unless the early success criteria say otherwise. The rounding up is inferred.
    pub(crate) fn needed(&self, desired: u32) -> u64 {
        let early = self.early_success_criteria.filter(|criteria| criteria.enable);
        percent(desired, early.and_then(|criteria| criteria.healthy_percent).unwrap_or(100))
    }

    /// Whether a rolling update may be successful while the tasks before it still run.
    pub(crate) fn defers_cleanup(&self) -> bool {
        self.early_success_criteria.is_some_and(|criteria| {
            criteria.enable && criteria.source_service_revision_cleanup == Some(Cleanup::Deferred)
        })
    }

    /// How much of the production traffic is the new revision's after each step, and how long each
    /// but the last bakes. API reference of LinearConfiguration and CanaryConfiguration, defaults
    /// included.
    pub(crate) fn steps(&self) -> (Vec<f64>, Duration) {
        match self.strategy() {
            Strategy::BlueGreen | Strategy::Rolling => (vec![100.0], Duration::ZERO),
            Strategy::Canary => {
                let Canary { canary_percent, canary_bake_time_in_minutes } =
                    self.canary_configuration.unwrap_or_default();
                let bake = minutes(canary_bake_time_in_minutes.unwrap_or(10));
                (vec![canary_percent.unwrap_or(5.0), 100.0], bake)
            }
            Strategy::Linear => {
                let Linear { step_percent, step_bake_time_in_minutes } =
                    self.linear_configuration.unwrap_or_default();
                let step = step_percent.unwrap_or(10.0);
                let count = (100.0 / step).ceil() as u32;
                let steps = (1..=count).map(|n| (f64::from(n) * step).min(100.0)).collect();
                (steps, minutes(step_bake_time_in_minutes.unwrap_or(6)))
            }
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut complete = self.clone();
        complete.bake_time_in_minutes.get_or_insert(0);
        complete.deployment_circuit_breaker.get_or_insert_default();
        complete.maximum_percent.get_or_insert(200);
        complete.minimum_healthy_percent.get_or_insert(100);
        complete.strategy.get_or_insert_default();
        json!(complete)
    }

    /// Overwrites the members that `newer` has.
    pub(crate) fn merged(self, newer: Option<Self>) -> Result<Self, AwsError> {
        let newer = newer.unwrap_or_default();
        let merged = Self {
            alarms: newer.alarms.or(self.alarms),
            bake_time_in_minutes: newer.bake_time_in_minutes.or(self.bake_time_in_minutes),
            canary_configuration: newer.canary_configuration.or(self.canary_configuration),
            deployment_circuit_breaker: newer
                .deployment_circuit_breaker
                .or(self.deployment_circuit_breaker),
            early_success_criteria: newer.early_success_criteria.or(self.early_success_criteria),
            lifecycle_hooks: newer.lifecycle_hooks.or(self.lifecycle_hooks),
            linear_configuration: newer.linear_configuration.or(self.linear_configuration),
            maximum_percent: newer.maximum_percent.or(self.maximum_percent),
            minimum_healthy_percent: newer.minimum_healthy_percent.or(self.minimum_healthy_percent),
            strategy: newer.strategy.or(self.strategy),
        };
        merged.check()?;
        Ok(merged)
    }

    /// The rules are the API reference's, the texts inferred.
    fn check(&self) -> Result<(), AwsError> {
        let refuse = |message: &str| Err(AwsError::invalid_parameter(message));
        let strategy = self.strategy();
        let Linear { step_percent, step_bake_time_in_minutes } =
            self.linear_configuration.unwrap_or_default();
        let Canary { canary_percent, canary_bake_time_in_minutes } =
            self.canary_configuration.unwrap_or_default();
        let bakes =
            [self.bake_time_in_minutes, step_bake_time_in_minutes, canary_bake_time_in_minutes];
        if bakes.into_iter().flatten().any(|bake| bake > 1440) {
            return refuse("A bake time must be between 0 and 1440 minutes.");
        }
        if strategy == Strategy::BlueGreen && self.bake_time_in_minutes.is_none() {
            return refuse("bakeTimeInMinutes is required for the BLUE_GREEN strategy.");
        }
        if self.linear_configuration.is_some() && strategy != Strategy::Linear {
            return refuse("linearConfiguration is only valid for the LINEAR strategy.");
        }
        if self.canary_configuration.is_some() && strategy != Strategy::Canary {
            return refuse("canaryConfiguration is only valid for the CANARY strategy.");
        }
        if step_percent.is_some_and(|it| !(3.0..=100.0).contains(&it) || !is_tenths(it)) {
            return refuse("stepPercent must be a multiple of 0.1 between 3.0 and 100.0.");
        }
        if canary_percent.is_some_and(|it| !(0.1..=100.0).contains(&it) || !is_tenths(it)) {
            return refuse("canaryPercent must be a multiple of 0.1 between 0.1 and 100.0.");
        }
        if let Some(early) = self.early_success_criteria.filter(|early| early.enable) {
            let minimum = self.minimum_healthy_percent.unwrap_or(100);
            match (early.healthy_percent, early.source_service_revision_cleanup) {
                (Some(percent), Some(_)) if (minimum.min(100)..=100).contains(&percent) => {}
                (Some(_), Some(_)) => {
                    return refuse("healthyPercent must be between minimumHealthyPercent and 100.");
                }
                _ => {
                    return refuse(
                        "healthyPercent and sourceServiceRevisionCleanup are required for the \
                         early success criteria.",
                    );
                }
            }
            if strategy != Strategy::Rolling {
                return refuse("Early success criteria are only valid for the ROLLING strategy.");
            }
        }
        if strategy == Strategy::Rolling && !self.hooks().is_empty() {
            return Err(not_emulated("lifecycle hooks of rolling updates"));
        }
        self.hooks().iter().try_for_each(Hook::check)
    }
}

impl Breaker {
    /// AWS documentation: half of the desired count unless configured otherwise, rounded up, and
    /// between 3 and 200 if it is bounded. The minimum of 1 is inferred.
    pub(crate) fn threshold(&self, desired: u32) -> u32 {
        let Threshold { r#type, value } = self
            .threshold_configuration
            .unwrap_or(Threshold { r#type: ThresholdType::BoundedPercent, value: 50 });
        let share = u32::try_from(percent(desired, value)).unwrap_or(u32::MAX);
        match r#type {
            ThresholdType::BoundedPercent => share.clamp(3, 200),
            ThresholdType::Count => value.max(1),
            ThresholdType::UnboundedPercent => share.max(1),
        }
    }

    /// API reference: a healthy task sets the count back, unless configured otherwise.
    pub(crate) fn resets_on_healthy_task(&self) -> bool {
        self.reset_on_healthy_task.unwrap_or(true)
    }
}

/// Refused rather than played wrongly: a test must not pass on what isn't there.
pub(crate) fn not_emulated(what: &str) -> AwsError {
    AwsError::new("UnsupportedFeatureException", format!("local-aws doesn't emulate {what}."))
}

/// Returns the percentage, rounded up.
fn percent(desired: u32, percent: u32) -> u64 {
    (u64::from(desired) * u64::from(percent)).div_ceil(100)
}

fn is_tenths(percent: f64) -> bool {
    (percent * 10.0 - (percent * 10.0).round()).abs() < 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(members: Value) -> Configuration {
        serde_json::from_value(members).unwrap()
    }

    #[test]
    fn the_most_tasks_are_rounded_down_and_the_fewest_up() {
        let it = configuration(json!({ "maximumPercent": 150, "minimumHealthyPercent": 50 }));
        assert_eq!((it.maximum(3), it.minimum(3)), (4, 2));
        let default = Configuration::default();
        assert_eq!((default.maximum(3), default.minimum(3)), (6, 3));
    }

    #[test]
    fn early_success_needs_a_share_of_the_desired_count() {
        let mut members = json!({ "earlySuccessCriteria": {
            "enable": true,
            "healthyPercent": 50,
            "sourceServiceRevisionCleanup": "DEFERRED",
        } });
        let it = configuration(members.clone());
        assert_eq!(it.needed(3), 2);
        assert!(it.defers_cleanup());
        members["earlySuccessCriteria"]["enable"] = json!(false);
        let it = configuration(members);
        assert_eq!(it.needed(3), 3);
        assert!(!it.defers_cleanup());
    }

    #[test]
    fn the_steps_of_a_shift_end_with_all_of_the_traffic() {
        let steps = |members: Value| configuration(members).steps().0;
        assert_eq!(steps(json!({ "strategy": "BLUE_GREEN" })), [100.0]);
        assert_eq!(steps(json!({ "strategy": "CANARY" })), [5.0, 100.0]);
        let linear = steps(json!({ "strategy": "LINEAR" }));
        assert_eq!((linear.len(), linear[0], linear[9]), (10, 10.0, 100.0));
        let members = json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 30 } });
        assert_eq!(steps(members), [30.0, 60.0, 90.0, 100.0]);
    }

    #[test]
    fn members_can_be_changed_one_by_one() {
        let before = configuration(json!({ "maximumPercent": 150, "bakeTimeInMinutes": 1 }));
        let newer = configuration(json!({ "bakeTimeInMinutes": 2 }));
        let after = before.merged(Some(newer)).unwrap().to_json();
        assert_eq!(
            (&after["maximumPercent"], &after["bakeTimeInMinutes"]),
            (&json!(150), &json!(2))
        );
        assert_eq!(
            after["deploymentCircuitBreaker"],
            json!({ "enable": false, "rollback": false })
        );
    }
}
