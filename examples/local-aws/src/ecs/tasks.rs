//! Tasks: each walks through its statuses by the script of its deployment.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecs;
use super::definitions::Container;
use super::input::{cluster_name, page, service_name, task_id};
use super::script::{
    CRASHING, HEALTHY, PROVISIONING, PULLING, PULLING_IN_VAIN, Pace, STOPPING, Script,
};
use crate::clock::Timestamp;
use crate::core::Context;
use crate::error::AwsError;
use crate::wire::parse;

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    /// The number in the id of the deployment that started it.
    pub(crate) deployment: u64,
    task_definition: String,
    containers: Vec<Container>,
    launch_type: String,
    script: Script,
    status: Status,
    /// Whether it is meant to run on.
    pub(crate) wanted: bool,
    pub(crate) healthy: bool,
    /// When it next changes by itself.
    pub(crate) next_at: Option<Timestamp>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    stopping_at: Option<Timestamp>,
    pub(crate) stopped_at: Option<Timestamp>,
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

#[derive(Debug)]
struct Stop {
    code: &'static str,
    reason: String,
    /// What the container that brought the task down has to say.
    container_reason: Option<String>,
    /// `None` where the containers never started.
    exit_code: Option<i32>,
}

/// What a step of a task means to its deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    BecameHealthy,
    Failed,
    Quiet,
}

/// Where a task comes from.
#[derive(Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) deployment: u64,
    pub(crate) task_definition: &'a str,
    pub(crate) containers: &'a [Container],
    pub(crate) launch_type: &'a str,
    pub(crate) script: Script,
}

impl Task {
    pub(crate) fn start(id: String, origin: Origin<'_>, at: Timestamp, pace: Pace) -> Self {
        Self {
            id,
            deployment: origin.deployment,
            task_definition: origin.task_definition.to_owned(),
            containers: origin.containers.to_vec(),
            launch_type: origin.launch_type.to_owned(),
            script: origin.script,
            status: Status::Provisioning,
            wanted: true,
            healthy: false,
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
                let pulling = match script {
                    Script::ImageMissing => PULLING_IN_VAIN,
                    Script::Crash { .. } | Script::Healthy => PULLING,
                };
                self.next_at = Some(at + pace.scale(pulling));
                Step::Quiet
            }
            (Status::Pending, Script::ImageMissing) => {
                let stop = self.pull_failure();
                self.end(at, stop);
                Step::Failed
            }
            (Status::Pending, script) => {
                self.status = Status::Running;
                self.started_at = Some(at);
                let next = match script {
                    Script::Crash { .. } => CRASHING,
                    Script::Healthy | Script::ImageMissing => HEALTHY,
                };
                self.next_at = Some(at + pace.scale(next));
                Step::Quiet
            }
            (Status::Running, Script::Crash { exit_code }) => {
                self.end(
                    at,
                    Stop {
                        code: "EssentialContainerExited",
                        reason: "Essential container in task exited".to_owned(),
                        container_reason: None,
                        exit_code: Some(exit_code),
                    },
                );
                Step::Failed
            }
            (Status::Running, _) => {
                self.healthy = true;
                self.next_at = None;
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

    /// The scheduler no longer needs it.
    pub(crate) fn ask_to_stop(&mut self, at: Timestamp, pace: Pace) {
        let ran = self.status == Status::Running;
        self.status = Status::Deactivating;
        self.wanted = false;
        self.healthy = false;
        self.stopping_at = Some(at);
        self.next_at = Some(at + pace.scale(STOPPING));
        self.stop = Some(Stop {
            code: "ServiceSchedulerInitiated",
            reason: format!(
                "Scaling activity initiated by (deployment ecs-svc/{})",
                self.deployment
            ),
            container_reason: None,
            exit_code: ran.then_some(0),
        });
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

    fn end(&mut self, at: Timestamp, stop: Stop) {
        self.status = Status::Stopped;
        self.wanted = false;
        self.healthy = false;
        self.next_at = None;
        self.stopping_at = Some(at);
        self.stopped_at = Some(at);
        self.stop = Some(stop);
    }

    /// Reported: on Fargate the task names the cause, on EC2 only its container does.
    fn pull_failure(&self) -> Stop {
        let image = self.culprit().map_or("", |container| &container.image);
        let cause = format!(
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to \
             resolve ref {image}: {image}: not found"
        );
        let reason = match self.launch_type.as_str() {
            "FARGATE" => cause.clone(),
            _ => "Task failed to start".to_owned(),
        };
        Stop { code: "TaskFailedToStart", reason, container_reason: Some(cause), exit_code: None }
    }

    /// The container that the script brings down.
    fn culprit(&self) -> Option<&Container> {
        self.containers.iter().find(|container| container.essential)
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

    pub(crate) fn desired_status(&self) -> &'static str {
        if self.wanted { "RUNNING" } else { "STOPPED" }
    }

    pub(crate) fn to_json(&self, prefix: &str, cluster: &str, service: &str) -> Value {
        let arn = format!("{prefix}task/{cluster}/{}", self.id);
        let containers: Vec<Value> = self
            .containers
            .iter()
            .map(|container| self.container_to_json(container, &arn))
            .collect();
        let mut task = json!({
            "taskArn": arn,
            "clusterArn": format!("{prefix}cluster/{cluster}"),
            "taskDefinitionArn": self.task_definition,
            "group": format!("service:{service}"),
            "startedBy": format!("ecs-svc/{}", self.deployment),
            "launchType": self.launch_type,
            "lastStatus": self.status(),
            "desiredStatus": self.desired_status(),
            "healthStatus": "UNKNOWN",
            "createdAt": self.created_at.to_json(),
            "containers": containers,
            "attachments": [],
            "attributes": [],
            "tags": [],
            "version": 1,
        });
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

    fn container_to_json(&self, container: &Container, task: &str) -> Value {
        let mut value = json!({
            "containerArn": task.replace(":task/", ":container/") + "/" + &container.name,
            "taskArn": task,
            "name": container.name,
            "image": container.image,
            "lastStatus": if self.is_pending() { "PENDING" } else { self.status() },
            "healthStatus": "UNKNOWN",
            "networkInterfaces": [],
        });
        if let Some(stop) = &self.stop {
            let is_culprit = self.culprit().is_some_and(|culprit| culprit.name == container.name);
            if let (true, Some(reason)) = (is_culprit, &stop.container_reason) {
                value["reason"] = json!(reason);
            }
            if let Some(exit_code) = stop.exit_code.filter(|_| self.is_stopped()) {
                value["exitCode"] = json!(if is_culprit { exit_code } else { 0 });
            }
        }
        value
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTasks {
    cluster: Option<String>,
    service_name: Option<String>,
    family: Option<String>,
    started_by: Option<String>,
    desired_status: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct DescribeTasks {
    cluster: Option<String>,
    #[serde(default)]
    tasks: Vec<String>,
}

impl Ecs {
    pub(crate) fn list_tasks(&self, body: &[u8], context: &Context<'_>) -> Result<Value, AwsError> {
        let input: ListTasks = parse(body)?;
        let cluster_name = cluster_name(input.cluster.as_deref(), context);
        let cluster = self.cluster(cluster_name)?;
        // API reference: where startedBy is given, it must be the only filter. Text inferred.
        let others = input.service_name.is_some()
            || input.family.is_some()
            || input.desired_status.is_some();
        if input.started_by.is_some() && others {
            return Err(AwsError::invalid_parameter("startedBy must be the only filter."));
        }
        let wanted = input.desired_status.as_deref().unwrap_or("RUNNING");
        if !matches!(wanted, "RUNNING" | "PENDING" | "STOPPED") {
            return Err(AwsError::invalid_parameter("Invalid desired status."));
        }
        let service = match &input.service_name {
            None => None,
            Some(given) => {
                let name = service_name(given, cluster_name, context);
                if !cluster.services.contains_key(name) {
                    return Err(AwsError::new("ServiceNotFoundException", "Service not found."));
                }
                Some(name)
            }
        };
        let family = input.family.as_ref().map(|family| format!("task-definition/{family}:"));
        let arns = cluster
            .services
            .iter()
            .filter(|(name, _)| service.is_none_or(|service| service == *name))
            .flat_map(|(_, service)| service.tasks.iter().map(move |task| (service, task)))
            .filter(|(_, task)| task.desired_status() == wanted)
            .filter(|(_, task)| {
                let started_by = format!("ecs-svc/{}", task.deployment);
                input.started_by.as_ref().is_none_or(|wanted| *wanted == started_by)
            })
            .filter(|(_, task)| {
                family.as_ref().is_none_or(|family| task.task_definition.contains(family))
            })
            .map(|(service, task)| {
                json!(service.arn_of(&format!("task/{cluster_name}/{}", task.id)))
            })
            .collect();
        page("taskArns", arns, input.max_results, input.next_token.as_deref(), 100)
    }

    pub(crate) fn describe_tasks(
        &self,
        body: &[u8],
        context: &Context<'_>,
    ) -> Result<Value, AwsError> {
        let input: DescribeTasks = parse(body)?;
        let cluster_name = cluster_name(input.cluster.as_deref(), context);
        let cluster = self.cluster(cluster_name)?;
        // API reference: up to 100 tasks. Texts inferred.
        if input.tasks.is_empty() {
            return Err(AwsError::invalid_parameter("Tasks cannot be empty."));
        }
        if input.tasks.len() > 100 {
            return Err(AwsError::invalid_parameter("Tasks cannot have more than 100 elements"));
        }
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for given in &input.tasks {
            let id = task_id(given, cluster_name, context);
            let found = cluster.services.values().find_map(|service| {
                let task = service.tasks.iter().find(|task| task.id == id)?;
                Some(task.to_json(&service.prefix, cluster_name, &service.name))
            });
            match found {
                Some(task) => tasks.push(task),
                None => failures.push(json!({
                    "arn": context.caller.arn("ecs", &format!("task/{cluster_name}/{id}")),
                    "reason": "MISSING",
                })),
            }
        }
        Ok(json!({ "tasks": tasks, "failures": failures }))
    }
}
