//! Deployments whose old tasks stay for long: all new tasks run, so they are never undone.

use std::time::Duration;

use ecs_deploy::events::{Complete, Event};
use ecs_deploy::fleet::{Fleet, FleetPolicy, Outcome};
use ecs_deploy::{ErrorKind, OnFailure, RollOut, Service};
use local_aws::Script;

use crate::course::{CHANGE, Course, changed};
use crate::demo::Demo;

const HOURS: Duration = Duration::from_secs(10 * 60 * 60);
const LIMIT: Duration = Duration::from_secs(600);

fn demo() -> Demo {
    let demo = Demo::new();
    demo.local.set_draining("demo", "web", HOURS);
    demo
}

async fn limited(demo: &Demo) -> RollOut {
    changed(demo).await.timeout(LIMIT).on_failure(OnFailure::RollBack)
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_is_an_error_of_its_own_and_nothing_is_rolled_back() {
    let demo = demo();
    let roll_out = limited(&demo).await;
    let course = Course::of(&demo, roll_out).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::Draining);
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        "web:2 runs on demo/web, but its rollout timed out after 600 s before the old tasks \
         stopped: 2 of 2 running; ECS completes it by itself"
    );
    assert!(error.progress().unwrap().is_draining());
    course.assert_calls(&CHANGE);
    assert!(demo.running().await.ends_with("/web:2"));
    let draining: Vec<String> = course
        .events
        .iter()
        .filter(|it| matches!(it, Event::Draining { .. }))
        .map(Event::to_string)
        .collect();
    assert_eq!(
        draining,
        ["all new tasks run, 2 old ones remain", "all new tasks run, the old ones are stopping"]
    );
    // It is followed to its end.
    let deployed = demo.deployer.follow(error.handle().unwrap().clone()).timeout(2 * HOURS);
    assert!(!deployed.await.unwrap().is_draining());
}

#[tokio::test(start_paused = true)]
async fn by_choice_it_is_a_success() {
    let demo = demo();
    let roll_out = limited(&demo).await.complete(Complete::WhenNewTasksRun);
    let course = Course::of(&demo, roll_out).await;
    let deployed = course.outcome.as_ref().unwrap();
    assert!(deployed.is_draining());
    assert!(deployed.elapsed() >= LIMIT);
    let saved = serde_json::to_value(deployed).unwrap();
    assert_eq!(saved["draining"], true);
    course.assert_calls(&CHANGE);

    // Without old tasks that stay, the choice changes nothing.
    let demo = Demo::new();
    let roll_out = limited(&demo).await.complete(Complete::WhenNewTasksRun);
    let deployed = roll_out.await.unwrap();
    assert!(!deployed.is_draining());
    assert!(deployed.elapsed() < LIMIT);
}

/// The scale-in protection of tasks keeps them running.
#[tokio::test(start_paused = true)]
async fn protected_tasks_are_counted() {
    let demo = Demo::new();
    let tasks = demo.ecs.list_tasks().cluster("demo").send().await.unwrap().task_arns;
    let protect = demo.ecs.update_task_protection().cluster("demo").set_tasks(tasks);
    protect.protection_enabled(true).expires_in_minutes(2000).send().await.unwrap();
    let roll_out = limited(&demo).await;
    let error = roll_out.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Draining);
    assert_eq!(error.progress().unwrap().old(), 2);
    let text = error.to_string();
    assert!(text.ends_with("stopped: 2 of 2 running, 2 old; ECS completes it by itself"), "{text}");
    assert_eq!(demo.local.journal().count("StopServiceDeployment"), 0);
}

/// Old tasks don't excuse new ones that fail, or that have only just begun to run.
#[tokio::test(start_paused = true)]
async fn what_is_not_healthy_is_rolled_back_as_before() {
    for (script, limit) in [
        (Script::Crash { exit_code: 1 }, LIMIT),
        (Script::Healthy, Duration::from_secs(50)),
        (Script::Slow { pulling: HOURS }, LIMIT),
    ] {
        let demo = Demo::with_breaker(false, false).await;
        demo.local.set_draining("demo", "web", HOURS);
        demo.local.script("demo", "web", script);
        let roll_out = limited(&demo).await.timeout(limit);
        let error = roll_out.complete(Complete::WhenNewTasksRun).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{script:?}");
        let text = error.to_string();
        assert!(text.ends_with("; it is being rolled back to web:1"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fleet_takes_nothing_back_for_it() {
    let demo = demo();
    let network = aws_sdk_ecs::types::AwsVpcConfiguration::builder().subnets("subnet-1");
    let network = aws_sdk_ecs::types::NetworkConfiguration::builder()
        .awsvpc_configuration(network.build().unwrap())
        .build();
    let create = demo.ecs.create_service().cluster("demo").service_name("api");
    let create = create.task_definition("web:1").desired_count(1).network_configuration(network);
    create.send().await.unwrap();
    let api = Service::new("demo", "api").unwrap();
    let mut revision = demo.deployer.current(&api).await.unwrap();
    revision.set_images([("web", "api:2")]).unwrap();
    let fleet = Fleet::new()
        .policy(FleetPolicy::AllOrNothing)
        .with(limited(&demo).await)
        .with(demo.deployer.roll_out(&api, revision));
    let error = fleet.await.unwrap_err();
    let [(_, Outcome::Failed(web)), (_, Outcome::Deployed(_))] = error.outcomes() else {
        panic!("{error}")
    };
    assert_eq!(web.kind(), ErrorKind::Draining);
    assert_eq!(demo.local.journal().count("StopServiceDeployment"), 0);
    assert_eq!(demo.local.journal().count("UpdateService"), 2);
}
