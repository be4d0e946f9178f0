//! [`Follow`]: the wait for the outcome of a deployment that has begun.

use std::future::{Future, IntoFuture};
use std::time::Duration;

use tokio::time::Instant;

use crate::ecs::client::Ecs;
use crate::ecs::limit::deadline;
use crate::error::Error;
use crate::error::repr::Repr;
use crate::model::deployed::Deployed;
use crate::model::handle::Handle;
use crate::model::terms::{Complete, OnFailure, OnPause, Patience, Terms, terms};
use crate::names::arn::region;
use crate::report::Story;
use crate::rollout::events::outcome_and_events;
use crate::watch::wait::Wait;

/// The watch over a deployment that has begun. Await it for the outcome, or call
/// [`events`](Self::events) for the events. It changes nothing, unless
/// [`OnFailure::RollBack`](crate::OnFailure::RollBack) is set.
///
/// # Errors
/// Returns the errors of [`RollOut`](crate::RollOut) that occur after the deployment began, and
/// [`RegionMismatch`](crate::ErrorKind::RegionMismatch) if the handle is from another region.
///
/// # Cancellation
/// Dropping the future stops the watch. The deployment continues.
#[must_use = "nothing happens until it is awaited or its events are"]
#[derive(Debug)]
pub struct Follow {
    ecs: Ecs,
    handle: Handle,
    terms: Terms,
}

impl Follow {
    pub(crate) fn new(ecs: Ecs, handle: Handle) -> Self {
        Self { ecs, handle, terms: Terms::default() }
    }

    terms!();

    async fn run(self, story: Story) -> Result<Deployed, Error> {
        let began = Instant::now();
        let Self { ecs, handle, terms } = self;
        // Another region may have a service of the same name.
        let here = ecs.region();
        if region(handle.revision()).is_some_and(|it| it != here) {
            let region = here;
            return Err(Repr::Region { service: handle.service().clone(), region }.into());
        }
        let deadline = deadline(began, terms.time_left());
        let wait = Wait::new(&ecs, &handle, terms, deadline, None, &story);
        let end = wait.run(None).await?;
        Ok(Deployed::new(&handle, began.elapsed(), end))
    }
}

outcome_and_events!(Follow);
