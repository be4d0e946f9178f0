//! BLUE_GREEN, LINEAR and CANARY, their hooks, and rolling updates that are successful early.

use aws_sdk_ecs::types::builders::{
    DeploymentConfigurationBuilder, DeploymentLifecycleHookBuilder,
};
use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentConfiguration, DeploymentEarlySuccessCriteria,
    DeploymentLifecycleHook, DeploymentLifecycleHookAction as Action,
    DeploymentLifecycleHookDetail, DeploymentLifecycleHookStage as HookStage,
    DeploymentLifecycleHookTargetType as Target, DeploymentLifecycleHookTimeoutConfiguration,
    DeploymentStrategy, LinearConfiguration, ServiceRevisionCleanup,
};
use local_aws::{HookAnswer, Script};

use crate::ecs::{pair, refusal};
use crate::ecs_demo::{Demo, pass};

const LAMBDA: &str = "arn:aws:lambda:us-east-1:123456789012:function:check";

fn blue_green() -> DeploymentConfigurationBuilder {
    DeploymentConfiguration::builder()
        .strategy(DeploymentStrategy::BlueGreen)
        .bake_time_in_minutes(10)
}

/// `STAGE green%`, once for every change, until the deployment is finished.
async fn stages(demo: &Demo) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..4 * 3600 {
        let deployment = demo.service_deployment().await;
        if deployment.finished_at().is_some() {
            return seen;
        }
        if let Some(stage) = deployment.lifecycle_stage() {
            let target = deployment.target_service_revision().unwrap();
            let weight = target.requested_production_traffic_weight().unwrap();
            let now = format!("{} {weight}%", stage.as_str());
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        pass(1).await;
    }
    panic!("never finished: {seen:#?}");
}

#[tokio::test(start_paused = true)]
async fn blue_green_walks_through_its_stages() {
    let demo = Demo::new();
    demo.configure(blue_green().build()).await;
    demo.deploy().await;
    assert_eq!(
        stages(&demo).await,
        [
            "PRE_SCALE_UP 0%",
            "SCALE_UP 0%",
            "POST_SCALE_UP 0%",
            "TEST_TRAFFIC_SHIFT 0%",
            "POST_TEST_TRAFFIC_SHIFT 0%",
            "PRODUCTION_TRAFFIC_SHIFT 0%",
            "PRODUCTION_TRAFFIC_SHIFT 100%",
            "POST_PRODUCTION_TRAFFIC_SHIFT 100%",
            "BAKE_TIME 100%",
            "CLEAN_UP 100%",
        ]
    );
    assert_eq!(demo.status().await, "SUCCESSFUL");
    assert_eq!(demo.deployments().await, ["PRIMARY COMPLETED 2/0/2 0"]);
}

#[tokio::test(start_paused = true)]
async fn both_revisions_run_until_the_bake_time_is_over() {
    let demo = Demo::new();
    demo.configure(blue_green().build()).await;
    demo.deploy().await;
    demo.until(&["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]).await;
    let deployment = demo.service_deployment().await;
    assert_eq!(deployment.source_service_revisions()[0].requested_task_count, 2);
    assert_eq!(
        deployment.source_service_revisions()[0].requested_production_traffic_weight(),
        Some(100.0)
    );
    pass(10 * 60).await;
    assert_eq!(demo.service_deployment().await.lifecycle_stage().unwrap().as_str(), "BAKE_TIME");
    assert_eq!(
        demo.deployments().await,
        ["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]
    );
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
}

#[tokio::test(start_paused = true)]
async fn blue_green_rolls_back_while_it_bakes() {
    let demo = Demo::new();
    demo.configure(blue_green().build()).await;
    demo.deploy().await;
    pass(10 * 60).await;
    let arn = demo.service_deployment().await.service_deployment_arn.unwrap();
    demo.ecs.stop_service_deployment().service_deployment_arn(arn).send().await.unwrap();
    pass(3).await;
    let deployment = demo.service_deployment().await;
    assert_eq!(deployment.status().unwrap().as_str(), "ROLLBACK_IN_PROGRESS");
    let blue = &deployment.source_service_revisions()[0];
    assert_eq!(blue.requested_production_traffic_weight(), Some(100.0));
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert!(demo.service().await.task_definition().unwrap().ends_with("web:1"));
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn blue_green_fails_while_it_scales_up() {
    let demo = Demo::new();
    demo.configure(blue_green().build()).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    assert_eq!(stages(&demo).await[..2], ["PRE_SCALE_UP 0%", "SCALE_UP 0%"]);
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn another_blue_green_deployment_reconciles_first() {
    let demo = Demo::new();
    demo.configure(blue_green().build()).await;
    demo.deploy().await;
    pass(60).await;
    demo.deploy().await;
    let stages = stages(&demo).await;
    assert_eq!(stages[..2], ["RECONCILE_SERVICE 0%", "PRE_SCALE_UP 0%"]);
    assert_eq!(demo.deployments().await, ["PRIMARY COMPLETED 2/0/2 0"]);
    assert!(demo.service().await.task_definition().unwrap().ends_with("web:3"));
}

#[tokio::test(start_paused = true)]
async fn linear_shifts_step_by_step() {
    let demo = Demo::new();
    let linear =
        LinearConfiguration::builder().step_percent(40.0).step_bake_time_in_minutes(3).build();
    let configuration = DeploymentConfiguration::builder()
        .strategy(DeploymentStrategy::Linear)
        .linear_configuration(linear);
    demo.configure(configuration.build()).await;
    demo.deploy().await;
    assert_eq!(
        stages(&demo).await[5..],
        [
            "PRODUCTION_TRAFFIC_SHIFT 0%",
            "PRODUCTION_TRAFFIC_SHIFT 40%",
            "PRODUCTION_TRAFFIC_SHIFT 80%",
            "PRODUCTION_TRAFFIC_SHIFT 100%",
            "POST_PRODUCTION_TRAFFIC_SHIFT 100%",
            "CLEAN_UP 100%",
        ]
    );
    let deployment = demo.service_deployment().await;
    let seconds =
        deployment.finished_at().unwrap().secs() - deployment.started_at().unwrap().secs();
    // Two bake times of three minutes; the last shift has no bake time.
    assert!((360..660).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn canary_shifts_a_little_and_then_the_rest() {
    let demo = Demo::new();
    let strategy = DeploymentConfiguration::builder().strategy(DeploymentStrategy::Canary);
    demo.configure(strategy.build()).await;
    demo.deploy().await;
    pass(180).await;
    let deployment = demo.service_deployment().await;
    let weights: Vec<_> = [deployment.target_service_revision().unwrap()]
        .into_iter()
        .chain(deployment.source_service_revisions())
        .map(|it| it.requested_production_traffic_weight().unwrap())
        .collect();
    assert_eq!(weights, [5.0, 95.0]);
    let shifts: Vec<_> = stages(&demo).await;
    assert!(shifts.contains(&"PRODUCTION_TRAFFIC_SHIFT 100%".to_owned()), "{shifts:?}");
    assert_eq!(demo.status().await, "SUCCESSFUL");
}

fn pause(at: HookStage) -> DeploymentLifecycleHookBuilder {
    DeploymentLifecycleHook::builder().target_type(Target::Pause).lifecycle_stages(at)
}

async fn hooks(demo: &Demo) -> Vec<DeploymentLifecycleHookDetail> {
    demo.service_deployment().await.lifecycle_hook_details.unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_pause_waits_until_it_is_told_to_go_on() {
    let demo = Demo::new();
    let hook = pause(HookStage::PostTestTrafficShift).build();
    demo.configure(blue_green().lifecycle_hooks(hook).build()).await;
    demo.deploy().await;
    pass(10 * 3600).await;
    let deployment = demo.service_deployment().await;
    assert_eq!(deployment.status().unwrap().as_str(), "IN_PROGRESS");
    assert_eq!(deployment.lifecycle_stage().unwrap().as_str(), "POST_TEST_TRAFFIC_SHIFT");
    let [hook] = deployment.lifecycle_hook_details() else { panic!("{deployment:?}") };
    assert_eq!(hook.status().unwrap().as_str(), "AWAITING_ACTION");
    assert_eq!(hook.timeout_action().unwrap().as_str(), "ROLLBACK");
    let arn = deployment.service_deployment_arn().unwrap();
    let go_on = demo.ecs.continue_service_deployment().service_deployment_arn(arn);
    assert_eq!(
        refusal(go_on.clone().hook_id("none").action(Action::Continue).send().await),
        pair("InvalidParameterException", "No lifecycle hook of this ID is awaiting an action.")
    );
    let go_on = go_on.hook_id(hook.hook_id().unwrap()).action(Action::Continue);
    go_on.clone().send().await.unwrap();
    assert_eq!(hooks(&demo).await[0].status().unwrap().as_str(), "SUCCEEDED");
    // A second decision is refused.
    assert_eq!(refusal(go_on.send().await).0, "InvalidParameterException");
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.status().await, "SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn a_pause_may_be_told_to_go_back() {
    let demo = Demo::new();
    let hook = pause(HookStage::PreScaleUp).build();
    demo.configure(blue_green().lifecycle_hooks(hook).build()).await;
    demo.deploy().await;
    pass(60).await;
    // Nothing has been started yet.
    assert_eq!(demo.deployments().await[0], "PRIMARY IN_PROGRESS 0/0/2 0");
    let deployment = demo.service_deployment().await;
    demo.ecs
        .continue_service_deployment()
        .service_deployment_arn(deployment.service_deployment_arn().unwrap())
        .hook_id(deployment.lifecycle_hook_details()[0].hook_id().unwrap())
        .action(Action::Rollback)
        .send()
        .await
        .unwrap();
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
}

#[tokio::test(start_paused = true)]
async fn no_stage_begins_before_the_deployment_does() {
    let demo = Demo::new();
    let hook = pause(HookStage::PreScaleUp).build();
    demo.configure(blue_green().lifecycle_hooks(hook).build()).await;
    let tasks = demo.ecs.list_tasks().cluster("demo").send().await.unwrap();
    demo.ecs.stop_task().cluster("demo").task(&tasks.task_arns()[0]).send().await.unwrap();
    pass(8).await;
    demo.deploy().await;
    // The task stops two seconds later, and the scheduler looks at the deployment after three.
    pass(2).await;
    assert_eq!(demo.status().await, "PENDING");
    assert_eq!(hooks(&demo).await, []);
    pass(1).await;
    assert_eq!(demo.status().await, "IN_PROGRESS");
    assert_eq!(hooks(&demo).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pause_times_out() {
    for (action, status) in [(None, "ROLLBACK_SUCCESSFUL"), (Some(Action::Continue), "SUCCESSFUL")]
    {
        let demo = Demo::new();
        let timeout = DeploymentLifecycleHookTimeoutConfiguration::builder()
            .timeout_in_minutes(30)
            .set_action(action)
            .build();
        let hook = pause(HookStage::PostScaleUp).timeout_configuration(timeout).build();
        demo.configure(blue_green().lifecycle_hooks(hook).build()).await;
        demo.deploy().await;
        pass(29 * 60).await;
        assert_eq!(hooks(&demo).await[0].status().unwrap().as_str(), "AWAITING_ACTION");
        pass(3600).await;
        assert_eq!(hooks(&demo).await[0].status().unwrap().as_str(), "TIMED_OUT");
        assert_eq!(demo.status().await, status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lambda_function_decides() {
    for (answer, status, hook_status) in [
        (HookAnswer::Succeed, "SUCCESSFUL", "SUCCEEDED"),
        (HookAnswer::Fail, "ROLLBACK_SUCCESSFUL", "FAILED"),
        (HookAnswer::None, "ROLLBACK_SUCCESSFUL", "TIMED_OUT"),
    ] {
        let demo = Demo::new();
        demo.local.script_hook(LAMBDA, answer);
        let hook = DeploymentLifecycleHook::builder()
            .hook_target_arn(LAMBDA)
            .role_arn("arn:aws:iam::123456789012:role/hooks")
            .lifecycle_stages(HookStage::ProductionTrafficShift);
        demo.configure(blue_green().lifecycle_hooks(hook.build()).build()).await;
        demo.deploy().await;
        pass(26 * 3600).await;
        assert_eq!(demo.status().await, status);
        let hooks = hooks(&demo).await;
        assert_eq!(hooks[0].status().unwrap().as_str(), hook_status);
        assert_eq!(hooks[0].target_arn(), Some(LAMBDA));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_deployment_configuration_may_not_say() {
    let demo = Demo::new();
    let builder = DeploymentConfiguration::builder;
    let linear = |percent| LinearConfiguration::builder().step_percent(percent).build();
    let canary = CanaryConfiguration::builder().canary_percent(0.05).build();
    let early = DeploymentEarlySuccessCriteria::builder().enable(true);
    let shift = HookStage::ProductionTrafficShift;
    let cases = [
        builder().strategy(DeploymentStrategy::BlueGreen),
        builder().linear_configuration(linear(10.0)),
        builder().strategy(DeploymentStrategy::Linear).linear_configuration(linear(2.9)),
        builder().strategy(DeploymentStrategy::Linear).linear_configuration(linear(10.05)),
        builder().strategy(DeploymentStrategy::Canary).canary_configuration(canary),
        builder().bake_time_in_minutes(1441),
        builder().early_success_criteria(early.clone().build()),
        builder().early_success_criteria(
            early
                .healthy_percent(50)
                .source_service_revision_cleanup(ServiceRevisionCleanup::Blocking)
                .build(),
        ),
        blue_green().lifecycle_hooks(pause(shift.clone()).build()),
        blue_green()
            .lifecycle_hooks(DeploymentLifecycleHook::builder().lifecycle_stages(shift).build()),
    ];
    for case in cases {
        let configuration = case.build();
        let update = demo.update().deployment_configuration(configuration.clone()).send().await;
        assert_eq!(refusal(update).0, "InvalidParameterException", "{configuration:?}");
    }
}

async fn succeed_early(demo: &Demo, cleanup: ServiceRevisionCleanup) {
    let early = DeploymentEarlySuccessCriteria::builder()
        .enable(true)
        .healthy_percent(50)
        .source_service_revision_cleanup(cleanup);
    let configuration = DeploymentConfiguration::builder()
        .minimum_healthy_percent(50)
        .early_success_criteria(early.build());
    demo.configure(configuration.build()).await;
}

#[tokio::test(start_paused = true)]
async fn early_success_leaves_the_old_tasks_for_later() {
    let demo = Demo::new();
    succeed_early(&demo, ServiceRevisionCleanup::Deferred).await;
    demo.deploy().await;
    demo.until(&["PRIMARY COMPLETED 2/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.status().await, "SUCCESSFUL");
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
}

#[tokio::test(start_paused = true)]
async fn early_success_with_blocking_clean_up_removes_them_first() {
    let demo = Demo::new();
    succeed_early(&demo, ServiceRevisionCleanup::Blocking).await;
    demo.local.script("demo", "web", Script::Flaky { exit_code: 1 });
    demo.deploy().await;
    for _ in 0..300 {
        let deployments = demo.deployments().await;
        if demo.status().await == "SUCCESSFUL" {
            // One task of two is enough, and the old ones are gone.
            assert_eq!(deployments.len(), 1, "{deployments:?}");
            return;
        }
        pass(1).await;
    }
    panic!("{:?}", demo.deployments().await);
}
