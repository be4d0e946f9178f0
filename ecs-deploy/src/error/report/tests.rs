//! What errors serialise to.

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ErrorMetadata, SdkError};
use aws_sdk_ecs::operation::update_service::UpdateServiceError;
use serde_json::{Value, json};

use super::*;
use crate::error::repr::Repr;
use crate::error::rollout::Remedy;
use crate::error::task::{OneOffTask, TaskRepr};
use crate::error::tests::{failure, rollout, service};
use crate::model::finding::Finding;
use crate::model::logs::Logs;
use crate::model::pause::{Pause, RollbackCause};

/// The report, with the handle checked and taken out.
fn report(error: impl Into<Error>) -> Value {
    let error = error.into();
    let mut report = serde_json::to_value(&error).unwrap();
    let handle = report.as_object_mut().unwrap().remove("handle");
    assert_eq!(handle.is_some(), error.handle().is_some());
    if let Some(handle) = handle {
        assert_eq!(handle["version"], 1);
        let restored = serde_json::from_value(handle).unwrap();
        assert_eq!(error.handle(), Some(&restored));
    }
    report
}

#[test]
fn a_call_that_is_denied() {
    let metadata = ErrorMetadata::builder().code("AccessDeniedException").message("No.");
    let response = HttpResponse::new(400.try_into().unwrap(), "".into());
    let error = UpdateServiceError::generic(metadata.build());
    let error: SdkError<_, HttpResponse> = SdkError::service_error(error, response);
    let statement = r#"{"Effect":"Allow","Action":"ecs:UpdateService","Resource":"arn:aws:ecs:eu-west-1:*:service/prod/web"}"#;
    assert_eq!(
        report(Error::service_api("UpdateService", &service(), "eu-west-1", error)),
        json!({
            "kind": "accessDenied",
            "message": format!("UpdateService on prod/web isn't allowed: add {statement} to the policy"),
            "causes": ["No. (AccessDeniedException)"],
            "retryable": false,
            "operation": "UpdateService",
            "missingStatement": statement,
        })
    );
}

#[test]
fn a_rollback() {
    let to = Some("web:7".to_owned());
    let cause = RollbackCause::CircuitBreaker;
    assert_eq!(
        report(Repr::RolledBack {
            rollout: rollout("", vec![failure(1)], Remedy::NotAsked),
            to,
            cause
        }),
        json!({
            "kind": "rolledBack",
            "message": "ECS rolled the deployment of web:8 to prod/web back to web:7: container web exited with code 1: \
                        Essential container in task exited",
            "causes": [],
            "retryable": false,
            "deployment": "ecs-svc/2",
            "progress": { "desired": 2, "running": 0, "pending": 1, "failed": 3 },
            "taskFailures": [{
                "task": "0a1b",
                "stopCode": null,
                "container": "web",
                "exitCode": 1,
                "image": null,
                "imageDigest": null,
                "reason": "Essential container in task exited",
                "cause": { "exited": { "code": 1 } },
            }],
            "rolledBackTo": "web:7",
            "rollbackCause": "circuitBreaker",
        })
    );
}

#[test]
fn what_took_over_and_what_waits() {
    let (by, by_revision) = ("ecs-svc/3".to_owned(), "web:9".to_owned());
    let superseded = report(Repr::Superseded {
        rollout: rollout("", Vec::new(), Remedy::NotAsked),
        by,
        by_revision,
    });
    assert_eq!(
        superseded["supersededBy"],
        json!({ "deployment": "ecs-svc/3", "revision": "web:9" })
    );
    let pause = Pause {
        service_deployment: "arn:a".to_owned(),
        hook: "0a1b".to_owned(),
        stage: None,
        on_timeout: None,
    };
    let paused = report(Repr::Paused { rollout: rollout("", Vec::new(), Remedy::NotAsked), pause });
    assert_eq!(paused["kind"], "pausedAtHook");
    assert_eq!(
        paused["pause"],
        json!({ "serviceDeployment": "arn:a", "hook": "0a1b", "stage": null, "onTimeout": null })
    );
}

#[test]
fn what_kept_a_rollout_from_beginning() {
    let findings = vec![Finding::desired_count_zero()];
    let text = "the desired count is 0: the rollout can't show whether the revision runs";
    assert_eq!(
        report(Repr::NotReady { service: service(), findings }),
        json!({
            "kind": "notReady",
            "message": format!("nothing was deployed to prod/web: {text}"),
            "causes": [],
            "retryable": false,
            "findings": [{ "kind": "desiredCountZero", "text": text }],
        })
    );
}

#[test]
fn a_one_off_task() {
    let logs = Logs {
        container: "web".to_owned(),
        group: "/web".to_owned(),
        stream: "ecs/web/0a1b".to_owned(),
        region: "eu-west-1".to_owned(),
    };
    let (revision, task) = ("web:8".to_owned(), "arn:t".to_owned());
    let task = OneOffTask {
        service: service(),
        revision,
        task,
        logs: vec![logs],
        exit_codes: vec![],
        is_stopped: true,
    };
    let report = report(TaskRepr::Failed { task, failure: failure(1) });
    assert_eq!(report["kind"], "taskFailed");
    assert_eq!(report["task"], "arn:t");
    assert_eq!(
        report["logs"],
        json!([{
            "container": "web", "group": "/web", "stream": "ecs/web/0a1b", "region": "eu-west-1",
        }])
    );
    assert_eq!(report["taskFailures"][0]["exitCode"], 1);
}

#[test]
fn revisions_that_were_deregistered_before_a_failure() {
    let source = Repr::Protocol { operation: "DeregisterTaskDefinition", problem: "p".to_owned() };
    let report = report(Repr::PartlyPruned {
        failed: "web:2".to_owned(),
        planned: 2,
        deregistered: vec!["arn:web:1".to_owned()],
        source: source.into(),
    });
    assert_eq!(report["deregistered"], json!(["arn:web:1"]));
    assert_eq!(report["causes"], json!(["invalid response to DeregisterTaskDefinition: p"]));
}

#[test]
fn each_service_of_a_fleet() {
    let failed =
        || Error::from(Repr::ServiceInactive { service: service(), status: "INACTIVE".to_owned() });
    let deployed = serde_json::from_value(json!({
        "version": 1,
        "revision": "arn:r",
        "deployment": "ecs-svc/2",
        "elapsedSeconds": 1.5,
        "wasChanged": true,
        "images": [],
    }));
    let deployed: crate::Deployed = deployed.unwrap();
    let outcomes = vec![
        ("prod/a".parse().unwrap(), Outcome::Deployed(deployed.clone())),
        ("prod/b".parse().unwrap(), Outcome::Failed(failed())),
        ("prod/c".parse().unwrap(), Outcome::NotBegun),
        ("prod/d".parse().unwrap(), Outcome::NotTakenBack { failure: None, rollback: failed() }),
        ("prod/e".parse().unwrap(), Outcome::TakenBack(deployed.clone())),
        (
            "prod/f".parse().unwrap(),
            Outcome::NotTakenBack { failure: Some(failed()), rollback: failed() },
        ),
    ];
    let report = report(Repr::Fleet { outcomes });
    assert_eq!(report["kind"], "fleetFailed");
    let (error, deployed) = (json!(failed()), json!(deployed));
    assert_eq!(
        report["services"],
        json!([
            { "service": "prod/a", "outcome": "deployed", "deployed": deployed },
            { "service": "prod/b", "outcome": "failed", "error": error },
            { "service": "prod/c", "outcome": "notBegun" },
            { "service": "prod/d", "outcome": "notTakenBack", "error": error },
            { "service": "prod/e", "outcome": "takenBack", "deployed": deployed },
            { "service": "prod/f", "outcome": "notTakenBack", "error": error, "failure": error },
        ])
    );
}
