//! [`RollOut`]: a deployment from the first call to its outcome.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::deploy::Deployer;
use crate::diagnose::Diagnosis;
use crate::error::{Error, Remedy, Repr, Rollout};
use crate::events::{Event, Events, Story};
use crate::poll::{Look, Poller};
use crate::revision::{Revision, short};
use crate::rollback::OnFailure;
use crate::service::Service;
use crate::watch::{Verdict, Watch, primary, was_rolled_back};

/// A rollout that has yet to begin: await it for the outcome, or call [`events`](Self::events) for
/// the story.
///
/// `Ok(Deployed)` means that the revision is what the service runs: the deployment that this call
/// started is complete. Where the service already runs the revision, nothing is registered and
/// nothing deployed; where a deployment of it is still going on, that one is watched. For that,
/// what [`Deployer::current`] saw is believed for 30 seconds; later the service is looked at again.
///
/// # Errors
/// [`RolledBack`](crate::ErrorKind::RolledBack), [`Superseded`](crate::ErrorKind::Superseded),
/// [`RolloutFailed`](crate::ErrorKind::RolloutFailed) and [`TimedOut`](crate::ErrorKind::TimedOut),
/// as soon as it shows; before it has begun, those of [`Deployer::current`],
/// [`Deployer::register`] and UpdateService. Throttling, errors of ECS's own and lost connections
/// don't end the wait.
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

    /// How long it may take in all, counted from when it is first awaited. Without a circuit
    /// breaker, ECS never gives up itself.
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
        // Before anything is registered: is it a service that can be deployed to? `current` has
        // just looked, as a rule.
        let changed = revision.is_changed();
        let observed = revision.observed.take().filter(|observed| {
            observed.service == service && (changed || observed.at.elapsed() <= FRESH)
        });
        let description = match observed {
            Some(observed) => observed.description,
            None => deployer.describe(&service).await?,
        };
        let arn = deployer.register(&mut revision).await?;
        if changed {
            story.tell(Event::Registered(arn.clone()));
        }
        let runs_already =
            primary(&description).and_then(|it| it.task_definition()) == Some(arn.as_str());
        let start = if runs_already {
            story.tell(Event::Unchanged(arn.clone()));
            description
        } else {
            deployer.update(&service, &arn).await?
        };
        let ours = primary(&start).filter(|it| it.task_definition() == Some(arn.as_str()));
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
            // Too far off to be a moment is as good as never.
            deadline: began.checked_add(timeout).unwrap_or_else(|| began + NEVER),
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

/// The wait for one deployment.
struct Wait<'a> {
    deployer: &'a Deployer,
    service: &'a Service,
    revision: &'a Revision,
    watch: Watch,
    deployment: &'a str,
    /// The service as it was when the deployment began.
    start: &'a Description,
    diagnosis: Diagnosis,
    deadline: Instant,
    timeout: Duration,
    on_failure: OnFailure,
    story: Story,
}

impl Wait<'_> {
    async fn run(mut self) -> Result<(), Error> {
        let mut poller = Poller::new(self.deployer, self.service);
        let mut look = Look::Found(Box::new(self.start.clone()));
        loop {
            if let Look::Found(description) = look {
                let observation = self.watch.observe(&description);
                if observation.events.is_empty() {
                    poller.slow_down();
                } else {
                    poller.hurry();
                }
                for event in observation.events {
                    self.story.tell(event);
                }
                if observation.tasks_failed {
                    self.diagnose().await;
                }
                match observation.verdict {
                    Verdict::Completed => return Ok(()),
                    Verdict::Failed { reason } => return Err(self.failed(reason).await),
                    Verdict::Gone { status } => {
                        let service = self.service.clone();
                        return Err(Repr::ServiceInactive { service, status }.into());
                    }
                    Verdict::Pending => {}
                    Verdict::RolledBack { to, reason } => {
                        return Err(self.rolled_back(to, reason).await);
                    }
                    Verdict::Unclear { by, task_definition, reason } => {
                        return Err(self.replaced(by, task_definition, reason).await);
                    }
                }
            }
            let next = Instant::now() + poller.interval();
            if next >= self.deadline {
                sleep_until(self.deadline).await;
                return Err(self.timed_out().await);
            }
            sleep_until(next).await;
            look = match timeout_at(self.deadline, poller.look()).await {
                Ok(look) => look?,
                Err(_) => return Err(self.timed_out().await),
            };
        }
    }

    async fn diagnose(&mut self) {
        let client = self.deployer.client();
        let look = self.diagnosis.look(client, self.service, self.deployment, &self.story);
        // The wait must not hang on what is only there to explain.
        if timeout(DIAGNOSIS, look).await.is_err() {
            tracing::debug!(service = %self.service, "no answer about stopped tasks");
        }
    }

    async fn failed(mut self, reason: String) -> Error {
        self.diagnose().await;
        let remedy = self.remedy().await;
        Repr::RolloutFailed { rollout: self.rollout(reason, remedy) }.into()
    }

    /// Another deployment has taken over, as a rollback or by somebody else's doing.
    async fn replaced(self, by: String, task_definition: String, reason: String) -> Error {
        if self.ecs_rolled_back().await {
            return self.rolled_back(task_definition, reason).await;
        }
        let rollout = self.rollout(reason, Remedy::NotAsked);
        Repr::Superseded { rollout, by, by_revision: task_definition }.into()
    }

    async fn rolled_back(mut self, to: String, reason: String) -> Error {
        self.diagnose().await;
        Repr::RolledBack { rollout: self.rollout(reason, Remedy::NotAsked), to }.into()
    }

    async fn timed_out(mut self) -> Error {
        self.diagnose().await;
        let remedy = self.remedy().await;
        let (after, last) = (self.timeout, self.watch.progress());
        Repr::TimedOut { rollout: self.rollout(String::new(), remedy), after, last }.into()
    }

    async fn remedy(&self) -> Remedy {
        match self.on_failure {
            OnFailure::Leave => Remedy::NotAsked,
            OnFailure::RollBack => {
                self.deployer.roll_back(self.service, self.deployment, self.start).await
            }
        }
    }

    fn rollout(self, reason: String, remedy: Remedy) -> Rollout {
        Rollout {
            service: self.service.clone(),
            revision: self.revision.short(),
            deployment: self.deployment.to_owned(),
            reason,
            failures: self.diagnosis.into_failures(),
            remedy,
        }
    }

    /// Whether ECS's newer view of the deployment says that it was rolled back. The two views are
    /// joined by the number at the end of the deployment's id and of the service revision's ARN
    /// (reported). Where the action isn't allowed, or the newer view lags behind for long, it
    /// wasn't, as far as can be known.
    async fn ecs_rolled_back(&self) -> bool {
        let number = short(self.deployment);
        for _ in 0..TRIES {
            let list = self
                .deployer
                .client()
                .list_service_deployments()
                .cluster(self.service.cluster_reference())
                .service(self.service.name());
            match list.send().await {
                Ok(output) => {
                    let ours = output.service_deployments().iter().find(|it| {
                        let target = it.target_service_revision_arn();
                        target.is_some_and(|arn| short(arn) == number)
                    });
                    let status = ours.and_then(|it| it.status());
                    if let Some(known) = status.and_then(was_rolled_back) {
                        return known;
                    }
                }
                Err(error) => {
                    let error = Error::api("ListServiceDeployments", self.service, error);
                    if !error.is_retryable() {
                        tracing::debug!(service = %self.service, %error, "doing without");
                        return false;
                    }
                }
            }
            sleep(BETWEEN_TRIES).await;
        }
        false
    }
}

/// For how long what [`Deployer::current`] saw is still the truth about an unchanged service.
const FRESH: Duration = Duration::from_secs(30);
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
const DIAGNOSIS: Duration = Duration::from_secs(10);
/// The newer view of a rollout lags behind by seconds (reported).
const TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
