//! Hostile and broken answers: no raw text, no success without its proof, no unlimited memory.

use std::error::Error as StdError;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use ecs_deploy::diff::Diff;
use ecs_deploy::plan::Plan;
use ecs_deploy::task::TaskRun;
use ecs_deploy::{Deployed, Deployer, Error, ErrorKind, Handle, Revision};
use serde_json::{Value, json};

use crate::demo::Demo;
use crate::faults::Fault;

/// Everything that must not reach a terminal or the log of a CI system.
const HOSTILE: &str = "\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2028}\u{61c}\u{200b}\u{feff}\u{e0001}\r\n\
                       ::set-output name=a::b\n##[error]x ##vso[task.setvariable]y\t";
/// The beginning of that text as it is shown.
const SHOWN: &str = r"\u{1b}[2J";

/// Asserts that a text is harmless in a terminal and in a log, whose lines are our own.
#[track_caller]
fn assert_harmless(text: &str) {
    for line in text.split('\n') {
        let bad = |c: char| {
            c.is_control()
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        };
        assert!(!line.contains(bad), "{line:?}");
        assert!(!line.contains("##[") && !line.contains("##vso["), "{line:?}");
        assert!(!line.trim_start().starts_with("::"), "{line:?}");
        assert!(!line.trim_start().starts_with(SHOWN), "{line:?}");
    }
}

#[track_caller]
fn assert_harmless_error(error: &Error) {
    assert_harmless(&error.to_string());
    assert!(error.to_string().len() < 20_000, "{} bytes", error.to_string().len());
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        // The words of a cause are AWS's, and stand behind the error's own.
        assert_harmless(&format!("caused by: {error}"));
        assert!(!error.to_string().contains('\n'));
        cause = error.source();
    }
}

/// Replaces each string of a value by `make` of it, but keeps those that `keeps` names by their
/// member.
fn with_strings(value: &mut Value, member: &str, keeps: &[&str], text: &str) {
    match value {
        Value::String(old) if !keeps.contains(&member) => text.clone_into(old),
        Value::Array(all) => all.iter_mut().for_each(|it| with_strings(it, member, keeps, text)),
        Value::Object(all) => {
            all.iter_mut().for_each(|(name, it)| with_strings(it, name, keeps, text));
        }
        _ => {}
    }
}

fn definition(text: &str) -> Revision {
    json!({
        "family": text,
        text: text,
        "containerDefinitions": [{
            "name": text, "image": text, text: text,
            "environment": [{ "name": text, "value": text }],
        }],
    })
    .to_string()
    .parse()
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn files_can_t_control_a_terminal() {
    let long = HOSTILE.repeat(1000);
    for text in [HOSTILE, &long] {
        let plain: Revision =
            r#"{"family":"web","containerDefinitions":[{"name":"web"}]}"#.parse().unwrap();
        let mut hostile = definition(text);
        assert_harmless(&hostile.to_string().replace(&" ".repeat(4), ""));
        let again: Revision = hostile.to_string().parse().unwrap();
        assert_eq!(again.to_string(), hostile.to_string());
        assert!(Diff::between(&hostile, &again).is_empty());
        for diff in [Diff::between(&plain, &hostile), Diff::between(&hostile, &plain)] {
            assert_harmless(&diff.with_values().to_string());
        }
        assert_harmless_error(&hostile.set_images([("other", "a")]).unwrap_err());
        assert_harmless_error(&hostile.set_images([(&*format!("{text}x"), "a")]).unwrap_err());
        assert_harmless_error(&hostile.edit(|it| it.family = None).unwrap_err());
        assert_harmless_error(&Revision::read(text.replace('/', "_")).unwrap_err());
        for broken in [text.to_owned(), format!("{{{text}"), json!({ "family": "a" }).to_string()] {
            assert_harmless_error(&broken.parse::<Revision>().unwrap_err());
        }
        let twice =
            json!({ "family": text, "containerDefinitions": [{ "name": text }, { "name": text }] });
        assert_harmless_error(&twice.to_string().parse::<Revision>().unwrap_err());
        for name in
            [text.to_owned(), format!("a/{text}"), format!("arn:aws:ecs:{text}:1:service/a/b")]
        {
            assert_harmless(&name.parse::<ecs_deploy::Service>().unwrap_err().to_string());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn saved_values_can_t_control_a_terminal() {
    let demo = Demo::new();
    let plan = demo.deployer.roll_out(&demo.service, demo.changed().await);
    let plan = plan.desired_count(0).plan().await.unwrap();
    let mut saved = serde_json::to_value(&plan).unwrap();
    let keeps = ["kind", "service", "members", "arn"];
    with_strings(&mut saved, "", &keeps, HOSTILE);
    saved["update"][HOSTILE] = HOSTILE.into();
    let restored: Plan = serde_json::from_value(saved).unwrap();
    assert_harmless(&restored.to_string());
    assert!(restored.to_string().contains(SHOWN));

    let deployed = demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap();
    let mut saved = serde_json::to_value(&deployed).unwrap();
    with_strings(&mut saved, "", &[], HOSTILE);
    assert_harmless(&serde_json::from_value::<Deployed>(saved).unwrap().to_string());

    let log =
        json!({ "container": HOSTILE, "group": HOSTILE, "stream": HOSTILE, "region": HOSTILE });
    let run = json!({
        "version": 1, "task": HOSTILE, "container": HOSTILE, "exitCodes": [[HOSTILE, 0]],
        "logs": [log], "elapsedSeconds": 1.0,
    });
    assert_harmless(&serde_json::from_value::<TaskRun>(run).unwrap().to_string());

    let handle = json!({
        "version": 1, "service": "demo/web", "revision": HOSTILE, "deployment": HOSTILE,
        "serviceDeployment": HOSTILE, "images": [[HOSTILE, HOSTILE]], "form": "rolling",
        "origin": "started", "earlier": [HOSTILE], "completed": HOSTILE, "before": HOSTILE,
        "messages": [HOSTILE],
    });
    let restored: Handle = serde_json::from_value(handle).unwrap();
    assert_harmless(&restored.to_string());
    assert_harmless_error(&demo.deployer.follow(restored).await.unwrap_err());
    let broken = json!({ "version": 1, "service": HOSTILE });
    let error = serde_json::from_value::<Handle>(broken).unwrap_err().to_string();
    assert!(error.starts_with("invalid handle: "), "{error}");
    assert_harmless(&error);
}

fn leaked(value: &Value) -> &'static str {
    Box::leak(value.to_string().into_boxed_str())
}

#[tokio::test(start_paused = true)]
async fn answers_can_t_control_a_terminal() {
    let long = HOSTILE.repeat(1000);
    for text in [HOSTILE, &long] {
        let refusal = leaked(&json!({ "__type": "AccessDeniedException", "message": format!(
            "User: {text} is not authorized to perform: {text} on resource: {text} because no {text} allows"
        ) }));
        let odd = leaked(&json!({ "__type": text, "message": text }));
        for operation in [
            "DescribeServices",
            "DescribeTaskDefinition",
            "RegisterTaskDefinition",
            "UpdateService",
        ] {
            for (status, body) in
                [(400, refusal), (400, odd), (200, odd), (502, leaked(&text.into()))]
            {
                let demo = Demo::new();
                let revision = demo.changed().await;
                let deployer = Fault::new(operation, 0..usize::MAX, status, body).deployer(&demo);
                let outcome = match operation {
                    "DescribeTaskDefinition" => {
                        deployer.current(&demo.service).await.map(|it| it.to_string())
                    }
                    _ => {
                        let rollout = deployer.roll_out(&demo.service, revision).await;
                        rollout.map(|it| it.to_string())
                    }
                };
                // After a lost response to UpdateService the deployment is found and watched.
                match outcome {
                    Ok(_) => assert_eq!((operation, status), ("UpdateService", 502)),
                    Err(error) => assert_harmless_error(&error),
                }
            }
        }
        for description in [
            json!({ "serviceName": "web", "status": text }),
            json!({ "serviceName": "web", "status": "ACTIVE", "deploymentController": { "type": text } }),
            json!({ "serviceName": "web", "status": "ACTIVE", "taskDefinition": text }),
        ] {
            let demo = Demo::new();
            let body = leaked(&json!({ "services": [description] }));
            let deployer = Fault::new("DescribeServices", 0..1, 200, body).deployer(&demo);
            assert_harmless_error(&deployer.current(&demo.service).await.unwrap_err());
        }
        let failure = json!({ "arn": text, "reason": text, "detail": text });
        for body in [
            json!({ "failures": [failure] }),
            json!({ "tasks": [{ "taskArn": text, "taskDefinitionArn": text }] }),
        ] {
            let demo = Demo::new();
            let deployer = Fault::new("RunTask", 0..1, 200, leaked(&body)).deployer(&demo);
            let error = deployer.run_registered_task(&demo.service, "web:1").await.unwrap_err();
            assert_harmless_error(&error);
        }
    }
}

/// A service whose messages, reasons and names are hostile, during a rollout that fails.
#[tokio::test(start_paused = true)]
async fn events_can_t_control_a_terminal() {
    let demo = Demo::new();
    let mut events = demo.deployer.roll_out(&demo.service, demo.changed().await).events();
    while let Some(event) = events.next().await {
        if event.to_string().starts_with("started") {
            break;
        }
    }
    drop(events);
    let describe = demo.ecs.describe_services().cluster("demo").services("web");
    let described = describe.send().await.unwrap();
    let service = &described.services()[0];
    let ours = service.deployments().iter().find(|it| it.status() == Some("PRIMARY")).unwrap();
    let (id, arn) = (ours.id().unwrap(), ours.task_definition().unwrap());
    let body = json!({ "services": [{
        "serviceName": "web", "status": "ACTIVE", "taskDefinition": arn, "desiredCount": 2,
        "deployments": [{
            "id": id, "status": "PRIMARY", "taskDefinition": arn, "rolloutState": "FAILED",
            "rolloutStateReason": HOSTILE, "desiredCount": 2, "failedTasks": 2,
        }],
        "events": [{ "id": "other", "message": HOSTILE, "createdAt": 9e9 }],
    }] });
    let tasks = json!({ "tasks": [{
        "taskArn": format!("arn:aws:ecs:us-east-1:123456789012:task/demo/{HOSTILE}"),
        "taskDefinitionArn": arn, "startedBy": id, "lastStatus": "STOPPED",
        "stopCode": "EssentialContainerExited", "stoppedReason": HOSTILE,
        "containers": [{ "name": HOSTILE, "exitCode": 1, "reason": HOSTILE, "image": HOSTILE }],
    }] });
    for (operation, body) in [("DescribeServices", &body), ("DescribeTasks", &tasks)] {
        let demo = Demo::new();
        let fault = Fault::new(operation, 2..usize::MAX, 200, leaked(body));
        let mut events =
            fault.deployer(&demo).roll_out(&demo.service, demo.changed().await).events();
        while let Some(event) = events.next().await {
            assert_harmless(&event.to_string());
        }
        if let Err(error) = events.finish().await {
            assert_harmless_error(&error);
        }
    }
}

/// Returns the error's chain in one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_its_proof_is_an_error() {
    const OTHER: &str = r#"{"taskDefinition":{"taskDefinitionArn":"arn:aws:ecs:us-east-1:123456789012:task-definition/other:7","family":"other","containerDefinitions":[{"name":"web"}]}}"#;
    const BAD: &str = r#"{"taskDefinition":{"taskDefinitionArn":"web:2"}}"#;
    for (operation, body, problem) in [
        ("DescribeServices", "{}", "it has neither the service `web` nor a failure for it"),
        (
            "DescribeServices",
            r#"{"failures":[{"arn":"a/web","reason":"LATER"}]}"#,
            "`web` couldn't be described: LATER",
        ),
        ("RegisterTaskDefinition", "{}", "it has no revision ARN"),
        ("RegisterTaskDefinition", OTHER, "it is about other:7 instead of web"),
        ("RegisterTaskDefinition", BAD, "`web:2` isn't the ARN of a revision"),
        ("UpdateService", "{}", "the service is missing"),
        (
            "UpdateService",
            r#"{"service":{"serviceName":"api"}}"#,
            "it is about api instead of demo/web",
        ),
        (
            "UpdateService",
            r#"{"service":{"serviceName":"web"}}"#,
            "its PRIMARY deployment doesn't run web:2",
        ),
    ] {
        let demo = Demo::new();
        let revision = demo.changed().await;
        let deployer = Fault::new(operation, 0..usize::MAX, 200, body).deployer(&demo);
        let error = deployer.roll_out(&demo.service, revision).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert_eq!(error.to_string(), format!("invalid response to {operation}: {problem}"));
    }
    for (body, problem) in
        [("{}", "it has no task definition"), (OTHER, "it is about other:7 instead of web:1")]
    {
        let demo = Demo::new();
        let deployer = Fault::new("DescribeTaskDefinition", 0..1, 200, body).deployer(&demo);
        let error = deployer.current(&demo.service).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("invalid response to DescribeTaskDefinition: {problem}")
        );
    }
    for (body, problem) in [
        ("{}", "the task is missing"),
        (
            r#"{"tasks":[{"taskArn":"a","taskDefinitionArn":"b"}]}"#,
            "its task is one of `b` instead of web:1",
        ),
    ] {
        let demo = Demo::new();
        let deployer = Fault::new("RunTask", 0..usize::MAX, 200, body).deployer(&demo);
        let error = deployer.run_registered_task(&demo.service, "web:1").await.unwrap_err();
        assert_eq!(error.to_string(), format!("invalid response to RunTask: {problem}"));
    }
}

/// An answer that lacks its list would let a revision in use be deregistered.
#[tokio::test(start_paused = true)]
async fn nothing_is_deregistered_after_an_answer_without_its_list() {
    for (operation, body, problem) in [
        ("DescribeServices", "{}", "it has neither `arn:"),
        ("DescribeServiceRevisions", "{}", "it has neither `arn:"),
        ("DescribeTasks", "{}", "it has neither `arn:"),
        ("ListClusters", "{}", "it has no `clusterArns`"),
        ("ListServiceDeployments", "{}", "it has no `serviceDeployments`"),
        ("ListServices", "{}", "it has no `serviceArns`"),
        ("ListTaskDefinitions", "{}", "it has no `taskDefinitionArns`"),
        ("ListTasks", "{}", "it has no `taskArns`"),
    ] {
        let demo = Demo::new();
        demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap();
        let deployer = Fault::new(operation, 0..usize::MAX, 200, body).deployer(&demo);
        let error = deployer.prune("web").keep(1).await.unwrap_err();
        let expected = format!(": invalid response to {operation}: {problem}");
        assert!(chain(&error).contains(&expected), "{}", chain(&error));
        assert_eq!(demo.local.journal().count("DeregisterTaskDefinition"), 0);
    }
}

/// Replaces every response by one of endless length, or of the length of a large file.
#[derive(Debug)]
struct Endless {
    status: u16,
}

impl Intercept for Endless {
    fn name(&self) -> &'static str {
        "Endless"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = vec![b' '; 9 * 1024 * 1024];
        *context.response_mut() = HttpResponse::new(self.status.try_into()?, body.into());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_a_limit() {
    for status in [200, 400, 502] {
        let demo = Demo::new();
        let config = aws_sdk_ecs::config::Builder::from(&demo.local.sdk_config())
            .retry_config(RetryConfig::disabled())
            .interceptor(Endless { status });
        let deployer = Deployer::from(Client::from_conf(config.build()));
        let error = deployer.current(&demo.service).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(
            chain(&error),
            format!(
                "invalid response to DescribeServices on demo/web: HTTP {status} with more than \
                 8388608 bytes"
            )
        );
    }
}
