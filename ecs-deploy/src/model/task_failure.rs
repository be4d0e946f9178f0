//! [`TaskFailure`]: the reason why a task stopped.

use std::fmt;

use aws_sdk_ecs::types::{Container, HealthStatus, Task, TaskStopCode};
use serde::Serialize;

use crate::model::cause::FailureCause;
use crate::model::cause::symptoms::Symptoms;
use crate::outside::Outside;

/// A task of the deployment that stopped by itself, that ECS stopped because it failed a health
/// check, or that a user stopped.
///
/// `Display` quotes ECS's words. The methods and serde's formats have them unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskFailure {
    task: String,
    stop_code: Option<String>,
    container: Option<String>,
    exit_code: Option<i32>,
    image: Option<String>,
    image_digest: Option<String>,
    reason: String,
    cause: FailureCause,
}

impl TaskFailure {
    /// Returns the task's id: the last segment of its ARN.
    pub fn task(&self) -> &str {
        &self.task
    }

    /// Returns the cause, for a program that acts on it.
    pub fn cause(&self) -> FailureCause {
        self.cause
    }

    /// Returns ECS's stop code, such as `TaskFailedToStart`, if ECS gives one.
    pub fn stop_code(&self) -> Option<&str> {
        self.stop_code.as_deref()
    }

    /// Returns the container that caused the failure, if that is known.
    pub fn container(&self) -> Option<&str> {
        self.container.as_deref()
    }

    /// Returns that container's exit code; `None` if it never ran, or stopped only because ECS
    /// stopped the task.
    pub fn exit_code(&self) -> Option<i32> {
        self.exit_code
    }

    /// Returns that container's image, as the task definition names it.
    pub fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// Returns the digest of that image, such as `sha256:…`; `None` if it was never pulled.
    pub fn image_digest(&self) -> Option<&str> {
        self.image_digest.as_deref()
    }

    /// Returns ECS's reason, such as `CannotPullContainerError: …`: the container's, or else the
    /// task's.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Describes the failure in one clause, without the task's id.
    pub(crate) fn explanation(&self) -> String {
        let reason = Outside::new(&self.reason);
        match (self.container.as_ref().map(Outside::new), self.exit_code) {
            (Some(container), Some(code)) => {
                format!("container {container} exited with code {code}: {reason}")
            }
            (Some(container), None) => format!("container {container}: {reason}"),
            (None, _) => reason.to_string(),
        }
    }

    /// Returns the failure of a service's task; `None` if the service no longer needed the task.
    pub(crate) fn from_task(task: &Task) -> Option<Self> {
        let is_told_to = matches!(
            task.stop_code(),
            Some(TaskStopCode::ServiceSchedulerInitiated | TaskStopCode::UserInitiated)
        );
        let stopped_reason = task.stopped_reason().unwrap_or_default();
        // The scheduler stops tasks that it no longer needs, and tasks that fail a health check.
        if task.stop_code() == Some(&TaskStopCode::ServiceSchedulerInitiated)
            && stopped_reason.starts_with(SCALING)
        {
            return None;
        }
        task.task_arn()?;
        let culprit = culprit(task.containers(), is_told_to);
        let failure = Self::from_culprit(task, culprit);
        // The exit code of a container that ECS stops has no meaning.
        let exit_code = failure.exit_code.filter(|_| !is_told_to);
        Some(Self { exit_code, ..failure })
    }

    /// Describes a stopped task; `culprit` is the container that caused the failure, if known.
    pub(crate) fn from_culprit(task: &Task, culprit: Option<&Container>) -> Self {
        let stopped_reason = task.stopped_reason().unwrap_or_default();
        let container_reason = culprit.and_then(|it| it.reason()).unwrap_or_default();
        let reason = [container_reason, stopped_reason, "no reason given"]
            .into_iter()
            .find(|reason| !reason.is_empty())
            .unwrap_or_default();
        let exit_code = culprit.and_then(|it| it.exit_code());
        // If several containers exited without an error, ECS doesn't show which was first.
        let has_exited = task.stop_code() == Some(&TaskStopCode::EssentialContainerExited);
        let quietly = || task.containers().iter().find_map(|it| it.exit_code());
        let symptoms = Symptoms {
            stop_code: task.stop_code(),
            exit_code: exit_code.or_else(|| quietly().filter(|_| has_exited)),
            is_unhealthy: culprit.is_some_and(is_unhealthy),
            reasons: [container_reason, stopped_reason],
        };
        let arn = task.task_arn().unwrap_or_default();
        Self {
            task: arn.rsplit_once('/').map_or(arn, |(_, id)| id).to_owned(),
            stop_code: task.stop_code().map(|it| it.as_str().to_owned()),
            container: culprit.and_then(|it| it.name()).map(str::to_owned),
            exit_code,
            image: culprit.and_then(|it| it.image()).map(str::to_owned),
            image_digest: culprit.and_then(|it| it.image_digest()).map(str::to_owned),
            reason: reason.to_owned(),
            cause: symptoms.cause(),
        }
    }
}

impl fmt::Display for TaskFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}: {}", Outside::new(&self.task), self.explanation())
    }
}

/// Returns the container that caused its task to stop, if that is known.
fn culprit(containers: &[Container], is_told_to: bool) -> Option<&Container> {
    // If ECS or a user stops the task, the containers' exit codes don't explain why.
    if is_told_to {
        return containers.iter().find(|it| is_unhealthy(it));
    }
    let exited = |is_its_own: fn(i32) -> bool| {
        containers.iter().find(|it| it.exit_code().is_some_and(is_its_own))
    };
    containers
        .iter()
        .find(|it| it.reason().is_some_and(|reason| !reason.is_empty()))
        // When an essential container exits, ECS stops the others with SIGTERM, and then with
        // SIGKILL.
        .or_else(|| exited(|code| !matches!(code, 0 | SIGKILL | SIGTERM)))
        .or_else(|| exited(|code| code != 0))
        .or_else(|| {
            containers.first().filter(|it| containers.len() == 1 && it.exit_code().is_some())
        })
}

fn is_unhealthy(container: &Container) -> bool {
    container.health_status() == Some(&HealthStatus::Unhealthy)
}

/// Exit codes after a signal: 128 plus the signal's number.
const SIGKILL: i32 = 128 + 9;
const SIGTERM: i32 = 128 + 15;

/// The start of the scheduler's reason for a task that it no longer needs (AWS documentation on
/// stopped tasks).
const SCALING: &str = "Scaling activity initiated by";

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(
        code: TaskStopCode,
        reason: &str,
        containers: Vec<Container>,
    ) -> Option<TaskFailure> {
        TaskFailure::from_task(
            &Task::builder()
                .task_arn("arn:aws:ecs:us-east-1:123456789012:task/demo/0a1b")
                .stop_code(code)
                .stopped_reason(reason)
                .set_containers(Some(containers))
                .build(),
        )
    }

    #[test]
    fn the_container_is_named_with_its_exit_code() {
        let containers = vec![
            Container::builder().name("log").exit_code(0).build(),
            Container::builder().name("web").exit_code(137).build(),
        ];
        let failure = stopped(
            TaskStopCode::EssentialContainerExited,
            "Essential container in task exited",
            containers,
        );
        assert_eq!(
            failure.unwrap().to_string(),
            "task 0a1b: container web exited with code 137: Essential container in task exited"
        );
    }

    #[test]
    fn the_container_knows_better_than_the_task() {
        let cause = "CannotPullContainerError: not found";
        let containers = vec![Container::builder().name("web").reason(cause).build()];
        let failure =
            stopped(TaskStopCode::TaskFailedToStart, "Task failed to start", containers).unwrap();
        assert_eq!(failure.reason(), cause);
        assert_eq!(failure.container(), Some("web"));
    }

    #[test]
    fn a_task_that_fails_a_health_check_has_failed() {
        let reason = "Task failed container health checks";
        let containers = vec![
            Container::builder().name("log").exit_code(143).build(),
            Container::builder()
                .name("web")
                .exit_code(137)
                .health_status(HealthStatus::Unhealthy)
                .build(),
        ];
        let failure = stopped(TaskStopCode::ServiceSchedulerInitiated, reason, containers);
        assert_eq!(
            failure.unwrap().to_string(),
            "task 0a1b: container web: Task failed container health checks"
        );
        let reason = "Task failed ELB health checks in (target-group arn:a)";
        let containers = vec![Container::builder().name("web").exit_code(143).build()];
        let failure = stopped(TaskStopCode::ServiceSchedulerInitiated, reason, containers);
        assert_eq!(failure.unwrap().explanation(), reason);
    }

    #[test]
    fn the_others_that_were_stopped_with_it_are_not_to_blame() {
        let container = |name: &str, code| Container::builder().name(name).exit_code(code).build();
        let code = TaskStopCode::EssentialContainerExited;
        let reason = "Essential container in task exited";
        for (containers, name, cause) in [
            (
                vec![container("log", 143), container("web", 1), container("proxy", 137)],
                Some("web"),
                FailureCause::Exited { code: 1 },
            ),
            // Here ECS doesn't show which container was first.
            (
                vec![container("log", 0), container("web", 137)],
                Some("web"),
                FailureCause::Exited { code: 137 },
            ),
            (
                vec![container("log", 0), container("web", 0)],
                None,
                FailureCause::Exited { code: 0 },
            ),
            (vec![container("web", 0)], Some("web"), FailureCause::Exited { code: 0 }),
        ] {
            let failure = stopped(code.clone(), reason, containers).unwrap();
            assert_eq!((failure.container(), failure.cause()), (name, cause));
        }
    }

    #[test]
    fn the_container_s_image_is_named() {
        let web = Container::builder().name("web").exit_code(1).image("web:2");
        let web = web.image_digest("sha256:2b").build();
        let log = Container::builder().name("log").image("log:1").exit_code(0).build();
        let code = TaskStopCode::EssentialContainerExited;
        let failure = stopped(code, "Essential container in task exited", vec![log, web]).unwrap();
        assert_eq!((failure.image(), failure.image_digest()), (Some("web:2"), Some("sha256:2b")));
        // A secret belongs to the task, not to a container.
        let reason = "ResourceInitializationError: unable to retrieve secrets from ssm";
        let log = Container::builder().name("log").image("log:1").build();
        let failure = stopped(TaskStopCode::TaskFailedToStart, reason, vec![log]).unwrap();
        assert_eq!((failure.image(), failure.image_digest()), (None, None));
        assert_eq!(failure.cause(), FailureCause::SecretUnreadable);
    }

    #[test]
    fn a_task_that_somebody_stopped_is_told_as_that() {
        let web = Container::builder().name("web").exit_code(137).build();
        let failure = stopped(TaskStopCode::UserInitiated, "out of the way", vec![web]).unwrap();
        assert_eq!(failure.to_string(), "task 0a1b: out of the way");
        assert_eq!(failure.cause(), FailureCause::StoppedByUser);
        assert_eq!((failure.container(), failure.exit_code()), (None, None));
    }

    #[test]
    fn a_task_that_was_told_to_stop_has_not_failed() {
        let reason = "Scaling activity initiated by (deployment ecs-svc/1)";
        assert_eq!(stopped(TaskStopCode::ServiceSchedulerInitiated, reason, Vec::new()), None);
    }
}
