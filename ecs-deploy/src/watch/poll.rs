//! When to look next, and what of a look that failed.

use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{Instant, timeout};

use crate::deployer::Deployer;
use crate::error::{Error, Repr};
use crate::names::service::Service;
use crate::watch::batch::Member;

/// What came of a look at the service.
#[derive(Debug)]
pub(crate) enum Look {
    Found(Box<Description>),
    /// Throttled, no answer, an error of ECS's own, or the service is missing for a moment: says
    /// nothing about the rollout.
    Trouble,
}

/// Looks at one service again and again, as often as it is worth it.
#[derive(Debug)]
pub(crate) struct Poller<'a> {
    deployer: &'a Deployer,
    service: &'a Service,
    /// Where others look too, and one call is made for all.
    member: Option<Member>,
    interval: Duration,
    longest: Duration,
    missing_since: Option<Instant>,
}

impl<'a> Poller<'a> {
    pub(crate) fn new(
        deployer: &'a Deployer,
        service: &'a Service,
        member: Option<Member>,
    ) -> Self {
        let missing_since = None;
        Self { deployer, service, member, interval: SHORTEST, longest: LONGEST, missing_since }
    }

    /// How long to wait before the next look.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether the end may be near: then a look that comes late is worth more than one that isn't
    /// made.
    pub(crate) fn expect_the_end(&mut self, is_near: bool) {
        self.longest = if is_near { LONGEST_NEAR_THE_END } else { LONGEST };
        self.interval = self.interval.min(self.longest);
    }

    /// Something has happened: more may follow soon.
    pub(crate) fn hurry(&mut self) {
        self.interval = SHORTEST;
    }

    /// Nothing has happened.
    pub(crate) fn slow_down(&mut self) {
        self.interval = (self.interval + STEP).min(self.longest);
    }

    pub(crate) async fn look(&mut self) -> Result<Look, Error> {
        // The SDK's clients have no time-out for an answer unless the caller sets one.
        let found = match &mut self.member {
            Some(member) => timeout(LONGEST_LOOK, member.find(self.service)).await,
            None => timeout(LONGEST_LOOK, self.deployer.find(self.service)).await,
        };
        let Ok(found) = found else {
            return Ok(Look::Trouble);
        };
        match found {
            Ok(Some(description)) => {
                self.missing_since = None;
                // Back from trouble.
                self.interval = self.interval.min(self.longest);
                Ok(Look::Found(Box::new(description)))
            }
            // DescribeServices is eventually consistent: a service that was there a moment ago is
            // hardly gone. A deleted one shows as INACTIVE for long.
            Ok(None) => {
                let since = *self.missing_since.get_or_insert_with(Instant::now);
                if since.elapsed() < MISSING_FOR {
                    self.slow_down();
                    return Ok(Look::Trouble);
                }
                let region = self.deployer.region();
                Err(Repr::NoService { service: self.service.clone(), region }.into())
            }
            Err(error) if error.is_retryable() => {
                tracing::debug!(service = %self.service, %error, "looking again later");
                self.interval = (self.interval * 2).min(LONGEST_IN_TROUBLE);
                Ok(Look::Trouble)
            }
            Err(error) => Err(error),
        }
    }
}

const SHORTEST: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5);
const LONGEST_NEAR_THE_END: Duration = Duration::from_secs(3);
const LONGEST_IN_TROUBLE: Duration = Duration::from_secs(20);
const LONGEST_LOOK: Duration = Duration::from_secs(30);
const MISSING_FOR: Duration = Duration::from_secs(60);
