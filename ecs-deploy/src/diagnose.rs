//! Why tasks stopped.

use std::collections::HashSet;
use std::fmt;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DesiredStatus, Task, TaskStopCode};

use crate::events::{Event, Story};
use crate::service::Service;

/// A task of the deployment that stopped without the service's scheduler having asked it to.
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

    /// What that container exited with; `None` where it never ran.
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
        // A scheduler that stops a task isn't a failure of the task.
        if matches!(
            task.stop_code(),
            Some(TaskStopCode::ServiceSchedulerInitiated | TaskStopCode::UserInitiated)
        ) {
            return None;
        }
        let containers = task.containers();
        let culprit = containers
            .iter()
            .find(|container| container.reason().is_some_and(|reason| !reason.is_empty()))
            .or_else(|| containers.iter().find(|it| it.exit_code().is_some_and(|code| code != 0)));
        let reason = culprit
            .and_then(|container| container.reason())
            .or(task.stopped_reason())
            .unwrap_or("no reason given");
        let arn = task.task_arn()?;
        Some(Self {
            task: arn.rsplit_once('/').map_or(arn, |(_, id)| id).to_owned(),
            stop_code: task.stop_code().map_or("", |code| code.as_str()).to_owned(),
            container: culprit.and_then(|container| container.name()).map(str::to_owned),
            exit_code: culprit.and_then(|container| container.exit_code()),
            reason: reason.to_owned(),
        })
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
            // One that is still stopping may have its reasons later.
            for task in output.tasks().iter().filter(|it| it.last_status() == Some("STOPPED")) {
                self.seen.extend(task.task_arn().map(str::to_owned));
                let ours = task.started_by() == Some(deployment);
                if let Some(failure) = TaskFailure::of(task).filter(|_| ours) {
                    story.tell(Event::TaskFailed(failure.clone()));
                    self.failures.push(failure);
                }
            }
        }
    }

    /// All failures so far, the first first.
    pub(crate) fn into_failures(self) -> Vec<TaskFailure> {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::Container;

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
    fn a_task_that_was_told_to_stop_has_not_failed() {
        let reason = "Scaling activity initiated by (deployment ecs-svc/1)";
        assert_eq!(stopped(TaskStopCode::ServiceSchedulerInitiated, reason, Vec::new()), None);
    }
}
