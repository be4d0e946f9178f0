//! [`RollOut`]: a deployment from the first call to its outcome.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::deploy::Deployer;
use crate::diagnose::Diagnosis;
use crate::error::{Error, Repr};
use crate::events::{Event, Events, Story};
use crate::revision::{Revision, number, short};
use crate::rollback::OnFailure;
use crate::service::Service;
use crate::wait::Wait;
use crate::watch::{Watch, has_failed, primary};

/// A rollout that has yet to begin: await it for the outcome, or call [`events`](Self::events) for
/// the story.
///
/// `Ok(Deployed)` means that the revision is what the service runs: the deployment that this call
/// started is complete. Where the service already runs the revision, nothing is registered and
/// nothing deployed; where a deployment of it is still going on, that one is watched; where it has
/// failed and nobody rolled it back, another one of the same revision is forced. For that, what
/// [`Deployer::current`] saw is believed for 30 seconds; later the service is looked at again.
///
/// What was deployed between [`Deployer::current`] and here is not silently undone where it came
/// with a new revision of the same family: the next number shows that there was none, without a
/// further call, and where there was one the service is looked at before UpdateService. A
/// deployment of an older revision, or of another family's, isn't noticed; nor is one that begins
/// at the same moment, of which one of the two then reports that it was superseded.
///
/// # Errors
/// [`RolledBack`](crate::ErrorKind::RolledBack), [`Superseded`](crate::ErrorKind::Superseded),
/// [`RolloutFailed`](crate::ErrorKind::RolloutFailed) and [`TimedOut`](crate::ErrorKind::TimedOut),
/// as soon as it shows; before it has begun, [`Outdated`](crate::ErrorKind::Outdated) and those of
/// [`Deployer::current`], [`Deployer::register`] and UpdateService. Throttling, errors of ECS's own
/// and lost connections don't end the wait. A permission or credentials that are lost do, with
/// their kind and the [`deployment`](Error::deployment), which goes on.
///
/// # Cancellation
/// Dropping the future stops watching, and no more: ECS goes on with the deployment. Dropped before
/// UpdateService, it may leave a registered revision behind that nobody uses.
#[must_use = "nothing is deployed until it is awaited or its events are"]
#[derive(Debug)]
pub struct RollOut {
    deployer: Deployer,
    service: Service,
    revision: Revision,
    timeout: Duration,
    on_failure: OnFailure,
}

impl RollOut {
    pub(crate) fn new(deployer: Deployer, service: Service, revision: Revision) -> Self {
        let on_failure = OnFailure::default();
        Self { deployer, service, revision, timeout: Self::DEFAULT_TIMEOUT, on_failure }
    }

    /// How long it may take where [`timeout`](Self::timeout) doesn't say otherwise: 30 minutes.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

    /// How long it may take in all, counted from when it is first awaited: the calls that begin it
    /// and the wait. Without a circuit breaker, ECS never gives up itself.
    ///
    /// When the wait is over without success, what is left to do (a last look, the reasons of
    /// stopped tasks, [`OnFailure::RollBack`]) takes 30 seconds more at most. A call that ECS never
    /// answers holds up neither.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What to do where the rollout fails or isn't complete in time, and ECS doesn't roll it back:
    /// by default, nothing.
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    /// The rollout as a story. Nothing happens until its [`next`](Events::next) or
    /// [`finish`](Events::finish) is awaited.
    pub fn events(self) -> Events {
        Events::new(|story| self.run(story))
    }

    async fn run(self, story: Story) -> Result<Deployed, Error> {
        let began = Instant::now();
        let Self { deployer, service, mut revision, timeout, on_failure } = self;
        // Too far off to be a moment is as good as never.
        let deadline = began.checked_add(timeout).unwrap_or_else(|| began + NEVER);
        let limit = Limit { service: &service, deadline, timeout };
        // Before anything is registered: is it a service that can be deployed to? `current` has
        // just looked, as a rule.
        let changed = revision.is_changed();
        let observed = revision.observed.take().filter(|observed| {
            observed.service == service && (changed || observed.at.elapsed() <= FRESH)
        });
        let describe = async || limit.hold("DescribeServices", deployer.describe(&service)).await;
        let is_copy = changed && observed.is_some();
        let mut description = match observed {
            Some(observed) => observed.description,
            None => describe().await?,
        };
        let rebase = deployer.rebase(&mut revision, &description);
        limit.hold("DescribeTaskDefinition", rebase).await?;
        let (changed, base) =
            (revision.is_changed(), revision.arn().unwrap_or_default().to_owned());
        let register = deployer.register(&mut revision);
        let arn = limit.hold("RegisterTaskDefinition", register).await?;
        if changed {
            story.tell(Event::Registered(arn.clone()));
        }
        // Whoever deploys a change of this family registers a revision first. Where there is one
        // between ours and the one that ours was copied from, it may run by now.
        if is_copy && number(&arn) != number(&base).map(|number| number + 1) {
            description = describe().await?;
            let running = primary(&description).and_then(|it| it.task_definition());
            if let Some(running) = running.filter(|running| *running != base) {
                let running = short(running).to_owned();
                let (revision, base) = (revision.short(), short(&base).to_owned());
                return Err(Repr::Outdated { service, revision, base, running }.into());
            }
        }
        let current = primary(&description).filter(|it| it.task_definition() == Some(&arn));
        // ECS has given that one up, and takes it up again only where it is forced to.
        let has_failed = current.is_some_and(has_failed);
        let runs_already = current.is_some() && !has_failed;
        let start = if runs_already {
            story.tell(Event::Unchanged(arn.clone()));
            description
        } else {
            limit.hold("UpdateService", deployer.update(&service, &arn, has_failed)).await?
        };
        let ours = primary(&start).filter(|it| it.task_definition() == Some(&arn));
        let Some(deployment) = ours.and_then(|it| it.id()).map(str::to_owned) else {
            let problem = format!("its PRIMARY deployment isn't one of {arn}");
            return Err(Error::protocol("UpdateService", problem));
        };
        if !runs_already {
            tracing::info!(%service, %arn, %deployment, "deployment started");
            story.tell(Event::Started(deployment.clone()));
        }
        let wait = Wait {
            deployer: &deployer,
            service: &service,
            revision: &revision,
            watch: Watch::new(&deployment, &start),
            deployment: &deployment,
            start: &start,
            diagnosis: Diagnosis::default(),
            deadline,
            timeout,
            on_failure,
            story,
        };
        wait.run().await?;
        let images = revision.images().map(|(name, image)| (name.to_owned(), image.to_owned()));
        let images = images.collect();
        let elapsed = began.elapsed();
        Ok(Deployed { revision: arn, deployment, elapsed, was_changed: !runs_already, images })
    }
}

/// As a future, it is the rollout without its story.
impl IntoFuture for RollOut {
    type Output = Result<Deployed, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.events().finish())
    }
}

/// A rollout that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    revision: String,
    deployment: String,
    elapsed: Duration,
    was_changed: bool,
    images: Vec<(String, String)>,
}

impl Deployed {
    /// The ARN of the task definition's revision that now runs.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The id of the deployment that brought it, such as `ecs-svc/1234567890123456789`.
    pub fn deployment(&self) -> &str {
        &self.deployment
    }

    /// How long it took, from the first call of the rollout to when it showed as complete.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Whether a deployment was started; not where the service ran the revision already.
    pub fn was_changed(&self) -> bool {
        self.was_changed
    }

    /// The containers' names and images, in the order of the task definition.
    pub fn images(&self) -> impl Iterator<Item = (&str, &str)> {
        self.images.iter().map(|(name, image)| (name.as_str(), image.as_str()))
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.revision)
    }
}

/// The time that a rollout may take, for the calls that begin it.
struct Limit<'a> {
    service: &'a Service,
    deadline: Instant,
    timeout: Duration,
}

impl Limit<'_> {
    async fn hold<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        timeout_at(self.deadline, call).await.unwrap_or_else(|_| {
            let service = self.service.clone();
            Err(Repr::NotBegun { service, operation, after: self.timeout }.into())
        })
    }
}

/// For how long what [`Deployer::current`] saw is still the truth about an unchanged service.
const FRESH: Duration = Duration::from_secs(30);
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
