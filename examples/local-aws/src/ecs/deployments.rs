//! Deployments as DescribeServices lists them, and how one begins.

use std::sync::Arc;

use super::rollout::World;
use super::script::{FIRST_LOOK, Script};
use super::service_deployments::ServiceDeployment;
use super::services::{STARTING, Service};
use super::workload::{Revision, TargetGroup, Workload};
use crate::clock::Timestamp;
use crate::context::Ids;

#[derive(Debug)]
pub(crate) struct Deployment {
    /// The number in `ecs-svc/…`, and at the end of the service revision's ARN.
    pub(crate) number: u64,
    pub(crate) revision: Arc<Revision>,
    pub(crate) rollout: Rollout,
    pub(crate) reason: String,
    pub(crate) failed_tasks: u32,
    /// How many tasks it has started in all.
    pub(crate) started_tasks: u32,
    /// How many unhealthy tasks have yet to be replaced.
    pub(crate) unhealthy_tasks: u32,
    /// Whether it was ever complete, so that a rollback can go back to it.
    pub(crate) was_completed: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// When failed tasks are replaced.
    pub(crate) restart_at: Option<Timestamp>,
    /// When it turns FAILED while it is rolled back, and with what reason.
    pub(crate) fails_at: Option<(Timestamp, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rollout {
    Completed,
    Failed,
    InProgress,
}

impl Deployment {
    pub(crate) fn new(revision: Arc<Revision>, at: Timestamp) -> Self {
        Self {
            number: revision.number,
            reason: format!("ECS deployment ecs-svc/{} in progress.", revision.number),
            revision,
            rollout: Rollout::InProgress,
            failed_tasks: 0,
            started_tasks: 0,
            unhealthy_tasks: 0,
            was_completed: false,
            created_at: at,
            updated_at: at,
            restart_at: None,
            fails_at: None,
        }
    }

    pub(crate) fn fail(&mut self, reason: String, at: Timestamp) {
        self.rollout = Rollout::Failed;
        self.reason = reason;
        self.updated_at = at;
        self.restart_at = None;
        self.fails_at = None;
    }
}

impl Service {
    /// Makes a new PRIMARY deployment of `workload`.
    pub(crate) fn start_deployment(
        &mut self,
        mut workload: Workload,
        script: Script,
        at: Timestamp,
        world: &mut World<'_>,
    ) {
        let sources = self.deployments.iter().filter(|it| it.was_completed).map(|it| it.number);
        let sources = sources.collect();
        // AWS documentation: a newer deployment stops the one before it. Text inferred.
        if let Some(open) = self.open_mut() {
            open.stop("Stopped because of a newer service deployment.", at);
        }
        workload.target_group = TargetGroup::of(&self.settings);
        let revision = self.add_revision(Arc::new(workload), script, at, world.ids);
        let deployment = ServiceDeployment::new(
            world.ids.number(),
            revision.number,
            sources,
            &self.configuration,
            at,
            world.controls,
        );
        self.service_deployments.push(deployment);
        self.deployments.push_front(Deployment::new(revision, at));
        self.complete_at = None;
        self.is_steady = false;
        self.look_soon(at, world);
    }

    /// A service revision of the service's settings as they are now.
    pub(crate) fn add_revision(
        &mut self,
        workload: Arc<Workload>,
        script: Script,
        at: Timestamp,
        ids: &mut Ids,
    ) -> Arc<Revision> {
        // 19 digits, as in AWS's examples.
        let number = 1_000_000_000_000_000_000 + scatter(ids.number()) % 8_000_000_000_000_000_000;
        let settings = self.settings.iter().filter(|(name, _)| STARTING.contains(&name.as_str()));
        let settings = settings.map(|(name, value)| (name.clone(), value.clone())).collect();
        let revision = Arc::new(Revision { number, workload, settings, script, created_at: at });
        self.revisions.push(Arc::clone(&revision));
        revision
    }

    /// Lets the scheduler have a look in a moment.
    pub(crate) fn look_soon(&mut self, at: Timestamp, world: &World<'_>) {
        self.act_at = Some(at + world.pace.scale(FIRST_LOOK));
    }

    pub(crate) fn primary_number(&self) -> Option<u64> {
        self.deployments.front().map(|primary| primary.number)
    }

    /// The last deployment before the PRIMARY one that was complete: what runs until it is
    /// replaced, and what a rollback goes back to.
    pub(crate) fn replaced_number(&self) -> Option<u64> {
        self.deployments.iter().skip(1).find(|it| it.was_completed).map(|it| it.number)
    }

    pub(crate) fn deployment_mut(&mut self, number: u64) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|it| it.number == number)
    }

    /// The service deployment that isn't finished: there is one at most.
    pub(crate) fn open(&self) -> Option<&ServiceDeployment> {
        self.service_deployments.last().filter(|it| it.finished_at.is_none())
    }

    pub(crate) fn open_mut(&mut self) -> Option<&mut ServiceDeployment> {
        self.service_deployments.last_mut().filter(|it| it.finished_at.is_none())
    }
}

/// Spreads consecutive numbers, so that ids look and sort as random ones do.
pub(crate) fn scatter(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
