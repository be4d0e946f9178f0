//! A service: its settings, deployments, tasks, events and history.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::deployment::Deployment;
use super::event::Event;
use super::service_deployment::ServiceDeployment;
use crate::clock::Timestamp;
use crate::context::Context;
use crate::ecs::configuration::Configuration;
use crate::ecs::tasks::Task;
use crate::ecs::workload::Revision;

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) cluster: String,
    /// `arn:PARTITION:ecs:REGION:ACCOUNT:`
    pub(crate) prefix: String,
    pub(crate) desired: u32,
    pub(crate) state: State,
    pub(crate) launch_type: String,
    pub(crate) controller: String,
    pub(crate) configuration: Configuration,
    /// The other members of CreateService's and UpdateService's input, as they came in.
    pub(crate) settings: Map<String, Value>,
    pub(crate) tags: Vec<Value>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    /// The first is the PRIMARY one.
    pub(crate) deployments: VecDeque<Deployment>,
    pub(crate) tasks: Vec<Task>,
    /// Newest first.
    pub(crate) events: VecDeque<Event>,
    /// Oldest first, and only the last may be unfinished.
    pub(crate) service_deployments: Vec<ServiceDeployment>,
    /// The revisions of all deployments, including those that have vanished.
    pub(crate) revisions: Vec<Arc<Revision>>,
    /// When the scheduler first looks at a change.
    pub(crate) act_at: Option<Timestamp>,
    /// When the PRIMARY deployment is complete, if all stays as it is.
    pub(crate) complete_at: Option<Timestamp>,
    /// Whether it has been said that it is in a steady state, and is still.
    pub(crate) is_steady: bool,
    /// Until when time has passed for it.
    pub(crate) advanced_to: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Active,
    Draining,
    Inactive,
}

/// Settings that belong to the revision: a change starts a deployment (API reference of
/// UpdateService).
pub(crate) const STARTING: [&str; 7] = [
    "platformVersion",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

impl Service {
    /// A service without tasks, on EC2, that the controller ECS deploys.
    pub(crate) fn new(
        cluster: &str,
        name: &str,
        configuration: Configuration,
        context: &Context<'_>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            cluster: cluster.to_owned(),
            prefix: context.caller.arn("ecs", ""),
            desired: 0,
            state: State::Active,
            launch_type: "EC2".to_owned(),
            controller: "ECS".to_owned(),
            configuration,
            settings: Map::new(),
            tags: Vec::new(),
            created_at: context.now,
            created_by: format!("arn:aws:iam::{}:root", context.caller.account),
            deployments: VecDeque::new(),
            tasks: Vec::new(),
            events: VecDeque::new(),
            service_deployments: Vec::new(),
            revisions: Vec::new(),
            act_at: None,
            complete_at: None,
            is_steady: false,
            advanced_to: context.now,
        }
    }

    pub(crate) fn arn(&self) -> String {
        self.arn_of(&format!("service/{}/{}", self.cluster, self.name))
    }

    pub(crate) fn arn_of(&self, resource: &str) -> String {
        format!("{}{resource}", self.prefix)
    }

    pub(crate) fn revision_arn(&self, number: u64) -> String {
        self.arn_of(&format!("service-revision/{}/{}/{number}", self.cluster, self.name))
    }

    pub(crate) fn primary_number(&self) -> Option<u64> {
        self.deployments.front().map(|primary| primary.number)
    }

    /// The last deployment before the PRIMARY one that was complete: what runs until it is
    /// replaced, and what a rollback goes back to.
    pub(crate) fn replaced_number(&self) -> Option<u64> {
        self.deployments.iter().skip(1).find(|it| it.was_completed).map(|it| it.number)
    }

    pub(crate) fn deployment_mut(&mut self, number: u64) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|it| it.number == number)
    }

    /// The service deployment that isn't finished: there is one at most.
    pub(crate) fn open(&self) -> Option<&ServiceDeployment> {
        self.service_deployments.last().filter(|it| it.finished_at.is_none())
    }

    pub(crate) fn open_mut(&mut self) -> Option<&mut ServiceDeployment> {
        self.service_deployments.last_mut().filter(|it| it.finished_at.is_none())
    }
}
