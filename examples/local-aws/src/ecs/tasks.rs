//! Tasks: each walks through its statuses by its script.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::script::{ContainerExit, HealthCheck, PROVISIONING, Pace, STOPPING, Script};
use super::stop::Stop;
use super::store::definition::Container;
use super::workload::Workload;
use crate::clock::Timestamp;

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    /// The number in the id of the deployment that started it; `None` for RunTask's.
    pub(crate) deployment: Option<u64>,
    pub(crate) workload: Arc<Workload>,
    pub(crate) tags: Vec<Value>,
    /// `service:NAME`, or what RunTask was told.
    group: String,
    started_by: Option<String>,
    overrides: Value,
    script: Script,
    status: Status,
    /// Whether it is meant to run on.
    pub(crate) wanted: bool,
    pub(crate) healthy: bool,
    failed_check: bool,
    /// Until when neither a deployment nor scaling in may stop it.
    pub(crate) protected_until: Option<Timestamp>,
    /// What exits by its script, and how long after the task is RUNNING.
    exits: Vec<ContainerExit>,
    /// What has exited, with its code.
    exited: BTreeMap<String, i32>,
    /// When it next changes by itself.
    pub(crate) next_at: Option<Timestamp>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    stopping_at: Option<Timestamp>,
    stopped_at: Option<Timestamp>,
    stop: Option<Stop>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Provisioning,
    Pending,
    Running,
    Deactivating,
    Stopped,
}

/// What a step of a task means to its deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    BecameHealthy,
    Failed,
    FailedCheck(HealthCheck),
    Quiet,
    Started,
}

/// The origin of a task.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) deployment: Option<u64>,
    pub(crate) workload: Arc<Workload>,
    pub(crate) script: Script,
    pub(crate) exits: Vec<ContainerExit>,
    pub(crate) group: String,
    pub(crate) started_by: Option<String>,
    pub(crate) overrides: Value,
    pub(crate) tags: Vec<Value>,
}

impl Task {
    pub(crate) fn start(id: String, origin: Origin, at: Timestamp, pace: Pace) -> Self {
        Self {
            id,
            deployment: origin.deployment,
            workload: origin.workload,
            tags: origin.tags,
            group: origin.group,
            started_by: origin.started_by,
            overrides: origin.overrides,
            script: origin.script,
            status: Status::Provisioning,
            wanted: true,
            healthy: false,
            failed_check: false,
            protected_until: None,
            exits: origin.exits,
            exited: BTreeMap::new(),
            next_at: Some(at + pace.scale(PROVISIONING)),
            created_at: at,
            started_at: None,
            stopping_at: None,
            stopped_at: None,
            stop: None,
        }
    }

    /// Takes the step that is due at `at`.
    pub(crate) fn step(&mut self, at: Timestamp, pace: Pace) -> Step {
        match (self.status, self.script) {
            (Status::Provisioning, script) => {
                self.status = Status::Pending;
                self.next_at = Some(at + pace.scale(script.pulling()));
                Step::Quiet
            }
            (Status::Pending, script) => {
                if let Some(stop) = Stop::before_start(script, &self.workload, &self.id) {
                    return self.end(at, stop);
                }
                self.status = Status::Running;
                self.started_at = Some(at);
                self.next_at = match self.next_exit(pace) {
                    None => Some(at + pace.scale(script.running())),
                    exit => exit,
                };
                Step::Started
            }
            (Status::Running, _) if !self.exits.is_empty() => self.exit_containers(at, pace),
            (Status::Running, Script::Crash { exit_code }) => self.end(at, Stop::exit(exit_code)),
            (Status::Running, Script::OutOfMemory) => self.end(at, Stop::out_of_memory()),
            (Status::Running, Script::Unhealthy { by }) => {
                self.failed_check = true;
                let stop = Stop::unhealthy(by, &self.workload);
                self.begin_to_stop(at, pace.scale(STOPPING), stop);
                Step::FailedCheck(by)
            }
            (Status::Running, Script::CrashLate { exit_code, .. }) if self.healthy => {
                self.end(at, Stop::exit(exit_code))
            }
            (Status::Running, script) => {
                self.healthy = true;
                self.next_at = match (script, self.started_at) {
                    (Script::CrashLate { after, .. }, Some(started_at)) => {
                        Some((started_at + pace.scale(after)).max(at))
                    }
                    _ => None,
                };
                Step::BecameHealthy
            }
            (Status::Deactivating | Status::Stopped, _) => {
                self.status = Status::Stopped;
                self.stopped_at.get_or_insert(at);
                self.next_at = None;
                Step::Quiet
            }
        }
    }

    /// Begins to stop it, unless that has begun already.
    pub(crate) fn ask_to_stop(&mut self, at: Timestamp, pace: Pace, stop: Stop) {
        self.drain(at, pace.scale(STOPPING), stop);
    }

    /// Begins to stop it, which takes so long, unless that has begun already.
    pub(crate) fn drain(&mut self, at: Timestamp, lasts: Duration, stop: Stop) {
        if !matches!(self.status, Status::Deactivating | Status::Stopped) {
            self.begin_to_stop(at, lasts, stop);
        }
    }

    pub(crate) fn is_protected(&self, at: Timestamp) -> bool {
        self.protected_until.is_some_and(|until| at < until)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.status, Status::Provisioning | Status::Pending)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.status == Status::Stopped
    }

    /// AWS documentation: stopped tasks can be described for at least an hour.
    pub(crate) fn can_be_described(&self, now: Timestamp) -> bool {
        const SHOWN: Duration = Duration::from_secs(60 * 60);
        self.stopped_at.is_none_or(|at| now.since(at) < SHOWN)
    }

    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        now.since(self.created_at)
    }

    pub(crate) fn started_by(&self) -> Option<&str> {
        self.started_by.as_deref()
    }

    pub(crate) fn desired_status(&self) -> &'static str {
        if self.wanted { "RUNNING" } else { "STOPPED" }
    }

    /// When a container next exits by the script.
    fn next_exit(&self, pace: Pace) -> Option<Timestamp> {
        let started_at = self.started_at?;
        let is_there = |exit: &&ContainerExit| {
            self.workload.containers.iter().any(|it| it.name == exit.container)
        };
        let exits = self.exits.iter().filter(is_there);
        exits.map(|exit| started_at + pace.scale(exit.after)).min()
    }

    /// Lets the containers exit that are due. Service model: a task ends with the first essential
    /// one.
    fn exit_containers(&mut self, at: Timestamp, pace: Pace) -> Step {
        while let Some(due) = self.next_exit(pace).filter(|due| *due <= at) {
            let started_at = self.started_at.unwrap_or(at);
            let position =
                self.exits.iter().position(|it| started_at + pace.scale(it.after) == due);
            let Some(exit) = position.map(|position| self.exits.remove(position)) else { break };
            let container = self.workload.containers.iter().find(|it| it.name == exit.container);
            let is_essential = container.is_some_and(|it| it.essential);
            self.exited.insert(exit.container, exit.exit_code);
            if is_essential {
                return self.end(at, Stop::exit(exit.exit_code));
            }
        }
        self.next_at = self.next_exit(pace);
        Step::Quiet
    }

    fn begin_to_stop(&mut self, at: Timestamp, lasts: Duration, mut stop: Stop) {
        if self.status != Status::Running {
            stop.exit_code = None;
        }
        self.status = Status::Deactivating;
        self.wanted = false;
        self.healthy = false;
        self.stopping_at = Some(at);
        self.next_at = Some(at + lasts);
        self.stop = Some(stop);
    }

    fn end(&mut self, at: Timestamp, stop: Stop) -> Step {
        self.status = Status::Stopped;
        self.wanted = false;
        self.healthy = false;
        self.next_at = None;
        self.stopping_at = Some(at);
        self.stopped_at = Some(at);
        self.stop = Some(stop);
        Step::Failed
    }

    fn status(&self) -> &'static str {
        match self.status {
            Status::Provisioning => "PROVISIONING",
            Status::Pending => "PENDING",
            Status::Running => "RUNNING",
            Status::Deactivating => "DEACTIVATING",
            Status::Stopped => "STOPPED",
        }
    }

    pub(crate) fn arn(&self, prefix: &str, cluster: &str) -> String {
        format!("{prefix}task/{cluster}/{}", self.id)
    }

    pub(crate) fn to_json(&self, prefix: &str, cluster: &str) -> Value {
        let arn = self.arn(prefix, cluster);
        let containers = self.workload.containers.iter();
        let containers: Vec<Value> =
            containers.map(|container| self.container_to_json(container, &arn)).collect();
        let mut task = json!({
            "taskArn": arn,
            "clusterArn": format!("{prefix}cluster/{cluster}"),
            "taskDefinitionArn": self.workload.task_definition,
            "group": self.group,
            "launchType": self.workload.launch_type,
            "lastStatus": self.status(),
            "desiredStatus": self.desired_status(),
            "healthStatus": self.health(self.workload.has_health_check()),
            "createdAt": self.created_at.to_json(),
            "containers": containers,
            "overrides": self.overrides,
            "attachments": [],
            "attributes": [],
            "tags": [],
            "version": 1,
        });
        if let Some(started_by) = &self.started_by {
            task["startedBy"] = json!(started_by);
        }
        for (name, at) in [
            ("startedAt", self.started_at),
            ("stoppingAt", self.stopping_at),
            ("stoppedAt", self.stopped_at),
        ] {
            if let Some(at) = at {
                task[name] = at.to_json();
            }
        }
        if let Some(stop) = &self.stop {
            task["stopCode"] = json!(stop.code);
            task["stoppedReason"] = json!(stop.reason);
        }
        task
    }

    /// API reference: UNKNOWN for a task or a container without a health check.
    fn health(&self, is_checked: bool) -> &'static str {
        match (is_checked, self.failed_check, self.healthy) {
            (true, true, _) => "UNHEALTHY",
            (true, false, true) => "HEALTHY",
            _ => "UNKNOWN",
        }
    }

    fn container_to_json(&self, container: &Container, task: &str) -> Value {
        let mut value = json!({
            "containerArn": task.replace(":task/", ":container/") + "/" + &container.name,
            "taskArn": task,
            "name": container.name,
            "image": container.image,
            "lastStatus": if self.is_pending() { "PENDING" } else { self.status() },
            "healthStatus": self.health(container.health_check.is_some()),
            "networkInterfaces": [],
        });
        let exited = self.exited.get(&container.name);
        if let Some(exit_code) = exited {
            value["lastStatus"] = json!("STOPPED");
            value["exitCode"] = json!(exit_code);
        }
        // It is known once the image is pulled.
        if self.started_at.is_some() {
            value["imageDigest"] = json!(container.digest());
        }
        if let Some(stop) = &self.stop {
            let culprit = self.workload.culprit();
            let is_culprit = culprit.is_some_and(|culprit| culprit.name == container.name);
            if let (true, Some(reason)) = (is_culprit, &stop.container_reason) {
                value["reason"] = json!(reason);
            }
            let unknown = self.is_stopped() && exited.is_none();
            if let Some(exit_code) = stop.exit_code.filter(|_| unknown) {
                let ends_task = is_culprit && self.exited.is_empty();
                value["exitCode"] = json!(if ends_task { exit_code } else { 0 });
            }
        }
        value
    }
}
