//! [`TaskWatch`]: the watch over a started task, until its watched container ends or it times out.

use std::time::Duration;

use aws_sdk_ecs::types::Task;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::error::task::OneOffTask;
use crate::watch::poll::{LONGEST_LOOK, Look, Pace};

pub(super) struct TaskWatch<'a> {
    pub(super) ecs: &'a Ecs,
    pub(super) one_off: &'a OneOffTask,
    /// The watched container.
    pub(super) container: &'a str,
    pub(super) is_essential: bool,
    pub(super) deadline: Instant,
}

/// The state of the task at the end of the watch.
pub(super) enum TaskState {
    /// The watched container has exited, and others still run.
    Ended(Box<Task>),
    /// The task hasn't stopped; holds its last status, `None` before the first successful lookup.
    Open {
        status: Option<String>,
    },
    Stopped(Box<Task>),
}

impl TaskWatch<'_> {
    /// Waits until the watched container has exited or the task has stopped, or until the time limit.
    pub(super) async fn wait(&self) -> Result<TaskState, Error> {
        let OneOffTask { task, .. } = self.one_off;
        // DescribeTasks may not list a new task yet (API reference of RunTask).
        let missing = || Error::protocol("DescribeTasks", format!("{task} is missing"));
        let mut pace = Pace::new();
        let mut last = None;
        loop {
            let next = Instant::now() + pace.interval();
            sleep_until(next.min(self.deadline)).await;
            // The last lookup may take longer, because a task that has stopped by now needs no
            // StopTask.
            let is_last = next >= self.deadline;
            let until = match is_last {
                true => Instant::now() + LAST_CALL,
                false => self.deadline.min(Instant::now() + LONGEST_LOOK),
            };
            if let Look::Found(task) = pace.look(until, self.look(), missing).await? {
                if task.last_status() == Some("STOPPED") {
                    return Ok(TaskState::Stopped(Box::new(task)));
                }
                if self.has_ended(&task) {
                    return Ok(TaskState::Ended(Box::new(task)));
                }
                let status = task.last_status().map(str::to_owned);
                if status == last {
                    pace.slow_down()
                } else {
                    pace.hurry()
                }
                last = status;
            }
            if is_last {
                return Ok(TaskState::Open { status: last });
            }
        }
    }

    /// Returns whether the watched container has exited. ECS stops a task when an essential
    /// container exits, but goes on with a task whose other containers are essential.
    fn has_ended(&self, task: &Task) -> bool {
        let container = task.containers().iter().find(|it| it.name() == Some(self.container));
        container.is_some_and(|it| it.last_status() == Some("STOPPED") && it.exit_code().is_some())
    }

    /// Stops a task whose watched container has exited, and waits for the end of the others.
    /// Returns the task's last description.
    pub(super) async fn finish(&self, mut last: Box<Task>) -> Box<Task> {
        let deadline = self.deadline.max(Instant::now() + LAST_CALL);
        let deadline = deadline.min(Instant::now() + STOPPING);
        if !self.is_essential {
            let reason = format!("{STARTED_BY}: the container {} has exited", self.container);
            if let Err(problem) = self.stop(reason).await {
                tracing::debug!(task = self.one_off.task, problem, "the task still runs");
                return last;
            }
        }
        let mut pace = Pace::new();
        let missing = || Error::protocol("DescribeTasks", "the task is missing".to_owned());
        while Instant::now() + pace.interval() < deadline {
            sleep(pace.interval()).await;
            let until = deadline.min(Instant::now() + LONGEST_LOOK);
            match pace.look(until, self.look(), missing).await {
                Ok(Look::Found(task)) => last = Box::new(task),
                Ok(_) => {}
                // The exit code that counts is known.
                Err(error) => {
                    tracing::debug!(%error, "the end of the other containers is unknown");
                    break;
                }
            }
            if last.last_status() == Some("STOPPED") {
                break;
            }
        }
        last
    }

    async fn look(&self) -> Result<Option<Task>, Error> {
        let OneOffTask { service, task, .. } = self.one_off;
        let describe = self.ecs.client().describe_tasks();
        let output = describe.cluster(service.cluster_reference()).tasks(task).send().await;
        let output = output.map_err(|error| Error::api("DescribeTasks", task, error))?;
        let ours = |it: &Task| it.task_arn() == Some(task.as_str());
        Ok(output.tasks.unwrap_or_default().into_iter().find(ours))
    }

    /// Stops a task that timed out, and describes the result.
    pub(super) async fn stop_late(&self, after: Duration) -> String {
        let reason = format!("{STARTED_BY}: timed out after {} s", after.as_secs());
        match self.stop(reason).await {
            Ok(()) => "it is being stopped".to_owned(),
            Err(problem) => problem,
        }
    }

    /// Stops the task, or returns why it may continue.
    async fn stop(&self, reason: String) -> Result<(), String> {
        let OneOffTask { service, task, .. } = self.one_off;
        let stop = self.ecs.client().stop_task().cluster(service.cluster_reference());
        match timeout(LAST_CALL, stop.task(task).reason(reason).send()).await {
            Ok(Ok(output)) if output.task().and_then(|it| it.task_arn()) == Some(task.as_str()) => {
                Ok(())
            }
            Ok(Ok(_)) => {
                let problem = "it isn't about the task".to_owned();
                Err(format!("it couldn't be stopped: {}", Error::protocol("StopTask", problem)))
            }
            Ok(Err(error)) => {
                Err(format!("it couldn't be stopped: {}", Error::api("StopTask", task, error)))
            }
            Err(_) => Err("ECS didn't answer the request to stop it".to_owned()),
        }
    }
}

/// The `startedBy` of tasks: up to 128 letters, digits, hyphens, slashes and underscores (API
/// reference).
pub(super) const STARTED_BY: &str = "ecs-deploy";

/// The time in which the other containers stop: SIGKILL follows after a `stopTimeout` of at most 120
/// seconds on Fargate (API reference of ContainerDefinition).
const STOPPING: Duration = Duration::from_secs(150);
/// The time limit of a call after the deadline.
const LAST_CALL: Duration = Duration::from_secs(10);
