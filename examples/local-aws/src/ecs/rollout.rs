//! A service as a function of time: it goes from one moment at which something happens to the
//! next, and at each the scheduler does what there is to do.

use std::time::Duration;

use super::script::{HealthCheck, restart_delay, rounds};
use super::store::deployment::Rollout;
use super::store::service::{Service, State};
use super::store::service_deployment::Status;
use super::tasks::Step;
use super::world::World;
use crate::clock::Timestamp;

impl Service {
    /// Lets the time until the world's pass.
    pub(crate) fn advance(&mut self, world: &mut World<'_>) {
        let now = world.now;
        while let Some(due) = self.next_at(world).filter(|due| *due <= now) {
            let at = due.max(self.advanced_to);
            self.advanced_to = at;
            self.step_tasks(at, world);
            match self.state {
                State::Active => self.act(at, world),
                State::Draining => self.drain(),
                State::Inactive => {}
            }
        }
        self.advanced_to = self.advanced_to.max(now);
        self.tasks.retain(|task| task.can_be_described(now));
        self.forget(now);
    }

    /// When something next happens by itself.
    fn next_at(&self, world: &World<'_>) -> Option<Timestamp> {
        let deployments = self.deployments.iter();
        let tasks = self.tasks.iter().filter_map(|task| task.next_at);
        tasks
            .chain(self.act_at)
            .chain(self.complete_at)
            .chain(deployments.clone().filter_map(|it| it.restart_at))
            .chain(deployments.filter_map(|it| it.fails_at.as_ref().map(|(at, _)| *at)))
            .chain(self.open().and_then(|open| open.next_at(self.advanced_to)))
            .chain(self.next_alarm(world))
            .chain(self.next_end_of_protection())
            .min()
    }

    /// When a task may next be stopped that was protected.
    fn next_end_of_protection(&self) -> Option<Timestamp> {
        let ends = self.tasks.iter().filter_map(|task| task.protected_until);
        ends.filter(|end| *end > self.advanced_to).min()
    }

    fn step_tasks(&mut self, at: Timestamp, world: &mut World<'_>) {
        let due = self.tasks.iter_mut().filter(|task| task.next_at.is_some_and(|due| due <= at));
        let steps: Vec<_> = due
            .map(|task| (task.deployment, task.step(at, world.pace), task.id.clone()))
            .filter(|(_, step, _)| *step != Step::Quiet)
            .collect();
        let started = steps.iter().filter(|(_, step, _)| *step == Step::Started).count();
        self.record_targets("registered", started, at, world);
        for (number, step, id) in steps {
            if let Step::FailedCheck(by) = step {
                self.record_failed_check(&id, by, at, world);
            }
            if let Some(number) = number {
                self.learn(number, step, at, world);
            }
        }
    }

    /// What the deployment makes of what one of its tasks has done.
    fn learn(&mut self, number: u64, step: Step, at: Timestamp, world: &World<'_>) {
        let (desired, breaker) = (self.desired, self.configuration.breaker());
        let Some(deployment) = self.deployment_mut(number) else {
            return;
        };
        match step {
            Step::BecameHealthy if breaker.resets_on_healthy_task() => deployment.failed_tasks = 0,
            Step::Failed | Step::FailedCheck(_) => {
                deployment.failed_tasks += 1;
                deployment.unhealthy_tasks += u32::from(step != Step::Failed);
                let delay = restart_delay(deployment.failed_tasks, desired);
                deployment.restart_at = Some(at + world.pace.scale(delay));
            }
            _ => return,
        }
        let failed_tasks = deployment.failed_tasks;
        if let Some(open) = self.open_mut().filter(|open| open.number == number) {
            open.failure_count = failed_tasks;
        }
    }

    /// What the scheduler does when something has changed.
    fn act(&mut self, at: Timestamp, world: &mut World<'_>) {
        let looks = self.act_at.take_if(|due| *due <= at).is_some();
        for deployment in &mut self.deployments {
            deployment.restart_at.take_if(|due| *due <= at);
            if let Some((_, reason)) = deployment.fails_at.take_if(|(due, _)| *due <= at) {
                deployment.fail(reason, at);
            }
        }
        if looks && self.open().is_some_and(|open| open.status == Status::Pending) {
            self.begin(at, world);
        }
        if let Some(cause) = self.open_mut().and_then(|open| open.take_request(at)) {
            self.fail(cause, true, at, world);
        }
        self.check_alarms(at, world);
        self.check_breaker(at, world);
        if self.open().is_some_and(|open| open.status.is_waiting()) {
            // Nothing completes that is about to be rolled back: and what is due and not done
            // would be due for ever.
            self.complete_at = None;
            return;
        }
        self.walk_stages(at, world);
        self.start_tasks(at, world);
        self.stop_tasks(at, world);
        self.complete(at, world);
        self.settle_down(at, world);
    }

    fn begin(&mut self, at: Timestamp, world: &mut World<'_>) {
        if let Some(open) = self.open_mut() {
            open.begin(at);
        }
        self.begin_stages(at, world);
    }

    /// API reference of DeleteService: DRAINING until the last task has stopped, then INACTIVE.
    pub(crate) fn drain(&mut self) {
        if self.tasks.iter().all(|task| task.is_stopped()) {
            self.state = State::Inactive;
            self.deployments.clear();
        }
    }

    /// AWS documentation: the history of service deployments goes back 90 days.
    fn forget(&mut self, now: Timestamp) {
        const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
        let Self { deployments, revisions, service_deployments, .. } = self;
        service_deployments.retain(|it| it.finished_at.is_none_or(|at| now.since(at) < KEPT));
        revisions.retain(|revision| {
            deployments.iter().any(|it| it.number == revision.number)
                || now.since(revision.created_at) < KEPT
        });
    }

    /// Drops what has been replaced and has no tasks any more, and says so when nothing is left to
    /// do.
    fn settle_down(&mut self, at: Timestamp, world: &mut World<'_>) {
        let Some(primary) = self.deployments.front().filter(|it| it.rollout == Rollout::Completed)
        else {
            return;
        };
        let number = primary.number;
        let tasks = &self.tasks;
        self.deployments.retain(|deployment| {
            let of = |task: &super::tasks::Task| task.deployment == Some(deployment.number);
            deployment.number == number || tasks.iter().any(|task| of(task) && !task.is_stopped())
        });
        let is_steady = self.deployments.len() == 1
            && self.healthy_of_primary() == u64::from(self.desired)
            && self.tasks.iter().all(|task| task.is_stopped() || task.wanted);
        if is_steady && !self.is_steady {
            self.is_steady = true;
            self.record("has reached a steady state.".to_owned(), at, world);
        }
    }

    /// The scheduler waits longer and longer between its attempts (AWS documentation on the service
    /// throttle logic). From the third on, it says so; that it is the third is inferred.
    pub(crate) fn is_throttled(&self) -> bool {
        let failed = self.deployments.front().map_or(0, |primary| primary.failed_tasks);
        rounds(failed, self.desired) > 2
    }

    fn record_failed_check(
        &mut self,
        task: &str,
        by: HealthCheck,
        at: Timestamp,
        world: &mut World<'_>,
    ) {
        let Some(primary) = self.deployments.front() else {
            return;
        };
        let text = match by {
            HealthCheck::Container => format!("(task {task}) failed container health checks."),
            HealthCheck::LoadBalancer => {
                let group = primary.revision.workload.checking_target_group();
                format!(
                    "(task {task}) (port {}) is unhealthy in (target-group {}) due to (reason \
                     Health checks failed with these codes: [503]).",
                    group.port, group.arn
                )
            }
        };
        self.record(text, at, world);
    }
}
