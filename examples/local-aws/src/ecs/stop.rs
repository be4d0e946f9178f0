//! Why a task stopped, in the members in which ECS says so.

use super::script::HealthCheck;
use super::workload::Workload;

#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) code: &'static str,
    pub(crate) reason: String,
    /// What the container that brought the task down has to say.
    pub(crate) container_reason: Option<String>,
    /// That container's; the others exit with 0. `None` where they never started.
    pub(crate) exit_code: Option<i32>,
}

impl Stop {
    /// AWS documentation on stopped tasks.
    pub(crate) fn exit(exit_code: i32) -> Self {
        Self {
            code: "EssentialContainerExited",
            reason: "Essential container in task exited".to_owned(),
            container_reason: None,
            exit_code: Some(exit_code),
        }
    }

    /// AWS documentation on stopped tasks: the container has the reason, and 137 is SIGKILL.
    pub(crate) fn out_of_memory() -> Self {
        let cause = "OutOfMemoryError: Container killed due to memory usage";
        Self { container_reason: Some(cause.to_owned()), ..Self::exit(137) }
    }

    /// Reported: on Fargate the task names the cause, on EC2 only its container does.
    pub(crate) fn image_missing(workload: &Workload) -> Self {
        let image = workload.culprit().map_or("", |container| &container.image);
        let cause = format!(
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to \
             resolve ref {image}: {image}: not found"
        );
        let reason = match workload.launch_type.as_str() {
            "FARGATE" => cause.clone(),
            _ => "Task failed to start".to_owned(),
        };
        Self { code: "TaskFailedToStart", reason, container_reason: Some(cause), exit_code: None }
    }

    /// Reported, with this text; on the task alone, because no container was made yet.
    pub(crate) fn secret_denied(workload: &Workload, task: &str) -> Self {
        let secret = workload.secret().unwrap_or("parameter/example");
        let (store, action) = match secret.contains(":secretsmanager:") {
            true => ("secret from asm", "secretsmanager:GetSecretValue"),
            false => ("secrets from ssm", "ssm:GetParameters"),
        };
        let role = workload.execution_role.as_deref().unwrap_or("execution-role");
        let role = role.rsplit('/').next().unwrap_or(role);
        let reason = format!(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution \
             resource retrieval failed: unable to retrieve {store}: service call has been retried \
             1 time(s): AccessDeniedException: User: assumed-role/{role}/{task} is not authorized \
             to perform: {action} on resource: {secret} because no identity-based policy allows \
             the {action} action"
        );
        Self { code: "TaskFailedToStart", reason, container_reason: None, exit_code: None }
    }

    /// AWS documentation on stopped tasks has the texts; that the scheduler is who stops them is
    /// reported.
    pub(crate) fn unhealthy(by: HealthCheck, workload: &Workload) -> Self {
        let reason = match by {
            HealthCheck::Container => "Task failed container health checks".to_owned(),
            HealthCheck::LoadBalancer => {
                let group = &workload.checking_target_group().arn;
                format!("Task failed ELB health checks in (target-group {group})")
            }
        };
        Self { reason, ..Self::scheduler(String::new()) }
    }

    /// The scheduler no longer needs it. AWS documentation on stopped tasks.
    pub(crate) fn scaling(deployment: u64) -> Self {
        Self::scheduler(format!("Scaling activity initiated by (deployment ecs-svc/{deployment})"))
    }

    /// StopTask. API reference: the reason is the caller's; without one, the text is reported.
    pub(crate) fn user(reason: Option<String>) -> Self {
        Self {
            code: "UserInitiated",
            reason: reason.unwrap_or_else(|| "Task stopped by user".to_owned()),
            container_reason: None,
            exit_code: Some(0),
        }
    }

    fn scheduler(reason: String) -> Self {
        Self {
            code: "ServiceSchedulerInitiated",
            reason,
            container_reason: None,
            exit_code: Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(launch_type: &str, secret: &str) -> Workload {
        let container = json!({
            "name": "web",
            "image": "nginx:1",
            "secrets": [{ "name": "A", "valueFrom": secret }],
        });
        Workload {
            task_definition: "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1".to_owned(),
            containers: vec![serde_json::from_value(container).unwrap()],
            launch_type: launch_type.to_owned(),
            execution_role: Some("arn:aws:iam::123456789012:role/service/execution".to_owned()),
            target_group: None,
        }
    }

    #[test]
    fn on_ec2_only_the_container_says_that_the_image_is_missing() {
        for (launch_type, on_task) in [("EC2", false), ("FARGATE", true)] {
            let stop = Stop::image_missing(&workload(launch_type, ""));
            let prefix = "CannotPullContainerError: ";
            assert!(stop.container_reason.unwrap().starts_with(prefix));
            assert_eq!(stop.reason.starts_with(prefix), on_task);
        }
    }

    #[test]
    fn a_denied_secret_names_the_store_the_role_and_the_action() {
        for (secret, words) in [
            ("arn:aws:secretsmanager:us-east-1:1:secret:a", "secretsmanager:GetSecretValue"),
            ("arn:aws:ssm:us-east-1:1:parameter/a", "ssm:GetParameters"),
        ] {
            let reason = Stop::secret_denied(&workload("FARGATE", secret), "0a1b").reason;
            let denied = format!(
                "User: assumed-role/execution/0a1b is not authorized to perform: {words} on \
                 resource: {secret} because"
            );
            assert!(reason.contains(&denied), "{reason}");
        }
    }
}
