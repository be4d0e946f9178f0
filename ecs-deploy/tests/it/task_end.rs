//! The ends of one-off tasks: the watched container decides.

use std::time::Duration;

use aws_sdk_ecs::types::{ContainerDefinition, DesiredStatus, NetworkMode};
use ecs_deploy::task::TaskRun;
use ecs_deploy::{Error, ErrorKind};
use local_aws::{ContainerExit, Fault, LocalAws, When};

use crate::demo::Demo;

/// Creates the family `job`: its containers `migrate` and `report` aren't essential, `proxy` is.
async fn demo(exits: &[(&str, u64, i32)]) -> Demo {
    let demo = Demo::new();
    let container = |name: &str, is_essential| {
        let definition = ContainerDefinition::builder().name(name).image("job:1");
        definition.essential(is_essential).build()
    };
    let register = demo.ecs.register_task_definition().family("job");
    register
        .network_mode(NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512")
        .container_definitions(container("migrate", false))
        .container_definitions(container("proxy", true))
        .container_definitions(container("report", false))
        .send()
        .await
        .unwrap();
    let exit = |(name, after, code): &(&str, u64, i32)| {
        ContainerExit::new(*name, Duration::from_secs(*after), *code)
    };
    demo.local.script_containers("job", exits.iter().map(exit));
    demo
}

async fn run(demo: &Demo, container: &str) -> Result<TaskRun, Error> {
    demo.deployer.run_registered_task(&demo.service, "job").container(container).await
}

/// Returns the stop code and the reason of the task.
async fn stopped(demo: &Demo, task: &str) -> (String, String) {
    let describe = demo.ecs.describe_tasks().cluster("demo").tasks(task).send().await.unwrap();
    let task = &describe.tasks()[0];
    assert_eq!(task.last_status(), Some("STOPPED"));
    let code = task.stop_code().unwrap().as_str().to_owned();
    (code, task.stopped_reason().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_does_not_keep_the_task() {
    let demo = demo(&[("migrate", 60, 0)]).await;
    let ran = run(&demo, "migrate").await.unwrap();
    assert_eq!(ran.container(), "migrate");
    assert!(!ran.is_running());
    let codes: Vec<_> = ran.exit_codes().collect();
    assert_eq!(codes, [("migrate", Some(0)), ("proxy", Some(0)), ("report", Some(0))]);
    assert!(ran.elapsed() < Duration::from_secs(110), "{:?}", ran.elapsed());
    let code = "UserInitiated".to_owned();
    let reason = "ecs-deploy: the container migrate has exited".to_owned();
    assert_eq!(stopped(&demo, ran.task()).await, (code, reason));
    assert_eq!(demo.local.journal().count("StopTask"), 1);
}

#[tokio::test(start_paused = true)]
async fn its_exit_code_decides_and_all_are_told() {
    let demo = demo(&[("report", 30, 7), ("migrate", 60, 3)]).await;
    let error = run(&demo, "migrate").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskFailed);
    let task = error.task().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "task {task} of job:1 for demo/web failed: container migrate exited with code 3: no \
             reason given; report exited with code 7"
        )
    );
    let codes: Vec<_> = error.exit_codes().collect();
    assert_eq!(codes, [("migrate", Some(3)), ("proxy", Some(0)), ("report", Some(7))]);
    let report = serde_json::to_value(&error).unwrap();
    assert_eq!(
        report["exitCodes"],
        serde_json::json!([["migrate", 3], ["proxy", 0], ["report", 7]])
    );
    let [failure] = error.task_failures() else { panic!("{error:?}") };
    assert_eq!(failure.cause(), ecs_deploy::diagnosis::FailureCause::Exited { code: 3 });
    stopped(&demo, task).await;
}

/// Only the watched container counts if it ends first, and it counts although another one failed.
#[tokio::test(start_paused = true)]
async fn another_container_that_is_not_essential_does_not_count() {
    let demo = demo(&[("report", 30, 7), ("migrate", 60, 0)]).await;
    let ran = run(&demo, "migrate").await.unwrap();
    assert_eq!(ran.exit_codes().nth(2), Some(("report", Some(7))));
}

/// An essential container that fails first ends the task.
#[tokio::test(start_paused = true)]
async fn what_ends_the_task_first_is_the_failure() {
    let demo = demo(&[("proxy", 30, 5)]).await;
    let error = run(&demo, "migrate").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskFailed);
    assert_eq!(error.task_failures()[0].container(), Some("proxy"));
    assert_eq!(demo.local.journal().count("StopTask"), 0);
}

#[tokio::test(start_paused = true)]
async fn ecs_stops_the_task_of_an_essential_container() {
    let demo = demo(&[("proxy", 30, 0)]).await;
    let ran = run(&demo, "proxy").await.unwrap();
    assert!(!ran.is_running());
    assert_eq!(demo.local.journal().count("StopTask"), 0);
}

/// The outcome doesn't depend on StopTask.
#[tokio::test(start_paused = true)]
async fn a_task_that_cannot_be_stopped_is_said_to_run() {
    let demo = demo(&[("migrate", 60, 0)]).await;
    demo.local.inject(When::every("StopTask"), Fault::LimitExceeded);
    let ran = run(&demo, "migrate").await.unwrap();
    assert!(ran.is_running());
    let text = ran.to_string();
    assert!(text.ends_with(" exited with code 0, but the task still runs"), "{text}");
    let list = demo.ecs.list_tasks().cluster("demo").family("job");
    let running = list.desired_status(DesiredStatus::Running).send().await.unwrap();
    assert_eq!(running.task_arns(), [ran.task()]);

    let demo = self::demo(&[("migrate", 60, 3)]).await;
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Resource":"*","Action":["ecs:*","iam:PassRole"]},
        {"Effect":"Deny","Resource":"*","Action":["ecs:StopTask"]}]}"#;
    demo.local.set_policy(LocalAws::USER, policy).unwrap();
    let text = run(&demo, "migrate").await.unwrap_err().to_string();
    assert!(text.ends_with("; proxy still runs; report still runs"), "{text}");
}
