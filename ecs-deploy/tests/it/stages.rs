//! Deployments with stages, and deployments that a hook, an alarm or a caller stops.

use std::time::Duration;

use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentAlarms, DeploymentConfiguration, DeploymentLifecycleHook,
    DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType, DeploymentStrategy,
    LinearConfiguration,
};
use ecs_deploy::ErrorKind;
use ecs_deploy::events::Event;
use ecs_deploy::rollback::RollbackCause;
use ecs_deploy::stages::{OnPause, Resolution};
use local_aws::{AlarmState, Script};
use tokio::time::sleep;

use crate::course::{Course, TICK, changed, configure, finished, newest, rolled_back_at};
use crate::demo::Demo;

pub(crate) fn blue_green(hook: Option<DeploymentLifecycleHookStage>) -> DeploymentConfiguration {
    let pause = |stage| {
        DeploymentLifecycleHook::builder()
            .target_type(DeploymentLifecycleHookTargetType::Pause)
            .lifecycle_stages(stage)
            .build()
    };
    DeploymentConfiguration::builder()
        .strategy(DeploymentStrategy::BlueGreen)
        .bake_time_in_minutes(5)
        .set_lifecycle_hooks(hook.map(|stage| vec![pause(stage)]))
        .build()
}

#[tokio::test(start_paused = true)]
async fn blue_green_at_a_pause() {
    let demo = Demo::new();
    let pausing = blue_green(Some(DeploymentLifecycleHookStage::PostTestTrafficShift));
    configure(&demo, pausing).await;
    let course = Course::of(&demo, changed(&demo).await).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::PausedAtHook);
    let hook = newest(&demo).await.lifecycle_hook_details.unwrap().remove(0);
    // The default is one day (API reference).
    course.assert_known_after(hook.expires_at().unwrap().as_secs_f64() - 86_400.0);
    let pause = error.pause().unwrap();
    assert_eq!(pause.stage(), Some("POST_TEST_TRAFFIC_SHIFT"));
    assert_eq!(pause.on_timeout(), Some(Resolution::RollBack));
    assert_eq!(
        error.to_string(),
        format!(
            "the rollout of web:2 to demo/web is paused at POST_TEST_TRAFFIC_SHIFT by the hook {}: \
             resolve the pause to continue; without a decision, ECS applies ROLLBACK when the hook times out",
            pause.hook()
        )
    );
    // Each lookup makes one more call while the deployment has stages.
    assert_eq!(course.calls["DescribeServiceDeployments"], course.calls["DescribeServices"] + 1);

    // Another caller, perhaps in another process, resolves the pause and follows the deployment.
    let saved = serde_json::to_string(error.handle().unwrap()).unwrap();
    demo.deployer.resolve(pause, Resolution::Continue).await.unwrap();
    let deployed = demo.deployer.follow(serde_json::from_str(&saved).unwrap()).await.unwrap();
    assert!(deployed.was_changed());
    assert_eq!(demo.running().await, deployed.revision());
    let again = demo.deployer.resolve(pause, Resolution::Continue).await.unwrap_err();
    assert_eq!(again.operation(), Some("ContinueServiceDeployment"));
}

#[tokio::test(start_paused = true)]
async fn blue_green_told_to_go_back_at_a_pause() {
    let demo = Demo::new();
    configure(&demo, blue_green(Some(DeploymentLifecycleHookStage::PreScaleUp))).await;
    let mut events = changed(&demo).await.on_pause(OnPause::Wait).events();
    let mut stages = Vec::new();
    while let Some(event) = events.next().await {
        match &event {
            Event::Paused { pause, .. } => {
                demo.deployer.resolve(pause, Resolution::RollBack).await.unwrap();
            }
            Event::Stage { .. } => stages.push(event.to_string()),
            _ => {}
        }
    }
    let error = events.finish().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RolledBack);
    assert_eq!(error.rollback_cause(), Some(RollbackCause::LifecycleHook));
    assert_eq!(error.rolled_back_to(), Some("web:1"));
    assert_eq!(stages[0], "at PRE_SCALE_UP, 0 % of the traffic");
}

#[tokio::test(start_paused = true)]
async fn blue_green_to_the_end_of_its_bake_time() {
    let demo = Demo::new();
    configure(&demo, blue_green(None)).await;
    let course = Course::of(&demo, changed(&demo).await).await;
    course.outcome.as_ref().unwrap();
    course.assert_known_after(finished(&demo).await);
    let stages = course.stages();
    assert!(stages.contains(&"at BAKE_TIME, 100 % of the traffic".to_owned()), "{stages:?}");
}

/// The target of the rollback was successful before; that doesn't mean that the rollback ended.
#[tokio::test(start_paused = true)]
async fn a_way_back_that_is_found_is_watched_to_its_end() {
    let demo = Demo::new();
    configure(&demo, blue_green(None)).await;
    let mut events = changed(&demo).await.events();
    while !matches!(events.next().await.unwrap(), Event::Stage { stage, .. } if stage == "BAKE_TIME")
    {
    }
    let arn = newest(&demo).await.service_deployment_arn.unwrap();
    demo.ecs.stop_service_deployment().service_deployment_arn(arn).send().await.unwrap();
    events.finish().await.unwrap_err();
    sleep(Duration::from_secs(5)).await;
    let current = demo.deployer.current(&demo.service).await.unwrap();
    let deployed = demo.deployer.roll_out(&demo.service, current).await;
    let describe = demo.ecs.describe_services().cluster("demo").services("web");
    let service = describe.send().await.unwrap().services.unwrap().remove(0);
    let primary = &service.deployments()[0];
    assert_eq!(primary.rollout_state().unwrap().as_str(), "COMPLETED", "{deployed:?}");
    assert!(primary.task_definition().unwrap().ends_with("web:1"));
}

#[tokio::test(start_paused = true)]
async fn linear_and_canary_to_their_end() {
    let linear =
        LinearConfiguration::builder().step_percent(40.0).step_bake_time_in_minutes(3).build();
    let canary =
        CanaryConfiguration::builder().canary_percent(10.0).canary_bake_time_in_minutes(3).build();
    for (configuration, first) in [
        (
            DeploymentConfiguration::builder()
                .strategy(DeploymentStrategy::Linear)
                .linear_configuration(linear),
            "at PRODUCTION_TRAFFIC_SHIFT, 40 % of the traffic",
        ),
        (
            DeploymentConfiguration::builder()
                .strategy(DeploymentStrategy::Canary)
                .canary_configuration(canary),
            "at PRODUCTION_TRAFFIC_SHIFT, 10 % of the traffic",
        ),
    ] {
        let demo = Demo::new();
        configure(&demo, configuration.bake_time_in_minutes(5).build()).await;
        let course = Course::of(&demo, changed(&demo).await).await;
        course.outcome.as_ref().unwrap();
        course.assert_known_after(finished(&demo).await);
        let stages = course.stages();
        assert!(stages.contains(&first.to_owned()), "{stages:?}");
        assert_eq!(stages.last().unwrap(), "at CLEAN_UP, 100 % of the traffic");

        // The tasks fail before they get any traffic.
        demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
        let roll_out = demo.deployer.roll_out(&demo.service, demo.changed_to("a:1").await);
        let course = Course::of(&demo, roll_out).await;
        let error = course.error();
        assert_eq!(error.kind(), ErrorKind::RolledBack);
        assert_eq!(error.rolled_back_to(), Some("web:2"));
        assert_eq!(error.rollback_cause(), Some(RollbackCause::CircuitBreaker));
        assert_eq!(error.task_failures()[0].exit_code(), Some(3));
        course.assert_known_after(rolled_back_at(&demo).await);
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_stops_it() {
    for configuration in [None, Some(blue_green(None))] {
        let demo = Demo::new();
        if let Some(configuration) = configuration {
            configure(&demo, configuration).await;
        }
        let roll_out = changed(&demo).await;
        let other = async {
            sleep(Duration::from_secs(40)).await;
            let arn = newest(&demo).await.service_deployment_arn.unwrap();
            let stop = demo.ecs.stop_service_deployment().service_deployment_arn(arn);
            stop.send().await.unwrap();
            demo.local.journal().calls().last().unwrap().at.as_secs_f64()
        };
        let (course, requested) = tokio::join!(Course::of(&demo, roll_out), other);
        let error = course.error();
        assert_eq!(error.kind(), ErrorKind::Stopped, "{error}");
        assert_eq!(error.rollback_cause(), Some(RollbackCause::StopRequest));
        assert_eq!(error.rolled_back_to(), Some("web:1"));
        // ECS carries out the request within seconds.
        let late = course.end - requested;
        assert!((0.0..=TICK + 3.0).contains(&late), "known {late} s after the request");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_goes_off() {
    let alarms = DeploymentAlarms::builder()
        .alarm_names("errors")
        .enable(true)
        .rollback(true)
        .build()
        .unwrap();
    for (configuration, after) in [
        (DeploymentConfiguration::builder(), 40),
        (
            DeploymentConfiguration::builder()
                .strategy(DeploymentStrategy::BlueGreen)
                .bake_time_in_minutes(5),
            300,
        ),
    ] {
        let demo = Demo::new();
        configure(&demo, configuration.alarms(alarms.clone()).build()).await;
        let roll_out = changed(&demo).await;
        let after = Duration::from_secs(after);
        demo.local.set_alarm("errors", AlarmState::Alarm, after);
        let course = Course::of(&demo, roll_out).await;
        let error = course.error();
        assert_eq!(error.kind(), ErrorKind::RolledBack, "{error}");
        assert_eq!(error.rollback_cause(), Some(RollbackCause::Alarm), "{error}");
        assert_eq!(error.rolled_back_to(), Some("web:1"));
        course.assert_known_after(rolled_back_at(&demo).await);
    }
}
