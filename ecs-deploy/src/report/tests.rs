//! What each kind of event prints and serialises to.

use aws_sdk_ecs::types::{Container, Deployment, Service as Description, Task, TaskStopCode};
use serde_json::{Value, json};

use super::*;
use crate::model::pause::Resolution;
use crate::watch::identify::found;

const WEB_2: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2";

fn handle() -> Handle {
    let ours = Deployment::builder().id("ecs-svc/2").status("PRIMARY").task_definition(WEB_2);
    let description = Description::builder().deployments(ours.build()).build();
    found(&"prod/web".parse().unwrap(), &description)
}

fn failure() -> TaskFailure {
    let web = Container::builder().name("web").exit_code(3).image("web:2").build();
    let task = Task::builder()
        .task_arn("arn:aws:ecs:eu-west-1:123456789012:task/prod/0a1b")
        .stop_code(TaskStopCode::EssentialContainerExited)
        .stopped_reason("Essential container in task exited")
        .containers(web)
        .build();
    TaskFailure::from_task(&task).unwrap()
}

fn pause() -> Pause {
    Pause {
        service_deployment: "arn:aws:ecs:eu-west-1:1:service-deployment/prod/web/0a1b".to_owned(),
        hook: "0a1b".to_owned(),
        stage: Some("POST_TEST_TRAFFIC_SHIFT".to_owned()),
        on_timeout: Some(Resolution::RollBack),
    }
}

/// Each kind of event as JSON and as a line.
fn events() -> Vec<(Event, Value, &'static str)> {
    let (revision, to) = (WEB_2.to_owned(), "web:1".to_owned());
    let progress =
        Progress { desired: 2, running: 1, pending: 1, failed: 3, old: 0, is_draining: false };
    vec![
        (
            Event::Draining { old: 0 },
            json!({ "event": "draining", "old": 0 }),
            "all new tasks run, the old ones are stopping",
        ),
        (
            Event::Draining { old: 2 },
            json!({ "event": "draining", "old": 2 }),
            "all new tasks run, 2 old ones remain",
        ),
        (
            Event::Failed { kind: ErrorKind::RolledBack },
            json!({ "event": "failed", "kind": "rolledBack" }),
            "failed: RolledBack",
        ),
        (
            Event::Message { text: "a message".to_owned() },
            json!({ "event": "message", "text": "a message" }),
            "ECS: a message",
        ),
        (
            Event::Paused { pause: pause() },
            json!({ "event": "paused", "pause": {
                "serviceDeployment": "arn:aws:ecs:eu-west-1:1:service-deployment/prod/web/0a1b",
                "hook": "0a1b",
                "stage": "POST_TEST_TRAFFIC_SHIFT",
                "onTimeout": "rollBack",
            } }),
            "paused at POST_TEST_TRAFFIC_SHIFT by the hook 0a1b",
        ),
        (
            Event::Progress { progress },
            json!({ "event": "progress", "progress": {
                "desired": 2, "running": 1, "pending": 1, "failed": 3,
            } }),
            "1 of 2 running, 1 pending, 3 failed",
        ),
        (
            Event::Registered { revision: revision.clone() },
            json!({ "event": "registered", "revision": WEB_2 }),
            "registered arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2",
        ),
        (
            Event::RegisteredAgain {
                revision: revision.clone(),
                inactive: "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1".to_owned(),
            },
            json!({
                "event": "registeredAgain",
                "revision": WEB_2,
                "inactive": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1",
            }),
            "registered arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2, because web:1 is \
             INACTIVE",
        ),
        (
            Event::RollingBack { to: Some(to) },
            json!({ "event": "rollingBack", "to": "web:1" }),
            "rolling back to web:1",
        ),
        (
            Event::RollingBack { to: None },
            json!({ "event": "rollingBack", "to": null }),
            "rolling back",
        ),
        (
            Event::Soaking { seconds: 120 },
            json!({ "event": "soaking", "seconds": 120 }),
            "complete, watching the tasks for 120 s",
        ),
        (
            Event::Stage { stage: "BAKE_TIME".to_owned(), traffic_percent: Some(100.0) },
            json!({ "event": "stage", "stage": "BAKE_TIME", "trafficPercent": 100.0 }),
            "at BAKE_TIME, 100 % of the traffic",
        ),
        (
            Event::Stage { stage: "SCALE_UP".to_owned(), traffic_percent: None },
            json!({ "event": "stage", "stage": "SCALE_UP", "trafficPercent": null }),
            "at SCALE_UP",
        ),
        (
            Event::Started { handle: handle() },
            json!({ "event": "started", "handle": {
                "version": 1,
                "service": "prod/web",
                "revision": WEB_2,
                "deployment": "ecs-svc/2",
                "serviceDeployment": null,
                "images": [],
                "form": "rolling",
                "origin": "found",
                "earlier": [],
                "completed": null,
                "before": null,
                "messages": [],
            } }),
            "started ecs-svc/2",
        ),
        (
            Event::Succeeded { revision: revision.clone() },
            json!({ "event": "succeeded", "revision": WEB_2 }),
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2 runs",
        ),
        (
            Event::TaskFailed { failure: failure() },
            json!({ "event": "taskFailed", "failure": {
                "task": "0a1b",
                "stopCode": "EssentialContainerExited",
                "container": "web",
                "exitCode": 3,
                "image": "web:2",
                "imageDigest": null,
                "reason": "Essential container in task exited",
                "cause": { "exited": { "code": 3 } },
            } }),
            "task 0a1b: container web exited with code 3: Essential container in task exited",
        ),
        (
            Event::Unchanged { revision: revision.clone(), may_have_moved: Vec::new() },
            json!({ "event": "unchanged", "revision": WEB_2 }),
            "unchanged arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2",
        ),
        (
            Event::Unchanged { revision, may_have_moved: vec!["web:latest".to_owned()] },
            json!({ "event": "unchanged", "revision": WEB_2, "mayHaveMoved": ["web:latest"] }),
            "unchanged arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2: web:latest may have \
             moved; force a new deployment to pull it again, or name the image by its digest",
        ),
        (
            Event::Warning { finding: Finding::desired_count_zero() },
            json!({ "event": "warning", "finding": {
                "kind": "desiredCountZero",
                "text": "the desired count is 0: the rollout can't show whether the revision runs",
            } }),
            "warning: the desired count is 0: the rollout can't show whether the revision runs",
        ),
    ]
}

#[test]
fn every_event_is_an_object_and_a_line() {
    for (event, expected, line) in events() {
        assert_eq!(serde_json::to_value(&event).unwrap(), expected);
        assert_eq!(event.to_string(), line);
    }
}

/// The handle in an event is the one that can be followed.
#[test]
fn the_handle_of_an_event_is_read_again() {
    let event = serde_json::to_value(Event::Started { handle: handle() }).unwrap();
    let restored: Handle = serde_json::from_value(event["handle"].clone()).unwrap();
    assert_eq!(restored, handle());
}

#[test]
fn no_kind_of_event_is_forgotten() {
    let mut kinds: Vec<&str> = events()
        .iter()
        .map(|(event, ..)| match event {
            Event::Draining { .. } => "Draining",
            Event::Failed { .. } => "Failed",
            Event::Message { .. } => "Message",
            Event::Paused { .. } => "Paused",
            Event::Progress { .. } => "Progress",
            Event::Registered { .. } => "Registered",
            Event::RegisteredAgain { .. } => "RegisteredAgain",
            Event::RollingBack { .. } => "RollingBack",
            Event::Soaking { .. } => "Soaking",
            Event::Stage { .. } => "Stage",
            Event::Started { .. } => "Started",
            Event::Succeeded { .. } => "Succeeded",
            Event::TaskFailed { .. } => "TaskFailed",
            Event::Unchanged { .. } => "Unchanged",
            Event::Warning { .. } => "Warning",
        })
        .collect();
    kinds.dedup();
    assert_eq!(kinds.len(), 15);
    assert!(kinds.is_sorted());
}
