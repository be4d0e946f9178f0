//! The start of one-off tasks: capacity that lacks for a moment, volumes, long commands.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecs::types::{ServiceManagedEbsVolumeConfiguration, ServiceVolumeConfiguration};
use ecs_deploy::ErrorKind;
use local_aws::RunTaskFailure;
use serde_json::{Value, json};

use crate::demo::Demo;

const REASONS: [(RunTaskFailure, &str); 4] = [
    (RunTaskFailure::Agent, "AGENT"),
    (RunTaskFailure::Capacity, "Capacity is unavailable"),
    (RunTaskFailure::Cpu, "RESOURCE:CPU"),
    (RunTaskFailure::Memory, "RESOURCE:MEMORY"),
];

#[tokio::test(start_paused = true)]
async fn a_lack_of_capacity_passes() {
    for (failure, _) in REASONS {
        let demo = Demo::new();
        demo.local.fail_run_task("web", failure, 2);
        let bodies = demo.bodies("RunTask");
        let mut revision = demo.deployer.current(&demo.service).await.unwrap();
        demo.deployer.run_task(&demo.service, &mut revision).await.unwrap();
        let token = |body: &String| {
            let body: Value = serde_json::from_str(body).unwrap();
            body["clientToken"].as_str().unwrap().to_owned()
        };
        let tokens: BTreeSet<String> = bodies.lock().unwrap().iter().map(token).collect();
        // With the same token, ECS would only repeat its answer.
        assert_eq!(tokens.len(), 3, "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lack_that_stays_is_explained() {
    for ((failure, word), explanation) in REASONS.into_iter().zip([
        ": the agent of the container instance isn't connected",
        "",
        ": no container instance has enough free CPU units",
        ": no container instance has enough free memory",
    ]) {
        let demo = Demo::new();
        demo.local.fail_run_task("web", failure, 1000);
        let mut revision = demo.deployer.current(&demo.service).await.unwrap();
        let error = demo.deployer.run_task(&demo.service, &mut revision).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TaskNotStarted);
        let text = error.to_string();
        let beginning = format!("couldn't start a task of web:1 for demo/web: {word}");
        assert!(text.starts_with(&beginning), "{text}");
        assert!(text.ends_with(&format!("{explanation} (8 attempts in 255 s)")), "{text}");
        assert_eq!(demo.local.journal().count("RunTask"), 8);

        // The time limit ends it too.
        let mut revision = demo.deployer.current(&demo.service).await.unwrap();
        let task = demo.deployer.run_task(&demo.service, &mut revision);
        let error = task.timeout(Duration::from_secs(30)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TaskNotStarted);
        assert!(error.to_string().ends_with("(3 attempts in 15 s)"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn volumes_that_the_service_configures_are_the_task_s() {
    let demo = Demo::new();
    let mut revision = demo.deployer.current(&demo.service).await.unwrap();
    let mut definition: Value = serde_json::from_str(&revision.to_string()).unwrap();
    let volumes = definition["volumes"].as_array_mut().unwrap();
    volumes.push(json!({ "name": "data", "configuredAtLaunch": true }));
    let arn = demo.register(&definition.to_string()).await.unwrap();
    let ebs = ServiceManagedEbsVolumeConfiguration::builder()
        .size_in_gib(20)
        .volume_type("gp3")
        .encrypted(true)
        .role_arn("arn:aws:iam::123456789012:role/infrastructure");
    let data = ServiceVolumeConfiguration::builder().name("data");
    let data = data.managed_ebs_volume(ebs.build().unwrap()).build().unwrap();
    let update = demo.ecs.update_service().cluster("demo").service("web").task_definition(arn);
    update.volume_configurations(data).send().await.unwrap();

    let bodies = demo.bodies("RunTask");
    revision = demo.deployer.current(&demo.service).await.unwrap();
    demo.deployer.run_task(&demo.service, &mut revision).await.unwrap();
    let body: Value = serde_json::from_str(&bodies.lock().unwrap()[0]).unwrap();
    assert_eq!(
        body["volumeConfigurations"],
        json!([{
            "name": "data",
            "managedEBSVolume": {
                "sizeInGiB": 20,
                "volumeType": "gp3",
                "encrypted": true,
                "roleArn": "arn:aws:iam::123456789012:role/infrastructure",
            },
        }])
    );
    // A task definition without the volume gets none: ECS would refuse it.
    demo.deployer.run_registered_task(&demo.service, "web:1").await.unwrap();
    let body: Value = serde_json::from_str(&bodies.lock().unwrap()[1]).unwrap();
    assert_eq!(body.get("volumeConfigurations"), None);
}

/// ECS counts the characters of the overrides as JSON, here `[{"command":["…"],"name":"web"}]`.
#[tokio::test(start_paused = true)]
async fn a_command_that_is_too_long_is_refused_before_a_call() {
    let demo = Demo::new();
    let mut revision = demo.changed().await;
    let before = demo.operations().len();
    let longest = 8192 - r#"[{"command":[""],"name":"web"}]"#.len();
    let task = demo.deployer.run_task(&demo.service, &mut revision);
    let error = task.command(["x".repeat(longest + 1)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommandTooLong);
    assert_eq!(
        error.to_string(),
        "the command and the variables of the task for demo/web have 8193 characters in JSON, but \
         ECS accepts 8192: put the command into the image, or its input into a file"
    );
    assert_eq!(demo.operations().len(), before);
    let task = demo.deployer.run_task(&demo.service, &mut revision);
    let error = task.env("INPUT", "x".repeat(9000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommandTooLong);
    // Characters count, not bytes; ECS takes the longest.
    let task = demo.deployer.run_task(&demo.service, &mut revision);
    task.command(["ü".repeat(longest)]).await.unwrap();

    let task = demo.deployer.run_registered_task(&demo.service, "web:1");
    let error = task.command(["x".repeat(longest + 1)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommandTooLong);
    assert_eq!(demo.local.journal().count("RunTask"), 1);
}
