//! What ECS keeps: the clusters and task definitions of one account in one region.

pub(crate) mod cluster;
pub(crate) mod definition;
pub(crate) mod deployment;
pub(crate) mod event;
pub(crate) mod service;
pub(crate) mod service_deployment;
pub(crate) mod stages;

use std::collections::BTreeMap;

use self::cluster::Cluster;
use self::definition::{Definition, Family};
use self::service::{Service, State};
use super::controls::Controls;
use super::input::family_and_revision;
use crate::context::Context;
use crate::error::AwsError;

/// The clusters and task definitions of one account in one region.
#[derive(Debug, Default)]
pub(crate) struct Ecs {
    pub(crate) clusters: BTreeMap<String, Cluster>,
    pub(crate) families: BTreeMap<String, Family>,
    pub(crate) controls: Controls,
}

impl Ecs {
    pub(crate) fn cluster(&self, name: &str) -> Result<&Cluster, AwsError> {
        self.clusters.get(name).ok_or_else(cluster_not_found)
    }

    pub(crate) fn cluster_mut(&mut self, name: &str) -> Result<&mut Cluster, AwsError> {
        self.clusters.get_mut(name).ok_or_else(cluster_not_found)
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &Service> {
        self.clusters.values().flat_map(|cluster| cluster.services.values())
    }

    pub(crate) fn services_mut(&mut self) -> impl Iterator<Item = &mut Service> {
        self.clusters.values_mut().flat_map(|cluster| cluster.services.values_mut())
    }

    pub(crate) fn service(&self, cluster: &str, name: &str) -> Result<&Service, AwsError> {
        self.cluster(cluster)?.services.get(name).ok_or_else(service_not_found)
    }

    pub(crate) fn active_service_mut(
        &mut self,
        cluster: &str,
        name: &str,
    ) -> Result<&mut Service, AwsError> {
        let service =
            self.cluster_mut(cluster)?.services.get_mut(name).ok_or_else(service_not_found)?;
        if service.state != State::Active {
            return Err(AwsError::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        Ok(service)
    }

    /// Finds a definition by ARN, by `family:revision`, or the newest active one by `family`.
    pub(crate) fn definition(&self, reference: &str, context: &Context<'_>) -> Option<&Definition> {
        let (family, revision) = family_and_revision(reference, context);
        let revisions = &self.families.get(family)?.revisions;
        match revision {
            Some(revision) => revisions.get(&revision),
            None => revisions.values().rev().find(|definition| definition.is_active()),
        }
    }

    pub(crate) fn definition_mut(
        &mut self,
        reference: &str,
        context: &Context<'_>,
    ) -> Option<&mut Definition> {
        let (family, revision) = family_and_revision(reference, context);
        self.families.get_mut(family)?.revisions.get_mut(&revision?)
    }

    /// What a service may run.
    pub(crate) fn active_definition(
        &self,
        reference: &str,
        context: &Context<'_>,
    ) -> Result<&Definition, AwsError> {
        let definition = self
            .definition(reference, context)
            .ok_or_else(|| AwsError::new("ClientException", "TaskDefinition not found."))?;
        if !definition.is_active() {
            return Err(AwsError::new("ClientException", "TaskDefinition is inactive"));
        }
        Ok(definition)
    }
}

fn cluster_not_found() -> AwsError {
    AwsError::new("ClusterNotFoundException", "Cluster not found.")
}

fn service_not_found() -> AwsError {
    AwsError::new("ServiceNotFoundException", "Service not found.")
}
