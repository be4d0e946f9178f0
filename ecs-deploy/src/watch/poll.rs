//! Repeated lookups: their intervals, and the handling of failed ones.

use std::future::Future;
use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{Instant, timeout_at};

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::error::repr::Repr;
use crate::names::service::Service;
use crate::watch::batch::Member;

/// The result of one lookup.
#[derive(Debug)]
pub(crate) enum Look<T> {
    Found(T),
    /// The resource is missing. ECS may not list a new resource for a moment.
    Missing,
    /// ECS throttled the call, didn't answer, or had an internal error. This shows nothing about
    /// the resource.
    Trouble,
}

/// The interval between lookups.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    longest: Duration,
    missing_since: Option<Instant>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { interval: SHORTEST, longest: LONGEST, missing_since: None }
    }

    /// Returns the time to wait before the next lookup.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// Shortens the interval after a change, because more changes may follow.
    pub(crate) fn hurry(&mut self) {
        self.interval = SHORTEST;
    }

    /// Lengthens the interval after a lookup without changes.
    pub(crate) fn slow_down(&mut self) {
        self.interval = (self.interval + STEP).min(self.longest);
    }

    /// Sets whether the rollout may end soon. Near the end, intervals are shorter, so that the end
    /// is noticed early.
    pub(crate) fn expect_the_end(&mut self, is_near: bool) {
        self.longest = if is_near { LONGEST_NEAR_THE_END } else { LONGEST };
        self.interval = self.interval.min(self.longest);
    }

    /// Makes one lookup. A missing answer at `until` counts as trouble, because the SDK's clients
    /// wait for a response without a time limit unless the caller sets one.
    ///
    /// # Errors
    /// Returns an error that no retry can fix, and `missing` if the resource has been missing for a
    /// minute.
    pub(crate) async fn look<T>(
        &mut self,
        until: Instant,
        call: impl Future<Output = Result<Option<T>, Error>>,
        missing: impl FnOnce() -> Error,
    ) -> Result<Look<T>, Error> {
        let Ok(found) = timeout_at(until, call).await else {
            return Ok(Look::Trouble);
        };
        match found {
            Ok(Some(found)) => {
                self.missing_since = None;
                // Ends the longer interval after failed lookups.
                self.interval = self.interval.min(self.longest);
                Ok(Look::Found(found))
            }
            Ok(None) => {
                let since = *self.missing_since.get_or_insert_with(Instant::now);
                if since.elapsed() < MISSING_FOR { Ok(Look::Missing) } else { Err(missing()) }
            }
            Err(error) if error.is_retryable() => {
                tracing::debug!(%error, "lookup failed, retrying later");
                self.interval = (self.interval * 2).min(LONGEST_IN_TROUBLE);
                Ok(Look::Trouble)
            }
            Err(error) => Err(error),
        }
    }
}

/// The repeated lookup of one service, with intervals that depend on what happens.
#[derive(Debug)]
pub(crate) struct Poller<'a> {
    ecs: &'a Ecs,
    service: &'a Service,
    /// The membership in a shared lookup; `None` if this poller makes its own calls.
    member: Option<Member>,
    pace: Pace,
}

impl<'a> Poller<'a> {
    pub(crate) fn new(ecs: &'a Ecs, service: &'a Service, member: Option<Member>) -> Self {
        Self { ecs, service, member, pace: Pace::new() }
    }

    pub(crate) fn pace(&mut self) -> &mut Pace {
        &mut self.pace
    }

    /// Returns the time to wait before the next lookup.
    pub(crate) fn interval(&self) -> Duration {
        self.pace.interval()
    }

    pub(crate) async fn look(&mut self) -> Result<Look<Description>, Error> {
        let Self { ecs, service, member, pace } = self;
        let find = async {
            match member {
                Some(member) => member.find(service).await,
                None => ecs.find(service).await,
            }
        };
        let missing = || Repr::NoService { service: service.clone(), region: ecs.region() }.into();
        let look = pace.look(Instant::now() + LONGEST_LOOK, find, missing).await?;
        // DescribeServices is eventually consistent, so a service may be missing for a moment. A
        // deleted service is listed as INACTIVE for a long time.
        if let Look::Missing = look {
            pace.slow_down();
        }
        Ok(look)
    }
}

/// The time limit of one lookup.
pub(crate) const LONGEST_LOOK: Duration = Duration::from_secs(30);

const SHORTEST: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5);
const LONGEST_NEAR_THE_END: Duration = Duration::from_secs(3);
const LONGEST_IN_TROUBLE: Duration = Duration::from_secs(20);
const MISSING_FOR: Duration = Duration::from_secs(60);
