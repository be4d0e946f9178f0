//! [`Follow`]: a deployment that has begun, to its outcome.

use std::future::{Future, IntoFuture};
use std::time::Duration;

use tokio::time::Instant;

use crate::ecs::client::Ecs;
use crate::ecs::limit::deadline;
use crate::error::Error;
use crate::error::repr::Repr;
use crate::model::deployed::Deployed;
use crate::model::handle::Handle;
use crate::model::terms::{OnFailure, OnPause, Patience, Terms, terms};
use crate::names::arn::region;
use crate::report::Story;
use crate::rollout::events::outcome_and_events;
use crate::watch::wait::Wait;

/// A deployment that has begun, to be watched to its end: await it for the outcome, or call
/// [`events`](Self::events) for the story. It changes nothing, unless
/// [`OnFailure::RollBack`](crate::OnFailure::RollBack) is asked for.
///
/// # Errors
/// As those of [`RollOut`](crate::RollOut) after the deployment began; and
/// [`RegionMismatch`](crate::ErrorKind::RegionMismatch) where the handle is from another region.
///
/// # Cancellation
/// Dropping the future stops watching, and no more.
#[must_use = "nothing is looked at until it is awaited or its events are"]
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
        // Somewhere else there may be a service of the same name.
        let here = ecs.region();
        if region(handle.revision()).is_some_and(|it| it != here) {
            let region = here;
            return Err(Repr::Region { service: handle.service().clone(), region }.into());
        }
        Wait::new(&ecs, &handle, terms, deadline(began, terms.timeout), None, &story)
            .run(None)
            .await?;
        Ok(Deployed::new(&handle, began.elapsed()))
    }
}

outcome_and_events!(Follow);
