//! [`Diagnosis`]: the reasons why the tasks of a deployment stopped.

use std::collections::HashSet;

use aws_sdk_ecs::types::DesiredStatus;

use crate::ecs::client::Ecs;
use crate::model::task_failure::TaskFailure;
use crate::names::service::Service;
use crate::report::{Event, Story};

/// The stopped tasks of a deployment, as far as they are known.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    seen: HashSet<String>,
    failures: Vec<TaskFailure>,
    /// Whether tasks of the deployment were still stopping.
    is_unfinished: bool,
    /// Tasks that stopped earlier don't count, in seconds of AWS's clock.
    since: Option<f64>,
}

impl Diagnosis {
    /// Reads the service's stopped tasks, and reports the new failures as events. Errors are
    /// ignored, because a rollout must be reported correctly without these permissions too.
    pub(crate) async fn look(
        &mut self,
        ecs: &Ecs,
        service: &Service,
        deployment: &str,
        story: &Story,
    ) {
        // `startedBy` can't be combined with another filter, and alone shows no stopped tasks.
        let mut pages = ecs
            .client()
            .list_tasks()
            .cluster(service.cluster_reference())
            .service_name(service.name())
            .desired_status(DesiredStatus::Stopped)
            .into_paginator()
            .send();
        self.is_unfinished = false;
        // The first few stopped tasks explain as much as hundreds.
        for _ in 0..3 {
            let Some(Ok(page)) = pages.next().await else { break };
            let new: Vec<String> =
                page.task_arns().iter().filter(|arn| !self.seen.contains(*arn)).cloned().collect();
            if new.is_empty() {
                continue;
            }
            let describe = ecs.client().describe_tasks().cluster(service.cluster_reference());
            let Ok(output) = describe.set_tasks(Some(new)).send().await else { break };
            for task in output.tasks() {
                let ours = task.started_by() == Some(deployment);
                // A task that is still stopping may get its reasons later.
                if task.last_status() != Some("STOPPED") {
                    self.is_unfinished |= ours;
                    continue;
                }
                self.seen.extend(task.task_arn().map(str::to_owned));
                let stopped_at = task.stopped_at().map(|at| at.as_secs_f64());
                let is_late =
                    self.since.is_none_or(|since| stopped_at.is_none_or(|at| at >= since));
                if let Some(failure) = TaskFailure::from_task(task).filter(|_| ours && is_late) {
                    story.tell(Event::TaskFailed { failure: failure.clone() });
                    self.failures.push(failure);
                }
            }
        }
    }

    /// Forgets the failures so far. From now on, only tasks that stopped after `since` count, in
    /// seconds of AWS's clock.
    pub(crate) fn start_again(&mut self, since: Option<f64>) {
        self.failures.clear();
        self.since = since;
    }

    /// Returns whether a later call may find more, even if no more tasks fail.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.is_unfinished
    }

    /// Returns all failures so far, the oldest first.
    pub(crate) fn failures(&self) -> &[TaskFailure] {
        &self.failures
    }

    /// Returns all failures at the end.
    pub(crate) fn into_failures(self) -> Vec<TaskFailure> {
        self.failures
    }
}
