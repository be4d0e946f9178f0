//! Several services in one go: [`Fleet`] rolls out in waves, and can take everything back.
//!
//! The rollouts of a wave go in parallel, and one DescribeServices watches ten services. A [`FleetPolicy`]
//! says what happens if one of them fails; each service's [`Outcome`] is in the error.

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

/// Several rollouts that belong together: in waves, one after the other, and within a wave all at
/// once. They are watched by one DescribeServices for each ten services of a cluster, two calls a
/// second at most.
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
/// [`RollingBack`](crate::events::Event::RollingBack) on as of another rollout. It goes on only while
/// [`next`](Self::next) or [`finish`](Self::finish) is awaited.
///
/// # Cancellation
/// As that of [`Events`](crate::events::Events).
#[must_use = "the rollouts go on only while their events are awaited"]
pub struct FleetEvents {
    inner: EventFuture<(Service, Event), Vec<(Service, Deployed)>>,
}

impl FleetEvents {
    /// The next event; `None` once all have ended: [`finish`](Self::finish) has the outcome.
    pub async fn next(&mut self) -> Option<(Service, Event)> {
        poll_fn(|context| self.inner.poll_next(context)).await
    }

    /// Waits for the end, and returns what was deployed, in the order in which it was added.
    ///
    /// # Errors
    /// Those of [`Fleet`].
    pub async fn finish(self) -> Deployments {
        self.inner.finish().await
    }
}

impl fmt::Debug for FleetEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetEvents").field("outcome", &self.inner.outcome).finish_non_exhaustive()
    }
}
