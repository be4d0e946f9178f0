//! How a deployment fails: the circuit breaker, alarms, hooks, a request; and the way back.

use std::sync::Arc;

use serde_json::json;

use super::cause::Cause;
use super::controls::RollbackId;
use super::script::FAILING;
use super::store::deployment::{Deployment, Rollout};
use super::store::service::{STARTING, Service};
use super::store::service_deployment::Status;
use super::world::World;
use crate::clock::Timestamp;

impl Service {
    pub(crate) fn check_breaker(&mut self, at: Timestamp, world: &mut World<'_>) {
        let breaker = self.configuration.breaker();
        let Some(primary) = self.deployments.front() else {
            return;
        };
        let is_watched = breaker.enable
            && primary.rollout == Rollout::InProgress
            && self.open().is_some_and(|open| open.status != Status::RollbackRequested);
        if is_watched && primary.failed_tasks >= breaker.threshold(self.desired) {
            if let Some(open) = self.open_mut() {
                open.breaker_triggered = true;
            }
            self.fail(Cause::CircuitBreaker, breaker.rollback, at, world);
        }
    }

    pub(crate) fn check_alarms(&mut self, at: Timestamp, world: &mut World<'_>) {
        let triggered: Vec<String> = self
            .watched_alarms()
            .filter(|name| world.controls.is_in_alarm(name, at))
            .map(str::to_owned)
            .collect();
        if triggered.is_empty() {
            return;
        }
        let rolls_back = self.configuration.alarms().is_some_and(|alarms| alarms.rollback);
        if let Some(open) = self.open_mut() {
            open.triggered_alarms = triggered;
        }
        self.fail(Cause::Alarm, rolls_back, at, world);
    }

    /// When an alarm next goes off that matters.
    pub(crate) fn next_alarm(&self, world: &World<'_>) -> Option<Timestamp> {
        let since = self.advanced_to;
        self.watched_alarms().filter_map(|name| world.controls.first_alarm(name, since)).min()
    }

    fn watched_alarms(&self) -> impl Iterator<Item = &str> {
        let open = self.open().filter(|open| open.status.is_going_forward());
        let names = self.configuration.alarms().map(|alarms| &alarms.alarm_names);
        let pairs = open.into_iter().flat_map(move |open| {
            names.into_iter().flatten().map(move |name| (open, name.as_str()))
        });
        pairs.filter(|(open, name)| !open.ignores_alarm(name)).map(|(_, name)| name)
    }

    /// Ends the PRIMARY deployment, and rolls it back if that is asked for and possible.
    pub(crate) fn fail(
        &mut self,
        cause: Cause,
        rolls_back: bool,
        at: Timestamp,
        world: &mut World<'_>,
    ) {
        let (Some(number), Some(open)) = (self.primary_number(), self.open()) else {
            return;
        };
        let is_rollback = open.status == Status::RollbackInProgress;
        if cause != Cause::StopRequest {
            let failure = cause.failure();
            let text = format!("(deployment ecs-svc/{number}) deployment failed: {failure}");
            self.record(text, at, world);
        }
        if !is_rollback && rolls_back && self.roll_back(cause, at, world) {
            return;
        }
        // AWS documentation: without a deployment to go back to, the rollout stalls. Its state
        // FAILED, as without rollback, is inferred.
        if let Some(primary) = self.deployments.front_mut() {
            primary.fail(cause.reason(), at);
        }
        if let Some(open) = self.open_mut() {
            // Texts inferred.
            match is_rollback {
                true => open.fail_to_roll_back("The rollback failed as well.", at),
                false => open.stop(cause.stopped(), at),
            }
        }
    }

    /// Makes the last completed deployment PRIMARY again, by its old id unless a new one is asked
    /// for, and says whether there was one.
    fn roll_back(&mut self, cause: Cause, at: Timestamp, world: &mut World<'_>) -> bool {
        let Some(position) = self.deployments.iter().skip(1).position(|d| d.was_completed) else {
            return false;
        };
        let Some(old) = self.deployments.get(position + 1) else {
            return false;
        };
        let (number, revision) = (old.number, Arc::clone(&old.revision));
        self.settings.retain(|name, _| !STARTING.contains(&name.as_str()));
        self.settings.extend(revision.settings.clone());
        if let Some(primary) = self.deployments.front_mut() {
            primary.restart_at = None;
            primary.fails_at = Some((at + world.pace.scale(FAILING), cause.reason()));
            primary.updated_at = at;
        }
        let again = match world.controls.rollback_id {
            RollbackId::Reused => self.deployments.remove(position + 1),
            RollbackId::New => {
                let workload = Arc::clone(&revision.workload);
                let revision = self.add_revision(workload, revision.script, at, world.ids);
                Some(Deployment::new(revision, at))
            }
        };
        let Some(mut target) = again else {
            return false;
        };
        target.rollout = Rollout::InProgress;
        target.failed_tasks = 0;
        target.updated_at = at;
        // Reported, with this text for the circuit breaker.
        let name = cause.name();
        target.reason =
            format!("ECS deployment {name}: rolling back to deploymentId ecs-svc/{number}.");
        self.deployments.push_front(target);
        self.complete_at = None;
        self.is_steady = false;
        self.record(format!("rolling back to deployment ecs-svc/{number}."), at, world);
        let revision = self.revision_arn(number);
        if let Some(open) = self.open_mut() {
            open.status = Status::RollbackInProgress;
            open.updated_at = at;
            open.rollback = Some(json!({
                "reason": format!("Service deployment rolled back because of the {name}."),
                "startedAt": at.to_json(),
                "serviceRevisionArn": revision,
            }));
        }
        true
    }
}
