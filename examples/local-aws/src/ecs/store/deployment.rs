//! A deployment as DescribeServices lists it.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::ecs::workload::Revision;

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

/// Spreads consecutive numbers, so that ids look and sort as random ones do.
pub(crate) fn scatter(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
