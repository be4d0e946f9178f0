//! Service deployments as they are described, joined to the older view by the number in the
//! deployment's id.

use serde_json::{Value, json};

use super::store::service::Service;
use super::store::service_deployment::ServiceDeployment;

impl ServiceDeployment {
    pub(crate) fn arn(&self, service: &Service) -> String {
        let Service { cluster, name, .. } = service;
        service.arn_of(&format!("service-deployment/{cluster}/{name}/{}", self.id))
    }

    pub(crate) fn brief(&self, service: &Service) -> Value {
        let mut value = self.common(service);
        value["targetServiceRevisionArn"] = json!(service.revision_arn(self.number));
        value
    }

    pub(crate) fn to_json(&self, service: &Service) -> Value {
        let mut value = self.common(service);
        value["targetServiceRevision"] = self.revision_to_json(self.number, service);
        value["sourceServiceRevisions"] =
            self.sources.iter().map(|it| self.revision_to_json(*it, service)).collect();
        value["updatedAt"] = self.updated_at.to_json();
        value["deploymentConfiguration"] = self.configuration.to_json();
        let breaker = self.configuration.breaker();
        value["deploymentCircuitBreaker"] = json!({
            "status": self.monitor(breaker.enable, self.breaker_triggered),
            "failureCount": self.failure_count,
            "threshold": breaker.threshold(service.desired),
        });
        if let Some(alarms) = self.configuration.alarms() {
            value["alarms"] = json!({
                "status": self.monitor(true, !self.triggered_alarms.is_empty()),
                "alarmNames": alarms.alarm_names,
                "triggeredAlarmNames": self.triggered_alarms,
            });
        }
        if let Some(stages) = &self.stages {
            if self.started_at.is_some() && self.finished_at.is_none() {
                value["lifecycleStage"] = json!(stages.stage.described());
            }
            value["lifecycleHookDetails"] = stages.hooks.iter().map(|it| it.to_json()).collect();
        }
        if let Some(at) = self.stopped_at {
            value["stoppedAt"] = at.to_json();
        }
        if let Some(rollback) = &self.rollback {
            value["rollback"] = rollback.clone();
        }
        value
    }

    /// What ListServiceDeployments and DescribeServiceDeployments both return.
    fn common(&self, service: &Service) -> Value {
        let mut value = json!({
            "serviceDeploymentArn": self.arn(service),
            "serviceArn": service.arn(),
            "clusterArn": service.arn_of(&format!("cluster/{}", service.cluster)),
            "createdAt": self.created_at.to_json(),
            "status": self.status.name(),
        });
        if !self.reason.is_empty() {
            value["statusReason"] = json!(self.reason);
        }
        for (name, at) in [("startedAt", self.started_at), ("finishedAt", self.finished_at)] {
            if let Some(at) = at {
                value[name] = at.to_json();
            }
        }
        value
    }

    fn revision_to_json(&self, number: u64, service: &Service) -> Value {
        let mut value = service.revision_summary(number);
        if let Some(stages) = &self.stages {
            // Inferred: a rollback shifts all traffic back at once.
            let is_back = self.rollback.is_some();
            let weights = [
                ("requestedProductionTrafficWeight", stages.production_weight()),
                ("requestedTestTrafficWeight", stages.test_weight()),
            ];
            for (name, weight) in weights {
                let new = if is_back { 0.0 } else { weight };
                value[name] = json!(if number == self.number { new } else { 100.0 - new });
            }
        }
        value
    }
}
