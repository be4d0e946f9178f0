//! Situations that deployment tools are known to handle wrongly: the outcome of the rollout, its
//! cause, its calls, and the delay after the deciding moment. Deployments with stages are in
//! `stages.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::types::{
    DeploymentConfiguration, DeploymentController, DeploymentControllerType,
    DeploymentEarlySuccessCriteria, ServiceRevisionCleanup,
};
use ecs_deploy::diagnosis::{FailureCause, Patience};
use ecs_deploy::events::Event;
use ecs_deploy::plan::FindingKind;
use ecs_deploy::rollback::RollbackCause;
use ecs_deploy::{Error, ErrorKind, Service};
use local_aws::{Fault, LocalAws, RollbackId, Script, When};
use tokio::time::sleep;

use crate::course::{CHANGE, Course, changed, finished, rolled_back_at};
use crate::demo::Demo;

#[tokio::test(start_paused = true)]
async fn plain_success() {
    let demo = Demo::new();
    let course = Course::of(&demo, changed(&demo).await).await;
    assert!(course.outcome.as_ref().unwrap().was_changed());
    course.assert_calls(&CHANGE);
    course.assert_known_after(finished(&demo).await);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_rolls_back_to_the_deployment_with_the_same_id() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let course = Course::of(&demo, changed(&demo).await).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::RolledBack);
    assert_eq!(error.rollback_cause(), Some(RollbackCause::CircuitBreaker));
    assert_eq!(error.rolled_back_to(), Some("web:1"));
    assert_eq!(error.task_failures()[0].cause(), FailureCause::Exited { code: 3 });
    course.assert_known_after(rolled_back_at(&demo).await);
    course.assert_cause_known(&demo).await;
}

/// The task definition is the same before and after.
#[tokio::test(start_paused = true)]
async fn the_breaker_rolls_a_forced_deployment_back() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let current = demo.deployer.current(&demo.service).await.unwrap();
    let roll_out = demo.deployer.roll_out(&demo.service, current).force_new_deployment();
    let course = Course::of(&demo, roll_out).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::RolledBack);
    assert_eq!(error.rolled_back_to(), Some("web:1"));
    course.assert_known_after(rolled_back_at(&demo).await);
    course.assert_cause_known(&demo).await;
}

#[tokio::test(start_paused = true)]
async fn the_breaker_rolls_back_to_a_deployment_with_a_new_id() {
    let demo = Demo::new();
    demo.local.set_rollback_id(RollbackId::New);
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let course = Course::of(&demo, changed(&demo).await).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::RolledBack);
    assert_eq!(error.rolled_back_to(), Some("web:1"));
    course.assert_known_after(rolled_back_at(&demo).await);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_without_rollback() {
    let demo = Demo::with_breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let course = Course::of(&demo, changed(&demo).await).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::RolloutFailed);
    assert_eq!(error.task_failures()[0].exit_code(), Some(3));
    course.assert_known_after(finished(&demo).await);
    course.assert_cause_known(&demo).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_it_is_told_why_when_the_time_is_up() {
    let demo = Demo::with_breaker(false, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let roll_out = changed(&demo).await.timeout(Duration::from_secs(600));
    let course = Course::of(&demo, roll_out).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(error.task_failures()[0].cause(), FailureCause::Exited { code: 3 });
    assert_eq!(error.progress().unwrap().running(), 0);
    course.assert_cause_known(&demo).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_what_cannot_heal_ends_it_at_once_where_that_is_asked_for() {
    let demo = Demo::with_breaker(false, false).await;
    demo.local.script("demo", "web", Script::CommandNotFound);
    let roll_out = changed(&demo).await.patience(Patience::UntilHopeless);
    let course = Course::of(&demo, roll_out).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::RolloutFailed);
    assert_eq!(error.task_failures()[0].cause(), FailureCause::CommandNotFound);
    assert!(error.to_string().ends_with("; ECS continues it"), "{error}");
    course.assert_cause_known(&demo).await;
    course.assert_known_after(course.told.unwrap());

    // The rollout waits for a failure that may be temporary.
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let roll_out = changed(&demo).await.patience(Patience::UntilHopeless);
    let course = Course::of(&demo, roll_out).await;
    assert_eq!(course.error().kind(), ErrorKind::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn a_second_deployment_takes_over() {
    let demo = Demo::new();
    let roll_out = changed(&demo).await;
    let other = async {
        sleep(Duration::from_secs(40)).await;
        let update = demo.ecs.update_service().cluster("demo").service("web");
        let output = update.force_new_deployment(true).send().await.unwrap();
        let at = demo.local.journal().calls().last().unwrap().at.as_secs_f64();
        (output.service.unwrap().deployments()[0].id().unwrap().to_owned(), at)
    };
    let (course, (id, at)) = tokio::join!(Course::of(&demo, roll_out), other);
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::Superseded);
    assert_eq!(error.superseded_by(), Some((id.as_str(), "web:2")));
    // One of the updates is the other caller's. The service deployment shows no rollback.
    let newer = ("DescribeServiceDeployments", 1);
    course.assert_calls(&[("RegisterTaskDefinition", 1), ("UpdateService", 2), newer]);
    course.assert_known_after(at);
}

#[tokio::test(start_paused = true)]
async fn a_desired_count_of_zero() {
    let demo = Demo::new();
    let roll_out = changed(&demo).await.desired_count(0);
    let course = Course::of(&demo, roll_out).await;
    course.outcome.as_ref().unwrap();
    let warned = course.events.iter().filter(
        |it| matches!(it, Event::Warning { finding: it, .. } if it.kind() == FindingKind::DesiredCountZero),
    );
    assert_eq!(warned.count(), 1);
    course.assert_calls(&CHANGE);
    course.assert_known_after(finished(&demo).await);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_missing_shows_with_the_first_task() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::ImageMissing);
    let course = Course::of(&demo, changed(&demo).await).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::RolledBack);
    assert_eq!(error.task_failures()[0].cause(), FailureCause::ImageMissing);
    course.assert_cause_known(&demo).await;
    course.assert_known_after(rolled_back_at(&demo).await);
    // This is minutes before the circuit breaker acts.
    let before = course.end - course.told.unwrap();
    assert!(before > 120.0, "{before}");
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_throttling() {
    let demo = Demo::new();
    let roll_out = changed(&demo).await;
    let minute = Duration::from_secs(60);
    demo.local.inject(When::for_the_next("DescribeServices", minute), Fault::Throttle);
    let course = Course::of(&demo, roll_out).await;
    course.outcome.as_ref().unwrap();
    course.assert_known_after(finished(&demo).await);
}

#[tokio::test(start_paused = true)]
async fn two_registrations_of_a_family_at_once() {
    let demo = Demo::new();
    let roll_out = changed(&demo).await;
    demo.local.set_registration_window(Duration::from_secs(10));
    demo.deployer.register(&mut demo.changed_to("a:1").await).await.unwrap();
    let course = Course::of(&demo, roll_out).await;
    assert!(course.outcome.as_ref().unwrap().revision().ends_with(":3"));
    // The calls come at 0, 1, 3, 7 and 15 seconds.
    assert_eq!(course.calls["RegisterTaskDefinition"], 5);
    course.assert_known_after(finished(&demo).await);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_missing_once() {
    let demo = Demo::new();
    let roll_out = changed(&demo).await;
    demo.local.hide_service("demo", "web", 1);
    let course = Course::of(&demo, roll_out).await;
    course.outcome.as_ref().unwrap();
    course.assert_calls(&CHANGE);
    course.assert_known_after(finished(&demo).await);
}

#[tokio::test(start_paused = true)]
async fn the_newer_actions_are_denied() {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[
        "ecs:DescribeServices","ecs:UpdateService","ecs:DescribeTaskDefinition",
        "ecs:RegisterTaskDefinition","ecs:TagResource","iam:PassRole"]}]}"#;
    for (script, kind) in [
        (Script::Healthy, None),
        (Script::Crash { exit_code: 3 }, Some(ErrorKind::RolledBack)),
        (Script::ImageMissing, Some(ErrorKind::RolledBack)),
    ] {
        let demo = Demo::new();
        demo.local.script("demo", "web", script);
        demo.local.set_policy(LocalAws::USER, policy).unwrap();
        let course = Course::of(&demo, changed(&demo).await).await;
        assert_eq!(course.outcome.as_ref().err().map(Error::kind), kind, "{script:?}");
        let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        demo.local.set_policy(LocalAws::USER, all).unwrap();
        match kind {
            Some(_) => {
                let error = course.error();
                assert_eq!(error.rolled_back_to(), Some("web:1"));
                assert_eq!(error.rollback_cause(), Some(RollbackCause::CircuitBreaker));
                course.assert_known_after(rolled_back_at(&demo).await);
            }
            None => course.assert_known_after(finished(&demo).await),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_of_service_deployments_lags_behind() {
    let demo = Demo::new();
    demo.local.set_service_deployment_lag(Duration::from_secs(7));
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let course = Course::of(&demo, changed(&demo).await).await;
    assert_eq!(course.error().kind(), ErrorKind::RolledBack);
    assert_eq!(course.error().rollback_cause(), Some(RollbackCause::CircuitBreaker));
    course.assert_known_after(rolled_back_at(&demo).await);
}

/// The rollout never uses the local clock: the emulator's clock differs from it by years here.
#[tokio::test(start_paused = true)]
async fn the_clocks_differ() {
    let demo = Demo::new();
    sleep(Duration::from_secs(3 * 365 * 24 * 3600)).await;
    let course = Course::of(&demo, changed(&demo).await).await;
    course.outcome.as_ref().unwrap();
    course.assert_known_after(finished(&demo).await);
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed_to("a:1").await);
    let course = Course::of(&demo, roll_out).await;
    assert_eq!(course.error().kind(), ErrorKind::RolledBack);
    course.assert_known_after(rolled_back_at(&demo).await);
}

#[tokio::test(start_paused = true)]
async fn early_success_while_old_tasks_still_run() {
    let demo = Demo::new();
    let early = DeploymentEarlySuccessCriteria::builder()
        .enable(true)
        .healthy_percent(100)
        .source_service_revision_cleanup(ServiceRevisionCleanup::Deferred);
    let early = DeploymentConfiguration::builder().early_success_criteria(early.build()).build();
    let course = Course::of(&demo, changed(&demo).await.deployment_configuration(&early)).await;
    course.outcome.as_ref().unwrap();
    course.assert_calls(&CHANGE);
    course.assert_known_after(finished(&demo).await);
    let describe = demo.ecs.describe_services().cluster("demo").services("web");
    let service = describe.send().await.unwrap().services.unwrap().remove(0);
    assert_eq!(service.deployments().len(), 2, "old tasks still run");
}

#[tokio::test(start_paused = true)]
async fn more_than_a_hundred_tasks() {
    let demo = Demo::new();
    let update = demo.ecs.update_service().cluster("demo").service("web");
    update.desired_count(150).send().await.unwrap();
    sleep(Duration::from_secs(600)).await;
    let course = Course::of(&demo, changed(&demo).await).await;
    course.outcome.as_ref().unwrap();
    course.assert_calls(&CHANGE);
    course.assert_known_after(finished(&demo).await);
}

#[tokio::test(start_paused = true)]
async fn no_capacity_is_told_when_the_time_is_up() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Unplaceable);
    let course = Course::of(&demo, changed(&demo).await.timeout(Duration::from_secs(300))).await;
    let error = course.error();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let text = error.to_string();
    assert!(text.contains("0 of 2 running: (service web) was unable to place a task"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn another_controller_is_refused_before_anything_is_registered() {
    for controller in [DeploymentControllerType::CodeDeploy, DeploymentControllerType::External] {
        let demo = Demo::new();
        let revision = demo.changed().await;
        let name = controller.as_str().to_lowercase();
        let is_external = controller == DeploymentControllerType::External;
        let of = DeploymentController::builder().r#type(controller).build().unwrap();
        demo.ecs
            .create_service()
            .cluster("demo")
            .service_name(&name)
            .desired_count(0)
            .deployment_controller(of)
            .set_task_definition((!is_external).then(|| "web:1".to_owned()))
            .send()
            .await
            .unwrap();
        let service = Service::new("demo", name).unwrap();
        let course = Course::of(&demo, demo.deployer.roll_out(&service, revision)).await;
        assert_eq!(course.error().kind(), ErrorKind::UnsupportedController);
        assert_eq!(course.calls, BTreeMap::from([("DescribeServices".to_owned(), 1)]));
    }
}
