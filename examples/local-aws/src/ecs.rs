//! ECS's JSON API, as far as a rollout needs it. A service's state is a function of the time and
//! of its script: each call first lets the time pass that has gone by since the last.

mod cause;
mod clusters;
mod configuration;
pub(crate) mod controls;
mod definitions;
mod demo;
mod deployments;
mod describe;
mod events;
mod hooks;
mod input;
mod model;
mod protection;
mod recovery;
mod registration;
mod requirements;
mod rollout;
mod run_task;
mod scheduler;
mod script;
mod service_deployment_calls;
mod service_deployments;
mod services;
mod stage;
mod stages;
mod stop;
mod store;
mod tags;
mod task_calls;
mod tasks;
mod update_service;
mod workload;
mod world;

use serde_json::Value;

pub use self::controls::{AlarmState, HookAnswer, RollbackId, RunTaskFailure};
pub use self::model::UnknownMembers;
pub use self::script::{ContainerExit, HealthCheck, Script};
pub(crate) use self::store::Ecs;
use self::world::World;
use crate::context::Context;
use crate::error::AwsError;

impl Ecs {
    pub(crate) fn call(
        &mut self,
        operation: &str,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Result<Value, AwsError> {
        self.advance(context);
        let body = &model::read(operation, body, self.controls.unknown_members)?;
        match operation {
            "ContinueServiceDeployment" => self.continue_service_deployment(body, context),
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
            "GetTaskProtection" => self.get_task_protection(body, context),
            "ListClusters" => self.list_clusters(body, context),
            "ListServiceDeployments" => self.list_service_deployments(body, context),
            "ListServices" => self.list_services(body, context),
            "ListTagsForResource" => self.list_tags_for_resource(body, context),
            "ListTaskDefinitions" => self.list_task_definitions(body),
            "ListTasks" => self.list_tasks(body, context),
            "RegisterTaskDefinition" => self.register_task_definition(body, context),
            "RunTask" => self.run_task(body, context),
            "StopServiceDeployment" => self.stop_service_deployment(body, context),
            "StopTask" => self.stop_task(body, context),
            "TagResource" => self.tag_resource(body, context),
            "UntagResource" => self.untag_resource(body, context),
            "UpdateService" => self.update_service(body, context),
            "UpdateTaskProtection" => self.update_task_protection(body, context),
            _ => Err(AwsError::unknown_operation()),
        }
    }

    /// What the tasks of the service's deployments from now on do.
    pub(crate) fn set_script(&mut self, cluster: &str, service: &str, script: Script) {
        self.controls.set_script(cluster, service, script);
    }

    fn advance(&mut self, context: &mut Context<'_>) {
        let mut world = World::new(context, &self.controls);
        for cluster in self.clusters.values_mut() {
            cluster.advance(&mut world);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::caller::Caller;
    use crate::clock::Clock;
    use crate::context::{Deferred, Ids, Settings};
    use crate::tokens::Tokens;

    const OPERATIONS: [&str; 27] = [
        "ContinueServiceDeployment",
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
        "GetTaskProtection",
        "ListClusters",
        "ListServiceDeployments",
        "ListServices",
        "ListTagsForResource",
        "ListTaskDefinitions",
        "ListTasks",
        "Nonsense",
        "RegisterTaskDefinition",
        "RunTask",
        "StopServiceDeployment",
        "StopTask",
        "TagResource",
        "UntagResource",
        "UpdateService",
        "UpdateTaskProtection",
    ];

    /// Every member that some operation has, with a value that fits none of them, or hardly.
    fn strange_bodies() -> Vec<String> {
        let members = [
            "action",
            "clientToken",
            "cluster",
            "clusterName",
            "clusters",
            "containerDefinitions",
            "count",
            "createdAt",
            "desiredCount",
            "deploymentConfiguration",
            "deploymentController",
            "expiresInMinutes",
            "family",
            "hookId",
            "include",
            "loadBalancers",
            "maxResults",
            "nextToken",
            "overrides",
            "protectionEnabled",
            "resourceArn",
            "service",
            "serviceDeploymentArn",
            "serviceDeploymentArns",
            "serviceName",
            "services",
            "tagKeys",
            "tags",
            "task",
            "taskDefinition",
            "tasks",
            "volumeConfigurations",
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
            json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 1e-300 } }),
            json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 0.1 } }),
            json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 }),
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
        for operation in OPERATIONS {
            let mut ecs = Ecs::default();
            for body in strange_bodies() {
                let now = clock.now();
                let (caller, settings, ids) = (&caller, &settings, &mut ids);
                let (tokens, deferred) = (&mut Tokens::default(), &mut Deferred::default());
                let mut context = Context { caller, now, ids, settings, tokens, deferred };
                if ecs.active_service_mut("demo", "web").is_err() {
                    ecs.create_demo(&mut context).unwrap();
                }
                let _ = ecs.call(operation, body.as_bytes(), &mut context);
                tokio::time::advance(std::time::Duration::from_secs(7)).await;
            }
        }
    }
}
