//! Old tasks that stay while the new ones are healthy: scale-in protection, and long draining.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ecs_demo::{Demo, pass};
use crate::ecs_raw::Raw;

/// The tasks of the service, protected for so long or no longer.
async fn protect(demo: &Demo, raw: &Raw, enabled: bool, minutes: u32) -> Value {
    let list = demo.ecs.list_tasks().cluster("demo").service_name("web").send().await.unwrap();
    let input = json!({
        "cluster": "demo",
        "tasks": list.task_arns(),
        "protectionEnabled": enabled,
        "expiresInMinutes": minutes,
    });
    raw.call("UpdateTaskProtection", &input).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn protected_tasks_outlast_a_deployment() {
    let demo = Demo::new();
    let raw = Raw::new(&demo.local).await;
    let answer = protect(&demo, &raw, true, 60).await;
    assert_eq!(answer["failures"], json!([]));
    let tasks = answer["protectedTasks"].as_array().unwrap().clone();
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0]["protectionEnabled"], true);
    let arns: Vec<&str> = tasks.iter().map(|task| task["taskArn"].as_str().unwrap()).collect();
    let get = json!({ "cluster": "demo", "tasks": arns });
    assert_eq!(raw.call("GetTaskProtection", &get).await.unwrap()["protectedTasks"], json!(tasks));

    demo.deploy().await;
    pass(50 * 60).await;
    // The new tasks are all there, and so are the old ones.
    let lines = demo.deployments().await;
    assert_eq!(lines, ["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]);
    let event = "was unable to scale in due to (reason 2 tasks under protection)";
    assert_eq!(demo.events().await.iter().filter(|it| *it == event).count(), 1);
    pass(15 * 60).await;
    assert_eq!(demo.deployments().await, ["PRIMARY COMPLETED 2/0/2 0"]);
    let after = raw.call("GetTaskProtection", &get).await.unwrap();
    assert_eq!(after["protectedTasks"], json!([]));
    assert_eq!(after["failures"][0]["reason"], "TASK_NOT_VALID");
}

#[tokio::test(start_paused = true)]
async fn protection_ends_early_when_it_is_taken_back() {
    let demo = Demo::new();
    let raw = Raw::new(&demo.local).await;
    let list = demo.ecs.list_tasks().cluster("demo").service_name("web").send().await.unwrap();
    protect(&demo, &raw, true, 2880).await;
    demo.deploy().await;
    pass(10 * 60).await;
    assert_eq!(demo.deployments().await.len(), 2);
    let off = json!({ "cluster": "demo", "tasks": list.task_arns(), "protectionEnabled": false });
    let answer = raw.call("UpdateTaskProtection", &off).await.unwrap();
    assert_eq!(answer["protectedTasks"][0]["protectionEnabled"], false);
    assert_eq!(answer["protectedTasks"][0].get("expirationDate"), None);
    pass(60).await;
    assert_eq!(demo.deployments().await, ["PRIMARY COMPLETED 2/0/2 0"]);
}

#[tokio::test(start_paused = true)]
async fn protected_tasks_outlast_scaling_in() {
    let demo = Demo::new();
    let raw = Raw::new(&demo.local).await;
    protect(&demo, &raw, true, 1).await;
    demo.update().desired_count(1).send().await.unwrap();
    pass(30).await;
    assert_eq!(demo.deployments().await, ["PRIMARY COMPLETED 2/0/1 0"]);
    pass(60).await;
    assert_eq!(demo.deployments().await, ["PRIMARY COMPLETED 1/0/1 0"]);
}

#[tokio::test(start_paused = true)]
async fn what_task_protection_refuses() {
    let demo = Demo::new();
    let raw = Raw::new(&demo.local).await;
    let input = |more: Value| {
        let mut input = json!({ "cluster": "demo", "tasks": ["a"], "protectionEnabled": true });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (more, message) in [
        (json!({ "tasks": [] }), "Tasks cannot be empty."),
        (json!({ "tasks": vec!["a"; 11] }), "Tasks cannot have more than 10 elements."),
        (json!({ "protectionEnabled": null }), "protectionEnabled must be specified."),
        (json!({ "expiresInMinutes": 0 }), "expiresInMinutes must be between 1 and 2880."),
        (json!({ "expiresInMinutes": 2881 }), "expiresInMinutes must be between 1 and 2880."),
    ] {
        let (code, refused) = raw.call("UpdateTaskProtection", &input(more)).await.unwrap_err();
        assert_eq!((code.as_str(), refused.as_str()), ("InvalidParameterException", message));
    }
    let answer = raw.call("UpdateTaskProtection", &input(json!({}))).await.unwrap();
    let arn = "arn:aws:ecs:us-east-1:123456789012:task/demo/a";
    assert_eq!(answer["failures"], json!([{ "arn": arn, "reason": "TASK_NOT_VALID" }]));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_waits_for_tasks_that_drain() {
    let demo = Demo::new();
    demo.local.set_draining("demo", "web", Duration::from_secs(330 * 60));
    demo.deploy().await;
    pass(320 * 60).await;
    // The old tasks aren't RUNNING any more, and not STOPPED yet.
    let lines = demo.deployments().await;
    assert_eq!(lines, ["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE COMPLETED 0/0/0 0"]);
    pass(15 * 60).await;
    assert_eq!(demo.deployments().await, ["PRIMARY COMPLETED 2/0/2 0"]);
}
