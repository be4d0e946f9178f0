//! Causes from the texts that AWS documents, and from what containers exit with.

use aws_sdk_ecs::types::TaskStopCode;

use super::*;
use crate::model::cause::symptoms::Symptoms;

fn read(stop_code: TaskStopCode, exit_code: Option<i32>, reasons: [&str; 2]) -> FailureCause {
    let stop_code = Some(&stop_code);
    Symptoms { stop_code, exit_code, is_unhealthy: false, reasons }.cause()
}

#[test]
fn texts_have_causes() {
    for (text, cause) in TEXTS {
        assert_eq!(text::cause(text), Some(*cause), "{text}");
    }
}

#[test]
fn texts_without_a_known_cause_have_none() {
    for text in ["", "Essential container in task exited", "Task failed to start", "what?"] {
        assert_eq!(text::cause(text), None, "{text}");
    }
}

/// Fargate truncates long messages; the rest must not be taken for a more serious cause.
#[test]
fn a_text_that_is_cut_short_is_what_it_was_or_can_heal() {
    for (text, cause) in TEXTS {
        for (end, _) in text.char_indices() {
            let short = text::cause(&text[..end]).unwrap_or(FailureCause::Unknown);
            assert!(short == *cause || short.can_heal(), "{short}: {}", &text[..end]);
        }
    }
}

/// The agent's advice precedes the actual error, and is less specific.
#[test]
fn advice_is_no_cause() {
    for (text, cause) in [
        (
            "ResourceInitializationError: The task can't retrieve the secret with ARN \
             'arn:aws:secretsmanager:us-east-1:123456789012:secret:a' from Secrets Manager. Check \
             whether the secret exists in the specified Region.",
            FailureCause::SecretUnreadable,
        ),
        (
            "CannotPullContainerError: The task can\u{2019}t pull the image. Check whether the image \
             exists.",
            FailureCause::ImagePullFailed,
        ),
        (
            "ResourceInitializationError: failed to validate logger args: The task cannot find the \
             Amazon CloudWatch log group defined in the task definition.",
            FailureCause::LogDriverFailed,
        ),
    ] {
        assert_eq!(text::cause(text), Some(cause), "{text}");
    }
}

#[test]
fn where_a_text_has_both_it_may_pass() {
    for (begin, denied, both) in [
        (
            "CannotPullContainerError: ",
            FailureCause::ImagePullDenied,
            FailureCause::ImagePullFailed,
        ),
        (
            "ResourceInitializationError: unable to retrieve ecr registry auth: ",
            FailureCause::ImagePullDenied,
            FailureCause::ImagePullFailed,
        ),
        (
            "ResourceInitializationError: failed to validate logger args: ",
            FailureCause::LogDenied,
            FailureCause::LogDriverFailed,
        ),
        (
            "ResourceInitializationError: unable to retrieve secret from asm: ",
            FailureCause::SecretDenied,
            FailureCause::SecretUnreadable,
        ),
    ] {
        let text = format!("{begin}AccessDeniedException");
        assert_eq!(text::cause(&text), Some(denied), "{text}");
        let text = format!("{text}: dial tcp 192.0.2.1:443: i/o timeout");
        assert_eq!(text::cause(&text), Some(both), "{text}");
    }
}

#[test]
fn codes_come_before_texts() {
    let pull = "CannotPullContainerError: manifest unknown";
    for (code, cause) in [
        (TaskStopCode::InfrastructureHealth, FailureCause::Infrastructure),
        (TaskStopCode::SpotInterruption, FailureCause::SpotInterruption),
        (TaskStopCode::UserInitiated, FailureCause::StoppedByUser),
        (TaskStopCode::TaskFailedToStart, FailureCause::ImageMissing),
    ] {
        assert_eq!(read(code, Some(1), [pull, pull]), cause);
    }
    let reasons = ["", "Task failed ELB health checks in (target-group a)"];
    for (is_unhealthy, cause) in
        [(true, FailureCause::ContainerHealthCheck), (false, FailureCause::LoadBalancerHealthCheck)]
    {
        let stop_code = Some(&TaskStopCode::ServiceSchedulerInitiated);
        let symptoms = Symptoms { stop_code, exit_code: Some(143), is_unhealthy, reasons };
        assert_eq!(symptoms.cause(), cause);
    }
}

#[test]
fn the_container_s_text_comes_before_the_task_s() {
    let reasons = [
        "OutOfMemoryError: Container killed due to memory usage",
        "Task failed container health checks",
    ];
    let cause = read(TaskStopCode::EssentialContainerExited, Some(137), reasons);
    assert_eq!(cause, FailureCause::OutOfMemory);
    // The task's reason is used if the container's reason doesn't help.
    let reasons = ["what?", "Task failed container health checks"];
    let cause = read(TaskStopCode::ServiceSchedulerInitiated, None, reasons);
    assert_eq!(cause, FailureCause::ContainerHealthCheck);
}

#[test]
fn what_is_not_recognised_has_a_wider_cause() {
    let essential = ["", "Essential container in task exited"];
    for (code, exit_code, reasons, cause) in [
        (
            TaskStopCode::EssentialContainerExited,
            Some(137),
            essential,
            FailureCause::Exited { code: 137 },
        ),
        (
            TaskStopCode::EssentialContainerExited,
            Some(0),
            essential,
            FailureCause::Exited { code: 0 },
        ),
        (TaskStopCode::EssentialContainerExited, None, essential, FailureCause::Unknown),
        (
            TaskStopCode::TaskFailedToStart,
            None,
            ["", "Task failed to start"],
            FailureCause::StartFailed,
        ),
        (TaskStopCode::TerminationNotice, None, ["", ""], FailureCause::Infrastructure),
        (
            TaskStopCode::TerminationNotice,
            None,
            ["", "Your Spot Task was interrupted."],
            FailureCause::SpotInterruption,
        ),
        (
            TaskStopCode::ServiceSchedulerInitiated,
            None,
            ["", "something new"],
            FailureCause::Unknown,
        ),
        (TaskStopCode::from("NewCode"), None, ["", "something new"], FailureCause::Unknown),
    ] {
        assert_eq!(read(code, exit_code, reasons), cause, "{reasons:?}");
    }
}

#[test]
fn a_few_words() {
    for (_, cause) in TEXTS {
        let words = cause.to_string();
        assert!(words.split(' ').count() <= 5 && !words.ends_with('.'), "{words}");
    }
    assert_eq!(FailureCause::Exited { code: -1 }.to_string(), "exited with code -1");
    assert_eq!(FailureCause::WrongPlatform.to_string(), "image for the wrong platform");
}

/// Messages from AWS's documentation, the ECS agent's source, and users' reports, with changed
/// names.
const TEXTS: &[(&str, FailureCause)] = &[
    (
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to \
         resolve ref 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:2: \
         123456789012.dkr.ecr.us-east-1.amazonaws.com/web:2: not found",
        FailureCause::ImageMissing,
    ),
    (
        "CannotPullContainerError: Error response from daemon: manifest for \
         123456789012.dkr.ecr.us-east-1.amazonaws.com/web:2 not found: manifest unknown: Requested \
         image not found",
        FailureCause::ImageMissing,
    ),
    (
        "CannotPullECRContainerError: RepositoryNotFoundException: The repository with name 'web' \
         does not exist in the registry with id '123456789012'",
        FailureCause::ImageMissing,
    ),
    (
        "CannotPullContainerError: The task can\u{2019}t pull the image. Check that the role has the \
         permissions to pull images from the registry. Error response from daemon: pull access \
         denied for 123456789012.dkr.ecr.us-east-1.amazonaws.com/web, repository does not exist or \
         may require 'docker login': denied: User: arn:aws:sts::123456789012:assumed-role/web/xyz is \
         not authorized to perform: ecr:BatchGetImage on resource: \
         arn:aws:ecr:us-east-1:123456789012:repository/web because no identity-based policy allows \
         the ecr:BatchGetImage action",
        FailureCause::ImagePullDenied,
    ),
    (
        "CannotPullContainerError: The task can\u{2019}t pull the image. Check whether the image \
         exists. Error response from daemon: pull access denied for example/web, repository does \
         not exist or may require 'docker login': denied: requested access to the resource is \
         denied",
        FailureCause::ImagePullDenied,
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to \
         resolve ref docker.io/example/web:2: pulling from host registry-1.docker.io failed with \
         status code [manifests 2]: 401 Unauthorized",
        FailureCause::ImagePullDenied,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
         retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 \
         time(s): AccessDeniedException: User: \
         arn:aws:sts::123456789012:assumed-role/web/0a1b is not authorized to perform: \
         ecr:GetAuthorizationToken on resource: * because no identity-based policy allows it",
        FailureCause::ImagePullDenied,
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to \
         resolve ref docker.io/example/web:2: failed to do request: Head \
         \"https://registry-1.docker.io/v2/example/web/manifests/2\": dial tcp 192.0.2.1:443: i/o \
         timeout",
        FailureCause::ImagePullFailed,
    ),
    (
        "CannotPullContainerError: The task cannot pull web from the Amazon ECR repository \
         123456789012.dkr.ecr.us-east-1.amazonaws.com/web. There is a connection issue between the \
         task and Amazon ECR. Check your task network configuration.",
        FailureCause::ImagePullFailed,
    ),
    (
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: \
         httpReaderSeeker: failed open: unexpected status code \
         https://registry-1.docker.io/v2/example/web/manifests/sha256:00: 429 Too Many Requests - \
         Server message: toomanyrequests: You have reached your pull rate limit.",
        FailureCause::ImagePullFailed,
    ),
    (
        "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: \
         httpReaderSeeker: failed open: unexpected status code \
         https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/a: 403 Forbidden",
        FailureCause::ImagePullFailed,
    ),
    (
        "CannotPullContainerError: write /var/lib/docker/tmp/GetImageBlob111111111: no space left \
         on device",
        FailureCause::ImagePullFailed,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot \
         pull registry auth from Amazon ECR: There is a connection issue between the task and \
         Amazon ECR. Check your task network configuration. operation error ECR: \
         GetAuthorizationToken, exceeded maximum number of attempts, 3",
        FailureCause::ImagePullFailed,
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest \
         does not contain descriptor matching platform 'linux/amd64'.",
        FailureCause::WrongPlatform,
    ),
    (
        "CannotPullContainerError: failed to find a descriptor for platform {linux/amd64}",
        FailureCause::WrongPlatform,
    ),
    (
        "CannotPullContainerError: Error response from daemon: no matching manifest for \
         linux/arm64/v8 in the manifest list entries",
        FailureCause::WrongPlatform,
    ),
    (
        "CannotStartContainerError: Error response from daemon: failed to create task for \
         container: exec /app: exec format error",
        FailureCause::WrongPlatform,
    ),
    (
        "CannotCreateContainerError: Error response from daemon: image with reference web:2 was \
         found but does not match the specified platform: wanted linux/amd64, actual: linux/arm64",
        FailureCause::WrongPlatform,
    ),
    (
        "CannotStartContainerError: ResourceInitializationError: failed to create new container \
         runtime task: failed to create shim: OCI runtime create failed: container_linux.go:380: \
         starting container process caused: exec: \"-url\": executable file not found in",
        FailureCause::CommandNotFound,
    ),
    (
        "CannotStartContainerError: ResourceInitializationError: failed to create new container \
         runtime task: OCI runtime create failed: starting container process caused: exec: \
         \"/opt/bin/run.sh\": stat /opt/bin/run.sh: no such file or direct",
        FailureCause::CommandNotFound,
    ),
    (
        "CannotStartContainerError: API error (500): Cannot start container 54b6: [8] System \
         error: exec: \"node index.js\": executable file not found in $PATH",
        FailureCause::CommandNotFound,
    ),
    (
        "CannotStartContainerError: Error response from daemon: failed to create task for \
         container: failed to create shim task: OCI runtime create failed: runc create failed: \
         unable to start container process: error during container init: exec: \"/app\": permission \
         denied: unknown",
        FailureCause::CommandDenied,
    ),
    ("OutOfMemoryError: Container killed due to memory usage", FailureCause::OutOfMemory),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
         retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 \
         time(s): AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/web/0a1b is \
         not authorized to perform: ssm:GetParameters on resource: \
         arn:aws:ssm:us-east-1:123456789012:parameter/a",
        FailureCause::SecretDenied,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve \
         secret from asm: AccessDeniedException: Access to KMS is not allowed",
        FailureCause::SecretDenied,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
         retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 \
         time(s): invalid ssm parameters: /web/key",
        FailureCause::SecretMissing,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
         retrieval failed: unable to retrieve secret from asm: service call has been retried 1 \
         time(s): retrieved secret from Secrets Manager did not contain json key password",
        FailureCause::SecretMissing,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve \
         secret from asm: The task can't retrieve the secret with ARN \
         'arn:aws:secretsmanager:us-east-1:123456789012:secret:a' from Secrets Manager. Check \
         whether the secret exists in the specified Region. ResourceNotFoundException: Secrets \
         Manager can\u{2019}t find the specified secret.",
        FailureCause::SecretMissing,
    ),
    (
        "Fetching secret data from SSM Parameter Store in us-east-1: invalid parameters: /web/key",
        FailureCause::SecretMissing,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve \
         secrets from ssm: The task cannot pull secrets from AWS Systems Manager. There is a \
         connection issue between the task and AWS Systems Manager Parameter Store. Check your \
         task network configuration. RequestCanceled: request context canceled caused by: context \
         deadline exceeded",
        FailureCause::SecretUnreadable,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
         retrieval failed: unable to retrieve secret from asm: service call has been retried 1 \
         time(s): failed to fetch secret",
        FailureCause::SecretUnreadable,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: pull command \
         failed: : signal: killed",
        FailureCause::StartFailed,
    ),
    (
        "ResourceInitializationError: failed to validate logger args: create stream has been \
         retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The \
         specified log group does not exist.: exit status 1",
        FailureCause::LogGroupMissing,
    ),
    (
        "CannotStartContainerError: Error response from daemon: failed to initialize logging \
         driver: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified \
         log group does not exist. status code: 400",
        FailureCause::LogGroupMissing,
    ),
    (
        "ResourceInitializationError: failed to validate logger args: create stream has been \
         retried 1 times: failed to create Cloudwatch log group: AccessDeniedException: User: \
         arn:aws:sts::123456789012:assumed-role/web/0a1b is not authorized to perform: \
         logs:CreateLogGroup on resource: arn:aws:logs:us-east-1:123456789012:log-group:web",
        FailureCause::LogDenied,
    ),
    (
        "ResourceInitializationError: failed to validate logger args: The task cannot find the \
         Amazon CloudWatch log group defined in the task definition. There is a connection issue \
         between the task and Amazon CloudWatch. Check your network configuration. : signal: killed",
        FailureCause::LogDriverFailed,
    ),
    (
        "ResourceInitializationError: failed to validate logger args: unable to get awslogs driver \
         arguments: awslogs-region is required",
        FailureCause::LogDriverFailed,
    ),
    (
        "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: \
         stderr: mount.nfs4: Connection reset by peer : unsuccessful EFS utils command execution; \
         code: 32",
        FailureCause::VolumeFailed,
    ),
    (
        "CannotCreateVolumeError: create web: VolumeDriver.Create: mounting failed",
        FailureCause::VolumeFailed,
    ),
    (
        "CannotStartContainerError: Error response from daemon: OCI runtime create failed: error \
         mounting \"/efs\" to rootfs at \"/data\": no such file or directory",
        FailureCause::VolumeFailed,
    ),
    (
        "Timeout waiting for network interface provisioning to complete.",
        FailureCause::NetworkInterface,
    ),
    ("Unable to attach network interface to unused device index", FailureCause::NetworkInterface),
    (
        "ResourceInitializationError: failed to configure ENI: failed to setup regular ENI: \
         netplugin failed",
        FailureCause::NetworkInterface,
    ),
    (
        "Capacity is unavailable at this time. Please try again later or in a different \
         availability zone",
        FailureCause::Capacity,
    ),
    (
        "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/web' that was provided \
         for this task. Please verify that the role being passed has the proper trust relationship \
         and permissions and that your IAM user has permissions to pass this role.",
        FailureCause::RoleNotAssumable,
    ),
    (
        "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting \
         1m: context deadline exceeded",
        FailureCause::StartTimeout,
    ),
    (
        "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s",
        FailureCause::StartTimeout,
    ),
    ("CannotStartContainerError: failed to get container status: ttrpc", FailureCause::StartFailed),
    ("Your Spot Task was interrupted.", FailureCause::SpotInterruption),
    ("Host EC2 (instance i-0a1b) terminated.", FailureCause::Infrastructure),
    (
        "ECS is performing maintenance on the underlying infrastructure hosting the task.",
        FailureCause::Infrastructure,
    ),
    (
        "Timeout waiting for EphemeralStorage provisioning to complete.",
        FailureCause::Infrastructure,
    ),
    (
        "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:a)",
        FailureCause::LoadBalancerHealthCheck,
    ),
    ("Task failed container health checks", FailureCause::ContainerHealthCheck),
];
