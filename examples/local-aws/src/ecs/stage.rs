//! The lifecycle stages of a deployment that goes by stages.

use serde::{Deserialize, Serialize};

/// In the order in which a deployment walks through them, which its comparisons follow.
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

impl Stage {
    /// Whether a hook can be configured for it.
    pub(crate) fn has_hooks(self) -> bool {
        !matches!(self, Stage::ScaleUp | Stage::BakeTime | Stage::CleanUp)
    }

    /// The stage as a description shows it. The service model has PRE_PRODUCTION_TRAFFIC_SHIFT for
    /// hooks alone; that a description shows PRODUCTION_TRAFFIC_SHIFT meanwhile is inferred.
    pub(crate) fn described(self) -> Self {
        match self {
            Stage::PreProductionTrafficShift => Stage::ProductionTrafficShift,
            stage => stage,
        }
    }
}
