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
        let cause = Cause { text: "X: y".to_owned(), status, request_id, source: None };
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
         policy, as it is for no single repository"
    );
    assert_eq!(text(ErrorKind::Configuration), "GetAuthorizationToken in eu-west-1 can't be sent");
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
        let (text, status) = ("x".to_owned(), Some(status));
        let cause = Cause { text, status, request_id: None, source: None };
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
        "the token that ECR in eu-west-1 gave expired at 2015-01-01T00:00:00Z, and it is \
         2026-01-01T00:00:00Z by this machine's clock: set the clock, or, if it is right, see \
         which endpoint answers"
    );
}

#[test]
fn what_is_missing_is_said_with_the_cure() {
    assert_eq!(Error::no_region().kind(), ErrorKind::Configuration);
    assert_eq!(
        Error::no_region().to_string(),
        "no region is configured, and a registry is in one: set AWS_REGION, or a `region` in \
         the profile"
    );
    assert_eq!(Error::no_home().kind(), ErrorKind::DockerConfig);
    assert_eq!(
        Error::no_home().to_string(),
        "there is no place for Docker's configuration: set HOME, or DOCKER_CONFIG to the \
         folder that holds config.json"
    );
}
