//! Clusters, which hold the services.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecs;
use super::input::{cluster_name, is_name};
use super::services::Service;
use crate::core::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateCluster {
    cluster_name: Option<String>,
}

#[derive(Deserialize)]
struct DescribeClusters {
    #[serde(default)]
    clusters: Vec<String>,
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
        // API reference: a cluster that exists is returned as it is.
        let cluster = self.clusters.entry(name.clone()).or_default();
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
                Some(cluster) => clusters.push(cluster.to_json(name, context)),
                None => failures.push(json!({
                    "arn": context.caller.arn("ecs", &format!("cluster/{name}")),
                    "reason": "MISSING",
                })),
            }
        }
        Ok(json!({ "clusters": clusters, "failures": failures }))
    }

    pub(crate) fn cluster(&self, name: &str) -> Result<&Cluster, AwsError> {
        self.clusters.get(name).ok_or_else(not_found)
    }

    pub(crate) fn cluster_mut(&mut self, name: &str) -> Result<&mut Cluster, AwsError> {
        self.clusters.get_mut(name).ok_or_else(not_found)
    }
}

impl Cluster {
    fn to_json(&self, name: &str, context: &Context<'_>) -> Value {
        let count = |of: fn(&Service) -> usize| self.services.values().map(of).sum::<usize>();
        json!({
            "clusterArn": context.caller.arn("ecs", &format!("cluster/{name}")),
            "clusterName": name,
            "status": "ACTIVE",
            "activeServicesCount": count(|service| usize::from(service.is_active)),
            "runningTasksCount": count(|service| service.running(None)),
            "pendingTasksCount": count(|service| service.pending(None)),
            "registeredContainerInstancesCount": 0,
            "capacityProviders": [],
            "defaultCapacityProviderStrategy": [],
            "settings": [],
            "statistics": [],
            "tags": [],
        })
    }
}

fn not_found() -> AwsError {
    AwsError::new("ClusterNotFoundException", "Cluster not found.")
}
