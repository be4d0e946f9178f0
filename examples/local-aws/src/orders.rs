//! Scripting a served emulator from outside, in any language: orders by HTTP.
//!
//! `POST /_local-aws` takes one order in JSON, with the content type of JSON, `GET /_local-aws` gives the journal. AWS has nothing
//! of the kind, and no path that begins like this.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ecr::{MissingLayers, RefusedUploads};
use crate::ecs::{
    AlarmState, ContainerExit, HookAnswer, RollbackId, RunTaskFailure, Script, UnknownMembers,
};
use crate::faults::{Fault, When, seconds};
use crate::local::LocalAws;

pub(crate) const PATH: &str = "/_local-aws";

/// The answer to a request at [`PATH`].
pub(crate) fn answer(local: &LocalAws, method: &Method, body: &[u8]) -> Response<Bytes> {
    let result = match *method {
        Method::GET => Ok(journal(local)),
        Method::POST => obey(local, body),
        _ => Err("GET gives the journal, POST takes an order".to_owned()),
    };
    match result {
        Ok(body) => response(StatusCode::OK, &body),
        Err(problem) => error(StatusCode::BAD_REQUEST, &problem),
    }
}

/// The answer to a request that is refused.
pub(crate) fn error(status: StatusCode, problem: &str) -> Response<Bytes> {
    response(status, &json!({ "error": problem }))
}

fn response(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// One order: `{"script": {…}}` and so on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Order {
    Alarm {
        name: String,
        state: AlarmState,
        #[serde(default, deserialize_with = "seconds")]
        after: Duration,
    },
    ArchiveImage {
        repository: String,
        image: String,
    },
    BodyTimeout(#[serde(deserialize_with = "seconds")] Duration),
    Draining {
        cluster: String,
        service: String,
        #[serde(deserialize_with = "seconds")]
        lasts: Duration,
    },
    ExpressMode {
        cluster: String,
        service: String,
        is_express: bool,
    },
    FailRunTask {
        family: String,
        failure: RunTaskFailure,
        times: u32,
    },
    HideService {
        cluster: String,
        service: String,
        times: u32,
    },
    Hook {
        target_arn: String,
        answer: HookAnswer,
    },
    Inject(Inject),
    KmsError {
        repository: String,
        kms_error: Option<String>,
    },
    LayersPerImage(usize),
    MissingLayers(MissingLayers),
    Policy {
        principal: String,
        policy: Value,
    },
    RefusedUploads(RefusedUploads),
    RollbackId(RollbackId),
    Script {
        cluster: String,
        service: String,
        script: Script,
    },
    ScriptContainers {
        family: String,
        exits: Vec<ContainerExit>,
    },
    ScriptTask {
        family: String,
        script: Script,
    },
    ServiceTime {
        operation: String,
        #[serde(deserialize_with = "seconds")]
        time: Duration,
    },
    UnknownMembers(UnknownMembers),
}

/// `{"operation": "UploadLayerPart", "nth": 2, "fault": "LoseResponse"}`: without `nth` and
/// `seconds`, every call meets it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Inject {
    operation: String,
    nth: Option<usize>,
    seconds: Option<f64>,
    fault: Fault,
}

fn obey(local: &LocalAws, body: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(body).map_err(|error| error.to_string())? {
        Order::Alarm { name, state, after } => local.set_alarm(&name, state, after),
        Order::BodyTimeout(limit) => local.set_body_timeout(limit),
        Order::Draining { cluster, service, lasts } => {
            local.set_draining(&cluster, &service, lasts);
        }
        Order::ExpressMode { cluster, service, is_express } => {
            local.set_express_mode(&cluster, &service, is_express);
        }
        Order::FailRunTask { family, failure, times } => {
            local.fail_run_task(&family, failure, times);
        }
        Order::ScriptContainers { family, exits } => local.script_containers(&family, exits),
        Order::ScriptTask { family, script } => local.script_task(&family, script),
        Order::UnknownMembers(unknown) => local.set_unknown_members(unknown),
        Order::ServiceTime { operation, time } => local.set_service_time(&operation, time),
        Order::HideService { cluster, service, times } => {
            local.hide_service(&cluster, &service, times);
        }
        Order::Hook { target_arn, answer } => local.script_hook(&target_arn, answer),
        Order::RefusedUploads(refused) => local.set_refused_uploads(refused),
        Order::RollbackId(id) => local.set_rollback_id(id),
        Order::ArchiveImage { repository, image } => {
            if !local.archive_image(&repository, &image) {
                return Err(format!("image {image} not found in {repository}"));
            }
        }
        Order::KmsError { repository, kms_error } => {
            local.set_kms_error(&repository, kms_error.as_deref());
        }
        Order::LayersPerImage(layers) => local.limit_layers_per_image(layers),
        Order::MissingLayers(missing) => local.set_missing_layers(missing),
        Order::Inject(Inject { operation, nth, seconds, fault }) => {
            let when = match (nth, seconds) {
                (None, None) => When::every(&operation),
                (Some(nth), None) => When::nth(&operation, nth),
                (None, Some(seconds)) => {
                    let duration =
                        Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
                    When::for_the_next(&operation, duration)
                }
                (Some(_), Some(_)) => return Err("nth and seconds exclude each other".to_owned()),
            };
            local.inject(when, fault);
        }
        Order::Policy { principal, policy } => {
            local.set_policy(&principal, &policy.to_string()).map_err(|error| error.to_string())?;
        }
        Order::Script { cluster, service, script } => local.script(&cluster, &service, script),
    }
    Ok(json!({}))
}

fn journal(local: &LocalAws) -> Value {
    let calls: Vec<Value> = local
        .journal()
        .calls()
        .iter()
        .map(|call| {
            json!({
                "at": call.at.as_secs_f64(),
                "service": call.service,
                "operation": call.operation,
                "error": call.error,
                "requestBytes": call.request_bytes,
            })
        })
        .collect();
    json!(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(local: &LocalAws, order: &Value) -> (u16, Value) {
        let response = answer(local, &Method::POST, order.to_string().as_bytes());
        let body = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), body)
    }

    #[tokio::test(start_paused = true)]
    async fn each_order_is_obeyed() {
        let local = LocalAws::new();
        for order in [
            json!({ "inject": { "operation": "PutImage", "nth": 2, "fault": "LoseResponse" } }),
            json!({ "inject": { "operation": "PutImage", "seconds": 9, "fault": "Throttle" } }),
            json!({ "inject": { "operation": "PutImage", "fault": { "Delay": 0.5 } } }),
            json!({ "script": { "cluster": "a", "service": "b", "script": "ImageMissing" } }),
            json!({ "kmsError": { "repository": "a", "kmsError": "DisabledException" } }),
            json!({ "kmsError": { "repository": "a", "kmsError": null } }),
            json!({ "alarm": { "name": "errors", "state": "Alarm", "after": 30 } }),
            json!({ "alarm": { "name": "errors", "state": "Ok" } }),
            json!({ "hook": { "targetArn": "arn:aws:lambda:…", "answer": "Fail" } }),
            json!({ "bodyTimeout": 20 }),
            json!({ "draining": { "cluster": "a", "service": "b", "lasts": 3600 } }),
            json!({ "expressMode": { "cluster": "a", "service": "b", "isExpress": true } }),
            json!({ "failRunTask": { "family": "a", "failure": "Agent", "times": 2 } }),
            json!({ "scriptContainers": { "family": "a", "exits": [
                { "container": "a", "after": 5, "exitCode": 1 },
            ] } }),
            json!({ "scriptTask": { "family": "a", "script": { "Crash": { "exit_code": 1 } } } }),
            json!({ "unknownMembers": "Kept" }),
            json!({ "serviceTime": { "operation": "PutImage", "time": 0.2 } }),
            json!({ "inject": { "operation": "PutImage", "fault": { "Middlebox": "Portal" } } }),
            json!({ "inject": { "operation": "PutImage", "fault": { "StallMidBody": 30 } } }),
            json!({ "hideService": { "cluster": "a", "service": "b", "times": 1 } }),
            json!({ "rollbackId": "New" }),
            json!({ "layersPerImage": 300 }),
            json!({ "missingLayers": "Failure" }),
            json!({ "refusedUploads": "Answered" }),
            json!({ "policy": {
                "principal": LocalAws::USER,
                "policy": { "Version": "2012-10-17", "Statement": [] },
            } }),
        ] {
            assert_eq!(post(&local, &order), (200, json!({})), "{order}");
        }
        // The policy that the last order attached allows nothing.
        let sts = aws_sdk_sts::Client::new(&local.sdk_config());
        sts.assume_role()
            .role_arn("arn:aws:iam::123456789012:role/a")
            .role_session_name("ab")
            .send()
            .await
            .unwrap_err();
        let response = answer(&local, &Method::GET, b"");
        let journal: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(journal[0]["operation"], "AssumeRole");
        assert_eq!(journal[0]["error"], "AccessDenied");
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_that_is_none_is_refused() {
        let local = LocalAws::new();
        let fault = |more: Value| {
            let mut inject = json!({ "operation": "PutImage", "fault": "Throttle" });
            inject.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "inject": inject })
        };
        for (order, problem) in [
            (fault(json!({ "nth": 1, "seconds": 1 })), "nth and seconds exclude each other"),
            (fault(json!({ "nht": 1 })), "unknown field `nht`"),
            (fault(json!({ "seconds": -1 })), "negative"),
            (json!({ "dance": {} }), "unknown variant `dance`"),
            (
                json!({ "archiveImage": { "repository": "a", "image": "1.0" } }),
                "image 1.0 not found in a",
            ),
            (
                json!({ "policy": { "principal": "x", "policy": {} } }),
                "the policy is not valid: missing field `Version`",
            ),
        ] {
            let (status, body) = post(&local, &order);
            assert_eq!(status, 400);
            let error = body["error"].as_str().unwrap();
            assert!(error.contains(problem), "{error}");
        }
        assert_eq!(answer(&local, &Method::PUT, b"").status(), StatusCode::BAD_REQUEST);
    }
}
