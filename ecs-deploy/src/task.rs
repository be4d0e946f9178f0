//! One-off tasks beside a service, such as a database migration before a rollout: [`RunTask`].
//!
//! [`Deployer::run_task`](crate::Deployer::run_task) starts one task with the service's settings and waits
//! until it stops. A [`TaskRun`] has the exit codes, and [`Logs`] say where the containers' logs are.

mod ending;
mod logs;
mod run;
mod task_run;
mod watch;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

pub use self::task_run::TaskRun;
use crate::ecs::client::Ecs;
use crate::error::Error;
pub use crate::model::logs::Logs;
use crate::names::service::Service;
use crate::revision::Revision;

/// A one-off task that has yet to be started: await it for its exit code.
///
/// It runs where and how the service's own tasks do: the cluster, the network configuration, the
/// launch type or the capacity providers, the platform version and the placement constraints are
/// the service's; where the service propagates the tags of its task definition, so does the task.
/// Volumes that a service configures at deployment aren't among them, because DescribeServices
/// doesn't show them.
///
/// `Ok(TaskRun)` means that the container that counts exited with 0 and that no other essential one
/// failed. The one that counts is the one that was [named](Self::container), or the first essential
/// one; it should be essential, because ECS stops the task when an essential container exits. The
/// others are told to stop then, and may exit with 137 or 143 for it, by SIGKILL or SIGTERM. A task
/// that somebody stops, or that ECS takes the capacity from, has failed, whatever its exit code is.
///
/// ```no_run
/// # use ecs_deploy::{Deployer, Service};
/// # async fn deploy(deployer: Deployer, service: Service) -> Result<(), ecs_deploy::Error> {
/// let mut revision = deployer.current(&service).await?;
/// revision.set_images([("web", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:…")])?;
/// // Registers the revision, so that the rollout doesn't have to.
/// let run = deployer.run_task(&service, &mut revision).command(["migrate"]).await?;
/// println!("{run}");
/// deployer.roll_out(&service, revision).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`TaskNotStarted`](crate::ErrorKind::TaskNotStarted) where there is no capacity, or where the
/// task stops before its container runs; [`TaskFailed`](crate::ErrorKind::TaskFailed) with the
/// container, its exit code and the reason in [`task_failures`](Error::task_failures);
/// [`TimedOut`](crate::ErrorKind::TimedOut);
/// [`UnknownContainer`](crate::ErrorKind::UnknownContainer), before anything is done; and those of
/// DescribeServices, [`Deployer::register`](crate::Deployer::register), RunTask and DescribeTasks. Throttling, errors of ECS's
/// own, lost connections and a task that is missing for a moment don't end the wait.
///
/// # Cancellation
/// Dropping the future stops watching, and no more: a task that has been started runs on. It can be
/// found by `startedBy`, which is `ecs-deploy`. RunTask is repeated with the same client token where
/// its answer was lost, so that no second task is started.
#[must_use = "no task is started until it is awaited"]
pub struct RunTask<'a> {
    ecs: Ecs,
    service: Service,
    definition: Definition<'a>,
    container: Option<String>,
    command: Option<Vec<String>>,
    environment: Vec<(String, String)>,
    timeout: Duration,
    on_timeout: OnTimeout,
}

/// What is to be run.
pub(crate) enum Definition<'a> {
    Given(&'a mut Revision),
    /// Family, `FAMILY:REVISION` or ARN.
    Named(String),
}

/// What to do with a one-off task whose time is up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnTimeout {
    /// Leave it running.
    Leave,
    /// Stop it: containers get SIGTERM, and SIGKILL after their `stopTimeout`. It isn't waited for.
    #[default]
    Stop,
}

impl<'a> RunTask<'a> {
    pub(crate) fn new(ecs: Ecs, service: &Service, definition: Definition<'a>) -> Self {
        Self {
            ecs,
            service: service.clone(),
            definition,
            container: None,
            command: None,
            environment: Vec::new(),
            timeout: Self::DEFAULT_TIMEOUT,
            on_timeout: OnTimeout::default(),
        }
    }

    /// How long it may take where [`timeout`](Self::timeout) doesn't say otherwise: 30 minutes.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

    /// The container that counts, and that the command and the environment are for: by default, the
    /// first essential one.
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// What the container runs instead of its image's or its definition's command. The entry point
    /// stays.
    pub fn command<T: Into<String>>(mut self, command: impl IntoIterator<Item = T>) -> Self {
        self.command = Some(command.into_iter().map(Into::into).collect());
        self
    }

    /// Adds an environment variable of the container, or replaces one of its definition. Its value
    /// shows in ECS's console and API; `Debug` and errors don't show it.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// How long it may take in all, counted from when it is first awaited. What is left to do when
    /// the time is up (a last look, and StopTask) takes 20 seconds more at most. A call that ECS
    /// never answers holds up neither.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What to do with the task when its time is up: by default, it is stopped.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.on_timeout = on_timeout;
        self
    }
}

impl<'a> IntoFuture for RunTask<'a> {
    type Output = Result<TaskRun, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Without the command and the values of variables: either may hold what isn't to be seen.
impl fmt::Debug for RunTask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("RunTask")
            .field("service", &self.service)
            .field("container", &self.container)
            .field("environment", &names)
            .field("timeout", &self.timeout)
            .field("on_timeout", &self.on_timeout)
            .finish_non_exhaustive()
    }
}
