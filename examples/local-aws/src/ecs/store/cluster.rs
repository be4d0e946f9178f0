//! A cluster: its services, and the tasks without a service.

use std::collections::BTreeMap;

use serde_json::Value;

use super::service::Service;
use crate::ecs::tasks::Task;

#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) services: BTreeMap<String, Service>,
    /// RunTask's.
    pub(crate) standalone: Vec<Task>,
    pub(crate) token_calls: Vec<TokenCall>,
    pub(crate) tags: Vec<Value>,
}

/// A call that is known by its token.
#[derive(Debug)]
pub(crate) struct TokenCall {
    pub(crate) token: String,
    pub(crate) input: Value,
    pub(crate) output: Value,
}

impl Cluster {
    /// The tasks of its services, and RunTask's.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.services.values().flat_map(|service| &service.tasks).chain(&self.standalone)
    }

    pub(crate) fn tasks_mut(&mut self) -> impl Iterator<Item = &mut Task> {
        let services = self.services.values_mut().flat_map(|service| &mut service.tasks);
        services.chain(&mut self.standalone)
    }
}
