//! Why a task stopped, in the members in which ECS says so.

use super::script::{HealthCheck, Script};
use super::workload::Workload;

#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) code: &'static str,
    pub(crate) reason: String,
    /// What the container that brought the task down has to say.
    pub(crate) container_reason: Option<String>,
    /// The exit code of that container; the others exit with 0. `None` if they never started.
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

    /// Why the tasks of a script never start; `None` if they do.
    pub(crate) fn before_start(script: Script, workload: &Workload, task: &str) -> Option<Self> {
        match script {
            Script::CommandNotFound => Some(Self::command_not_found(workload)),
            Script::ImageMissing => Some(Self::image_missing(workload)),
            Script::ImagePullDenied => Some(Self::image_pull_denied(workload, task)),
            Script::ImagePullThrottled => Some(Self::image_pull_throttled(workload)),
            Script::LogGroupMissing => Some(Self::log_group_missing(workload)),
            Script::SecretDenied => Some(Self::secret_denied(workload, task)),
            Script::SecretMissing => Some(Self::secret_missing(workload)),
            Script::WrongPlatform => Some(Self::wrong_platform(workload)),
            _ => None,
        }
    }

    /// Reported, with this text.
    fn command_not_found(workload: &Workload) -> Self {
        let runtime = match is_fargate(workload) {
            true => "ResourceInitializationError: failed to create new container runtime task",
            false => "Error response from daemon: failed to create task for container",
        };
        Self::container_failed(format!(
            "CannotStartContainerError: {runtime}: failed to create shim task: OCI runtime create \
             failed: runc create failed: unable to start container process: exec: \"serve\": \
             executable file not found in $PATH: unknown"
        ))
    }

    /// Reported, with this text.
    fn image_missing(workload: &Workload) -> Self {
        let image = image(workload);
        let cause = format!(
            "pull image manifest has been retried 5 time(s): failed to resolve ref {image}: \
             {image}: not found"
        );
        Self::cannot_pull(workload, &cause)
    }

    /// Reported on Fargate; on EC2, the ECS agent's tests have the text.
    fn image_pull_denied(workload: &Workload, task: &str) -> Self {
        let image = image(workload);
        let named = image.split_once('@').or_else(|| image.rsplit_once(':'));
        let (repository, tag) = named.unwrap_or((image, "latest"));
        let registry = image.split_once('/').map_or("docker.io", |(registry, _)| registry);
        let cause = match is_fargate(workload) {
            true => format!(
                "pull image manifest has been retried 1 time(s): failed to resolve ref {image}: \
                 pulling from host {registry} failed with status code [manifests {tag}]: 403 \
                 Forbidden"
            ),
            false => format!(
                "The task can\u{2019}t pull the image. Check that the role has the permissions to \
                 pull images from the registry. Error response from daemon: pull access denied for \
                 {repository}, repository does not exist or may require 'docker login': \
                 denied: User: assumed-role/{}/{task} is not authorized to perform: \
                 ecr:BatchGetImage on resource: {repository} because no identity-based policy \
                 allows the ecr:BatchGetImage action",
                role(workload)
            ),
        };
        Self::cannot_pull(workload, &cause)
    }

    /// AWS documentation on CannotPullContainer errors has the end of it, reports the beginning.
    fn image_pull_throttled(workload: &Workload) -> Self {
        let cause = format!(
            "pull image manifest has been retried 5 time(s): failed to resolve ref {}: unexpected \
             status code: 429 Too Many Requests - Server message: toomanyrequests: You have \
             reached your pull rate limit.",
            image(workload)
        );
        Self::cannot_pull(workload, &cause)
    }

    /// Reported, with these texts.
    fn wrong_platform(workload: &Workload) -> Self {
        let cause = match is_fargate(workload) {
            true => {
                "pull image manifest has been retried 7 time(s): image Manifest does not contain \
                 descriptor matching platform 'linux/amd64'."
            }
            false => {
                "Error response from daemon: no matching manifest for linux/amd64 in the manifest \
                 list entries"
            }
        };
        Self::cannot_pull(workload, cause)
    }

    /// Reported, with these texts: on Fargate before there is a container, on EC2 by Docker.
    fn log_group_missing(workload: &Workload) -> Self {
        let cause = "failed to create Cloudwatch log stream: ResourceNotFoundException: The \
                     specified log group does not exist.";
        match is_fargate(workload) {
            true => Self::task_failed(format!(
                "ResourceInitializationError: failed to validate logger args: create stream has \
                 been retried 1 times: {cause} : exit status 1"
            )),
            false => Self::container_failed(format!(
                "CannotStartContainerError: Error response from daemon: failed to initialize \
                 logging driver: {cause}"
            )),
        }
    }

    /// Reported, with this text.
    fn secret_denied(workload: &Workload, task: &str) -> Self {
        let secret = secret(workload);
        let action = match is_in_secrets_manager(secret) {
            true => "secretsmanager:GetSecretValue",
            false => "ssm:GetParameters",
        };
        let cause = format!(
            "AccessDeniedException: User: assumed-role/{}/{task} is not authorized to perform: \
             {action} on resource: {secret} because no identity-based policy allows the {action} \
             action",
            role(workload)
        );
        Self::no_secret(secret, &cause)
    }

    /// Reported, with these texts.
    fn secret_missing(workload: &Workload) -> Self {
        let secret = secret(workload);
        let cause = match is_in_secrets_manager(secret) {
            true => "ResourceNotFoundException: Secrets Manager can't find the specified secret."
                .to_owned(),
            false => {
                let name = secret.split_once(":parameter").map_or(secret, |(_, name)| name);
                format!("invalid ssm parameters: {name}")
            }
        };
        Self::no_secret(secret, &cause)
    }

    fn no_secret(secret: &str, cause: &str) -> Self {
        let store = match is_in_secrets_manager(secret) {
            true => "secret from asm",
            false => "secrets from ssm",
        };
        Self::task_failed(format!(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution \
             resource retrieval failed: unable to retrieve {store}: service call has been retried \
             1 time(s): {cause}"
        ))
    }

    /// Reported: on Fargate the task names the cause too, on EC2 only its container does.
    fn cannot_pull(workload: &Workload, cause: &str) -> Self {
        let stop = Self::container_failed(format!("CannotPullContainerError: {cause}"));
        match (&stop.container_reason, is_fargate(workload)) {
            (Some(cause), true) => Self { reason: cause.clone(), ..stop },
            _ => stop,
        }
    }

    /// It has the reason, and the task only says that it didn't start. Reported.
    fn container_failed(reason: String) -> Self {
        Self {
            container_reason: Some(reason),
            ..Self::task_failed("Task failed to start".to_owned())
        }
    }

    /// The task alone has the reason, because no container was made yet. Reported.
    fn task_failed(reason: String) -> Self {
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

fn is_fargate(workload: &Workload) -> bool {
    workload.launch_type == "FARGATE"
}

/// The image of the container that a script brings down.
fn image(workload: &Workload) -> &str {
    workload.culprit().map_or("", |container| &container.image)
}

/// The name of the role that the agent acts with.
fn role(workload: &Workload) -> &str {
    let role = workload.execution_role.as_deref().unwrap_or("execution-role");
    role.rsplit('/').next().unwrap_or(role)
}

fn secret(workload: &Workload) -> &str {
    workload.secret().unwrap_or("parameter/example")
}

fn is_in_secrets_manager(secret: &str) -> bool {
    secret.contains(":secretsmanager:")
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

    const PULLS: [Script; 4] = [
        Script::ImageMissing,
        Script::ImagePullDenied,
        Script::ImagePullThrottled,
        Script::WrongPlatform,
    ];

    #[test]
    fn on_ec2_only_the_container_says_why_the_image_is_not_there() {
        for (launch_type, on_task) in [("EC2", false), ("FARGATE", true)] {
            for script in PULLS {
                let workload = workload(launch_type, "");
                let stop = Stop::before_start(script, &workload, "0a1b").unwrap();
                let prefix = "CannotPullContainerError: ";
                assert!(stop.container_reason.unwrap().starts_with(prefix));
                assert_eq!(stop.reason.starts_with(prefix), on_task);
            }
        }
    }

    #[test]
    fn a_log_group_is_missed_by_the_task_or_by_docker() {
        let missing = "ResourceNotFoundException: The specified log group does not exist.";
        let stop = Stop::log_group_missing(&workload("FARGATE", ""));
        assert!(stop.reason.starts_with("ResourceInitializationError: failed to validate logger"));
        assert!(stop.reason.contains(missing) && stop.container_reason.is_none());
        let stop = Stop::log_group_missing(&workload("EC2", ""));
        assert_eq!(stop.reason, "Task failed to start");
        let reason = stop.container_reason.unwrap();
        assert!(reason.starts_with("CannotStartContainerError: ") && reason.ends_with(missing));
    }

    #[test]
    fn a_missing_secret_is_named_as_its_store_does() {
        for (secret, end) in [
            (
                "arn:aws:secretsmanager:us-east-1:1:secret:a",
                "from asm: service call has been retried 1 time(s): ResourceNotFoundException: \
                 Secrets Manager can't find the specified secret.",
            ),
            (
                "arn:aws:ssm:us-east-1:1:parameter/demo/a",
                "from ssm: service call has been retried 1 time(s): invalid ssm parameters: /demo/a",
            ),
        ] {
            let reason = Stop::secret_missing(&workload("FARGATE", secret)).reason;
            assert!(reason.ends_with(end), "{reason}");
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
