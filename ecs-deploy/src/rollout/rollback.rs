//! [`RollBack`]: the rollback of a service to the revision that last ran on it.
//!
//! ```text
//! describe ─┬─ Ended ──────────────────────────────────▶ deploy the previous revision
//!           ├─ GoingBack ──────────────────────────────▶ watch ECS's rollback
//!           └─ InProgress ──▶ StopServiceDeployment
//!                              ├─ rolled back ─────────▶ watch ECS's rollback
//!                              └─ refused or too late ─▶ deploy the previous revision
//! ```
//!
//! Invariant: UpdateService is called only while the deployment to replace is still PRIMARY.

mod steps;

use std::future::{Future, IntoFuture};
use std::time::Duration;

use crate::ecs::client::Ecs;
use crate::model::handle::Handle;
use crate::model::terms::{Complete, OnFailure, OnPause, Patience, Terms, terms};
use crate::names::service::Service;
use crate::rollout::events::outcome_and_events;
use crate::watch::batch::Batch;

/// The rollback of a service. Await it for the outcome, or call [`events`](Self::events) for the
/// events.
///
/// If a deployment is in progress, the rollback calls StopServiceDeployment. If that isn't possible
/// or allowed, it deploys the revision of the last complete deployment. If no deployment is in
/// progress, it deploys the revision that last ran successfully before the current one. It finds
/// that revision in the service's own history, which ECS keeps for 90 days. The revision with the
/// next lower number may never have run.
///
/// # Errors
/// Returns [`NothingToRollBackTo`](crate::ErrorKind::NothingToRollBackTo) if there is no earlier
/// revision; the errors of the calls, such as [`AccessDenied`](crate::ErrorKind::AccessDenied) if
/// `ecs:ListServiceDeployments` or `ecs:DescribeServiceRevisions` is needed and not allowed; and
/// the errors of [`RollOut`](crate::RollOut) for the deployment of the old revision.
///
/// # Cancellation
/// Dropping the future stops the watch. Deployments that have begun continue.
#[must_use = "nothing is rolled back until it is awaited or its events are"]
#[derive(Debug)]
pub struct RollBack {
    ecs: Ecs,
    service: Service,
    terms: Terms,
    /// The only deployment to roll back; `None` rolls back the PRIMARY one.
    only: Option<Handle>,
    /// The shared lookups, if other services are watched too.
    batch: Option<Batch>,
}

impl RollBack {
    pub(crate) fn new(ecs: Ecs, service: Service) -> Self {
        Self { ecs, service, terms: Terms::default(), only: None, batch: None }
    }

    /// Rolls back this deployment only, with shared lookups. It changes nothing if another
    /// deployment has replaced it.
    pub(crate) fn only(ecs: Ecs, handle: Handle, timeout: Duration, batch: Batch) -> Self {
        let service = handle.service().clone();
        let terms = Terms { timeout, ..Terms::default() };
        Self { ecs, service, terms, only: Some(handle), batch: Some(batch) }
    }

    terms!();
}

outcome_and_events!(RollBack);
