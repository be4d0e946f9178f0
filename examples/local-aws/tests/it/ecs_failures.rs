//! Deployments that fail, each in its own way, and what decides that they have.

use std::time::Duration;

use aws_sdk_ecs::types::{
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration, HealthCheck, LoadBalancer,
    NetworkMode, Task, ThresholdConfiguration, ThresholdType,
};
use local_aws::{AlarmState, RollbackId, Script};

use crate::ecs::{container, register};
use crate::ecs_demo::{Demo, pass};

const TARGET_GROUP: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/73e2d6bc24d8a067";

/// Plays `script` in a deployment, and returns its first task that stopped.
async fn first_failure(demo: &Demo, script: Script) -> Task {
    demo.local.script("demo", "web", script);
    let id = demo.deploy().await;
    for _ in 0..600 {
        let mut tasks = demo.stopped_tasks(&id).await;
        tasks.retain(|task| task.last_status() == Some("STOPPED"));
        if let Some(task) = tasks.pop() {
            return task;
        }
        pass(1).await;
    }
    panic!("no task of {id} stopped");
}

/// `stopCode`, `stoppedReason`, and of the first container `reason` and `exitCode`.
fn reasons(task: &Task) -> (&str, &str, Option<&str>, Option<i32>) {
    let container = &task.containers()[0];
    (
        task.stop_code().unwrap().as_str(),
        task.stopped_reason().unwrap(),
        container.reason(),
        container.exit_code(),
    )
}

#[tokio::test(start_paused = true)]
async fn out_of_memory() {
    let task = first_failure(&Demo::new(), Script::OutOfMemory).await;
    assert_eq!(
        reasons(&task),
        (
            "EssentialContainerExited",
            "Essential container in task exited",
            Some("OutOfMemoryError: Container killed due to memory usage"),
            Some(137)
        )
    );
}

#[tokio::test(start_paused = true)]
async fn secret_denied() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::SecretDenied);
    // The demonstration's definition has a secret and an execution role.
    let id = demo.update().force_new_deployment(true).send().await.unwrap().service.unwrap();
    let id = id.deployments()[0].id().unwrap();
    pass(60).await;
    let tasks = demo.stopped_tasks(id).await;
    let (code, reason, container, exit_code) = reasons(&tasks[0]);
    assert_eq!((code, container, exit_code), ("TaskFailedToStart", None, None));
    assert!(
        reason.starts_with(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution \
             resource retrieval failed: unable to retrieve secrets from ssm: service call has been \
             retried 1 time(s): AccessDeniedException: User: assumed-role/demo-web-execution/"
        ),
        "{reason}"
    );
    assert!(reason.contains("ssm:GetParameters on resource: arn:aws:ssm:us-east-1:"), "{reason}");
    assert!(tasks[0].started_at().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_container_health_check_that_fails() {
    let demo = Demo::new();
    let task =
        first_failure(&demo, Script::Unhealthy { by: local_aws::HealthCheck::Container }).await;
    assert_eq!(
        reasons(&task),
        ("ServiceSchedulerInitiated", "Task failed container health checks", None, Some(0))
    );
    // The status stays unknown if the definition has no check.
    assert_eq!(task.health_status().unwrap().as_str(), "UNKNOWN");
    let id = task.task_arn().unwrap().rsplit('/').next().unwrap();
    let texts = demo.events().await;
    assert!(texts.contains(&format!("(task {id}) failed container health checks.")), "{texts:?}");
    demo.until(&["PRIMARY IN_PROGRESS 0/2/2 2", "ACTIVE COMPLETED 2/0/2 0"]).await;
    let started = demo.service().await.events()[0].clone();
    let replaced = " Amazon ECS replaced 2 tasks due to an unhealthy status.";
    assert!(started.message().unwrap().ends_with(replaced), "{started:?}");
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_check_that_fails() {
    let demo = Demo::new();
    let balancer = LoadBalancer::builder()
        .target_group_arn(TARGET_GROUP)
        .container_name("web")
        .container_port(8080);
    demo.update().load_balancers(balancer.build()).send().await.unwrap();
    pass(120).await;
    let registered = format!("registered 2 targets in (target-group {TARGET_GROUP})");
    let texts = demo.events().await;
    assert!(texts.contains(&registered), "{texts:?}");
    let task =
        first_failure(&demo, Script::Unhealthy { by: local_aws::HealthCheck::LoadBalancer }).await;
    let reason = format!("Task failed ELB health checks in (target-group {TARGET_GROUP})");
    assert_eq!(reasons(&task), ("ServiceSchedulerInitiated", reason.as_str(), None, Some(0)));
    let id = task.task_arn().unwrap().rsplit('/').next().unwrap();
    let text = format!(
        "(task {id}) (port 8080) is unhealthy in (target-group {TARGET_GROUP}) due to (reason \
         Health checks failed with these codes: [503])."
    );
    assert!(demo.events().await.contains(&text));
    // These failures count, too: the breaker rolls back.
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn stopped_targets_are_drained() {
    let demo = Demo::new();
    let balancer = LoadBalancer::builder().target_group_arn(TARGET_GROUP).build();
    demo.update().load_balancers(balancer).send().await.unwrap();
    pass(120).await;
    demo.deploy().await;
    pass(120).await;
    let texts = demo.events().await;
    let draining = texts.iter().rposition(|text| text.starts_with("has begun draining")).unwrap();
    assert_eq!(
        texts[draining..draining + 3],
        [
            "has begun draining connections on 2 tasks.".to_owned(),
            format!("deregistered 2 targets in (target-group {TARGET_GROUP})"),
            "has stopped 2 running tasks: (task ".to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn without_capacity_no_task_comes_into_being_and_nothing_fails() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Unplaceable);
    demo.deploy().await;
    pass(3600).await;
    assert_eq!(
        demo.deployments().await,
        ["PRIMARY IN_PROGRESS 0/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]
    );
    let texts = demo.events().await;
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(texts[3].starts_with("was unable to place a task. Reason: Capacity is unavailable"));
    assert_eq!(demo.status().await, "IN_PROGRESS");
}

#[tokio::test(start_paused = true)]
async fn a_slow_image_only_takes_longer() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Slow { pulling: Duration::from_secs(900) });
    demo.deploy().await;
    pass(900).await;
    assert_eq!(
        demo.deployments().await,
        ["PRIMARY IN_PROGRESS 0/2/2 0", "ACTIVE COMPLETED 2/0/2 0"]
    );
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
}

async fn breaker(demo: &Demo, threshold: Option<(ThresholdType, i32)>, resets: Option<bool>) {
    let threshold = threshold.map(|(r#type, value)| {
        ThresholdConfiguration::builder().r#type(r#type).value(value).build().unwrap()
    });
    let breaker = DeploymentCircuitBreaker::builder()
        .enable(true)
        .rollback(true)
        .set_threshold_configuration(threshold)
        .set_reset_on_healthy_task(resets);
    let breaker = breaker.build();
    demo.configure(DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build())
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_threshold_follows_from_the_desired_count() {
    for (desired, threshold, expected) in [
        (1, None, 3),
        (6, None, 3),
        (7, None, 4),
        (25, None, 13),
        (1000, None, 200),
        (10, Some((ThresholdType::Count, 1)), 1),
        (10, Some((ThresholdType::BoundedPercent, 10)), 3),
        (10, Some((ThresholdType::UnboundedPercent, 10)), 1),
        (10, Some((ThresholdType::UnboundedPercent, 5000)), 500),
    ] {
        let demo = Demo::new();
        breaker(&demo, threshold.clone(), None).await;
        demo.update().desired_count(desired).force_new_deployment(true).send().await.unwrap();
        let shown = demo.service_deployment().await.deployment_circuit_breaker.unwrap();
        assert_eq!(shown.threshold, expected, "{desired} {threshold:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_of_one_ends_it_with_the_first_failure() {
    let demo = Demo::new();
    breaker(&demo, Some((ThresholdType::Count, 1)), None).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    pass(35).await;
    assert_eq!(demo.status().await, "ROLLBACK_IN_PROGRESS");
}

#[tokio::test(start_paused = true)]
async fn a_healthy_task_sets_the_count_back_unless_configured_otherwise() {
    for (resets, status) in [(None, "SUCCESSFUL"), (Some(false), "ROLLBACK_SUCCESSFUL")] {
        let demo = Demo::new();
        demo.update().desired_count(4).send().await.unwrap();
        pass(120).await;
        breaker(&demo, None, resets).await;
        demo.local.script("demo", "web", Script::Flaky { exit_code: 1 });
        demo.deploy().await;
        pass(45).await;
        assert!(demo.deployments().await[0].ends_with(" 2"));
        pass(600).await;
        assert_eq!(demo.status().await, status, "{resets:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_may_have_an_id_of_its_own() {
    let demo = Demo::new();
    demo.local.set_rollback_id(RollbackId::New);
    let old = demo.service().await.deployments()[0].id().unwrap().to_owned();
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let failed = demo.deploy().await;
    demo.until(&[
        "PRIMARY IN_PROGRESS 0/2/2 0",
        "ACTIVE FAILED 0/0/0 4",
        "ACTIVE COMPLETED 2/0/2 0",
    ])
    .await;
    let service = demo.service().await;
    let ids: Vec<_> = service.deployments().iter().map(|it| it.id().unwrap()).collect();
    assert!(![&old, &failed].contains(&&ids[0].to_owned()));
    assert_eq!(ids[1..], [failed.as_str(), old.as_str()]);
    assert!(service.task_definition().unwrap().ends_with("web:1"));
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_takes_the_settings_back_as_well() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.update().platform_version("1.3.0").send().await.unwrap();
    assert_eq!(demo.service().await.platform_version(), Some("1.3.0"));
    pass(600).await;
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
    assert_eq!(demo.service().await.platform_version(), Some("LATEST"));
}

async fn alarms(demo: &Demo, rollback: bool) {
    let alarms = DeploymentAlarms::builder()
        .alarm_names("errors")
        .alarm_names("latency")
        .enable(true)
        .rollback(rollback)
        .build()
        .unwrap();
    demo.configure(DeploymentConfiguration::builder().alarms(alarms).build()).await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_rolls_back() {
    let demo = Demo::new();
    alarms(&demo, true).await;
    demo.local.set_alarm("latency", AlarmState::Alarm, Duration::from_secs(120));
    let failed = demo.deploy().await;
    pass(119).await;
    // All tasks are in place, and the deployment bakes.
    assert_eq!(demo.deployments().await[0], "PRIMARY IN_PROGRESS 2/0/2 0");
    let shown = demo.service_deployment().await.alarms.unwrap();
    assert_eq!(shown.status().unwrap().as_str(), "MONITORING");
    pass(1).await;
    assert_eq!(demo.status().await, "ROLLBACK_IN_PROGRESS");
    let shown = demo.service_deployment().await.alarms.unwrap();
    assert_eq!(shown.status().unwrap().as_str(), "TRIGGERED");
    assert_eq!(shown.triggered_alarm_names(), ["latency"]);
    let texts = demo.events().await;
    assert!(
        texts.contains(&format!("(deployment {failed}) deployment failed: alarm detected.")),
        "{texts:?}"
    );
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
    assert!(demo.service().await.task_definition().unwrap().ends_with("web:1"));
}

#[tokio::test(start_paused = true)]
async fn an_alarm_without_rollback_leaves_the_deployment_failed() {
    let demo = Demo::new();
    alarms(&demo, false).await;
    demo.local.set_alarm("errors", AlarmState::Alarm, Duration::from_secs(20));
    demo.deploy().await;
    pass(25).await;
    assert_eq!(demo.deployments().await, ["PRIMARY FAILED 0/2/2 0", "ACTIVE COMPLETED 2/0/2 0"]);
    let shown = demo.service_deployment().await;
    assert_eq!(shown.status().unwrap().as_str(), "STOPPED");
    assert!(shown.stopped_at().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_there_already_is_ignored() {
    let demo = Demo::new();
    alarms(&demo, true).await;
    demo.local.set_alarm("errors", AlarmState::Alarm, Duration::ZERO);
    pass(1).await;
    demo.deploy().await;
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.status().await, "SUCCESSFUL");
    // Once it is over, it counts for the next one again.
    demo.local.set_alarm("errors", AlarmState::Ok, Duration::ZERO);
    demo.local.set_alarm("errors", AlarmState::Alarm, Duration::from_secs(30));
    pass(1).await;
    demo.deploy().await;
    pass(600).await;
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn percentages_that_allow_nothing_are_told() {
    let demo = Demo::new();
    let tight =
        DeploymentConfiguration::builder().minimum_healthy_percent(100).maximum_percent(100);
    demo.configure(tight.build()).await;
    demo.deploy().await;
    pass(600).await;
    assert_eq!(
        demo.deployments().await,
        ["PRIMARY IN_PROGRESS 0/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]
    );
    let texts = demo.events().await;
    assert!(texts[3].starts_with("was unable to stop or start tasks during a deployment because"));
    // The old tasks stop first if the room is below the desired count.
    let below = DeploymentConfiguration::builder().minimum_healthy_percent(50).maximum_percent(100);
    demo.configure(below.build()).await;
    demo.update().desired_count(2).send().await.unwrap();
    demo.until(&["PRIMARY IN_PROGRESS 0/1/2 0", "ACTIVE COMPLETED 1/0/1 0"]).await;
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_service_is_throttled_and_says_so_once() {
    let demo = Demo::new();
    demo.breaker(false, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    pass(2 * 3600).await;
    let texts = demo.events().await;
    let told = texts.iter().filter(|it| it.starts_with("is unable to consistently start tasks"));
    assert_eq!(told.count(), 1, "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_may_fail_as_well() {
    let demo = Demo::new();
    demo.local.set_rollback_id(RollbackId::New);
    demo.update().desired_count(4).send().await.unwrap();
    demo.local.script("demo", "web", Script::Flaky { exit_code: 1 });
    demo.deploy().await;
    pass(600).await;
    assert_eq!(demo.status().await, "SUCCESSFUL");
    // What was completed thanks to healthy tasks in between doesn't come up again without them.
    breaker(&demo, None, Some(false)).await;
    demo.local.script("demo", "web", Script::ImageMissing);
    demo.deploy().await;
    pass(3600).await;
    assert_eq!(demo.status().await, "ROLLBACK_FAILED");
    let service = demo.service().await;
    assert_eq!(service.deployments()[0].rollout_state().unwrap().as_str(), "FAILED");
    assert!(service.task_definition().unwrap().ends_with("web:2"));
}

#[tokio::test(start_paused = true)]
async fn on_ec2_no_instance_has_room() {
    let demo = Demo::new();
    register(&demo.ecs, "api").await;
    demo.local.script("demo", "api", Script::Unplaceable);
    let create = demo.ecs.create_service().cluster("demo").service_name("api").desired_count(1);
    create.task_definition("api").send().await.unwrap();
    pass(60).await;
    let output = demo.ecs.describe_services().cluster("demo").services("api").send().await;
    let service = output.unwrap().services.unwrap().remove(0);
    let text = "(service api) was unable to place a task because no container instance met all of \
                its requirements. ";
    assert!(service.events()[0].message().unwrap().starts_with(text), "{service:?}");
}

#[tokio::test(start_paused = true)]
async fn a_container_with_a_health_check_shows_its_health() {
    let demo = Demo::new();
    let check = HealthCheck::builder().command("CMD").build().unwrap();
    let mut checked = container("web", "nginx:1");
    let plain = container("log", "nginx:2");
    checked.health_check = Some(check);
    let register = demo.ecs.register_task_definition().family("web").cpu("256").memory("512");
    let register = register.network_mode(NetworkMode::Awsvpc);
    register.container_definitions(checked).container_definitions(plain).send().await.unwrap();
    demo.update().task_definition("web:2").send().await.unwrap();
    pass(200).await;
    let list = demo.ecs.list_tasks().cluster("demo").send().await.unwrap().task_arns;
    let describe = demo.ecs.describe_tasks().cluster("demo").set_tasks(list);
    let task = describe.send().await.unwrap().tasks.unwrap().remove(0);
    assert_eq!(task.health_status().unwrap().as_str(), "HEALTHY");
    let shown: Vec<_> =
        task.containers().iter().map(|it| it.health_status().unwrap().as_str()).collect();
    assert_eq!(shown, ["HEALTHY", "UNKNOWN"]);
}
