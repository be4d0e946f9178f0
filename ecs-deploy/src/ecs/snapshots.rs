//! [`Snapshots`]: the services that were copied from lately, so that a rollout right after the copy
//! needn't look again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::Instant;

use crate::model::description::running;
use crate::names::service::Service;
use crate::revision::CopySource;

/// The latest look at each service that a copy was made of.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    latest: Mutex<HashMap<Service, Snapshot>>,
}

#[derive(Debug)]
struct Snapshot {
    description: Description,
    at: Instant,
}

impl Snapshots {
    /// Keeps what a look showed just now, and returns what a copy of it is made from.
    pub(crate) fn insert(&self, service: &Service, description: Description) -> CopySource {
        let running = running(&description).map(str::to_owned);
        let mut latest = self.latest();
        latest.retain(|_, it| it.is_fresh());
        latest.insert(service.clone(), Snapshot { description, at: Instant::now() });
        CopySource { service: service.clone(), running }
    }

    /// The service as it was when the copy was made, unless that is too long ago.
    pub(crate) fn fresh(&self, source: &CopySource) -> Option<Description> {
        let latest = self.latest();
        let snapshot = latest.get(&source.service).filter(|it| it.is_fresh())?;
        let is_of_copy = running(&snapshot.description) == source.running.as_deref();
        is_of_copy.then(|| snapshot.description.clone())
    }

    fn latest(&self) -> MutexGuard<'_, HashMap<Service, Snapshot>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() <= FRESH
    }
}

/// How long a look at a service is trusted.
const FRESH: Duration = Duration::from_secs(30);
