//! The parser of ECS's failure messages. AWS documents their beginnings and examples ("Stopped
//! tasks error messages", "CannotPullContainer task errors", "ResourceInitializationError errors").
//! The other phrases come from the container runtimes, and from the ECS agent's source.

use crate::model::cause::FailureCause;

/// Returns the cause that a message states; `None` if it contains no known phrase.
pub(crate) fn cause(text: &str) -> Option<FailureCause> {
    let text = Text::new(text);
    let is = |phrases| text.has(phrases);
    let cause = if is(&["outofmemory"]) {
        FailureCause::OutOfMemory
    } else if is(&["cannotpull"]) {
        image(&text)
    } else if is(&["containerruntimetimeouterror", "dockertimeouterror"]) {
        FailureCause::StartTimeout
    } else if let Some(cause) = command(&text).or_else(|| resource(&text)) {
        cause
    } else if is(&["cannotstartcontainer", "cannotcreatecontainer", "resourceinitializationerror"])
    {
        FailureCause::StartFailed
    } else if is(&["unable to assume the role", "unable to assume role"]) {
        FailureCause::RoleNotAssumable
    } else if is(&["elb health checks"]) {
        FailureCause::LoadBalancerHealthCheck
    } else if is(&["container health checks"]) {
        FailureCause::ContainerHealthCheck
    } else if is(&["spot task was interrupted"]) {
        FailureCause::SpotInterruption
    } else if is(CAPACITY) {
        FailureCause::Capacity
    } else if is(INFRASTRUCTURE) {
        FailureCause::Infrastructure
    } else {
        return None;
    };
    Some(cause)
}

/// Returns the cause of a CannotPullContainerError.
fn image(text: &Text) -> FailureCause {
    if text.has(PLATFORM) {
        FailureCause::WrongPlatform
    // The agent's advice precedes the actual error, and a temporary error may also say "denied".
    } else if text.has(PASSING) {
        FailureCause::ImagePullFailed
    } else if text.has(DENIED) || text.has(PULL_DENIED) {
        FailureCause::ImagePullDenied
    } else if text.has(IMAGE_MISSING) {
        FailureCause::ImageMissing
    } else {
        FailureCause::ImagePullFailed
    }
}

/// Returns the cause if the container's process failed to start.
fn command(text: &Text) -> Option<FailureCause> {
    // The runtime writes the text before the phrase. It also says "no such file" about mounts.
    let is_about_process = text.has(&["exec: ", "exec user process"]);
    if text.has(PLATFORM) || text.has(&["exec format error"]) {
        Some(FailureCause::WrongPlatform)
    } else if text.has(&["executable file not found", "the system cannot find the file specified"])
        || (is_about_process && text.has(&["no such file"]))
    {
        Some(FailureCause::CommandNotFound)
    } else if is_about_process && text.has(&["permission denied", "is a directory"]) {
        Some(FailureCause::CommandDenied)
    } else {
        None
    }
}

/// Returns the cause if a resource of the task was unavailable.
fn resource(text: &Text) -> Option<FailureCause> {
    if text.has(&["logger args", "logging driver", "cloudwatch log"]) {
        Some(if text.has(PASSING) {
            FailureCause::LogDriverFailed
        } else if text.has(DENIED) {
            FailureCause::LogDenied
        } else if text.has(&["log group does not exist", "resourcenotfoundexception"]) {
            FailureCause::LogGroupMissing
        } else {
            FailureCause::LogDriverFailed
        })
    } else if text.has(VOLUME) {
        Some(FailureCause::VolumeFailed)
    } else if text.has(NETWORK_INTERFACE) {
        Some(FailureCause::NetworkInterface)
    } else if text.has(&["resourceinitializationerror", "fetching secret data"]) {
        secret(text)
    } else {
        None
    }
}

/// Returns the cause of a failure to fetch secrets. The registry's credentials are fetched together
/// with the secrets, and the same phrase begins the errors of both.
fn secret(text: &Text) -> Option<FailureCause> {
    let rest = Text(text.0.replace("unable to pull secrets or registry auth", ""));
    if rest.has(&["registry auth", "getauthorizationtoken"]) {
        Some(if rest.has(DENIED) && !rest.has(PASSING) {
            FailureCause::ImagePullDenied
        } else {
            FailureCause::ImagePullFailed
        })
    } else if rest.has(&["secret", "ssm", "parameter store", "systems manager"]) {
        Some(if rest.has(PASSING) {
            FailureCause::SecretUnreadable
        } else if rest.has(DENIED) {
            FailureCause::SecretDenied
        } else if rest.has(SECRET_MISSING) {
            FailureCause::SecretMissing
        } else {
            FailureCause::SecretUnreadable
        })
    } else {
        None
    }
}

/// A message in lower case.
struct Text(String);

impl Text {
    fn new(text: &str) -> Self {
        Self(text.to_lowercase().replace('\u{2019}', "'"))
    }

    fn has(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.contains(phrase))
    }
}

/// Phrases for errors that may be gone at the next attempt.
const PASSING: &[&str] = &[
    "bad gateway",
    "check your network",
    "connection issue",
    "connection refused",
    "connection reset",
    "context canceled",
    "deadline exceeded",
    "dial tcp",
    "failed open",
    "failed to copy",
    "handshake timeout",
    "i/o timeout",
    "internal server error",
    "no space left",
    "no such host",
    "rate exceeded",
    "rate limit",
    "request canceled",
    "requestcanceled",
    "service unavailable",
    "signal: killed",
    "throttlingexception",
    "too many requests",
    "toomanyrequests",
    "unexpected eof",
];

const DENIED: &[&str] = &[
    "access denied",
    "access to kms is not allowed",
    "accessdenied",
    "is not authorized to perform",
];

const PULL_DENIED: &[&str] = &[
    "401 unauthorized",
    "403 forbidden",
    "authentication required",
    "authorization failed",
    "no basic auth credentials",
    "requested access to the resource is denied",
];

const IMAGE_MISSING: &[&str] =
    &[": not found", "does not exist", "manifest unknown", "name unknown", "no such image"];

/// The phrases of Docker, containerd and the ECS agent for a wrong platform.
const PLATFORM: &[&str] = &[
    "does not contain descriptor matching platform",
    "does not match the host operating system",
    "does not match the specified platform",
    "failed to find a descriptor for platform",
    "no match for platform",
    "no matching manifest for",
];

const SECRET_MISSING: &[&str] = &[
    "did not contain json key",
    "find the specified secret",
    "invalid parameters: ",
    "invalid ssm parameters",
    "marked for deletion",
    "parameternotfound",
    "resourcenotfoundexception",
];

const VOLUME: &[&str] = &[
    "cannotcreatevolume",
    "ebs volume",
    "efs utils",
    "efs volume",
    "error mounting",
    "error while mounting volume",
    "failed to mount",
    "fsx",
    "mount.nfs",
];

const NETWORK_INTERFACE: &[&str] =
    &["failed to configure eni", "network interface", "resource:eni", "setup regular eni"];

const CAPACITY: &[&str] = &[
    "capacity is unavailable",
    "capacity limit was exceeded",
    "insufficient capacity",
    "is above your limit",
    "limit on the number of",
    "no container instance",
    "resource:cpu",
    "resource:gpu",
    "resource:memory",
    "resource:ports",
];

const INFRASTRUCTURE: &[&str] = &[
    "container instance deregistration",
    "host ec2",
    "internal error",
    "maintenance",
    "provisioning to complete",
    "unexpected ec2 error",
];
