//! A service's rollout as a function of time: which tasks run, which deployment is PRIMARY, what
//! the events say, at every instant.

use std::time::Duration;

use serde_json::json;

use super::script::{FAILING, Pace, SETTLING, restart_delay};
use super::services::{Deployment, Rollout, Service};
use super::tasks::{Origin, Step, Task};
use crate::clock::Timestamp;
use crate::core::Ids;

/// What the passing of time needs beside the service.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) ids: &'a mut Ids,
    pub(crate) pace: Pace,
}

impl Service {
    /// Lets the time until `now` pass.
    pub(crate) fn advance(&mut self, now: Timestamp, world: &mut World<'_>) {
        while let Some(at) = self.next_at().filter(|at| *at <= now) {
            self.step_tasks(at, world);
            self.act(at, world);
        }
        // AWS documentation: stopped tasks can be described for at least an hour.
        self.tasks.retain(|task| {
            task.stopped_at.is_none_or(|at| now.since(at) < Duration::from_secs(60 * 60))
        });
    }

    /// When something next happens by itself.
    fn next_at(&self) -> Option<Timestamp> {
        self.tasks
            .iter()
            .filter_map(|task| task.next_at)
            .chain(self.act_at)
            .chain(self.complete_at)
            .chain(self.deployments.iter().flat_map(|d| d.restart_at.into_iter().chain(d.fail_at)))
            .min()
    }

    fn step_tasks(&mut self, at: Timestamp, world: &World<'_>) {
        let Self { tasks, deployments, desired, .. } = self;
        for task in tasks.iter_mut().filter(|task| task.next_at.is_some_and(|due| due <= at)) {
            let step = task.step(at, world.pace);
            let Some(deployment) =
                deployments.iter_mut().find(|deployment| deployment.number == task.deployment)
            else {
                continue;
            };
            match step {
                Step::Quiet => {}
                // AWS documentation: by default a healthy task sets the count back.
                Step::BecameHealthy => deployment.failed_tasks = 0,
                Step::Failed => {
                    deployment.failed_tasks += 1;
                    let delay = restart_delay(deployment.failed_tasks, *desired);
                    deployment.restart_at = Some(at + world.pace.scale(delay));
                }
            }
        }
    }

    /// What the scheduler does when something has changed.
    fn act(&mut self, at: Timestamp, world: &mut World<'_>) {
        self.act_at.take_if(|due| *due <= at);
        for deployment in &mut self.deployments {
            deployment.restart_at.take_if(|due| *due <= at);
            if deployment.fail_at.take_if(|due| *due <= at).is_some() {
                deployment.fail(at);
            }
        }
        self.check_breaker(at, world);
        self.start_tasks(at, world);
        self.stop_tasks(at, world);
        self.complete(at, world);
    }

    fn check_breaker(&mut self, at: Timestamp, world: &mut World<'_>) {
        let breaker = self.configuration.breaker();
        let Some(primary) = self.deployments.front_mut() else {
            return;
        };
        if !breaker.enable
            || primary.rollout != Rollout::InProgress
            || primary.failed_tasks < breaker_threshold(self.desired)
        {
            return;
        }
        let number = primary.number;
        self.record(
            format!("(deployment ecs-svc/{number}) deployment failed: tasks failed to start."),
            at,
            world,
        );
        if let Some(it) = self.service_deployment_mut(number) {
            it.triggered = true;
        }
        if breaker.rollback && self.roll_back("circuit breaker", at, world) {
            return;
        }
        // AWS documentation: without a deployment to go back to, the rollout stalls. That it is
        // FAILED then, as without rollback, is inferred.
        if let Some(primary) = self.deployments.front_mut() {
            primary.fail(at);
        }
        if let Some(it) = self.service_deployment_mut(number) {
            it.close("STOPPED", "Service deployment circuit breaker was triggered.", at);
        }
    }

    /// Makes the last completed deployment PRIMARY again, by its old id (reported), and says
    /// whether there was one.
    pub(crate) fn roll_back(&mut self, cause: &str, at: Timestamp, world: &mut World<'_>) -> bool {
        let Some(position) = self.deployments.iter().skip(1).position(|d| d.was_completed) else {
            return false;
        };
        let Some(mut target) = self.deployments.remove(position + 1) else {
            return false;
        };
        let failed = self.primary_number();
        if let Some(primary) = self.deployments.front_mut() {
            primary.restart_at = None;
            primary.fail_at = Some(at + world.pace.scale(FAILING));
            primary.updated_at = at;
        }
        target.rollout = Rollout::InProgress;
        target.reason = format!(
            "ECS deployment {cause}: rolling back to deploymentId ecs-svc/{}.",
            target.number
        );
        target.updated_at = at;
        let revision = self.revision_arn(target.number);
        self.record(format!("rolling back to deployment ecs-svc/{}.", target.number), at, world);
        self.deployments.push_front(target);
        if let Some(it) = failed.and_then(|number| self.service_deployment_mut(number)) {
            it.status = "ROLLBACK_IN_PROGRESS";
            it.updated_at = at;
            it.rollback = Some(json!({
                "reason": format!("Service deployment rolled back because of the {cause}."),
                "startedAt": at.to_json(),
                "serviceRevisionArn": revision,
            }));
        }
        true
    }

    fn start_tasks(&mut self, at: Timestamp, world: &mut World<'_>) {
        let maximum = self.configuration.maximum(self.desired);
        let active = self.tasks.iter().filter(|task| task.wanted).count() as u64;
        let Self { deployments, tasks, .. } = self;
        let Some(primary) = deployments.front_mut() else {
            return;
        };
        if primary.rollout == Rollout::Failed || primary.restart_at.is_some() {
            return;
        }
        let own =
            tasks.iter().filter(|t| t.wanted && t.deployment == primary.number).count() as u64;
        let missing = u64::from(self.desired).saturating_sub(own);
        let room = maximum.saturating_sub(active);
        let mut started = String::new();
        let count = missing.min(room);
        for _ in 0..count {
            let id = format!("{:032x}", scatter(world.ids.number()));
            started.push_str(&format!(" (task {id})"));
            let origin = Origin {
                deployment: primary.number,
                task_definition: &primary.task_definition,
                containers: &primary.containers,
                launch_type: &self.launch_type,
                script: primary.script,
            };
            tasks.push(Task::start(id, origin, at, world.pace));
        }
        if count > 0 {
            self.record(format!("has started {count} tasks:{started}."), at, world);
        }
    }

    /// Stops what is one too many: of the PRIMARY deployment by the desired count, of the others
    /// as far as enough healthy tasks remain.
    fn stop_tasks(&mut self, at: Timestamp, world: &mut World<'_>) {
        let Some(primary) = self.deployments.front() else {
            return;
        };
        // AWS documentation: a failed deployment that isn't rolled back leaves the others alone.
        if primary.rollout == Rollout::Failed {
            return;
        }
        let number = primary.number;
        let minimum = self.configuration.minimum(self.desired);
        let healthy = self.tasks.iter().filter(|task| task.wanted && task.healthy).count() as u64;
        let own = self.tasks.iter().filter(|t| t.wanted && t.deployment == number).count() as u64;
        let mut spare = healthy.saturating_sub(minimum);
        let mut surplus = own.saturating_sub(u64::from(self.desired));
        let mut stopped = String::new();
        let mut count = 0;
        for task in self.tasks.iter_mut().filter(|task| task.wanted) {
            let stops = if task.deployment == number {
                let stops = surplus > 0;
                surplus = surplus.saturating_sub(1);
                stops
            } else if task.healthy {
                let stops = spare > 0;
                spare = spare.saturating_sub(1);
                stops
            } else {
                true
            };
            if stops {
                task.ask_to_stop(at, world.pace);
                stopped.push_str(&format!(" (task {})", task.id));
                count += 1;
            }
        }
        if count > 0 {
            self.record(format!("has stopped {count} running tasks:{stopped}."), at, world);
        }
    }

    fn complete(&mut self, at: Timestamp, world: &mut World<'_>) {
        let Some(primary) = self.deployments.front() else {
            return;
        };
        let number = primary.number;
        let healthy = self.tasks.iter().filter(|t| t.deployment == number && t.healthy).count();
        let others = self.tasks.iter().any(|t| t.deployment != number && !t.is_stopped());
        if primary.rollout != Rollout::InProgress
            || healthy as u64 != u64::from(self.desired)
            || others
        {
            self.complete_at = None;
            return;
        }
        let due = *self.complete_at.get_or_insert(at + world.pace.scale(SETTLING));
        if due > at {
            return;
        }
        self.complete_at = None;
        self.deployments.truncate(1);
        if let Some(primary) = self.deployments.front_mut() {
            primary.rollout = Rollout::Completed;
            primary.was_completed = true;
            primary.reason = format!("ECS deployment ecs-svc/{number} completed.");
            primary.updated_at = at;
        }
        for it in self.service_deployments.iter_mut().filter(|it| it.finished_at.is_none()) {
            match (it.number == number, it.status) {
                (true, _) => it.close("SUCCESSFUL", "", at),
                (false, "ROLLBACK_IN_PROGRESS") => it.close("ROLLBACK_SUCCESSFUL", "", at),
                (false, _) => {}
            }
        }
        self.record(format!("(deployment ecs-svc/{number}) deployment completed."), at, world);
        self.record("has reached a steady state.".to_owned(), at, world);
    }

    fn record(&mut self, text: String, at: Timestamp, world: &mut World<'_>) {
        self.events.push_front(json!({
            "id": world.ids.uuid(),
            "createdAt": at.to_json(),
            "message": format!("(service {}) {text}", self.name),
        }));
        // AWS documentation: the last 100 events are returned.
        self.events.truncate(100);
    }
}

impl Deployment {
    fn fail(&mut self, at: Timestamp) {
        self.rollout = Rollout::Failed;
        self.reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
        self.updated_at = at;
        self.restart_at = None;
    }
}

/// AWS documentation: half of the desired count, at least 3 and at most 200.
pub(crate) fn breaker_threshold(desired: u32) -> u32 {
    desired.div_ceil(2).clamp(3, 200)
}

/// Spreads consecutive numbers, so that ids look and sort as random ones do.
pub(crate) fn scatter(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
