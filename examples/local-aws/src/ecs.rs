//! ECS's JSON API, as far as a rollout needs it. A service's state is a function of the time and
//! of its script: each call first lets the time pass that has gone by since the last.

mod clusters;
mod configuration;
mod definitions;
mod demo;
mod describe;
mod input;
mod rollout;
mod script;
mod service_deployments;
mod services;
mod tasks;

use std::collections::BTreeMap;

use serde_json::Value;

pub use self::script::Script;
use crate::core::{Context, unknown_operation};
use crate::error::AwsError;

/// The clusters and task definitions of one account in one region.
#[derive(Debug, Default)]
pub(crate) struct Ecs {
    clusters: BTreeMap<String, clusters::Cluster>,
    families: BTreeMap<String, definitions::Family>,
    /// By cluster and service.
    scripts: BTreeMap<(String, String), Script>,
}

impl Ecs {
    pub(crate) fn call(
        &mut self,
        operation: &str,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        self.advance(context);
        match operation {
            "CreateCluster" => self.create_cluster(body, context),
            "CreateService" => self.create_service(body, context),
            "DeleteService" => self.delete_service(body, context),
            "DeregisterTaskDefinition" => self.deregister_task_definition(body, context),
            "DescribeClusters" => self.describe_clusters(body, context),
            "DescribeServiceDeployments" => self.describe_service_deployments(body),
            "DescribeServiceRevisions" => self.describe_service_revisions(body),
            "DescribeServices" => self.describe_services(body, context),
            "DescribeTaskDefinition" => self.describe_task_definition(body, context),
            "DescribeTasks" => self.describe_tasks(body, context),
            "ListServiceDeployments" => self.list_service_deployments(body, context),
            "ListServices" => self.list_services(body, context),
            "ListTaskDefinitions" => self.list_task_definitions(body),
            "ListTasks" => self.list_tasks(body, context),
            "RegisterTaskDefinition" => self.register_task_definition(body, context),
            "StopServiceDeployment" => self.stop_service_deployment(body, context),
            "UpdateService" => self.update_service(body, context),
            _ => Err(unknown_operation()),
        }
    }

    /// What the tasks of the service's deployments from now on do.
    pub(crate) fn set_script(&mut self, cluster: &str, service: &str, script: Script) {
        self.scripts.insert((cluster.to_owned(), service.to_owned()), script);
    }

    fn script(&self, cluster: &str, service: &str) -> Script {
        let key = (cluster.to_owned(), service.to_owned());
        self.scripts.get(&key).copied().unwrap_or_default()
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        let pace = script::Pace::new(context.settings.rollout_pace);
        let mut world = rollout::World { ids: context.ids, pace };
        for service in self.clusters.values_mut().flat_map(|it| it.services.values_mut()) {
            service.advance(context.now, &mut world);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::caller::Caller;
    use crate::clock::Clock;
    use crate::core::{Deferred, Ids, Settings};

    const OPERATIONS: [&str; 18] = [
        "CreateCluster",
        "CreateService",
        "DeleteService",
        "DeregisterTaskDefinition",
        "DescribeClusters",
        "DescribeServiceDeployments",
        "DescribeServiceRevisions",
        "DescribeServices",
        "DescribeTaskDefinition",
        "DescribeTasks",
        "ListServiceDeployments",
        "ListServices",
        "ListTaskDefinitions",
        "ListTasks",
        "Nonsense",
        "RegisterTaskDefinition",
        "StopServiceDeployment",
        "UpdateService",
    ];

    /// Every member that some operation has, with a value that fits none of them, or hardly.
    fn strange_bodies() -> Vec<String> {
        let members = [
            "cluster",
            "clusterName",
            "clusters",
            "containerDefinitions",
            "desiredCount",
            "deploymentConfiguration",
            "deploymentController",
            "family",
            "include",
            "loadBalancers",
            "maxResults",
            "nextToken",
            "service",
            "serviceDeploymentArn",
            "serviceDeploymentArns",
            "serviceName",
            "services",
            "tags",
            "taskDefinition",
            "tasks",
        ];
        let values = [
            json!(null),
            json!(true),
            json!(-1),
            json!(i64::MAX),
            json!(1e300),
            json!(""),
            json!("demo"),
            json!("arn:"),
            json!("web:18446744073709551616"),
            json!("/:é"),
            json!([]),
            json!([null]),
            json!([""]),
            json!([{}]),
            json!({}),
            json!({ "type": 1 }),
            json!({ "maximumPercent": u32::MAX, "deploymentCircuitBreaker": {} }),
        ];
        let one = |member: &str, value: &Value| {
            let mut body = json!({ "cluster": "demo", "service": "web", "serviceName": "web" });
            body[member] = value.clone();
            body.to_string()
        };
        let bodies = members.iter().flat_map(|it| values.iter().map(|value| one(it, value)));
        let broken = ["", "[]", "null", "{", "\u{0}", "{\"cluster\":"].map(str::to_owned);
        bodies.chain(broken).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn no_request_panics_it() {
        let caller = Caller::local("us-east-1");
        let (clock, settings, mut ids) = (Clock::new(), Settings::default(), Ids::default());
        let mut ecs = Ecs::default();
        for operation in OPERATIONS {
            for body in strange_bodies() {
                let now = clock.now();
                let (caller, settings, ids) = (&caller, &settings, &mut ids);
                let deferred = &mut Deferred::default();
                let mut context = Context { caller, now, ids, settings, deferred };
                let _ = ecs.create_demo(&mut context);
                let _ = ecs.call(operation, body.as_bytes(), &mut context);
                tokio::time::advance(std::time::Duration::from_secs(7)).await;
            }
        }
    }
}
