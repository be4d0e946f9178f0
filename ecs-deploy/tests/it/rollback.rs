//! Rollbacks.

use std::time::Duration;

use ecs_deploy::ErrorKind;
use ecs_deploy::events::Event;
use local_aws::{LocalAws, Script};
use tokio::time::sleep;

use crate::demo::Demo;

/// Deploys the revisions up to `web:N` successfully, one after the other.
async fn history(demo: &Demo, images: &[&str]) {
    for image in images {
        demo.deployer.roll_out(&demo.service, demo.changed_to(image).await).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_ran_before_runs_again() {
    let demo = Demo::new();
    history(&demo, &["a:1", "a:2"]).await;
    // The revision with the next lower number never ran, so it isn't the target.
    demo.deployer.register(&mut demo.changed_to("a:3").await).await.unwrap();
    history(&demo, &["a:4"]).await;
    let before = demo.operations().len();
    let mut events = demo.deployer.roll_back(&demo.service).events();
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::RollingBack { to, .. } = event {
            told.extend(to);
        }
    }
    let deployed = events.finish().await.unwrap();
    assert_eq!(told, ["web:3"]);
    assert!(deployed.was_changed());
    assert!(deployed.revision().ends_with("web:3"));
    assert_eq!(deployed.images().next(), Some(("web", "a:2")));
    assert_eq!(demo.running().await, deployed.revision());
    assert_eq!(
        demo.operations()[before..before + 6],
        [
            "DescribeServices",
            "ListServiceDeployments",
            "DescribeServiceRevisions",
            "DescribeTaskDefinition",
            "DescribeServices",
            "UpdateService",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_in_progress_is_undone_by_ecs_itself() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Slow { pulling: Duration::from_secs(600) });
    let mut events = demo.deployer.roll_out(&demo.service, demo.changed().await).events();
    while !matches!(events.next().await.unwrap(), Event::Started { .. }) {}
    sleep(Duration::from_secs(60)).await;
    let (rolled_out, rolled_back) =
        tokio::join!(events.finish(), demo.deployer.roll_back(&demo.service).into_future());
    let deployed = rolled_back.unwrap();
    assert!(deployed.revision().ends_with("web:1"));
    assert_eq!(demo.running().await, deployed.revision());
    let error = rolled_out.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stopped);
    assert_eq!(error.rolled_back_to(), Some("web:1"));
    let journal = demo.local.journal();
    assert_eq!(journal.count("StopServiceDeployment"), 1);
    assert_eq!(journal.count("UpdateService"), 1);
}

/// If only the older actions are allowed, the rollback deploys the old revision.
#[tokio::test(start_paused = true)]
async fn without_leave_to_stop_it_the_last_complete_one_is_deployed() {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[
        "ecs:DescribeServices","ecs:UpdateService","ecs:DescribeTaskDefinition",
        "ecs:RegisterTaskDefinition","ecs:TagResource","iam:PassRole"]}]}"#;
    let demo = Demo::with_breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.local.set_policy(LocalAws::USER, policy).unwrap();
    let mut events = demo.deployer.roll_out(&demo.service, demo.changed().await).events();
    while !matches!(events.next().await.unwrap(), Event::Started { .. }) {}
    demo.local.script("demo", "web", Script::Healthy);
    let deployed = demo.deployer.roll_back(&demo.service).await.unwrap();
    assert!(deployed.revision().ends_with("web:1"));
    assert_eq!(demo.running().await, deployed.revision());

    // If no deployment is in progress, only the newer actions show what ran before.
    let error = demo.deployer.roll_back(&demo.service).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.operation(), Some("ListServiceDeployments"));
    assert!(error.missing_statement().unwrap().contains("ecs:ListServiceDeployments"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_deployment_that_nobody_rolled_back() {
    let demo = Demo::with_breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap_err();
    demo.local.script("demo", "web", Script::Healthy);
    let deployed = demo.deployer.roll_back(&demo.service).await.unwrap();
    assert!(deployed.revision().ends_with("web:1"));
    assert_eq!(demo.running().await, deployed.revision());
}

#[tokio::test(start_paused = true)]
async fn without_a_history_there_is_nothing_to_roll_back_to() {
    let demo = Demo::new();
    let error = demo.deployer.roll_back(&demo.service).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NothingToRollBackTo);
    let text = error.to_string();
    assert!(text.starts_with("demo/web can't be rolled back: "), "{text}");
    assert_eq!(demo.local.journal().count("UpdateService"), 0);
}
