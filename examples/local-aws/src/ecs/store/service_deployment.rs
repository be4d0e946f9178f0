//! A service deployment: the newer view of a rollout.

use serde_json::Value;

use super::deployment::scatter;
use super::stages::Stages;
use crate::clock::Timestamp;
use crate::ecs::cause::Cause;
use crate::ecs::configuration::Configuration;
use crate::ecs::controls::Controls;

#[derive(Debug)]
pub(crate) struct ServiceDeployment {
    /// The service deployment's own id.
    pub(crate) id: String,
    /// The number of the deployment, and of the service revision that it leads to.
    pub(crate) number: u64,
    /// The service revisions that it leads away from.
    pub(crate) sources: Vec<u64>,
    pub(crate) status: Status,
    pub(crate) reason: &'static str,
    pub(crate) configuration: Configuration,
    /// `None` for a rolling update.
    pub(crate) stages: Option<Stages>,
    /// What has been asked of it, and when the scheduler gets to it.
    pub(crate) request: Option<(Timestamp, Cause)>,
    /// Whether the circuit breaker has cut in.
    pub(crate) breaker_triggered: bool,
    pub(crate) failure_count: u32,
    /// The alarms that were in ALARM when it began.
    pub(crate) ignored_alarms: Vec<String>,
    pub(crate) triggered_alarms: Vec<String>,
    pub(crate) rollback: Option<Value>,
    pub(crate) created_at: Timestamp,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) updated_at: Timestamp,
    pub(crate) stopped_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    InProgress,
    Pending,
    RollbackFailed,
    RollbackInProgress,
    RollbackRequested,
    RollbackSuccessful,
    Stopped,
    Successful,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::InProgress => "IN_PROGRESS",
            Status::Pending => "PENDING",
            Status::RollbackFailed => "ROLLBACK_FAILED",
            Status::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Status::RollbackRequested => "ROLLBACK_REQUESTED",
            Status::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Status::Stopped => "STOPPED",
            Status::Successful => "SUCCESSFUL",
        }
    }

    /// Whether it waits for the scheduler's next look.
    pub(crate) fn is_waiting(self) -> bool {
        matches!(self, Status::Pending | Status::RollbackRequested)
    }

    /// Whether it is on its way to its target, or about to be.
    pub(crate) fn is_going_forward(self) -> bool {
        matches!(self, Status::InProgress | Status::Pending)
    }
}

impl ServiceDeployment {
    pub(crate) fn new(
        id: u64,
        number: u64,
        sources: Vec<u64>,
        configuration: &Configuration,
        at: Timestamp,
        controls: &Controls,
    ) -> Self {
        let alarms = configuration.alarms().map(|alarms| alarms.alarm_names.as_slice());
        let alarms = alarms.unwrap_or_default().iter();
        Self {
            // 21 characters, as in AWS's examples.
            id: format!("{:021x}", scatter(id)),
            number,
            sources,
            status: Status::Pending,
            reason: "",
            configuration: configuration.clone(),
            stages: Stages::new(configuration, at),
            request: None,
            breaker_triggered: false,
            failure_count: 0,
            ignored_alarms: alarms.filter(|it| controls.is_in_alarm(it, at)).cloned().collect(),
            triggered_alarms: Vec::new(),
            rollback: None,
            created_at: at,
            started_at: None,
            updated_at: at,
            stopped_at: None,
            finished_at: None,
        }
    }

    pub(crate) fn begin(&mut self, at: Timestamp) {
        self.status = Status::InProgress;
        self.started_at = Some(at);
        self.updated_at = at;
    }

    /// Lets the scheduler take it back, for `cause`, at `due`.
    pub(crate) fn request_rollback(&mut self, cause: Cause, at: Timestamp, due: Timestamp) {
        self.status = Status::RollbackRequested;
        self.updated_at = at;
        self.request = Some((due, cause));
    }

    pub(crate) fn take_request(&mut self, at: Timestamp) -> Option<Cause> {
        let (_, cause) = self.request.take_if(|(due, _)| *due <= at)?;
        // Service model: `stoppedAt` is set when a user stops the deployment, even if a rollback
        // follows.
        if cause == Cause::StopRequest {
            self.stopped_at = Some(at);
        }
        Some(cause)
    }

    /// Its target runs, or what its rollback goes back to.
    pub(crate) fn succeed(&mut self, at: Timestamp) {
        let status = match self.status {
            Status::RollbackInProgress => Status::RollbackSuccessful,
            _ => Status::Successful,
        };
        self.close(status, "", at);
    }

    pub(crate) fn stop(&mut self, reason: &'static str, at: Timestamp) {
        self.stopped_at = Some(at);
        self.close(Status::Stopped, reason, at);
    }

    pub(crate) fn fail_to_roll_back(&mut self, reason: &'static str, at: Timestamp) {
        self.close(Status::RollbackFailed, reason, at);
    }

    /// When something next happens to it by itself.
    pub(crate) fn next_at(&self, after: Timestamp) -> Option<Timestamp> {
        let stages = self.stages.as_ref().filter(|_| self.status == Status::InProgress);
        let request = self.request.as_ref().map(|(due, _)| *due);
        stages.and_then(|stages| stages.next_at(after)).into_iter().chain(request).min()
    }

    /// AWS documentation: alarms that are in ALARM already when it begins are ignored.
    pub(crate) fn ignores_alarm(&self, name: &str) -> bool {
        self.ignored_alarms.iter().any(|ignored| ignored == name)
    }

    /// The status of what watches over it.
    pub(crate) fn monitor(&self, is_enabled: bool, is_triggered: bool) -> &'static str {
        match (is_enabled, is_triggered) {
            (false, _) => "DISABLED",
            (true, true) => "TRIGGERED",
            (true, false) if self.finished_at.is_some() => "MONITORING_COMPLETE",
            (true, false) => "MONITORING",
        }
    }

    fn close(&mut self, status: Status, reason: &'static str, at: Timestamp) {
        self.status = status;
        self.reason = reason;
        self.updated_at = at;
        self.finished_at = Some(at);
        self.request = None;
    }
}
