//! The failures of the caller's identity, of tokens, and of Docker's configuration.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_sdk_ecr::primitives::{DateTime, DateTimeFormat};

use crate::error::answer::{Cause, ELSEWHERE, Origin};
use crate::error::denial::{Advice, advice_without_resource};
use crate::error::kind::ErrorKind;
use crate::outside::Outside;

/// The setting of Docker that names a credential helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HelperSetting {
    /// `credHelpers`, for one registry.
    CredHelpers,
    /// `credsStore`, for all registries.
    CredsStore,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginFailure {
    #[error("{}", describe_call(*kind, operation, region, source))]
    Call { kind: ErrorKind, operation: &'static str, region: String, source: Cause },

    #[error("{}", describe_helper(path, registry, *setting, helper))]
    CredentialHelper { path: PathBuf, registry: String, setting: HelperSetting, helper: String },

    #[error("can't add a login to Docker's configuration {}: {problem}", Outside::from_path(path))]
    DockerConfig { path: PathBuf, problem: String },

    #[error("{}", describe_expired(region, *now, *expired))]
    ExpiredToken { region: String, now: SystemTime, expired: SystemTime },

    #[error(
        "{} can't be replaced, because it is a mount point: mount the folder that contains it \
         instead",
        Outside::from_path(path)
    )]
    Mounted { path: PathBuf, source: std::io::Error },

    #[error(
        "can't locate Docker's configuration: set HOME, or set DOCKER_CONFIG to the folder that holds \
         config.json"
    )]
    NoHome,

    #[error(
        "no region is configured, and every registry belongs to one: set AWS_REGION, or `region` in \
         the profile"
    )]
    NoRegion,

    #[error("{operation} in {region}: {problem}")]
    Protocol { operation: &'static str, region: String, problem: String },

    #[error("{} can't be written", Outside::from_path(path))]
    Unwritable { path: PathBuf, source: std::io::Error },
}

impl LoginFailure {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Call { kind, .. } => *kind,
            Self::CredentialHelper { .. } => ErrorKind::CredentialHelper,
            Self::DockerConfig { .. } | Self::NoHome => ErrorKind::DockerConfig,
            Self::ExpiredToken { .. } => ErrorKind::ExpiredToken,
            Self::NoRegion => ErrorKind::Configuration,
            Self::Protocol { .. } => ErrorKind::Protocol,
            Self::Mounted { .. } | Self::Unwritable { .. } => ErrorKind::Io,
        }
    }

    pub(crate) fn operation(&self) -> Option<&'static str> {
        match self {
            Self::Call { operation, .. } | Self::Protocol { operation, .. } => Some(operation),
            Self::ExpiredToken { .. } => Some("GetAuthorizationToken"),
            _ => None,
        }
    }

    /// See [`Error::missing_statement`](crate::Error::missing_statement).
    pub(crate) fn missing_statement(&self) -> Option<String> {
        match self {
            Self::Call { kind: ErrorKind::AccessDenied, operation, source, .. } => {
                denied(operation, source).statement()
            }
            _ => None,
        }
    }

    /// Returns AWS's answer, if AWS answered.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Call { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn describe_call(kind: ErrorKind, operation: &str, region: &str, source: &Cause) -> String {
    match kind {
        ErrorKind::AccessDenied => match denied(operation, source) {
            advice @ Advice::Add(_) => format!(
                "{operation} in {region} is not allowed: {advice}; the action can't be limited to one \
                 repository"
            ),
            advice => format!("{operation} in {region} is not allowed: {advice}"),
        },
        ErrorKind::Configuration => format!("{operation} in {region} can't be sent"),
        ErrorKind::Credentials => {
            format!("{operation} in {region} was not accepted with these credentials")
        }
        ErrorKind::Network if source.origin == Origin::Elsewhere => {
            format!("{operation} in {region} {ELSEWHERE}")
        }
        ErrorKind::Network => format!("{operation} in {region} got no answer"),
        ErrorKind::Protocol => format!("{operation} in {region} got an answer that can't be used"),
        ErrorKind::Throttled => format!("{operation} in {region} was throttled: try again later"),
        _ => format!("{operation} in {region} was refused"),
    }
}

/// Returns the advice for a denial. These actions have no resource, according to the service
/// authorization reference.
fn denied(operation: &str, source: &Cause) -> Advice {
    let service = if operation == "GetCallerIdentity" { "sts" } else { "ecr" };
    advice_without_resource(&format!("{service}:{operation}"), source.text.raw())
}

fn describe_expired(region: &str, now: SystemTime, expired: SystemTime) -> String {
    let (now, expired) = (text(now), text(expired));
    format!(
        "ECR in {region} returned a token that expired at {expired}, but this machine's clock shows \
         {now}: set the clock, or check which endpoint answers if the clock is right"
    )
}

fn describe_helper(path: &Path, registry: &str, setting: HelperSetting, helper: &str) -> String {
    let path = Outside::from_path(path);
    let program = format!("docker-credential-{helper}");
    match setting {
        HelperSetting::CredHelpers => format!(
            "Docker would ignore a login to {registry} in {path}, because `credHelpers` assigns the \
             registry to `{program}`: use that helper, or remove the entry"
        ),
        HelperSetting::CredsStore => format!(
            "Docker would ignore a login to {registry} in {path}, because `credsStore` assigns every \
             registry to `{program}`: pass the token to `docker login --username AWS --password-stdin \
             {registry}`, which stores it there, or remove the entry"
        ),
    }
}

fn text(time: SystemTime) -> String {
    let time = DateTime::from(time);
    time.fmt(DateTimeFormat::DateTime).unwrap_or_else(|_| format!("{} s after 1970", time.secs()))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::time::Duration;

    use super::*;
    use crate::error::Error;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn calls_without_a_repository_say_what_to_do() {
        let text = |kind| {
            let (status, request_id) = (Some(400), Some("id-1".to_owned()));
            let cause = Cause { status, request_id, ..Cause::without_answer("X: y".to_owned()) };
            let error = Error::login_call(kind, "GetAuthorizationToken", "eu-west-1", cause);
            assert_eq!(error.kind(), kind);
            assert_eq!(error.operation(), Some("GetAuthorizationToken"));
            assert_eq!(error.request_id(), Some("id-1"));
            assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("X: y"));
            error.to_string()
        };
        assert_eq!(
            text(ErrorKind::AccessDenied),
            "GetAuthorizationToken in eu-west-1 is not allowed: add \
             {\"Effect\":\"Allow\",\"Action\":\"ecr:GetAuthorizationToken\",\"Resource\":\"*\"} to the \
             policy; the action can't be limited to one repository"
        );
        assert_eq!(
            text(ErrorKind::Configuration),
            "GetAuthorizationToken in eu-west-1 can't be sent"
        );
        assert_eq!(
            text(ErrorKind::Credentials),
            "GetAuthorizationToken in eu-west-1 was not accepted with these credentials"
        );
        assert_eq!(text(ErrorKind::Network), "GetAuthorizationToken in eu-west-1 got no answer");
        assert_eq!(
            text(ErrorKind::Throttled),
            "GetAuthorizationToken in eu-west-1 was throttled: try again later"
        );
        assert_eq!(text(ErrorKind::Service), "GetAuthorizationToken in eu-west-1 was refused");
    }

    #[test]
    fn a_server_s_failure_is_retryable_here_too() {
        let retryable = |status| {
            let status = Some(status);
            let cause = Cause { status, ..Cause::without_answer("x".to_owned()) };
            let kind = ErrorKind::Service;
            Error::login_call(kind, "GetCallerIdentity", "eu-west-1", cause).is_retryable()
        };
        assert!(retryable(500));
        assert!(!retryable(400));
    }

    #[test]
    fn an_expired_token_comes_with_both_times() {
        let error = Error::expired_token("eu-west-1", at(1_767_225_600), at(1_420_070_400));
        assert_eq!(error.kind(), ErrorKind::ExpiredToken);
        assert_eq!(error.operation(), Some("GetAuthorizationToken"));
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            "ECR in eu-west-1 returned a token that expired at 2015-01-01T00:00:00Z, but this \
             machine's clock shows 2026-01-01T00:00:00Z: set the clock, or check which endpoint \
             answers if the clock is right"
        );
    }

    #[test]
    fn what_is_missing_is_said_with_the_cure() {
        assert_eq!(Error::no_region().kind(), ErrorKind::Configuration);
        assert_eq!(
            Error::no_region().to_string(),
            "no region is configured, and every registry belongs to one: set AWS_REGION, or `region` \
             in the profile"
        );
        assert_eq!(Error::no_home().kind(), ErrorKind::DockerConfig);
        assert_eq!(
            Error::no_home().to_string(),
            "can't locate Docker's configuration: set HOME, or set DOCKER_CONFIG to the folder that \
             holds config.json"
        );
    }

    #[test]
    fn a_file_that_is_a_mount_point_is_told_from_one_that_can_not_be_written() {
        let text = |kind: std::io::ErrorKind| {
            let error = Error::unwritable(Path::new("docker/config.json"), kind.into());
            assert_eq!(error.kind(), ErrorKind::Io);
            error.to_string()
        };
        for kind in [std::io::ErrorKind::ResourceBusy, std::io::ErrorKind::CrossesDevices] {
            assert_eq!(
                text(kind),
                "docker/config.json can't be replaced, because it is a mount point: mount the folder \
                 that contains it instead"
            );
        }
        let other = text(std::io::ErrorKind::PermissionDenied);
        assert_eq!(other, "docker/config.json can't be written");
    }
}
