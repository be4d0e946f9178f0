//! The watch over a complete deployment.

use std::time::Duration;

use aws_sdk_ecs::types::DesiredStatus;
use ecs_deploy::events::Event;
use ecs_deploy::policy::DeployPolicy;
use ecs_deploy::{ErrorKind, OnFailure, RollOut};
use local_aws::{Fault, LocalAws, Script, When};
use tokio::time::sleep;

use crate::course::{CHANGE, Course, changed};
use crate::demo::Demo;

const SOAK: Duration = Duration::from_secs(120);

/// A task is healthy 40 s after its start, and the deployment complete 20 s later.
const LATE: Script = Script::CrashLate { exit_code: 3, after: Duration::from_secs(100) };

async fn soaked(demo: &Demo) -> RollOut {
    changed(demo).await.soak(SOAK)
}

#[tokio::test(start_paused = true)]
async fn healthy_tasks_cost_one_call_a_look() {
    let demo = Demo::new();
    let roll_out = soaked(&demo).await;
    let course = Course::of(&demo, roll_out).await;
    let deployed = course.outcome.as_ref().unwrap();
    let seconds = deployed.elapsed().as_secs();
    assert!((206..=212).contains(&seconds), "{seconds}");
    course.assert_calls(&CHANGE);
    let told = course.events.iter().map(Event::to_string);
    assert_eq!(told.filter(|it| it == "complete, watching the tasks for 120 s").count(), 1);
    assert_eq!(course.events.last().unwrap().to_string(), format!("{} runs", deployed.revision()));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_in_this_time_is_a_failure() {
    let demo = Demo::new();
    demo.local.script("demo", "web", LATE);
    // Without the watch, it passes.
    let revision = demo.changed().await;
    demo.deployer.roll_out(&demo.service, revision).await.unwrap();

    let revision = demo.changed_to("web:3").await;
    let roll_out = demo.deployer.roll_out(&demo.service, revision).soak(SOAK);
    let course = Course::of(&demo, roll_out).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::FailedAfterCompletion);
    let text = error.to_string();
    let beginning = "web:3 failed on demo/web within ";
    assert!(text.starts_with(beginning), "{text}");
    let end = " s after its deployment was complete: container web exited with code 3: Essential \
               container in task exited (1 other tasks also stopped)";
    assert!(text.ends_with(end), "{text}");
    let failure = &error.task_failures()[0];
    assert_eq!((failure.container(), failure.exit_code()), (Some("web"), Some(3)));
    assert!(error.handle().is_some());
    // One look at stopped tasks, when the number of running ones changed.
    assert_eq!((course.calls["ListTasks"], course.calls["DescribeTasks"]), (1, 1));
    assert_eq!(course.calls["UpdateService"], 1);
    assert!(demo.running().await.ends_with("/web:3"));
}

#[tokio::test(start_paused = true)]
async fn the_last_complete_revision_is_deployed_if_asked_for() {
    let demo = Demo::new();
    demo.local.script("demo", "web", LATE);
    let roll_out = soaked(&demo).await.on_failure(OnFailure::RollBack);
    let error = roll_out.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedAfterCompletion);
    assert!(error.to_string().ends_with("; it is being rolled back to web:1"), "{error}");
    assert!(demo.running().await.ends_with("/web:1"));
    let journal = demo.local.journal();
    assert_eq!((journal.count("UpdateService"), journal.count("StopServiceDeployment")), (2, 0));
}

/// Failures from before the completion don't count, and neither does a task that a user stops.
#[tokio::test(start_paused = true)]
async fn what_is_no_failure_of_the_revision_passes() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Flaky { exit_code: 1 });
    let roll_out = soaked(&demo).await;
    let course = Course::of(&demo, roll_out).await;
    assert!(course.events.iter().any(|it| matches!(it, Event::TaskFailed { .. })));
    course.outcome.unwrap();

    let demo = Demo::new();
    let roll_out = soaked(&demo).await;
    let user = async {
        sleep(Duration::from_secs(120)).await;
        let list = demo.ecs.list_tasks().cluster("demo").desired_status(DesiredStatus::Running);
        let task = list.send().await.unwrap().task_arns.unwrap().remove(0);
        demo.ecs.stop_task().cluster("demo").task(task).send().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(roll_out.into_future(), user);
    outcome.unwrap();
}

/// Another deployment ends the watch: this one was complete.
#[tokio::test(start_paused = true)]
async fn a_later_deployment_ends_it() {
    let demo = Demo::new();
    let roll_out = soaked(&demo).await;
    let other = async {
        sleep(Duration::from_secs(120)).await;
        let update = demo.ecs.update_service().cluster("demo").service("web");
        update.force_new_deployment(true).send().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(roll_out.into_future(), other);
    let seconds = outcome.unwrap().elapsed().as_secs();
    assert!((120..=130).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn what_already_ran_is_not_watched() {
    let demo = Demo::new();
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    let deployed = demo.deployer.roll_out(&demo.service, revision).soak(SOAK).await.unwrap();
    assert_eq!(deployed.elapsed(), Duration::ZERO);
    assert_eq!(demo.operations(), ["DescribeServices", "DescribeTaskDefinition"]);
}

/// Without the optional actions, ECS's count of failures shows it.
#[tokio::test(start_paused = true)]
async fn without_permission_to_read_tasks_the_count_decides() {
    let demo = Demo::new();
    demo.local.script("demo", "web", LATE);
    let revision = demo.changed().await;
    let policy = DeployPolicy::from_revision(&demo.service, &revision).unwrap();
    demo.local.set_policy(LocalAws::USER, &policy.to_string()).unwrap();
    let error = demo.deployer.roll_out(&demo.service, revision).soak(SOAK).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedAfterCompletion);
    assert!(error.task_failures().is_empty());
    assert!(error.to_string().ends_with(" s after its deployment was complete"), "{error}");
}

/// Nothing is known of the tasks if no look succeeds.
#[tokio::test(start_paused = true)]
async fn a_watch_that_sees_nothing_is_no_success() {
    let demo = Demo::new();
    let roll_out = soaked(&demo).await;
    let cut = async {
        sleep(Duration::from_secs(100)).await;
        demo.local.inject(When::every("DescribeServices"), Fault::Reset);
    };
    let (outcome, ()) = tokio::join!(roll_out.into_future(), cut);
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(
        error.to_string().ends_with(" of web:2 to demo/web continues, but its outcome is unknown")
    );
    assert!(error.handle().is_some());

    // Trouble in between doesn't matter.
    let demo = Demo::new();
    let roll_out = soaked(&demo).await;
    let trouble = async {
        sleep(Duration::from_secs(100)).await;
        let a_while = Duration::from_secs(100);
        demo.local.inject(When::for_the_next("DescribeServices", a_while), Fault::Throttle);
    };
    let (outcome, ()) = tokio::join!(roll_out.into_future(), trouble);
    outcome.unwrap();
}
