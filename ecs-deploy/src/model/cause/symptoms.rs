//! [`Symptoms`]: the observations on a stopped task, and the cause that they show.

use aws_sdk_ecs::types::TaskStopCode;

use crate::model::cause::{FailureCause, text};

/// The observations on a stopped task.
#[derive(Debug)]
pub(crate) struct Symptoms<'a> {
    pub(crate) stop_code: Option<&'a TaskStopCode>,
    /// The exit code of the container that stopped the task, or that stopped with it.
    pub(crate) exit_code: Option<i32>,
    /// Whether a container's own health check failed.
    pub(crate) is_unhealthy: bool,
    /// The container's reason, then the task's; either may be empty.
    pub(crate) reasons: [&'a str; 2],
}

impl Symptoms<'_> {
    /// Returns the cause, first from ECS's codes, then from its texts.
    pub(crate) fn cause(&self) -> FailureCause {
        let Self { stop_code, exit_code, is_unhealthy, reasons } = self;
        match stop_code {
            Some(TaskStopCode::InfrastructureHealth) => return FailureCause::Infrastructure,
            Some(TaskStopCode::ServiceSchedulerInitiated) if *is_unhealthy => {
                return FailureCause::ContainerHealthCheck;
            }
            Some(TaskStopCode::SpotInterruption) => return FailureCause::SpotInterruption,
            Some(TaskStopCode::UserInitiated) => return FailureCause::StoppedByUser,
            _ => {}
        }
        // A container that failed to start may still have an exit code: Docker's.
        if let Some(cause) = reasons.iter().find_map(|reason| text::cause(reason)) {
            return cause;
        }
        match (stop_code, exit_code) {
            (_, Some(code)) => FailureCause::Exited { code: *code },
            (Some(TaskStopCode::TaskFailedToStart), None) => FailureCause::StartFailed,
            (Some(TaskStopCode::TerminationNotice), None) => FailureCause::Infrastructure,
            _ => FailureCause::Unknown,
        }
    }
}
