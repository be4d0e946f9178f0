//! Clusters, which hold the services.

use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{check_tags, cluster_name, is_name, page, wants_tags};
use super::store::Ecs;
use super::store::cluster::Cluster;
use super::store::service::State;
use super::tasks::Task;
use super::world::World;
use crate::context::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateCluster {
    cluster_name: Option<String>,
    tags: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct DescribeClusters {
    #[serde(default)]
    clusters: Vec<String>,
    include: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListClusters {
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl Ecs {
    pub(crate) fn create_cluster(
        &mut self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: CreateCluster = parse(body)?;
        let name = input.cluster_name.unwrap_or_else(|| "default".to_owned());
        if !is_name(&name) {
            return Err(AwsError::invalid_parameter("Invalid cluster name."));
        }
        check_tags(input.tags.as_deref())?;
        // API reference: a cluster that exists is returned as it is.
        let cluster = self.clusters.entry(name.clone()).or_insert_with(|| Cluster {
            tags: input.tags.unwrap_or_default(),
            ..Cluster::default()
        });
        Ok(json!({ "cluster": cluster.to_json(&name, context) }))
    }

    pub(crate) fn describe_clusters(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let mut input: DescribeClusters = parse(body)?;
        if input.clusters.is_empty() {
            input.clusters.push("default".to_owned());
        }
        if input.clusters.len() > 100 {
            return Err(AwsError::invalid_parameter(
                "Clusters cannot have more than 100 elements.",
            ));
        }
        let (mut clusters, mut failures) = (Vec::new(), Vec::new());
        for given in &input.clusters {
            let name = cluster_name(Some(given), context);
            match self.clusters.get(name) {
                Some(cluster) => {
                    let mut value = cluster.to_json(name, context);
                    if wants_tags(input.include.as_deref()) {
                        value["tags"] = json!(cluster.tags);
                    }
                    clusters.push(value);
                }
                None => failures.push(json!({
                    "arn": context.caller.arn("ecs", &format!("cluster/{name}")),
                    "reason": "MISSING",
                })),
            }
        }
        Ok(json!({ "clusters": clusters, "failures": failures }))
    }

    pub(crate) fn list_clusters(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: ListClusters = parse(body)?;
        let arns = self.clusters.keys();
        let arns = arns.map(|name| json!(context.caller.arn("ecs", &format!("cluster/{name}"))));
        page("clusterArns", arns.collect(), input.max_results, input.next_token.as_deref(), 100)
    }
}

impl Cluster {
    /// Lets the time until the world's pass.
    pub(crate) fn advance(&mut self, world: &mut World<'_>) {
        for service in self.services.values_mut() {
            service.advance(world);
        }
        for task in &mut self.standalone {
            while let Some(due) = task.next_at.filter(|due| *due <= world.now) {
                task.step(due, world.pace);
            }
        }
        self.standalone.retain(|task| task.can_be_described(world.now));
    }

    fn to_json(&self, name: &str, context: &Context<'_>) -> Value {
        let count = |is: fn(&Task) -> bool| self.tasks().filter(|task| is(task)).count();
        let services = self.services.values().filter(|service| service.state == State::Active);
        json!({
            "clusterArn": context.caller.arn("ecs", &format!("cluster/{name}")),
            "clusterName": name,
            "status": "ACTIVE",
            "activeServicesCount": services.count(),
            "runningTasksCount": count(Task::is_running),
            "pendingTasksCount": count(Task::is_pending),
            "registeredContainerInstancesCount": 0,
            "capacityProviders": [],
            "defaultCapacityProviderStrategy": [],
            "settings": [],
            "statistics": [],
            "tags": [],
        })
    }
}
