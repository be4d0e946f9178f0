//! One-off tasks with a service's settings, such as a database migration: [`RunTask`].
//!
//! [`Deployer::run_task`](crate::Deployer::run_task) starts one task and waits until it stops. A
//! [`TaskRun`] has the exit codes, and [`Logs`] has the location of each container's log.

mod ending;
mod logs;
mod overrides;
mod run;
mod start;
mod task_run;
mod volumes;
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

/// A one-off task with a service's settings. Await it for its outcome.
///
/// The task takes these settings from the service: the cluster, the network configuration, the
/// launch type or the capacity providers, the platform version and the placement constraints. If
/// the service propagates the tags of its task definition, the task does too. Volumes that are
/// configured at launch get the service's configuration.
///
/// `Ok(TaskRun)` means that the watched container exited with 0. It is the [named](Self::container)
/// one, or else the first essential one. If other containers still run when it exits, its own exit
/// code decides. Then the task is stopped: by ECS if the container is essential, or else with
/// StopTask, so that a sidecar doesn't keep it. If the whole task stops first, another essential
/// container that failed is a failure too, unless it exited with 137 (SIGKILL) or 143 (SIGTERM),
/// because ECS stops the others when an essential one exits. A task that a user stops or that loses
/// its capacity has failed with any exit code.
///
/// ECS may lack capacity for a moment: no free memory or CPU, a disconnected agent, no capacity of
/// Fargate. The task is then started again for five minutes, within the time limit.
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
/// - Returns [`CommandTooLong`](crate::ErrorKind::CommandTooLong), before RunTask, if the command and
///   the variables are longer than ECS accepts.
/// - Returns [`TaskNotStarted`](crate::ErrorKind::TaskNotStarted) if ECS has no capacity, or if the
///   task stops before the watched container runs.
/// - Returns [`TaskFailed`](crate::ErrorKind::TaskFailed) if the task fails;
///   [`task_failures`](Error::task_failures) has the container, its exit code and the reason.
/// - Returns [`TimedOut`](crate::ErrorKind::TimedOut) at the time limit.
/// - Returns [`UnknownContainer`](crate::ErrorKind::UnknownContainer), before any call for a given
///   revision, if the container doesn't exist.
/// - Returns the errors of DescribeServices, [`Deployer::register`](crate::Deployer::register),
///   RunTask and DescribeTasks. Throttling, internal errors of ECS, lost connections and a task
///   that is missing for a moment don't end the wait.
///
/// # Cancellation
/// Dropping the future stops the watch. A started task continues; find it by `startedBy`, which is
/// `ecs-deploy`. If the response to RunTask is lost, the call is retried with the same client
/// token, so that ECS starts no second task.
#[must_use = "no task is started until it is awaited"]
pub struct RunTask<'a> {
    ecs: Ecs,
    service: Service,
    definition: Definition<'a>,
    container: Option<String>,
    command: Option<Vec<String>>,
    environment: Vec<(String, String)>,
    timeout: Duration,
    /// The part of the time limit that passed before the first poll.
    spent: Duration,
    on_timeout: OnTimeout,
}

/// The task definition to run.
pub(crate) enum Definition<'a> {
    Given(&'a mut Revision),
    /// A family, `FAMILY:REVISION` or ARN.
    Named(String),
}

/// The reaction to a one-off task that times out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnTimeout {
    /// Leaves the task running.
    Leave,
    /// Stops the task without waiting for it: ECS sends its containers SIGTERM, and SIGKILL after
    /// their `stopTimeout`.
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
            spent: Duration::ZERO,
            on_timeout: OnTimeout::default(),
        }
    }

    /// The time limit of a task without a [`timeout`](Self::timeout): 30 minutes.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

    /// Sets the watched container, which also gets the command and the environment. The default is
    /// the first essential one.
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// Sets the container's command, which replaces the one of its definition or image. The entry
    /// point stays.
    pub fn command<T: Into<String>>(mut self, command: impl IntoIterator<Item = T>) -> Self {
        self.command = Some(command.into_iter().map(Into::into).collect());
        self
    }

    /// Adds an environment variable to the container, or replaces one of its definition. ECS's
    /// console and API show the value; `Debug` and errors don't.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets the time limit for all calls and the wait together, counted from the first poll. After
    /// the limit, a last lookup and StopTask take at most 20 seconds more. Both limits hold even if
    /// ECS never answers a call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Counts time that passed before the first poll toward the time limit, such as that of
    /// [`Deployer::current`](crate::Deployer::current). The default is none.
    pub fn spent(mut self, spent: Duration) -> Self {
        self.spent = spent;
        self
    }

    /// Sets the reaction to a task that times out. The default is to stop it.
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

/// Leaves out the command and the values of variables, because either may hold secrets.
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
