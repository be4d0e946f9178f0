//! How far a deployment that goes by stages has come.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::ecs::configuration::{Configuration, Strategy};
use crate::ecs::hooks::{HookRun, Verdict};
use crate::ecs::script::{SHIFTING, STAGE};
use crate::ecs::stage::Stage;

/// How far a deployment with stages has come.
#[derive(Debug)]
pub(crate) struct Stages {
    pub(crate) stage: Stage,
    /// The production traffic of the new revision after each shift, in percent.
    pub(crate) steps: Vec<f64>,
    /// How many of the shifts have begun.
    pub(crate) shifts: usize,
    pub(crate) step_bake: Duration,
    pub(crate) bake: Duration,
    /// The stage isn't over before.
    pub(crate) due: Timestamp,
    /// The hooks of all stages so far, those of the current stage last.
    pub(crate) hooks: Vec<HookRun>,
    /// How many of the hooks belong to earlier stages.
    pub(crate) earlier_hooks: usize,
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
    pub(crate) fn verdict(&mut self, at: Timestamp) -> Verdict {
        let verdicts = self.hooks[self.earlier_hooks..].iter_mut().map(|hook| hook.advance(at));
        verdicts.fold(Verdict::Go, |all, one| match (all, one) {
            (Verdict::RollBack, _) | (_, Verdict::RollBack) => Verdict::RollBack,
            (Verdict::Wait, _) | (_, Verdict::Wait) => Verdict::Wait,
            (Verdict::Go, Verdict::Go) => Verdict::Go,
        })
    }

    pub(crate) fn following(&self) -> Stage {
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
    pub(crate) fn enter(&mut self, stage: Stage) -> Duration {
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
