//! Which tasks the scheduler starts and stops, and when it takes a deployment for complete.

use std::time::Duration;

use serde_json::json;

use super::script::{ALARM_BAKE, SETTLING, Script};
use super::stage::Stage;
use super::stop::Stop;
use super::store::deployment::{Rollout, scatter};
use super::store::service::Service;
use super::store::service_deployment::Status;
use super::tasks::{Origin, Task};
use super::world::World;
use crate::clock::Timestamp;

impl Service {
    pub(crate) fn start_tasks(&mut self, at: Timestamp, world: &mut World<'_>) {
        let stage = self.current_stage();
        let Some(primary) = self.deployments.front() else {
            return;
        };
        if primary.rollout == Rollout::Failed
            || primary.restart_at.is_some()
            || stage.is_some_and(|stage| stage < Stage::ScaleUp)
        {
            return;
        }
        let missing = u64::from(self.desired).saturating_sub(self.wanted(Some(primary.number)));
        let room = match stage {
            // API reference: both revisions run side by side, regardless of the percentages.
            Some(_) => missing,
            None => self.configuration.maximum(self.desired).saturating_sub(self.wanted(None)),
        };
        if missing > 0 && primary.revision.script == Script::Unplaceable {
            self.record_unplaced(at, world);
            return;
        }
        let count = missing.min(room);
        if count == 0 {
            if missing > 0 && self.is_stuck() {
                self.record_once(STUCK, at, world);
            }
            return;
        }
        if self.is_throttled() {
            self.record_once(THROTTLED, at, world);
        }
        let mut started = String::new();
        let mut replaced = String::new();
        let Self { deployments, tasks, name, .. } = self;
        if let Some(primary) = deployments.front_mut() {
            for _ in 0..count {
                let id = format!("{:032x}", scatter(world.ids.number()));
                started.push_str(&format!(" (task {id})"));
                let origin = Origin {
                    deployment: Some(primary.number),
                    workload: primary.revision.workload.clone(),
                    script: primary.revision.script.of_task(primary.started_tasks),
                    exits: Vec::new(),
                    group: format!("service:{name}"),
                    started_by: Some(format!("ecs-svc/{}", primary.number)),
                    overrides: json!({ "containerOverrides": [] }),
                    tags: Vec::new(),
                };
                primary.started_tasks = primary.started_tasks.wrapping_add(1);
                tasks.push(Task::start(id, origin, at, world.pace));
            }
            if primary.unhealthy_tasks > 0 {
                let count = primary.unhealthy_tasks;
                replaced =
                    format!(" Amazon ECS replaced {count} tasks due to an unhealthy status.");
                primary.unhealthy_tasks = 0;
            }
        }
        self.is_steady = false;
        self.record(format!("has started {count} tasks:{started}.{replaced}"), at, world);
    }

    /// Stops what is one too many: of the PRIMARY deployment by the desired count, of the others
    /// as far as enough healthy tasks remain.
    pub(crate) fn stop_tasks(&mut self, at: Timestamp, world: &mut World<'_>) {
        let Some(primary) = self.deployments.front() else {
            return;
        };
        // AWS documentation: a failed deployment that isn't rolled back leaves the others alone.
        if primary.rollout == Rollout::Failed {
            return;
        }
        let number = Some(primary.number);
        let own = self.wanted(number);
        let (keeps, replaced) = (self.keeps_replaced(own), self.replaced_number());
        let healthy = self.tasks.iter().filter(|task| task.wanted && task.healthy).count() as u64;
        let mut spare = healthy.saturating_sub(self.configuration.minimum(self.desired));
        let mut surplus = own.saturating_sub(u64::from(self.desired));
        let mut stopped = String::new();
        let (mut count, mut targets, mut protected) = (0, 0, 0);
        let draining = world.pace.scale(world.controls.draining(&self.cluster, &self.name));
        for task in self.tasks.iter_mut().filter(|task| task.wanted) {
            let stops = if keeps && task.deployment == replaced && task.deployment != number {
                false
            } else if task.is_protected(at) {
                protected += u64::from(task.deployment != number || surplus > 0);
                false
            } else if task.deployment == number {
                take_one(&mut surplus)
            } else if task.healthy {
                take_one(&mut spare)
            } else {
                true
            };
            if stops {
                targets += usize::from(task.is_running());
                let stop = Stop::scaling(task.deployment.unwrap_or_default());
                task.drain(at, draining, stop);
                stopped.push_str(&format!(" (task {})", task.id));
                count += 1;
            }
        }
        if count > 0 {
            self.is_steady = false;
            if targets > 0 && self.target_group().is_some() {
                self.record(
                    format!("has begun draining connections on {targets} tasks."),
                    at,
                    world,
                );
                self.record_targets("deregistered", targets, at, world);
            }
            self.record(format!("has stopped {count} running tasks:{stopped}."), at, world);
        }
        // Developer guide, "Protect your Amazon ECS tasks from being terminated by scale-in events".
        if protected > 0 {
            let text = format!(
                "was unable to scale in due to (reason {protected} tasks under protection)"
            );
            self.record_once(&text, at, world);
        }
    }

    pub(crate) fn complete(&mut self, at: Timestamp, world: &mut World<'_>) {
        let Some(bake) = self.bake_time_if_ready() else {
            self.complete_at = None;
            return;
        };
        let due = *self.complete_at.get_or_insert(at + world.pace.scale(SETTLING + bake));
        if due > at {
            return;
        }
        self.complete_at = None;
        let Some(number) = self.primary_number() else {
            return;
        };
        let leaves_others = self.configuration.defers_cleanup()
            && self.open().is_some_and(|it| it.status.is_going_forward());
        if leaves_others {
            self.look_soon(at, world);
        } else {
            self.deployments.truncate(1);
        }
        if let Some(primary) = self.deployments.front_mut() {
            primary.rollout = Rollout::Completed;
            primary.was_completed = true;
            primary.reason = format!("ECS deployment ecs-svc/{number} completed.");
            primary.updated_at = at;
        }
        if let Some(open) = self.open_mut() {
            open.succeed(at);
        }
        self.record(format!("(deployment ecs-svc/{number}) deployment completed."), at, world);
    }

    /// Tasks of one deployment, or of all, that are meant to run.
    pub(crate) fn wanted(&self, deployment: Option<u64>) -> u64 {
        let of = self.tasks.iter().filter(|it| deployment.is_none() || it.deployment == deployment);
        of.filter(|task| task.wanted).count() as u64
    }

    pub(crate) fn healthy_of_primary(&self) -> u64 {
        let number = self.primary_number();
        let own = self.tasks.iter().filter(|task| task.deployment == number);
        own.filter(|task| task.healthy).count() as u64
    }

    /// How long the PRIMARY deployment still has to bake, if all its tasks are in place and nothing
    /// else blocks it.
    fn bake_time_if_ready(&self) -> Option<Duration> {
        let primary = self.deployments.front()?;
        let open = self.open()?;
        if primary.rollout != Rollout::InProgress || self.current_stage().is_some() {
            return None;
        }
        let number = Some(primary.number);
        let others = self.tasks.iter().any(|it| it.deployment != number && !it.is_stopped());
        let healthy = self.healthy_of_primary();
        match open.status {
            Status::InProgress if open.stages.is_none() => {
                let may_complete = healthy >= self.configuration.needed(self.desired)
                    && (!others || self.configuration.defers_cleanup());
                let bake = self.configuration.bake_time();
                let with_alarms = bake.is_zero() && self.configuration.alarms().is_some();
                may_complete.then_some(if with_alarms { ALARM_BAKE } else { bake })
            }
            Status::InProgress | Status::RollbackInProgress => {
                let is_complete = healthy == u64::from(self.desired) && !others;
                is_complete.then_some(Duration::ZERO)
            }
            _ => None,
        }
    }

    /// Whether the tasks of the deployment that is being replaced stay, however many the new one
    /// has: until the clean-up. With early success and deferred clean-up, unless the new tasks need
    /// the room (inferred).
    fn keeps_replaced(&self, own: u64) -> bool {
        let forward = self.open().is_some_and(|open| open.status.is_going_forward());
        let defers =
            forward && self.configuration.defers_cleanup() && own >= u64::from(self.desired);
        self.current_stage().is_some() || defers
    }

    /// Whether the percentages let the scheduler neither start nor stop anything.
    fn is_stuck(&self) -> bool {
        let moves = self.tasks.iter().any(|it| !it.is_stopped() && !it.healthy);
        let healthy = self.tasks.iter().filter(|task| task.wanted && task.healthy).count() as u64;
        !moves && healthy <= self.configuration.minimum(self.desired)
    }

    /// AWS documentation on service events; the reason on Fargate is reported.
    fn record_unplaced(&mut self, at: Timestamp, world: &mut World<'_>) {
        let text = match self.launch_type.as_str() {
            "FARGATE" => {
                "was unable to place a task. Reason: Capacity is unavailable at this time. Please \
                 try again later or in a different availability zone. For more information, see \
                 the Troubleshooting section of the Amazon ECS Developer Guide."
            }
            _ => {
                "was unable to place a task because no container instance met all of its \
                 requirements. Reason: No Container Instances were found in your cluster. For more \
                 information, see the Troubleshooting section of the Amazon ECS Developer Guide."
            }
        };
        self.record_once(text, at, world);
    }
}

fn take_one(left: &mut u64) -> bool {
    let takes = *left > 0;
    *left = left.saturating_sub(1);
    takes
}

/// AWS documentation on service events.
const STUCK: &str = "was unable to stop or start tasks during a deployment because of the service \
                     deployment configuration. Update the minimumHealthyPercent or maximumPercent \
                     value and try again.";
/// AWS documentation on service events.
const THROTTLED: &str = "is unable to consistently start tasks successfully. For more information, \
                         see the Troubleshooting section of the Amazon ECS Developer Guide.";
