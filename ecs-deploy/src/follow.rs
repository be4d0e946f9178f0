//! [`Follow`]: a deployment that has begun, to its outcome.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::deploy::Deployer;
use crate::error::Error;
use crate::events::{Events, Story};
use crate::handle::Handle;
use crate::limit::deadline;
use crate::rollout::Deployed;
use crate::terms::{OnFailure, OnPause, Patience, Terms, terms};
use crate::wait::Wait;

/// A deployment that has begun, to be watched to its end: await it for the outcome, or call
/// [`events`](Self::events) for the story. It changes nothing, unless
/// [`OnFailure::RollBack`](crate::OnFailure::RollBack) is asked for.
///
/// # Errors
/// As those of [`RollOut`](crate::RollOut) after the deployment began.
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

    /// The deployment as a story. Nothing happens until its [`next`](Events::next) or
    /// [`finish`](Events::finish) is awaited.
    pub fn events(self) -> Events {
        Events::new(|story| self.run(story))
    }

    async fn run(self, story: Story) -> Result<Deployed, Error> {
        let began = Instant::now();
        let Self { deployer, handle, terms } = self;
        Wait::new(&deployer, &handle, terms, deadline(began, terms.timeout), None, &story)
            .run(None)
            .await?;
        Ok(Deployed::new(&handle, began.elapsed()))
    }
}

/// As a future, it is the outcome without its story.
impl IntoFuture for Follow {
    type Output = Result<Deployed, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.events().finish())
    }
}
