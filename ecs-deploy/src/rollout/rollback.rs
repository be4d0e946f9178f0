//! [`RollBack`]: a service back to the revision that last ran on it.

mod steps;

use std::future::{Future, IntoFuture};
use std::time::Duration;

use crate::ecs::client::Ecs;
use crate::model::handle::Handle;
use crate::model::terms::{OnFailure, OnPause, Patience, Terms, terms};
use crate::names::service::Service;
use crate::rollout::events::outcome_and_events;
use crate::watch::batch::Batch;

/// A service on its way back: await it for the outcome, or call [`events`](Self::events) for the
/// story.
///
/// Where a deployment is in progress, ECS is told to undo it, by StopServiceDeployment; where that
/// isn't possible or not allowed, the revision of the last complete deployment is deployed. Where
/// none is in progress, the revision is deployed that last ran successfully before the one that
/// runs now: by the service's own history, which ECS keeps for 90 days, and not the one with the
/// next lower number, which may never have run.
///
/// # Errors
/// [`NothingToRollBackTo`](crate::ErrorKind::NothingToRollBackTo); those of the calls, such as
/// [`AccessDenied`](crate::ErrorKind::AccessDenied) where `ecs:ListServiceDeployments` or
/// `ecs:DescribeServiceRevisions` is needed and not allowed; and those of
/// [`RollOut`](crate::RollOut) for the deployment that brings the old revision.
///
/// # Cancellation
/// Dropping the future stops watching, and no more.
#[must_use = "nothing is rolled back until it is awaited or its events are"]
#[derive(Debug)]
pub struct RollBack {
    ecs: Ecs,
    service: Service,
    terms: Terms,
    /// If only this deployment is to be undone.
    only: Option<Handle>,
    /// If others are watched too.
    batch: Option<Batch>,
}

impl RollBack {
    pub(crate) fn new(ecs: Ecs, service: Service) -> Self {
        Self { ecs, service, terms: Terms::default(), only: None, batch: None }
    }

    /// Undoes this deployment alone, watched together with others: if another one has taken over,
    /// nothing is done.
    pub(crate) fn only(ecs: Ecs, handle: Handle, timeout: Duration, batch: Batch) -> Self {
        let service = handle.service().clone();
        let terms = Terms { timeout, ..Terms::default() };
        Self { ecs, service, terms, only: Some(handle), batch: Some(batch) }
    }

    terms!();
}

outcome_and_events!(RollBack);
