//! Rollouts to several services, in waves: [`Fleet`].
//!
//! The rollouts of a wave run concurrently, and one DescribeServices call watches up to ten
//! services. A [`FleetPolicy`] sets the reaction to a failure; the error has the [`Outcome`] of
//! each service.

mod group;

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;

use tokio::sync::mpsc::UnboundedSender;

pub use self::group::FleetPolicy;
use self::group::Group;
use crate::error::Error;
pub use crate::error::outcome::Outcome;
use crate::model::deployed::Deployed;
use crate::names::service::Service;
use crate::report::Event;
use crate::rollout::events::EventFuture;
use crate::rollout::roll_out::RollOut;
use crate::watch::batch::Batch;

/// Several rollouts that belong together. Waves run one after the other; the rollouts of a wave run
/// concurrently. One DescribeServices call watches up to ten services of a cluster, with at most
/// two calls a second.
///
/// ```no_run
/// use ecs_deploy::RollOut;
/// use ecs_deploy::fleet::{Fleet, FleetPolicy};
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
/// Returns [`FleetFailed`](crate::ErrorKind::FleetFailed) if a rollout didn't succeed;
/// [`Error::outcomes`] has the outcome of each.
///
/// # Cancellation
/// Dropping the future stops the watch. Deployments that have begun continue, and none is rolled
/// back.
#[must_use = "nothing is deployed until it is awaited or its events are"]
#[derive(Debug, Default)]
pub struct Fleet {
    waves: Vec<Vec<RollOut>>,
    policy: FleetPolicy,
}

impl Fleet {
    /// Creates an empty fleet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rollout to the current wave.
    pub fn with(mut self, roll_out: RollOut) -> Self {
        match self.waves.last_mut() {
            Some(wave) => wave.push(roll_out),
            None => self.waves.push(vec![roll_out]),
        }
        self
    }

    /// Starts a new wave: its rollouts begin when all rollouts of the waves before have succeeded.
    pub fn next_wave(mut self) -> Self {
        self.waves.push(Vec::new());
        self
    }

    /// Sets the reaction to a rollout that doesn't succeed. The default is
    /// [`StopAfterWave`](FleetPolicy::StopAfterWave).
    pub fn policy(mut self, policy: FleetPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Returns the events of the rollouts. Nothing happens until their
    /// [`next`](FleetEvents::next) or [`finish`](FleetEvents::finish) is awaited.
    pub fn events(self) -> FleetEvents {
        FleetEvents { inner: EventFuture::new(|sender| self.run(sender)) }
    }

    async fn run(self, sender: UnboundedSender<(Service, Event)>) -> Deployments {
        let Self { waves, policy } = self;
        let mut group = Group::new(policy, sender);
        let mut batches: Vec<Batch> = Vec::new();
        for wave in waves {
            for roll_out in wave {
                let ecs = roll_out.ecs();
                let batch = match batches.iter().find(|batch| batch.is_of(ecs)) {
                    Some(batch) => batch.clone(),
                    None => {
                        let batch = Batch::new(ecs);
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

/// Awaiting the fleet returns the outcome without the events.
impl IntoFuture for Fleet {
    type Output = Deployments;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.events().finish())
    }
}

/// The events of a fleet as they happen, each with its service. A service that is rolled back has
/// the events of the rollback too: first the end of its rollout, if it ended, then the events from
/// [`RollingBack`](crate::events::Event::RollingBack) on, like those of another rollout. The fleet
/// makes progress only while [`next`](Self::next) or [`finish`](Self::finish) is awaited.
///
/// # Cancellation
/// `FleetEvents` can be dropped like [`Events`](crate::events::Events).
#[must_use = "the rollouts make progress only while their events are awaited"]
pub struct FleetEvents {
    inner: EventFuture<(Service, Event), Vec<(Service, Deployed)>>,
}

impl FleetEvents {
    /// Returns the next event; `None` once all rollouts have ended. [`finish`](Self::finish) has
    /// the outcome.
    pub async fn next(&mut self) -> Option<(Service, Event)> {
        poll_fn(|context| self.inner.poll_next(context)).await
    }

    /// Waits for the end, and returns each service with its deployment, in the order in which they
    /// were added.
    ///
    /// # Errors
    /// Returns the errors of [`Fleet`].
    pub async fn finish(self) -> Deployments {
        self.inner.finish().await
    }
}

impl fmt::Debug for FleetEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetEvents").field("outcome", &self.inner.outcome).finish_non_exhaustive()
    }
}
