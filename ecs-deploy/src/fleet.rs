//! [`Fleet`]: several services in one go.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::deployer::Deployer;
use crate::error::{Error, ErrorKind, Repr};
use crate::model::handle::Handle;
use crate::model::terms::OnFailure;
use crate::names::service::Service;
use crate::report::{Event, Events, Told};
use crate::rollout::roll_out::{Deployed, RollOut};
use crate::rollout::rollback::RollBack;
use crate::watch::batch::Batch;

/// Several rollouts that belong together: in waves, one after the other, and within a wave all at
/// once. They are watched by one DescribeServices for each ten services of a cluster, two calls a
/// second at most.
///
/// ```no_run
/// use ecs_deploy::{Fleet, FleetPolicy, RollOut};
///
/// # async fn deploy(canary: RollOut, web: RollOut, worker: RollOut)
/// #     -> Result<(), ecs_deploy::Error> {
/// let fleet = Fleet::new().with(canary).next_wave().with(web).with(worker);
/// for (service, deployed) in fleet.policy(FleetPolicy::AllOrNothing).await? {
///     println!("{service} runs {}", deployed.revision());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`FleetFailed`](crate::ErrorKind::FleetFailed) where one of them didn't succeed;
/// [`Error::outcomes`] has what became of each.
///
/// # Cancellation
/// Dropping it stops watching, and no more: what has begun goes on, and nothing is taken back.
#[must_use = "nothing is deployed until it is awaited or its events are"]
#[derive(Debug, Default)]
pub struct Fleet {
    waves: Vec<Vec<RollOut>>,
    policy: FleetPolicy,
}

/// What to do where one rollout of a [`Fleet`] doesn't succeed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FleetPolicy {
    /// Take back what has begun, as soon as one fails, and that one too: what is in progress is
    /// stopped, what is complete gets the revision that it ran before, and all are watched until
    /// that runs, each for as long as its rollout might have taken. A service that somebody else has
    /// deployed to meanwhile is left alone. [`OnFailure`](crate::OnFailure) has no say in it.
    AllOrNothing,
    /// Begin every wave nevertheless.
    KeepGoing,
    /// Let the others of its wave end, and begin no further one: the safe choice, since no more
    /// services are touched, and nothing that runs is changed once more.
    #[default]
    StopAfterWave,
}

/// What became of one service of a [`Fleet`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It runs the revision.
    Deployed(Deployed),
    /// It doesn't.
    Failed(Error),
    /// Another one failed before: nothing was done.
    NotBegun,
    /// Another one failed, and it could not be taken back; for why.
    NotTakenBack(Error),
    /// Another one failed, and it runs again what it ran before.
    TakenBack(Deployed),
}

impl Fleet {
    /// Without any rollout.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more in the current wave.
    pub fn with(mut self, roll_out: RollOut) -> Self {
        match self.waves.last_mut() {
            Some(wave) => wave.push(roll_out),
            None => self.waves.push(vec![roll_out]),
        }
        self
    }

    /// What is added from now on begins when all of the waves before have succeeded.
    pub fn next_wave(mut self) -> Self {
        self.waves.push(Vec::new());
        self
    }

    /// What to do where one doesn't succeed: by default,
    /// [`StopAfterWave`](FleetPolicy::StopAfterWave).
    pub fn policy(mut self, policy: FleetPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The rollouts as a story. Nothing happens until its [`next`](FleetEvents::next) or
    /// [`finish`](FleetEvents::finish) is awaited.
    pub fn events(self) -> FleetEvents {
        FleetEvents { told: Told::new(|sender| self.run(sender)) }
    }

    async fn run(self, sender: UnboundedSender<(Service, Event)>) -> Deployments {
        let Self { waves, policy } = self;
        let mut group = Group { policy, sender, entries: Vec::new(), has_failed: false };
        let mut batches: Vec<Batch> = Vec::new();
        for wave in waves {
            for roll_out in wave {
                let deployer = roll_out.deployer();
                let batch = match batches.iter().find(|batch| batch.is_of(deployer)) {
                    Some(batch) => batch.clone(),
                    None => {
                        let batch = Batch::new(deployer);
                        batches.push(batch.clone());
                        batch
                    }
                };
                group.add(roll_out, &batch);
            }
            group.settle().await;
        }
        group.end()
    }
}

type Deployments = Result<Vec<(Service, Deployed)>, Error>;

/// As a future, it is the outcome without its story.
impl IntoFuture for Fleet {
    type Output = Deployments;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.events().finish())
    }
}

/// The events of a fleet as they happen, each with its service. One that is taken back tells of
/// that, too: of its rollout's end, where it had one, and then from
/// [`RollingBack`](crate::Event::RollingBack) on as of another rollout. It goes on only while
/// [`next`](Self::next) or [`finish`](Self::finish) is awaited.
///
/// # Cancellation
/// As that of [`Events`](crate::Events).
#[must_use = "the rollouts go on only while their events are awaited"]
pub struct FleetEvents {
    told: Told<(Service, Event), Vec<(Service, Deployed)>>,
}

impl FleetEvents {
    /// The next event; `None` once all have ended: [`finish`](Self::finish) has the outcome.
    pub async fn next(&mut self) -> Option<(Service, Event)> {
        poll_fn(|context| self.told.poll_next(context)).await
    }

    /// Waits for the end, and returns what was deployed, in the order in which it was added.
    ///
    /// # Errors
    /// Those of [`Fleet`].
    pub async fn finish(self) -> Deployments {
        self.told.finish().await
    }
}

impl fmt::Debug for FleetEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetEvents").field("outcome", &self.told.outcome).finish_non_exhaustive()
    }
}

/// All that was to be deployed so far.
struct Group {
    policy: FleetPolicy,
    sender: UnboundedSender<(Service, Event)>,
    entries: Vec<Entry>,
    /// Whether nothing more is to begin.
    has_failed: bool,
}

struct Entry {
    deployer: Deployer,
    service: Service,
    timeout: Duration,
    batch: Batch,
    /// The deployment that was started.
    handle: Option<Handle>,
    state: State,
}

enum State {
    RollingOut(Events),
    /// With why, where it is itself what failed.
    TakingBack(Events, Option<Error>),
    Ended(Outcome),
}

impl Group {
    fn add(&mut self, mut roll_out: RollOut, batch: &Batch) {
        let (deployer, service) = (roll_out.deployer().clone(), roll_out.service().clone());
        let (timeout, batch) = (roll_out.terms().timeout, batch.clone());
        let state = if self.has_failed {
            State::Ended(Outcome::NotBegun)
        } else {
            if self.policy == FleetPolicy::AllOrNothing {
                // What fails is taken back like all others, and watched.
                roll_out = roll_out.on_failure(OnFailure::Leave);
            }
            State::RollingOut(roll_out.watched_by(Some(batch.member())).events())
        };
        self.entries.push(Entry { deployer, service, timeout, batch, handle: None, state });
    }

    /// Goes on until all that has begun has ended.
    async fn settle(&mut self) {
        while let Some((index, event)) = poll_fn(|context| self.poll_next(context)).await {
            match event {
                Some(event) => self.tell(index, event),
                None => self.conclude(index).await,
            }
            if self.has_failed && self.policy == FleetPolicy::AllOrNothing {
                self.entries.iter_mut().for_each(Entry::take_back);
            }
        }
    }

    /// The next event of any of them, or that one has ended.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, Option<Event>)>> {
        let mut next = Poll::Ready(None);
        for (index, entry) in self.entries.iter_mut().enumerate() {
            let (State::RollingOut(events) | State::TakingBack(events, _)) = &mut entry.state
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
        if let (Event::Started(handle), State::RollingOut(_)) = (&event, &entry.state) {
            entry.handle = Some(handle.clone());
        }
        // Nobody may be listening.
        let _ = self.sender.send((entry.service.clone(), event));
    }

    async fn conclude(&mut self, index: usize) {
        let entry = &mut self.entries[index];
        let state = mem::replace(&mut entry.state, State::Ended(Outcome::NotBegun));
        entry.state = match state {
            State::RollingOut(events) => match events.finish().await {
                Ok(deployed) => State::Ended(Outcome::Deployed(deployed)),
                Err(error) => {
                    self.has_failed |= self.policy != FleetPolicy::KeepGoing;
                    entry.failed(error, self.policy)
                }
            },
            State::TakingBack(events, failure) => {
                State::Ended(match (events.finish().await, failure) {
                    (Ok(_), Some(failure)) => Outcome::Failed(failure),
                    (Ok(deployed), None) => Outcome::TakenBack(deployed),
                    (Err(error), _) => Outcome::NotTakenBack(error),
                })
            }
            ended => ended,
        };
    }

    fn end(self) -> Deployments {
        let outcomes = self.entries.into_iter().map(|entry| match entry.state {
            State::Ended(outcome) => (entry.service, outcome),
            // `settle` has seen the end of each.
            State::RollingOut(_) | State::TakingBack(..) => (entry.service, Outcome::NotBegun),
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
    /// It is taken back as well, whatever became of it; but not what somebody else has replaced, or
    /// what these credentials don't reach any more.
    fn failed(&self, error: Error, policy: FleetPolicy) -> State {
        let is_left = match error.kind() {
            ErrorKind::PausedAtHook
            | ErrorKind::RolledBack
            | ErrorKind::RolloutFailed
            | ErrorKind::Stopped
            | ErrorKind::TimedOut => policy != FleetPolicy::AllOrNothing,
            _ => true,
        };
        match error.handle() {
            Some(handle) if !is_left => {
                State::TakingBack(self.way_back(handle.clone()), Some(error))
            }
            _ => State::Ended(Outcome::Failed(error)),
        }
    }

    /// Where it has started a deployment. One that is about to is let go until that is known.
    fn take_back(&mut self) {
        if !matches!(self.state, State::RollingOut(_) | State::Ended(Outcome::Deployed(_))) {
            return;
        }
        if let Some(handle) = self.handle.clone() {
            self.state = State::TakingBack(self.way_back(handle), None);
        }
    }

    fn way_back(&self, handle: Handle) -> Events {
        let (deployer, batch) = (self.deployer.clone(), self.batch.clone());
        RollBack::of(deployer, handle, self.timeout, batch).events()
    }
}
