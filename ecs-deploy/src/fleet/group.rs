//! [`Group`]: the rollouts of a fleet while they are in progress, and the reaction if one fails.
//!
//! ```text
//! RollingOut ─┬─ succeeds ─────────────────────────────▶ Ended(Deployed)
//!             ├─ fails ────────────────────────────────▶ Ended(Failed)
//!             └─ it or another fails, AllOrNothing ────▶ TakingBack
//! Ended(Deployed) ── another fails, AllOrNothing ──────▶ TakingBack
//! TakingBack ──────────────────────────────────────────▶ Ended(TakenBack, Failed, NotTakenBack)
//! added after a failure, unless KeepGoing ─────────────▶ Ended(NotBegun)
//! ```
//!
//! Invariants: a wave begins only when every rollout of the waves before has ended, and succeeded
//! unless the policy is `KeepGoing`. Only a rollout that started a deployment is taken back.

use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::error::outcome::Outcome;
use crate::error::repr::Repr;
use crate::model::deployed::Deployed;
use crate::model::handle::Handle;
use crate::model::terms::OnFailure;
use crate::names::service::Service;
use crate::report::Event;
use crate::rollout::events::Events;
use crate::rollout::roll_out::RollOut;
use crate::rollout::rollback::RollBack;
use crate::watch::batch::Batch;

/// The reaction of a [`Fleet`](crate::fleet::Fleet) to a rollout that doesn't succeed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FleetPolicy {
    /// Rolls back all rollouts that have begun, the failed one included, as soon as one fails. A
    /// deployment in progress is stopped; a service whose deployment is complete gets its previous
    /// revision. The fleet waits until each of these revisions runs, each for as long as the
    /// timeout of its rollout. A service with a newer deployment by another caller is left alone.
    /// [`OnFailure`](crate::OnFailure) has no effect. A rollout that ends as
    /// [`Draining`](crate::ErrorKind::Draining) is healthy: it rolls no service back, but no further
    /// wave begins.
    AllOrNothing,
    /// Begins every wave regardless of failures.
    KeepGoing,
    /// Waits for the other rollouts of the wave, and begins no further wave. This is the safe
    /// choice: it touches no more services, and changes no running service again.
    #[default]
    StopAfterWave,
}

/// The rollouts of the waves so far.
pub(super) struct Group {
    policy: FleetPolicy,
    sender: UnboundedSender<(Service, Event)>,
    entries: Vec<Entry>,
    /// Whether no further rollout begins.
    has_failed: bool,
    /// Whether a failure takes the others back. A healthy deployment whose old tasks remain is none.
    takes_back: bool,
}

struct Entry {
    ecs: Ecs,
    service: Service,
    timeout: Duration,
    batch: Batch,
    /// The deployment that the rollout started.
    handle: Option<Handle>,
    state: EntryState,
}

enum EntryState {
    Ended(Outcome),
    RollingOut(Events),
    /// The rollback is in progress; holds the error if this service's own rollout failed.
    TakingBack(Events, Option<Error>),
}

impl Group {
    pub(super) fn new(policy: FleetPolicy, sender: UnboundedSender<(Service, Event)>) -> Self {
        Self { policy, sender, entries: Vec::new(), has_failed: false, takes_back: false }
    }

    pub(super) fn add(&mut self, mut roll_out: RollOut, batch: &Batch) {
        let (ecs, service) = (roll_out.ecs().clone(), roll_out.service().clone());
        let (timeout, batch) = (roll_out.terms().timeout, batch.clone());
        let state = if self.has_failed {
            EntryState::Ended(Outcome::NotBegun)
        } else {
            if self.policy == FleetPolicy::AllOrNothing {
                // The fleet rolls back and watches the failed service like all others.
                roll_out = roll_out.on_failure(OnFailure::Leave);
            }
            EntryState::RollingOut(roll_out.watched_by(Some(batch.member())).events())
        };
        self.entries.push(Entry { ecs, service, timeout, batch, handle: None, state });
    }

    /// Runs until every rollout that has begun has ended.
    pub(super) async fn settle(&mut self) {
        while let Some((index, event)) = poll_fn(|context| self.poll_next(context)).await {
            match event {
                Some(event) => self.tell(index, event),
                None => self.conclude(index).await,
            }
            if self.takes_back {
                self.entries.iter_mut().for_each(Entry::take_back);
            }
        }
    }

    /// Returns the next event of any rollout; `None` in it means that the rollout has ended.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, Option<Event>)>> {
        let mut next = Poll::Ready(None);
        for (index, entry) in self.entries.iter_mut().enumerate() {
            let (EntryState::RollingOut(events) | EntryState::TakingBack(events, _)) =
                &mut entry.state
            else {
                continue;
            };
            match events.poll_next(context) {
                Poll::Ready(event) => return Poll::Ready(Some((index, event))),
                Poll::Pending => next = Poll::Pending,
            }
        }
        next
    }

    fn tell(&mut self, index: usize, event: Event) {
        let entry = &mut self.entries[index];
        if let (Event::Started { handle }, EntryState::RollingOut(_)) = (&event, &entry.state) {
            entry.handle = Some(handle.clone());
        }
        // The receiver may have been dropped.
        let _ = self.sender.send((entry.service.clone(), event));
    }

    async fn conclude(&mut self, index: usize) {
        let entry = &mut self.entries[index];
        let state = mem::replace(&mut entry.state, EntryState::Ended(Outcome::NotBegun));
        entry.state = match state {
            EntryState::RollingOut(events) => match events.finish().await {
                Ok(deployed) => EntryState::Ended(Outcome::Deployed(deployed)),
                Err(error) => {
                    self.has_failed |= self.policy != FleetPolicy::KeepGoing;
                    self.takes_back |= self.policy == FleetPolicy::AllOrNothing
                        && error.kind() != ErrorKind::Draining;
                    entry.failed(error, self.policy)
                }
            },
            EntryState::TakingBack(events, failure) => {
                EntryState::Ended(match (events.finish().await, failure) {
                    (Ok(_), Some(failure)) => Outcome::Failed(failure),
                    (Ok(deployed), None) => Outcome::TakenBack(deployed),
                    (Err(rollback), failure) => Outcome::NotTakenBack { failure, rollback },
                })
            }
            ended => ended,
        };
    }

    pub(super) fn end(self) -> Result<Vec<(Service, Deployed)>, Error> {
        let outcomes = self.entries.into_iter().map(|entry| match entry.state {
            EntryState::Ended(outcome) => (entry.service, outcome),
            // `settle` returns only after each has ended.
            EntryState::RollingOut(_) | EntryState::TakingBack(..) => {
                (entry.service, Outcome::NotBegun)
            }
        });
        let outcomes: Vec<(Service, Outcome)> = outcomes.collect();
        if outcomes.iter().any(|(_, outcome)| !matches!(outcome, Outcome::Deployed(_))) {
            return Err(Repr::Fleet { outcomes }.into());
        }
        let deployed = outcomes.into_iter().filter_map(|(service, outcome)| match outcome {
            Outcome::Deployed(deployed) => Some((service, deployed)),
            _ => None,
        });
        Ok(deployed.collect())
    }
}

impl Entry {
    /// Returns the state after a failure. Under `AllOrNothing` the failed service is rolled back
    /// too, unless another deployment replaced this one or the credentials no longer reach it.
    fn failed(&self, error: Error, policy: FleetPolicy) -> EntryState {
        let is_left = match error.kind() {
            ErrorKind::FailedAfterCompletion
            | ErrorKind::PausedAtHook
            | ErrorKind::RolledBack
            | ErrorKind::RolloutFailed
            | ErrorKind::Stopped
            | ErrorKind::TimedOut => policy != FleetPolicy::AllOrNothing,
            _ => true,
        };
        match error.handle() {
            Some(handle) if !is_left => {
                EntryState::TakingBack(self.way_back(handle.clone()), Some(error))
            }
            _ => EntryState::Ended(Outcome::Failed(error)),
        }
    }

    /// Begins the rollback if the rollout has started a deployment. A rollout that is about to
    /// start one continues until its deployment is known.
    fn take_back(&mut self) {
        let is_taken_back = match &self.state {
            EntryState::RollingOut(_) | EntryState::Ended(Outcome::Deployed(_)) => true,
            // All new tasks run, so it is as good as deployed.
            EntryState::Ended(Outcome::Failed(error)) => error.kind() == ErrorKind::Draining,
            EntryState::Ended(_) | EntryState::TakingBack(..) => false,
        };
        if let (true, Some(handle)) = (is_taken_back, self.handle.clone()) {
            self.state = EntryState::TakingBack(self.way_back(handle), None);
        }
    }

    fn way_back(&self, handle: Handle) -> Events {
        let (ecs, batch) = (self.ecs.clone(), self.batch.clone());
        RollBack::only(ecs, handle, self.timeout, batch).events()
    }
}
