//! The situations that deployment tools are known to get wrong, each as the service shows it.

use std::time::Duration;

use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::{
    DeploymentConfiguration, DeploymentEarlySuccessCriteria, DeploymentLifecycleHook,
    DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType, DeploymentStrategy,
    ServiceRevisionCleanup,
};
use aws_sdk_ecs::{Client, config};
use local_aws::{Fault, LocalAws, RollbackId, Script, When};

use crate::ecs_demo::{Demo, pass};

#[tokio::test(start_paused = true)]
async fn plain_success_is_complete_only_after_the_old_tasks_are_drained() {
    let demo = Demo::new();
    demo.deploy().await;
    demo.until(&["PRIMARY IN_PROGRESS 0/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]).await;
    demo.until(&["PRIMARY IN_PROGRESS 0/2/2 0", "ACTIVE COMPLETED 2/0/2 0"]).await;
    demo.until(&["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]).await;
    demo.until(&["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE COMPLETED 0/0/0 0"]).await;
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.status().await, "SUCCESSFUL");
}

/// What `wait services-stable` looks at.
async fn looks_stable(demo: &Demo) -> bool {
    let service = demo.service().await;
    service.deployments().len() == 1 && service.running_count == service.desired_count
}

#[tokio::test(start_paused = true)]
async fn a_rollback_looks_stable_and_has_the_same_id_as_before() {
    let demo = Demo::new();
    let before = demo.service().await.deployments()[0].id().unwrap().to_owned();
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    pass(600).await;
    assert!(looks_stable(&demo).await);
    assert_eq!(demo.service().await.deployments()[0].id(), Some(before.as_str()));
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_a_forced_deployment_has_the_same_task_definition_before_and_after() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let forced = demo.update().force_new_deployment(true).send().await.unwrap().service.unwrap();
    let forced_id = forced.deployments()[0].id().unwrap();
    pass(600).await;
    let service = demo.service().await;
    assert!(looks_stable(&demo).await);
    assert_eq!(service.task_definition(), forced.task_definition());
    assert_ne!(service.deployments()[0].id(), Some(forced_id));
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_with_a_new_id_is_neither_the_old_nor_the_failed_deployment() {
    let demo = Demo::new();
    demo.local.set_rollback_id(RollbackId::New);
    let before = demo.service().await.deployments()[0].id().unwrap().to_owned();
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let failed = demo.deploy().await;
    pass(900).await;
    assert!(looks_stable(&demo).await);
    let service = demo.service().await;
    let id = service.deployments()[0].id().unwrap();
    assert!(id != before && id != failed);
    assert!(service.task_definition().unwrap().ends_with("web:1"));
}

#[tokio::test(start_paused = true)]
async fn a_breaker_without_rollback_never_looks_stable() {
    let demo = Demo::new();
    demo.breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    pass(24 * 3600).await;
    assert!(!looks_stable(&demo).await);
    assert_eq!(demo.deployments().await, ["PRIMARY FAILED 0/0/2 4", "ACTIVE COMPLETED 2/0/2 0"]);
    assert_eq!(demo.status().await, "STOPPED");
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_tasks_crash_for_ever() {
    let demo = Demo::new();
    demo.breaker(false, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    let mut failed = 0;
    for _ in 0..6 {
        pass(3600).await;
        let now = demo.service().await.deployments()[0].failed_tasks;
        assert!(now > failed, "{now}");
        failed = now;
        assert_eq!(demo.status().await, "IN_PROGRESS");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_deployment_takes_over_the_first_in_the_middle() {
    let demo = Demo::new();
    let first = demo.deploy().await;
    pass(40).await;
    let second = demo.deploy().await;
    let service = demo.service().await;
    let shown: Vec<_> =
        service.deployments().iter().map(|it| (it.id().unwrap(), it.status().unwrap())).collect();
    assert_eq!(shown[..2], [(second.as_str(), "PRIMARY"), (first.as_str(), "ACTIVE")]);
    assert_eq!(shown.len(), 3);
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert!(demo.service().await.task_definition().unwrap().ends_with("web:3"));
}

#[tokio::test(start_paused = true)]
async fn a_desired_count_of_zero_looks_stable_without_any_task() {
    let demo = Demo::new();
    demo.update().desired_count(0).send().await.unwrap();
    demo.until(&["PRIMARY COMPLETED 0/0/0 0"]).await;
    // Nothing would run, and so nothing fails.
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    pass(60).await;
    assert!(looks_stable(&demo).await);
    assert_eq!(demo.status().await, "SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_missing_shows_on_the_first_stopped_task_long_before_the_breaker() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::ImageMissing);
    let id = demo.deploy().await;
    pass(165).await;
    let tasks = demo.stopped_tasks(&id).await;
    assert!(tasks[0].stopped_reason().unwrap().starts_with("CannotPullContainerError: "));
    assert_eq!(demo.status().await, "IN_PROGRESS");
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_throttling_is_no_outcome() {
    let demo = Demo::new();
    let config = demo.local.sdk_config();
    let config = config::Builder::from(&config).retry_config(RetryConfig::disabled()).build();
    let ecs = Client::from_conf(config);
    demo.deploy().await;
    let minute = Duration::from_secs(60);
    demo.local.inject(When::for_the_next("DescribeServices", minute), Fault::Throttle);
    let describe = ecs.describe_services().cluster("demo").services("web");
    for _ in 0..6 {
        let error = describe.clone().send().await.unwrap_err();
        assert_eq!(error.code(), Some("ThrottlingException"));
        pass(10).await;
    }
    describe.send().await.unwrap();
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
}

#[tokio::test(start_paused = true)]
async fn the_newer_actions_may_be_denied_while_the_older_ones_go_on() {
    let demo = Demo::new();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[
        "ecs:DescribeServices","ecs:UpdateService","ecs:RegisterTaskDefinition","iam:PassRole"
    ],"Resource":"*"}]}"#;
    demo.local.set_policy(LocalAws::USER, policy).unwrap();
    demo.deploy().await;
    let list = demo.ecs.list_service_deployments().cluster("demo").service("web");
    assert_eq!(list.send().await.unwrap_err().code(), Some("AccessDeniedException"));
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
}

#[tokio::test(start_paused = true)]
async fn times_are_those_of_the_emulators_clock_and_ids_need_none() {
    let demo = Demo::new();
    let before = demo.service().await.deployments()[0].clone();
    pass(24 * 3600).await;
    let id = demo.deploy().await;
    let now = &demo.service().await.deployments()[0].clone();
    let seconds = now.created_at().unwrap().secs() - before.created_at().unwrap().secs();
    assert!((24 * 3600 - 1..24 * 3600 + 2).contains(&seconds), "{seconds}");
    assert_eq!(now.id(), Some(id.as_str()));
}

#[tokio::test(start_paused = true)]
async fn early_success_is_successful_while_old_tasks_still_run() {
    let demo = Demo::new();
    let early = DeploymentEarlySuccessCriteria::builder()
        .enable(true)
        .healthy_percent(100)
        .source_service_revision_cleanup(ServiceRevisionCleanup::Deferred);
    let configuration =
        DeploymentConfiguration::builder().early_success_criteria(early.build()).build();
    demo.configure(configuration).await;
    demo.deploy().await;
    demo.until(&["PRIMARY COMPLETED 2/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]).await;
    assert!(!looks_stable(&demo).await);
    assert_eq!(demo.status().await, "SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn blue_green_stands_still_at_a_pause() {
    let demo = Demo::new();
    let hook = DeploymentLifecycleHook::builder()
        .target_type(DeploymentLifecycleHookTargetType::Pause)
        .lifecycle_stages(DeploymentLifecycleHookStage::PostTestTrafficShift);
    let configuration = DeploymentConfiguration::builder()
        .strategy(DeploymentStrategy::BlueGreen)
        .bake_time_in_minutes(5)
        .lifecycle_hooks(hook.build());
    demo.configure(configuration.build()).await;
    demo.deploy().await;
    pass(12 * 3600).await;
    let deployment = demo.service_deployment().await;
    assert_eq!(deployment.status().unwrap().as_str(), "IN_PROGRESS");
    let hooks = deployment.lifecycle_hook_details();
    assert_eq!(hooks[0].status().unwrap().as_str(), "AWAITING_ACTION");
    // The older view shows the same as for a slow rollout.
    assert_eq!(
        demo.deployments().await,
        ["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]
    );
}

#[tokio::test(start_paused = true)]
async fn more_than_a_hundred_tasks_need_more_than_one_page() {
    let demo = Demo::new();
    demo.update().desired_count(150).send().await.unwrap();
    demo.until(&["PRIMARY COMPLETED 150/0/150 0"]).await;
    let id = demo.deploy().await;
    demo.until(&["PRIMARY COMPLETED 150/0/150 0"]).await;
    let list = demo.ecs.list_tasks().cluster("demo").service_name("web");
    let first = list.clone().send().await.unwrap();
    assert_eq!(first.task_arns().len(), 100);
    let second = list.next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!(second.task_arns().len(), 50);
    let started = demo.ecs.list_tasks().cluster("demo").started_by(id);
    let pages = started.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    assert_eq!(pages.unwrap().len(), 150);
}
