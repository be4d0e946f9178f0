//! [`Snapshots`]: recent descriptions of services, so that a rollout right after a copy needs no
//! second DescribeServices call.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::Instant;

use crate::model::description::running;
use crate::names::service::Service;
use crate::revision::CopySource;

/// The latest description of each service from which a revision was copied.
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
    /// Stores a new description, and returns the source of the copy that is made from it.
    pub(crate) fn insert(&self, service: &Service, description: Description) -> CopySource {
        let running = running(&description).map(str::to_owned);
        let mut latest = self.latest();
        latest.retain(|_, it| it.is_fresh());
        latest.insert(service.clone(), Snapshot { description, at: Instant::now() });
        CopySource { service: service.clone(), running }
    }

    /// Returns the description from which the copy was made, unless it is too old.
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

/// The time for which a description is trusted.
const FRESH: Duration = Duration::from_secs(30);
