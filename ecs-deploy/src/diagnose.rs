//! Why tasks stopped.

use std::collections::HashSet;
use std::fmt;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{Container, DesiredStatus, HealthStatus, Task, TaskStopCode};

use crate::events::{Event, Story};
use crate::service::Service;

/// A task of the deployment that stopped by itself, or that ECS stopped because it failed a health
/// check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    task: String,
    stop_code: String,
    container: Option<String>,
    exit_code: Option<i32>,
    reason: String,
}

impl TaskFailure {
    /// The task's id: the last segment of its ARN.
    pub fn task(&self) -> &str {
        &self.task
    }

    /// ECS's code for why it stopped, such as `TaskFailedToStart`; empty where there is none.
    pub fn stop_code(&self) -> &str {
        &self.stop_code
    }

    /// The container that brought it down, where that shows.
    pub fn container(&self) -> Option<&str> {
        self.container.as_deref()
    }

    /// What that container exited with; `None` where it never ran, or only stopped because ECS
    /// told it to.
    pub fn exit_code(&self) -> Option<i32> {
        self.exit_code
    }

    /// ECS's words, such as `CannotPullContainerError: …`: the container's where it has some, or
    /// else the task's.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The failure in a few words, without the task's id.
    pub(crate) fn cause(&self) -> String {
        match (&self.container, self.exit_code) {
            (Some(container), Some(code)) => {
                format!("container {container} exited with code {code}: {}", self.reason)
            }
            (Some(container), None) => format!("container {container}: {}", self.reason),
            (None, _) => self.reason.clone(),
        }
    }

    pub(crate) fn of(task: &Task) -> Option<Self> {
        let is_told_to = match task.stop_code() {
            Some(TaskStopCode::UserInitiated) => return None,
            Some(TaskStopCode::ServiceSchedulerInitiated) => true,
            _ => false,
        };
        // The scheduler stops what it has no more use for, and what fails a health check.
        if is_told_to && task.stopped_reason().is_some_and(|reason| reason.starts_with(SCALING)) {
            return None;
        }
        let containers = task.containers();
        // How a container ends that is told to stop has nothing to do with why.
        let culprit = if is_told_to {
            containers.iter().find(|it| it.health_status() == Some(&HealthStatus::Unhealthy))
        } else {
            containers
                .iter()
                .find(|container| container.reason().is_some_and(|reason| !reason.is_empty()))
                .or_else(|| {
                    containers.iter().find(|it| it.exit_code().is_some_and(|code| code != 0))
                })
        };
        task.task_arn()?;
        let failure = Self::with(task, culprit);
        Some(Self { exit_code: failure.exit_code.filter(|_| !is_told_to), ..failure })
    }

    /// That `culprit` brought the task down, where that is known.
    pub(crate) fn with(task: &Task, culprit: Option<&Container>) -> Self {
        let reason = culprit
            .and_then(|container| container.reason())
            .filter(|reason| !reason.is_empty())
            .or(task.stopped_reason())
            .unwrap_or("no reason given");
        let arn = task.task_arn().unwrap_or_default();
        Self {
            task: arn.rsplit_once('/').map_or(arn, |(_, id)| id).to_owned(),
            stop_code: task.stop_code().map_or("", |code| code.as_str()).to_owned(),
            container: culprit.and_then(|container| container.name()).map(str::to_owned),
            exit_code: culprit.and_then(|container| container.exit_code()),
            reason: reason.to_owned(),
        }
    }
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}: {}", self.task, self.cause())
    }
}

/// What is known of a deployment's stopped tasks.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    seen: HashSet<String>,
    failures: Vec<TaskFailure>,
    /// Whether tasks of the deployment were still stopping.
    is_unfinished: bool,
}

impl Diagnosis {
    /// Reads the service's stopped tasks, and tells the failures that are new. What goes wrong here
    /// is no matter: a rollout must be told rightly without these permissions, too.
    pub(crate) async fn look(
        &mut self,
        client: &Client,
        service: &Service,
        deployment: &str,
        story: &Story,
    ) {
        // `startedBy` can't be combined with another filter, and alone shows no stopped tasks.
        let mut pages = client
            .list_tasks()
            .cluster(service.cluster_reference())
            .service_name(service.name())
            .desired_status(DesiredStatus::Stopped)
            .into_paginator()
            .send();
        self.is_unfinished = false;
        // Hundreds of stopped tasks don't tell more than the first few.
        for _ in 0..3 {
            let Some(Ok(page)) = pages.next().await else { break };
            let new: Vec<String> =
                page.task_arns().iter().filter(|arn| !self.seen.contains(*arn)).cloned().collect();
            if new.is_empty() {
                continue;
            }
            let describe = client.describe_tasks().cluster(service.cluster_reference());
            let Ok(output) = describe.set_tasks(Some(new)).send().await else { break };
            for task in output.tasks() {
                let ours = task.started_by() == Some(deployment);
                // One that is still stopping may have its reasons later.
                if task.last_status() != Some("STOPPED") {
                    self.is_unfinished |= ours;
                    continue;
                }
                self.seen.extend(task.task_arn().map(str::to_owned));
                if let Some(failure) = TaskFailure::of(task).filter(|_| ours) {
                    story.tell(Event::TaskFailed(failure.clone()));
                    self.failures.push(failure);
                }
            }
        }
    }

    /// Whether another look may tell more, though no more tasks have failed.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.is_unfinished
    }

    /// All failures so far, the first first.
    pub(crate) fn into_failures(self) -> Vec<TaskFailure> {
        self.failures
    }
}

/// How the scheduler begins the reason of a task that it has no more use for (AWS documentation on
/// stopped tasks).
const SCALING: &str = "Scaling activity initiated by";

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(
        code: TaskStopCode,
        reason: &str,
        containers: Vec<Container>,
    ) -> Option<TaskFailure> {
        TaskFailure::of(
            &Task::builder()
                .task_arn("arn:aws:ecs:us-east-1:123456789012:task/demo/0a1b")
                .stop_code(code)
                .stopped_reason(reason)
                .set_containers(Some(containers))
                .build(),
        )
    }

    #[test]
    fn the_container_is_named_with_its_exit_code() {
        let containers = vec![
            Container::builder().name("log").exit_code(0).build(),
            Container::builder().name("web").exit_code(137).build(),
        ];
        let failure = stopped(
            TaskStopCode::EssentialContainerExited,
            "Essential container in task exited",
            containers,
        );
        assert_eq!(
            failure.unwrap().to_string(),
            "task 0a1b: container web exited with code 137: Essential container in task exited"
        );
    }

    #[test]
    fn the_container_knows_better_than_the_task() {
        let cause = "CannotPullContainerError: not found";
        let containers = vec![Container::builder().name("web").reason(cause).build()];
        let failure =
            stopped(TaskStopCode::TaskFailedToStart, "Task failed to start", containers).unwrap();
        assert_eq!(failure.reason(), cause);
        assert_eq!(failure.container(), Some("web"));
    }

    #[test]
    fn a_task_that_fails_a_health_check_has_failed() {
        let reason = "Task failed container health checks";
        let containers = vec![
            Container::builder().name("log").exit_code(143).build(),
            Container::builder()
                .name("web")
                .exit_code(137)
                .health_status(HealthStatus::Unhealthy)
                .build(),
        ];
        let failure = stopped(TaskStopCode::ServiceSchedulerInitiated, reason, containers);
        assert_eq!(
            failure.unwrap().to_string(),
            "task 0a1b: container web: Task failed container health checks"
        );
        let reason = "Task failed ELB health checks in (target-group arn:a)";
        let containers = vec![Container::builder().name("web").exit_code(143).build()];
        let failure = stopped(TaskStopCode::ServiceSchedulerInitiated, reason, containers);
        assert_eq!(failure.unwrap().cause(), reason);
    }

    #[test]
    fn a_task_that_was_told_to_stop_has_not_failed() {
        let reason = "Scaling activity initiated by (deployment ecs-svc/1)";
        assert_eq!(stopped(TaskStopCode::ServiceSchedulerInitiated, reason, Vec::new()), None);
    }
}
