//! Causes of task failures, from the first failed task.

use std::time::Duration;

use aws_sdk_ecs::types::DesiredStatus;
use ecs_deploy::diagnosis::{FailureCause, Obstacle, TaskFailure};
use ecs_deploy::events::Event;
use local_aws::{HealthCheck, Script};

use crate::demo::{Demo, NEW_IMAGE};

/// The longest interval between two lookups of the service.
const TICK: f64 = 5.0;

/// Returns the first task failure of a rollout by `script`, and its delay in seconds.
async fn first_failure(demo: &Demo, script: Script) -> (TaskFailure, f64) {
    demo.local.script("demo", "web", script);
    let mut events = demo.deployer.roll_out(&demo.service, demo.changed().await).events();
    let failure = loop {
        match events.next().await {
            Some(Event::TaskFailed { failure, .. }) => break failure,
            Some(_) => {}
            None => panic!("{script:?}: {:?}", events.finish().await),
        }
    };
    let told = demo.local.journal().calls().last().unwrap().at.as_secs_f64();
    let list = demo.ecs.list_tasks().cluster("demo").desired_status(DesiredStatus::Stopped);
    let arns = list.send().await.unwrap().task_arns;
    let tasks = demo.ecs.describe_tasks().cluster("demo").set_tasks(arns).send().await.unwrap();
    let stopped = tasks.tasks().iter().filter_map(|it| it.stopped_at());
    let first = stopped.map(|at| at.as_secs_f64()).fold(f64::INFINITY, f64::min);
    (failure, told - first)
}

#[tokio::test(start_paused = true)]
async fn the_cause_is_known_one_look_after_the_first_task_has_stopped() {
    for (script, cause) in [
        (Script::CommandNotFound, FailureCause::CommandNotFound),
        (Script::Crash { exit_code: 3 }, FailureCause::Exited { code: 3 }),
        (Script::Flaky { exit_code: 4 }, FailureCause::Exited { code: 4 }),
        (Script::ImageMissing, FailureCause::ImageMissing),
        (Script::ImagePullDenied, FailureCause::ImagePullDenied),
        (Script::ImagePullThrottled, FailureCause::ImagePullFailed),
        (Script::LogGroupMissing, FailureCause::LogGroupMissing),
        (Script::OutOfMemory, FailureCause::OutOfMemory),
        (Script::SecretDenied, FailureCause::SecretDenied),
        (Script::SecretMissing, FailureCause::SecretMissing),
        (Script::Unhealthy { by: HealthCheck::Container }, FailureCause::ContainerHealthCheck),
        (
            Script::Unhealthy { by: HealthCheck::LoadBalancer },
            FailureCause::LoadBalancerHealthCheck,
        ),
        (Script::WrongPlatform, FailureCause::WrongPlatform),
    ] {
        let (failure, late) = first_failure(&Demo::new(), script).await;
        assert_eq!(failure.cause(), cause, "{script:?}: {failure}");
        assert!((0.0..=TICK).contains(&late), "{script:?}: {late} s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_image_of_the_container_is_told_and_its_digest_once_it_was_pulled() {
    let (failure, _) = first_failure(&Demo::new(), Script::Crash { exit_code: 1 }).await;
    assert_eq!((failure.container(), failure.image()), (Some("web"), Some(NEW_IMAGE)));
    assert!(failure.image_digest().unwrap().starts_with("sha256:"));
    let (failure, _) = first_failure(&Demo::new(), Script::ImageMissing).await;
    assert_eq!((failure.image(), failure.image_digest()), (Some(NEW_IMAGE), None));
    let (failure, _) = first_failure(&Demo::new(), Script::SecretDenied).await;
    assert_eq!((failure.container(), failure.image()), (None, None));
}

/// Checks that the error at the end of a failed rollout names the same cause.
#[tokio::test(start_paused = true)]
async fn a_task_that_somebody_stopped_is_told_but_is_not_the_explanation() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Unhealthy { by: HealthCheck::Container });
    let mut events = demo.deployer.roll_out(&demo.service, demo.changed().await).events();
    let mut is_stopped = false;
    while let Some(event) = events.next().await {
        // Waits until tasks of the new revision run: the first two belong to the old one.
        if !is_stopped
            && matches!(&event, Event::Progress { progress, .. } if progress.running() > 0)
        {
            let list = demo.ecs.list_tasks().cluster("demo").send().await.unwrap();
            let new = list.task_arns().last().unwrap();
            let stop = demo.ecs.stop_task().cluster("demo").task(new).reason("out of the way");
            stop.send().await.unwrap();
            is_stopped = true;
        }
    }
    let error = events.finish().await.unwrap_err();
    let causes: Vec<FailureCause> = error.task_failures().iter().map(TaskFailure::cause).collect();
    assert_eq!(causes[0], FailureCause::StoppedByUser, "{causes:?}");
    assert!(causes[1..].iter().all(|it| *it == FailureCause::ContainerHealthCheck), "{causes:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "ECS rolled the deployment of web:2 to demo/web back to web:1: Task failed container health checks ({} other \
             tasks also stopped)",
            causes.len() - 1
        )
    );
}

#[tokio::test(start_paused = true)]
async fn where_no_task_begins_the_messages_name_the_obstacle() {
    let demo = Demo::with_breaker(false, false).await;
    demo.local.script("demo", "web", Script::Unplaceable);
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed().await);
    let mut events = roll_out.timeout(Duration::from_secs(60)).events();
    let mut obstacles = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::Message { text: message, .. } = event {
            obstacles.extend(Obstacle::from_message(&message));
        }
    }
    assert_eq!(obstacles, [Obstacle::Capacity]);
}
