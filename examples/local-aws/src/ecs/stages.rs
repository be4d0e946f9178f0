//! BLUE_GREEN, LINEAR and CANARY: the lifecycle stages that a deployment walks through. The order
//! and the meaning of the stages are the API reference's; how long they take is inferred, but for
//! what is configured.

use super::cause::Cause;
use super::hooks::Verdict;
use super::stage::Stage;
use super::store::service::Service;
use super::world::World;
use crate::clock::Timestamp;

impl Service {
    /// The stage of a deployment that goes by stages, which decides whether new tasks may start and
    /// old ones must stay; `None` for a rolling update, and during the clean-up.
    pub(crate) fn current_stage(&self) -> Option<Stage> {
        let open = self.open().filter(|it| it.status.is_going_forward())?;
        open.stages.as_ref().map(|stages| stages.stage).filter(|stage| *stage != Stage::CleanUp)
    }

    /// Begins with the first stage.
    pub(crate) fn begin_stages(&mut self, at: Timestamp, world: &mut World<'_>) {
        // API reference: reconciliation only happens with more than one revision in place.
        let first = match self.deployments.len() {
            0..=2 => Stage::PreScaleUp,
            _ => Stage::ReconcileService,
        };
        self.enter_stage(first, at, world);
    }

    /// Goes on as far as it goes at this instant.
    pub(crate) fn walk_stages(&mut self, at: Timestamp, world: &mut World<'_>) {
        while let Some(stage) = self.current_stage() {
            let is_met = match stage {
                Stage::ReconcileService => !self.has_leftovers(),
                Stage::ScaleUp => self.healthy_of_primary() >= u64::from(self.desired),
                _ => true,
            };
            let Some(stages) = self.open_mut().and_then(|open| open.stages.as_mut()) else {
                return;
            };
            match stages.verdict(at) {
                Verdict::RollBack => {
                    self.fail(Cause::LifecycleHook, true, at, world);
                    return;
                }
                Verdict::Go if is_met && stages.due <= at => {
                    let next = stages.following();
                    self.enter_stage(next, at, world);
                }
                _ => return,
            }
        }
    }

    fn enter_stage(&mut self, stage: Stage, at: Timestamp, world: &mut World<'_>) {
        let configuration = &self.configuration;
        let Some(open) =
            self.service_deployments.last_mut().filter(|open| open.finished_at.is_none())
        else {
            return;
        };
        let Some(stages) = &mut open.stages else {
            return;
        };
        let lasts = stages.enter(stage);
        // What takes no time must not be slowed down to the shortest step.
        stages.due = if lasts.is_zero() { at } else { at + world.pace.scale(lasts) };
        for hook in configuration.hooks().iter().filter(|hook| hook.is_at(stage)) {
            let run = hook.begin(at, world);
            stages.hooks.push(run);
        }
        open.updated_at = at;
    }

    /// Whether there are tasks of neither the new deployment nor the one that it replaces.
    fn has_leftovers(&self) -> bool {
        let (new, replaced) = (self.primary_number(), self.replaced_number());
        let is_leftover = |number: Option<u64>| number != new && number != replaced;
        self.tasks.iter().any(|task| !task.is_stopped() && is_leftover(task.deployment))
    }
}
