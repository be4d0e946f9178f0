//! Ends of waits that say nothing about the deployment, and replaced deployments.

use std::error::Error as _;
use std::time::Duration;

use aws_sdk_ecs::types::DesiredStatus;
use ecs_deploy::{ErrorKind, OnFailure};
use local_aws::{Fault, Script, When};
use tokio::time::{Instant, sleep};

use crate::demo::Demo;

/// Time that passed before the first poll counts.
#[tokio::test(start_paused = true)]
async fn the_time_limit_counts_from_the_first_call_on() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Slow { pulling: Duration::from_secs(3600) });
    let began = Instant::now();
    sleep(Duration::from_secs(60)).await;
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed().await);
    let limit = Duration::from_secs(100);
    let error = roll_out.timeout(limit).spent(began.elapsed()).await.unwrap_err();
    assert_eq!(began.elapsed(), limit);
    assert!(error.to_string().contains(" timed out after 100 s: "), "{error}");

    // Nothing begins once the time is over.
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed_to("web:3").await);
    demo.local.inject(When::every("RegisterTaskDefinition"), Fault::Delay(limit));
    let error = roll_out.timeout(limit).spent(2 * limit).await.unwrap_err();
    assert_eq!((error.kind(), error.handle()), (ErrorKind::TimedOut, None));
    assert_eq!(demo.local.journal().count("UpdateService"), 1);
}

/// A wait without the network ends at its limit; the deployment isn't touched.
#[tokio::test(start_paused = true)]
async fn without_the_network_nothing_is_changed() {
    let demo = Demo::with_breaker(false, false).await;
    let revision = demo.changed().await;
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    let cut = async {
        sleep(Duration::from_secs(10)).await;
        for operation in ["DescribeServices", "ListTasks", "StopServiceDeployment", "UpdateService"]
        {
            demo.local.inject(When::every(operation), Fault::Reset);
        }
    };
    let ours = roll_out.timeout(Duration::from_secs(60)).on_failure(OnFailure::RollBack);
    let updates = demo.local.journal().count("UpdateService");
    let (outcome, ()) = tokio::join!(ours.into_future(), cut);
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.handle().is_some());
    let end = "; it couldn't be rolled back: the service's current state is unknown";
    assert!(error.to_string().ends_with(end), "{error}");
    assert_eq!(demo.local.journal().count("UpdateService"), updates + 1);
    assert!(error.source().is_none());
}

/// Ours is missing in a description: the next ones come at the shortest interval.
#[tokio::test(start_paused = true)]
async fn a_replaced_deployment_is_known_soon() {
    for after in [20, 31, 47, 60] {
        let demo = Demo::new();
        // Its tasks never start, so that it disappears as soon as it is replaced.
        demo.local.script("demo", "web", Script::Unplaceable);
        let roll_out = demo.deployer.roll_out(&demo.service, demo.changed().await);
        let other = async {
            sleep(Duration::from_secs(after)).await;
            let update = demo.ecs.update_service().cluster("demo").service("web");
            update.task_definition("web:1").force_new_deployment(true).send().await.unwrap();
            Instant::now()
        };
        let ours = async { (roll_out.await, Instant::now()) };
        let ((outcome, end), replaced) = tokio::join!(ours, other);
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Superseded);
        // One lookup, two more 2 s apart, and the lookups of the service deployment.
        let late = (end - replaced).as_secs();
        assert!(late <= 9, "known {late} s after it was replaced at {after} s");
        let list = demo.ecs.list_tasks().cluster("demo").desired_status(DesiredStatus::Running);
        assert!(!list.send().await.unwrap().task_arns().is_empty());
    }
}
