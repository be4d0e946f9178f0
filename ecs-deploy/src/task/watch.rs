//! [`TaskWatch`]: the watch over a started task, until it stops or times out.

use std::time::Duration;

use aws_sdk_ecs::types::Task;
use tokio::time::{Instant, sleep_until, timeout};

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::error::task::OneOffTask;
use crate::watch::poll::{LONGEST_LOOK, Look, Pace};

pub(super) struct TaskWatch<'a> {
    pub(super) ecs: &'a Ecs,
    pub(super) one_off: &'a OneOffTask,
    pub(super) deadline: Instant,
}

/// The state of the task at the end of the watch.
pub(super) enum TaskState {
    /// The task hasn't stopped; holds its last status, `None` before the first successful lookup.
    Open {
        status: Option<String>,
    },
    Stopped(Box<Task>),
}

impl TaskWatch<'_> {
    /// Waits until the task has stopped, or until the time limit.
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

    async fn look(&self) -> Result<Option<Task>, Error> {
        let OneOffTask { service, task, .. } = self.one_off;
        let describe = self.ecs.client().describe_tasks();
        let output = describe.cluster(service.cluster_reference()).tasks(task).send().await;
        let output = output.map_err(|error| Error::api("DescribeTasks", task, error))?;
        Ok(output.tasks.unwrap_or_default().into_iter().next())
    }

    /// Stops the task, and describes the result.
    pub(super) async fn stop(&self, after: Duration) -> String {
        let OneOffTask { service, task, .. } = self.one_off;
        let stop = self.ecs.client().stop_task().cluster(service.cluster_reference());
        let reason = format!("{STARTED_BY}: timed out after {} s", after.as_secs());
        match timeout(LAST_CALL, stop.task(task).reason(reason).send()).await {
            Ok(Ok(_)) => "it is being stopped".to_owned(),
            Ok(Err(error)) => {
                format!("it couldn't be stopped: {}", Error::api("StopTask", task, error))
            }
            Err(_) => "ECS didn't answer the request to stop it".to_owned(),
        }
    }
}

/// The `startedBy` of tasks: up to 128 letters, digits, hyphens, slashes and underscores (API
/// reference).
pub(super) const STARTED_BY: &str = "ecs-deploy";

/// The time limit of a call after the deadline.
const LAST_CALL: Duration = Duration::from_secs(10);
