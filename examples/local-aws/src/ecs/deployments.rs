//! How a deployment begins.

use std::sync::Arc;

use super::script::{FIRST_LOOK, Script};
use super::store::deployment::{Deployment, scatter};
use super::store::service::{STARTING, Service};
use super::store::service_deployment::ServiceDeployment;
use super::workload::{Revision, TargetGroup, Workload};
use super::world::World;
use crate::clock::Timestamp;
use crate::context::Ids;

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
}
