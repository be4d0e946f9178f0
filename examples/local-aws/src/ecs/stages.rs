//! BLUE_GREEN, LINEAR and CANARY: the lifecycle stages that a deployment walks through. The order
//! and the meaning of the stages are the API reference's; how long they take is inferred, but for
//! what is configured.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::configuration::{Configuration, Strategy};
use super::hooks::{HookRun, Verdict};
use super::recovery::Cause;
use super::rollout::World;
use super::script::{SHIFTING, STAGE};
use super::services::Service;
use crate::clock::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Stage {
    ReconcileService,
    PreScaleUp,
    ScaleUp,
    PostScaleUp,
    TestTrafficShift,
    PostTestTrafficShift,
    PreProductionTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

/// How far a deployment with stages has come.
#[derive(Debug)]
pub(crate) struct Stages {
    pub(crate) stage: Stage,
    /// The production traffic of the new revision after each shift, in percent.
    steps: Vec<f64>,
    /// How many of the shifts have begun.
    shifts: usize,
    step_bake: Duration,
    bake: Duration,
    /// The stage isn't over before.
    due: Timestamp,
    /// The hooks of all stages so far, those of the current stage last.
    pub(crate) hooks: Vec<HookRun>,
    /// How many of the hooks belong to earlier stages.
    earlier_hooks: usize,
}

impl Stage {
    /// Whether a hook can be configured for it.
    pub(crate) fn has_hooks(self) -> bool {
        !matches!(self, Stage::ScaleUp | Stage::BakeTime | Stage::CleanUp)
    }
}

impl Stages {
    /// `None` for a rolling update.
    pub(crate) fn new(configuration: &Configuration, at: Timestamp) -> Option<Self> {
        if configuration.strategy() == Strategy::Rolling {
            return None;
        }
        let (steps, step_bake) = configuration.steps();
        Some(Self {
            stage: Stage::ReconcileService,
            steps,
            shifts: 0,
            step_bake,
            bake: configuration.bake_time(),
            due: at,
            hooks: Vec::new(),
            earlier_hooks: 0,
        })
    }

    /// When something next happens by itself; what the tasks do is another matter.
    pub(crate) fn next_at(&self, after: Timestamp) -> Option<Timestamp> {
        let hooks = self.hooks[self.earlier_hooks..].iter().filter_map(HookRun::next_at);
        hooks.chain(Some(self.due).filter(|due| *due > after)).min()
    }

    /// The percentage of the traffic that is the new revision's.
    pub(crate) fn production_weight(&self) -> f64 {
        self.shifts.checked_sub(1).and_then(|last| self.steps.get(last)).copied().unwrap_or(0.0)
    }

    /// The percentage of the test traffic that is the new revision's.
    pub(crate) fn test_weight(&self) -> f64 {
        let is_tested =
            self.stage >= Stage::TestTrafficShift && self.stage < Stage::PostProductionTrafficShift;
        if is_tested { 100.0 } else { 0.0 }
    }

    /// What the hooks of the current stage have come to.
    fn verdict(&mut self, at: Timestamp) -> Verdict {
        let verdicts = self.hooks[self.earlier_hooks..].iter_mut().map(|hook| hook.advance(at));
        verdicts.fold(Verdict::Go, |all, one| match (all, one) {
            (Verdict::RollBack, _) | (_, Verdict::RollBack) => Verdict::RollBack,
            (Verdict::Wait, _) | (_, Verdict::Wait) => Verdict::Wait,
            (Verdict::Go, Verdict::Go) => Verdict::Go,
        })
    }

    fn following(&self) -> Stage {
        match self.stage {
            Stage::ReconcileService => Stage::PreScaleUp,
            Stage::PreScaleUp => Stage::ScaleUp,
            Stage::ScaleUp => Stage::PostScaleUp,
            Stage::PostScaleUp => Stage::TestTrafficShift,
            Stage::TestTrafficShift => Stage::PostTestTrafficShift,
            Stage::PostTestTrafficShift => Stage::PreProductionTrafficShift,
            Stage::PreProductionTrafficShift => Stage::ProductionTrafficShift,
            // API reference: with LINEAR and CANARY, both are invoked at every step.
            Stage::ProductionTrafficShift if self.shifts < self.steps.len() => {
                Stage::PreProductionTrafficShift
            }
            Stage::ProductionTrafficShift => Stage::PostProductionTrafficShift,
            Stage::PostProductionTrafficShift => Stage::BakeTime,
            Stage::BakeTime | Stage::CleanUp => Stage::CleanUp,
        }
    }

    /// Enters `stage`, and says how long it takes at least.
    fn enter(&mut self, stage: Stage) -> Duration {
        self.stage = stage;
        self.earlier_hooks = self.hooks.len();
        match stage {
            Stage::ReconcileService | Stage::ScaleUp | Stage::CleanUp => Duration::ZERO,
            Stage::TestTrafficShift => SHIFTING,
            Stage::ProductionTrafficShift => {
                self.shifts += 1;
                // API reference: no bake time once all traffic is shifted.
                let is_last = self.shifts == self.steps.len();
                SHIFTING + if is_last { Duration::ZERO } else { self.step_bake }
            }
            Stage::BakeTime => self.bake,
            _ => STAGE,
        }
    }
}

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
