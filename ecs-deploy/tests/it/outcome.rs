//! Outcomes of rollouts, and their events and errors.

use std::time::Duration;

use ecs_deploy::events::Event;
use ecs_deploy::plan::FindingKind;
use ecs_deploy::{Error, ErrorKind, OnFailure};
use local_aws::{HealthCheck, Script};
use tokio::time::{Instant, sleep};

use crate::demo::{Demo, NEW_IMAGE};

const WEB_1: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1";
const WEB_2: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2";

#[tokio::test(start_paused = true)]
async fn success() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert_eq!(deployed.revision(), WEB_2);
    assert_eq!(deployed.images().next(), Some(("web", NEW_IMAGE)));
    assert!(deployed.was_changed());
    assert!(deployed.deployment().starts_with("ecs-svc/"));
    assert_eq!(demo.running().await, WEB_2);
    // It is complete 86 s after UpdateService, and known at most one lookup later.
    let elapsed = deployed.elapsed().as_secs();
    assert!((86..=91).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn the_story_of_a_success() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    let mut events = demo.deployer.roll_out(&demo.service, revision).events();
    let mut story = Vec::new();
    while let Some(event) = events.next().await {
        story.push(event);
    }
    let deployed = events.finish().await.unwrap();
    assert!(
        matches!(&story[0], Event::Registered { revision, .. } if revision == WEB_2),
        "{:?}",
        story[0]
    );
    let Event::Started { handle, .. } = &story[1] else { panic!("{:?}", story[1]) };
    assert_eq!(handle.deployment(), deployed.deployment());
    let progress: Vec<String> = story
        .iter()
        .filter(|event| matches!(event, Event::Progress { .. }))
        .map(ToString::to_string)
        .collect();
    assert_eq!(progress, ["0 of 2 running", "0 of 2 running, 2 pending", "2 of 2 running"]);
    let messages = story.iter().filter(|event| matches!(event, Event::Message { .. })).count();
    assert_eq!(messages, 4);
    assert!(
        matches!(story.last(), Some(Event::Succeeded { revision, .. }) if revision == WEB_2),
        "{:?}",
        story.last()
    );
}

#[tokio::test(start_paused = true)]
async fn next_can_be_dropped_and_called_again() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    let mut events = demo.deployer.roll_out(&demo.service, revision).events();
    let mut started = 0;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Event::Started { .. }) => started += 1,
                Some(_) => {}
                None => break,
            },
            () = sleep(Duration::from_millis(300)) => {}
        }
    }
    events.finish().await.unwrap();
    assert_eq!(started, 1);
    assert_eq!(demo.local.journal().count("UpdateService"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_never_a_success() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let revision = demo.changed().await;
    let error = demo.deployer.roll_out(&demo.service, revision).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RolledBack);
    assert_eq!(
        error.to_string(),
        "ECS rolled the deployment of web:2 to demo/web back to web:1: container web exited with code 3: Essential container \
         in task exited (3 other tasks also stopped)"
    );
    assert_eq!(error.task_failures().len(), 4);
    assert_eq!(error.task_failures()[0].exit_code(), Some(3));
    assert!(error.deployment().unwrap().starts_with("ecs-svc/"));
    assert_eq!(demo.running().await, WEB_1);
}

#[tokio::test(start_paused = true)]
async fn the_cause_is_known_within_one_look_of_the_first_stopped_task() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let revision = demo.changed().await;
    let mut events = demo.deployer.roll_out(&demo.service, revision).events();
    let began = Instant::now();
    let cause = loop {
        match events.next().await {
            Some(Event::TaskFailed { failure, .. }) => break failure,
            Some(_) => {}
            None => panic!("{:?}", events.finish().await),
        }
    };
    assert_eq!(cause.container(), Some("web"));
    // The first tasks stop after 31 s, and the circuit breaker acts 58 s later.
    let elapsed = began.elapsed().as_secs();
    assert!((31..=36).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn failure_without_rollback() {
    let demo = Demo::with_breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let revision = demo.changed().await;
    let error = demo.deployer.roll_out(&demo.service, revision).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RolloutFailed);
    assert_eq!(
        error.to_string(),
        "the rollout of web:2 to demo/web failed: container web exited with code 1: Essential \
         container in task exited (3 other tasks also stopped)"
    );
    assert_eq!(demo.running().await, WEB_2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_health_check_is_told_as_the_cause() {
    for (by, cause) in [
        (HealthCheck::Container, "Task failed container health checks"),
        (HealthCheck::LoadBalancer, "Task failed ELB health checks in (target-group arn:"),
    ] {
        let demo = Demo::new();
        demo.local.script("demo", "web", Script::Unhealthy { by });
        let error = demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RolledBack);
        let prefix =
            format!("ECS rolled the deployment of web:2 to demo/web back to web:1: {cause}");
        assert!(error.to_string().starts_with(&prefix), "{error}");
        for failure in error.task_failures() {
            assert_eq!(failure.stop_code(), Some("ServiceSchedulerInitiated"));
            assert!(failure.reason().starts_with(cause), "{failure}");
            assert_eq!((failure.container(), failure.exit_code()), (None, None));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_health_check_is_told_when_the_task_has_stopped() {
    let demo = Demo::new();
    let script = Script::Unhealthy { by: HealthCheck::LoadBalancer };
    demo.local.script("demo", "web", script);
    let mut events = demo.deployer.roll_out(&demo.service, demo.changed().await).events();
    let began = Instant::now();
    while !matches!(events.next().await.unwrap(), Event::TaskFailed { .. }) {}
    // The first tasks fail after 86 s, and take 10 s to stop.
    let elapsed = began.elapsed().as_secs();
    assert!((96..=101).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_rolled_back_where_that_is_asked_for() {
    let demo = Demo::with_breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed().await);
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let error = roll_out.on_failure(OnFailure::RollBack).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RolloutFailed);
    assert!(error.to_string().ends_with("; it is being rolled back to web:1"), "{error}");
    assert_eq!(demo.running().await, WEB_1);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_is_not_in_time_is_rolled_back_by_ecs_itself() {
    let demo = Demo::with_breaker(false, false).await;
    demo.local.script("demo", "web", Script::ImageMissing);
    let error = demo
        .deployer
        .roll_out(&demo.service, demo.changed().await)
        .timeout(Duration::from_secs(300))
        .on_failure(OnFailure::RollBack)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().ends_with("; it is being rolled back to web:1"), "{error}");
    assert_eq!(demo.operations().last().unwrap(), "StopServiceDeployment");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(demo.running().await, WEB_1);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_pulled_is_named() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::ImageMissing);
    let error = demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RolledBack);
    assert!(
        error.to_string().starts_with(&format!(
            "ECS rolled the deployment of web:2 to demo/web back to web:1: container web: CannotPullContainerError: pull \
             image manifest has been retried 5 time(s): failed to resolve ref {NEW_IMAGE}"
        )),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_deployment_in_the_middle_supersedes() {
    let demo = Demo::new();
    let first = demo.changed_to("nginx:1").await;
    let later = async {
        sleep(Duration::from_secs(20)).await;
        demo.deployer.roll_out(&demo.service, demo.changed_to("nginx:2").await).await
    };
    let (first, second) = tokio::join!(demo.deployer.roll_out(&demo.service, first), later);
    let error = first.unwrap_err();
    let second = second.unwrap();
    assert_eq!(error.kind(), ErrorKind::Superseded);
    assert_eq!(
        error.to_string(),
        format!(
            "deployment {} of web:3 replaced the rollout of web:2 to demo/web before it was \
             complete",
            second.deployment()
        )
    );
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_deployed_since_the_copy_is_not_undone() {
    let demo = Demo::new();
    let (ours, theirs) = (demo.changed().await, {
        let mut revision = demo.deployer.current(&demo.service).await.unwrap();
        revision.set_images([("log-router", "a:1")]).unwrap();
        revision
    });
    demo.deployer.roll_out(&demo.service, theirs).await.unwrap();
    let error = demo.deployer.roll_out(&demo.service, ours).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outdated);
    assert_eq!(
        error.to_string(),
        "nothing was deployed: demo/web now runs web:2, but the new revision is based on web:1"
    );
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 1);
    assert_eq!(demo.local.journal().count("UpdateService"), 1);
    assert_eq!(demo.running().await, WEB_2);
}

/// A revision that was registered before, as for a one-off task, is still a copy.
#[tokio::test(start_paused = true)]
async fn what_somebody_else_deployed_since_is_not_undone_by_a_registered_copy_either() {
    let demo = Demo::new();
    let mut ours = demo.changed().await;
    demo.deployer.register(&mut ours).await.unwrap();
    let theirs = demo.changed_to("a:1").await;
    demo.deployer.roll_out(&demo.service, theirs).await.unwrap();
    let error = demo.deployer.roll_out(&demo.service, ours.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outdated);
    assert_eq!(
        error.to_string(),
        "nothing was deployed: demo/web now runs web:3, but web:2 is based on web:1"
    );
    // A revision that is named explicitly may be an old one on purpose.
    let named = demo.deployer.revision(ours.arn().unwrap()).await.unwrap();
    assert!(demo.deployer.roll_out(&demo.service, named).await.unwrap().was_changed());
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_nobody_deployed_is_no_obstacle() {
    let demo = Demo::new();
    demo.deployer.register(&mut demo.changed_to("a:1").await).await.unwrap();
    let deployed = demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap();
    assert!(deployed.revision().ends_with("/web:3"));
    // The service is described once more, because web:2 may run by now.
    let operations = demo.operations();
    let began = operations.iter().position(|it| it == "UpdateService").unwrap();
    assert_eq!(operations[began - 2..began], ["RegisterTaskDefinition", "DescribeServices"]);
}

#[tokio::test(start_paused = true)]
async fn a_desired_count_of_zero_succeeds_and_says_so() {
    let demo = Demo::new();
    let update = demo.ecs.update_service().cluster("demo").service("web");
    update.desired_count(0).send().await.unwrap();
    sleep(Duration::from_secs(60)).await;
    let mut events = demo.deployer.roll_out(&demo.service, demo.changed().await).events();
    let mut warned = false;
    while let Some(event) = events.next().await {
        warned |= matches!(&event, Event::Warning { finding: it, .. } if it.kind() == FindingKind::DesiredCountZero);
    }
    assert!(warned);
    assert_eq!(events.finish().await.unwrap().revision(), WEB_2);
}

#[tokio::test(start_paused = true)]
async fn time_is_up_without_a_circuit_breaker() {
    let demo = Demo::with_breaker(false, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let began = Instant::now();
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed().await);
    let error = roll_out.timeout(Duration::from_secs(100)).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(100));
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(
        error.to_string(),
        "the rollout of web:2 to demo/web timed out after 100 s: 0 of 2 running, 4 failed: \
         container web exited with code 1: Essential container in task exited (3 other tasks also stopped)"
    );
    // ECS continues after the future is dropped or times out.
    assert_eq!(demo.running().await, WEB_2);
}

#[tokio::test(start_paused = true)]
async fn all_the_time_in_the_world_is_no_overflow() {
    let demo = Demo::new();
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed().await);
    roll_out.timeout(Duration::MAX).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_has_begun_is_watched_to_its_end() {
    let demo = Demo::new();
    let mut events = demo.deployer.roll_out(&demo.service, demo.changed().await).events();
    let handle = loop {
        if let Some(Event::Started { handle, .. }) = events.next().await {
            break handle;
        }
    };
    drop(events);
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert_eq!(deployed.deployment(), handle.deployment());
    assert!(!deployed.was_changed());
    assert_eq!(demo.local.journal().count("UpdateService"), 1);
}

/// Checks that `?` works in a program with boxed errors.
#[tokio::test(start_paused = true)]
async fn an_error_boxes() {
    async fn deploy(demo: &Demo) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        demo.deployer.roll_out(&demo.service, demo.changed().await).await?;
        Ok(())
    }
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let error = deploy(&demo).await.unwrap_err();
    assert!(error.downcast_ref::<Error>().is_some());
}
