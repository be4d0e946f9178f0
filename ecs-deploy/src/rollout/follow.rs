//! [`Follow`]: a deployment that has begun, to its outcome.

use std::time::Duration;

use tokio::time::Instant;

use crate::deployer::Deployer;
use crate::ecs::limit::deadline;
use crate::error::{Error, Repr};
use crate::model::handle::Handle;
use crate::model::terms::{OnFailure, OnPause, Patience, Terms, terms};
use crate::report::{Story, awaited};
use crate::rollout::roll_out::Deployed;
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
    deployer: Deployer,
    handle: Handle,
    terms: Terms,
}

impl Follow {
    pub(crate) fn new(deployer: Deployer, handle: Handle) -> Self {
        Self { deployer, handle, terms: Terms::default() }
    }

    terms!();

    async fn run(self, story: Story) -> Result<Deployed, Error> {
        let began = Instant::now();
        let Self { deployer, handle, terms } = self;
        // Somewhere else there may be a service of the same name.
        let region = deployer.region();
        if handle.revision().split(':').nth(3).is_some_and(|it| it != region) {
            return Err(Repr::Region { service: handle.service().clone(), region }.into());
        }
        Wait::new(&deployer, &handle, terms, deadline(began, terms.timeout), None, &story)
            .run(None)
            .await?;
        Ok(Deployed::new(&handle, began.elapsed()))
    }
}

awaited!(Follow);
