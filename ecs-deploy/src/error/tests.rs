//! Every error's kind and text.

use std::time::Duration;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::SdkError;
use aws_sdk_ecs::operation::describe_services::DescribeServicesError;
use aws_sdk_ecs::operation::update_service::UpdateServiceError;
use aws_sdk_ecs::types::{Container, Deployment, Service as Description, Task};

use super::*;
use crate::error::rollout::{Remedy, RolloutReport};
use crate::watch::identify::found;

fn refused(status: u16, code: &str, message: &str) -> SdkError<UpdateServiceError, HttpResponse> {
    let metadata = aws_sdk_ecs::error::ErrorMetadata::builder().code(code).message(message).build();
    let response = HttpResponse::new(status.try_into().unwrap(), "".into());
    SdkError::service_error(UpdateServiceError::generic(metadata), response)
}

pub(super) fn service() -> Service {
    Service::new("prod", "web").unwrap()
}

fn api(status: u16, code: &str, message: &str) -> Error {
    Error::service_api("UpdateService", &service(), "eu-west-1", refused(status, code, message))
}

pub(super) fn failure(exit_code: i32) -> TaskFailure {
    let task = Task::builder()
        .task_arn("arn:aws:ecs:us-east-1:123456789012:task/demo/0a1b")
        .stopped_reason("Essential container in task exited")
        .containers(Container::builder().name("web").exit_code(exit_code).build())
        .build();
    TaskFailure::from_task(&task).unwrap()
}

pub(super) fn rollout(reason: &str, failures: Vec<TaskFailure>, remedy: Remedy) -> RolloutReport {
    let ours = Deployment::builder()
        .id("ecs-svc/2")
        .status("PRIMARY")
        .task_definition("arn:aws:ecs:us-east-1:123456789012:task-definition/web:8");
    let description = Description::builder().deployments(ours.build()).build();
    RolloutReport {
        handle: found(&service(), &description),
        last: Some(Progress { pending: 1, failed: 3, desired: 2, ..Progress::default() }),
        reason: reason.to_owned(),
        failures,
        remedy,
    }
}

fn draining(old: u32) -> RolloutReport {
    let last = Progress { desired: 3, running: 3, old, is_draining: true, ..Progress::default() };
    RolloutReport { last: Some(last), ..rollout("", vec![], Remedy::NotAsked) }
}

#[test]
fn is_one_word() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn every_code_has_its_kind_and_its_clause() {
    use ErrorKind::*;
    for (status, code, kind, retryable, display) in [
        (
            400,
            "AccessDeniedException",
            AccessDenied,
            false,
            "UpdateService on prod/web isn't allowed: add {\"Effect\":\"Allow\",\"Action\":\
             \"ecs:UpdateService\",\"Resource\":\"arn:aws:ecs:eu-west-1:*:service/prod/web\"} to \
             the policy",
        ),
        (
            400,
            "ClusterNotFoundException",
            ClusterNotFound,
            false,
            "cluster `prod` not found in eu-west-1",
        ),
        (
            400,
            "ServiceNotFoundException",
            ServiceNotFound,
            false,
            "service `web` not found in cluster `prod` in eu-west-1",
        ),
        (
            400,
            "ServiceNotActiveException",
            ServiceInactive,
            false,
            "the service prod/web has been deleted",
        ),
        (
            400,
            "ExpiredTokenException",
            Credentials,
            false,
            "invalid or expired credentials for UpdateService",
        ),
        (400, "ThrottlingException", Throttled, true, "UpdateService on prod/web was throttled"),
        (400, "ClientException", Service, false, "UpdateService on prod/web was refused"),
        (500, "ServerException", Service, true, "UpdateService on prod/web was refused"),
    ] {
        let error = api(status, code, "Because.");
        assert_eq!(error.kind(), kind, "{code}");
        assert_eq!(error.is_retryable(), retryable, "{code}");
        assert_eq!(error.to_string(), display, "{code}");
    }
}

#[test]
fn what_aws_said_is_the_source() {
    use std::error::Error as _;

    let error = api(400, "AccessDeniedException", "User: x is not authorized.");
    assert_eq!(
        error.source().unwrap().to_string(),
        "User: x is not authorized. (AccessDeniedException)"
    );
    assert_eq!(error.operation(), Some("UpdateService"));
}

#[test]
fn a_request_without_an_answer_is_a_matter_of_the_network() {
    let error: SdkError<DescribeServicesError, HttpResponse> =
        SdkError::timeout_error("too late".to_owned());
    let error = Error::service_api("DescribeServices", &service(), "eu-west-1", error);
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.is_retryable());
    assert_eq!(error.to_string(), "no response to DescribeServices on prod/web");
}

#[test]
fn an_answer_that_is_none_of_awss_is_told_from_no_answer() {
    use std::error::Error as _;

    let page = HttpResponse::new(502.try_into().unwrap(), "<h1>Bad Gateway</h1>".into());
    let error: SdkError<DescribeServicesError, HttpResponse> =
        SdkError::response_error("it isn't JSON".to_owned(), page);
    let error = Error::service_api("DescribeServices", &service(), "eu-west-1", error);
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.is_retryable());
    assert_eq!(error.to_string(), "unreadable response to DescribeServices on prod/web");
    let source = error.source().unwrap();
    assert_eq!(source.to_string(), "HTTP 502, text/html: \"Bad Gateway\", not an answer of ECS's");
    assert_eq!(source.source().unwrap().to_string(), "it isn't JSON");
}

#[test]
fn concurrent_registrations_are_told_from_other_refusals() {
    let text = "Too many concurrent attempts to create a new revision of the specified family.";
    assert!(api(400, "ClientException", text).is_concurrent_registration());
    assert!(!api(400, "ClientException", "Role is not valid").is_concurrent_registration());
}

#[test]
fn every_other_error_in_full() {
    let reason = "ECS deployment circuit breaker: tasks failed to start.";
    let after = Duration::from_secs(600);
    let region = || "eu-west-1".to_owned();
    let cases = [
        (
            Repr::Region { service: service(), region: region() },
            ErrorKind::RegionMismatch,
            "prod/web isn't in eu-west-1, the region of the configuration: correct the ARN or the region",
        ),
        (
            Repr::Protocol { operation: "UpdateService", problem: "the ARN is missing".into() },
            ErrorKind::Protocol,
            "invalid response to UpdateService: the ARN is missing",
        ),
        (
            Repr::RolledBack {
                rollout: rollout(reason, vec![failure(1)], Remedy::NotAsked),
                to: Some("web:7".into()),
                cause: RollbackCause::CircuitBreaker,
            },
            ErrorKind::RolledBack,
            "ECS rolled the deployment of web:8 to prod/web back to web:7: container web exited with code 1: Essential \
             container in task exited",
        ),
        (
            Repr::RolledBack {
                rollout: rollout("", vec![], Remedy::NotAsked),
                to: Some("web:7".into()),
                cause: RollbackCause::Unknown,
            },
            ErrorKind::RolledBack,
            "ECS rolled the deployment of web:8 to prod/web back to web:7",
        ),
        (
            Repr::RolloutFailed { rollout: rollout("", vec![failure(1)], Remedy::GoesOn) },
            ErrorKind::RolloutFailed,
            "the rollout of web:8 to prod/web failed: container web exited with code 1: Essential \
             container in task exited; ECS continues it",
        ),
        (
            Repr::Stopped {
                rollout: rollout("", vec![], Remedy::NotAsked),
                to: Some("web:7".into()),
            },
            ErrorKind::Stopped,
            "the rollout of web:8 to prod/web was stopped on request; ECS rolls back to web:7",
        ),
        (
            Repr::Gone {
                rollout: rollout("", vec![], Remedy::NotAsked),
                source: Repr::NoService { service: service(), region: region() }.into(),
            },
            ErrorKind::ServiceNotFound,
            "lost track of deployment ecs-svc/2 of web:8 to prod/web",
        ),
        (
            Repr::NotReady {
                service: service(),
                findings: vec![Finding::desired_count_zero(), Finding::desired_count_zero()],
            },
            ErrorKind::NotReady,
            "nothing was deployed to prod/web: the desired count is 0: the rollout can't show \
             whether the revision runs; and the desired count is 0: the rollout can't show whether \
             the revision runs",
        ),
        (
            Repr::RolloutFailed {
                rollout: rollout(reason, vec![], Remedy::RollingBack("web:7".into())),
            },
            ErrorKind::RolloutFailed,
            "the rollout of web:8 to prod/web failed: ECS deployment circuit breaker: tasks failed \
             to start; it is being rolled back to web:7",
        ),
        (
            Repr::RolloutFailed {
                rollout: rollout(
                    reason,
                    vec![failure(1), failure(1), failure(1)],
                    Remedy::Unavailable("no earlier deployment was complete".into()),
                ),
            },
            ErrorKind::RolloutFailed,
            "the rollout of web:8 to prod/web failed: container web exited with code 1: Essential \
             container in task exited (2 other tasks also stopped); it couldn't be rolled back: no earlier \
             deployment was complete",
        ),
        (
            Repr::Draining { rollout: draining(2), after },
            ErrorKind::Draining,
            "web:8 runs on prod/web, but its rollout timed out after 600 s before the old tasks \
             stopped: 3 of 3 running, 2 old; ECS completes it by itself",
        ),
        (
            Repr::Draining { rollout: draining(0), after },
            ErrorKind::Draining,
            "web:8 runs on prod/web, but its rollout timed out after 600 s before the old tasks \
             stopped: 3 of 3 running; ECS completes it by itself",
        ),
        (
            Repr::FailedAfterCompletion {
                rollout: rollout("", vec![failure(1)], Remedy::RollingBack("web:7".into())),
                within: Duration::from_secs(61),
            },
            ErrorKind::FailedAfterCompletion,
            "web:8 failed on prod/web within 61 s after its deployment was complete: container web \
             exited with code 1: Essential container in task exited; it is being rolled back to \
             web:7",
        ),
        (
            Repr::ServiceInactive { service: service(), status: "INACTIVE".into() },
            ErrorKind::ServiceInactive,
            "can't deploy to service prod/web: its status is INACTIVE",
        ),
        (
            Repr::Superseded {
                rollout: rollout("", vec![], Remedy::NotAsked),
                by: "ecs-svc/3".into(),
                by_revision: "web:9".into(),
            },
            ErrorKind::Superseded,
            "deployment ecs-svc/3 of web:9 replaced the rollout of web:8 to prod/web before it was \
             complete",
        ),
        (
            Repr::TimedOut { rollout: rollout("", vec![], Remedy::NotAsked), after },
            ErrorKind::TimedOut,
            "the rollout of web:8 to prod/web timed out after 600 s: 0 of 2 running, 1 pending, 3 \
             failed",
        ),
        (
            Repr::TimedOut {
                rollout: rollout("", vec![], Remedy::Unanswered("web:7".into())),
                after,
            },
            ErrorKind::TimedOut,
            "the rollout of web:8 to prod/web timed out after 600 s: 0 of 2 running, 1 pending, 3 \
             failed; ECS didn't answer the request to roll back to web:7",
        ),
        (
            Repr::NotBegun {
                what: "the rollout to",
                service: service(),
                operation: "RegisterTaskDefinition",
                after,
            },
            ErrorKind::TimedOut,
            "RegisterTaskDefinition for the rollout to prod/web timed out after 600 s",
        ),
        (
            Repr::NotBegun {
                what: "the rollout to",
                service: service(),
                operation: "UpdateService",
                after,
            },
            ErrorKind::TimedOut,
            "UpdateService for the rollout to prod/web timed out after 600 s; the rollout may \
             continue nevertheless",
        ),
        (
            Repr::Lost {
                rollout: rollout("", vec![], Remedy::NotAsked),
                source: api(400, "ExpiredTokenException", "The security token is expired"),
            },
            ErrorKind::Credentials,
            "deployment ecs-svc/2 of web:8 to prod/web continues, but its outcome is unknown",
        ),
        (
            Repr::Outdated {
                service: service(),
                revision: "web:9".into(),
                base: "web:7".into(),
                running: "web:8".into(),
            },
            ErrorKind::Outdated,
            "nothing was deployed: prod/web now runs web:8, but web:9 is based on web:7",
        ),
        (
            Repr::UnsupportedController { service: service(), controller: "CODE_DEPLOY".into() },
            ErrorKind::UnsupportedController,
            "CODE_DEPLOY controls the deployments of prod/web: only the deployment controller ECS \
             is supported",
        ),
    ];
    for (repr, kind, display) in cases {
        let error = Error::from(repr);
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), display);
        assert!(!error.is_retryable());
    }
}

/// The failure of a rollback doesn't hide that of the rollout.
#[test]
fn a_service_that_is_not_rolled_back_has_both_causes() {
    let failed = || {
        let rollout = rollout("", vec![failure(1)], Remedy::NotAsked);
        Error::from(Repr::RolloutFailed { rollout })
    };
    let rollback = || api(400, "ClientException", "Because.");
    let outcome = |failure| Outcome::NotTakenBack { failure, rollback: rollback() };
    let back = "prod/web couldn't be rolled back: UpdateService on prod/web was refused: Because. \
                (ClientException)";
    for (outcome, text) in [
        (outcome(None), back.to_owned()),
        (outcome(Some(failed())), format!("{}; {back}", failed())),
    ] {
        let error: Error = Repr::Fleet { outcomes: vec![(service(), outcome)] }.into();
        let beginning = "1 of 1 services don't run their new revision: ";
        assert_eq!(error.to_string(), format!("{beginning}{text}"));
    }
}

#[test]
fn only_what_is_denied_lacks_a_statement() {
    assert_eq!(
        api(400, "ClientException", "User: x is not authorized to perform: ecs:A")
            .missing_statement(),
        None
    );
}

mod denied;
