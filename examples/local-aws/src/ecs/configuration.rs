//! How a service's deployments go: the circuit breaker, and how many tasks at a time.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::AwsError;

/// A deployment configuration; each member can be changed alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    deployment_circuit_breaker: Option<Breaker>,
    maximum_percent: Option<u32>,
    minimum_healthy_percent: Option<u32>,
    strategy: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Breaker {
    pub(crate) enable: bool,
    pub(crate) rollback: bool,
}

impl Configuration {
    pub(crate) fn breaker(&self) -> Breaker {
        self.deployment_circuit_breaker.unwrap_or_default()
    }

    /// The most tasks at a time. AWS documentation: 200 % by default, rounded down.
    pub(crate) fn maximum(&self, desired: u32) -> u64 {
        u64::from(desired) * u64::from(self.maximum_percent.unwrap_or(200)) / 100
    }

    /// The fewest healthy tasks. AWS documentation: 100 % by default, rounded up.
    pub(crate) fn minimum(&self, desired: u32) -> u64 {
        (u64::from(desired) * u64::from(self.minimum_healthy_percent.unwrap_or(100))).div_ceil(100)
    }

    pub(crate) fn to_json(&self) -> Value {
        let Breaker { enable, rollback } = self.breaker();
        json!({
            "deploymentCircuitBreaker": { "enable": enable, "rollback": rollback },
            "maximumPercent": self.maximum_percent.unwrap_or(200),
            "minimumHealthyPercent": self.minimum_healthy_percent.unwrap_or(100),
            "strategy": "ROLLING",
            "bakeTimeInMinutes": 0,
        })
    }

    /// With the members that `newer` has.
    pub(crate) fn merged(self, newer: Option<Self>) -> Result<Self, AwsError> {
        let newer = newer.unwrap_or_default();
        match newer.strategy.as_deref() {
            None | Some("ROLLING") => {}
            Some(strategy) => return Err(not_emulated(&format!("the strategy {strategy}"))),
        }
        Ok(Self {
            deployment_circuit_breaker: newer
                .deployment_circuit_breaker
                .or(self.deployment_circuit_breaker),
            maximum_percent: newer.maximum_percent.or(self.maximum_percent),
            minimum_healthy_percent: newer.minimum_healthy_percent.or(self.minimum_healthy_percent),
            strategy: None,
        })
    }
}

/// Refused rather than played wrongly: a test must not pass on what isn't there.
pub(crate) fn not_emulated(what: &str) -> AwsError {
    AwsError::new("UnsupportedFeatureException", format!("local-aws doesn't emulate {what}."))
}
