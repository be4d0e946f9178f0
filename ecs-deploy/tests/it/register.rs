//! Registration while ECS isn't ready for it.

use std::time::Duration;

use ecs_deploy::ErrorKind;
use local_aws::{Fault, When};

use crate::demo::Demo;

const OPERATION: &str = "RegisterTaskDefinition";

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out() {
    let demo = Demo::new();
    let mut revision = demo.changed().await;
    demo.local.inject(When::for_the_next(OPERATION, Duration::from_secs(45)), Fault::Throttle);
    let arn = demo.deployer.register(&mut revision).await.unwrap();
    assert!(arn.ends_with("task-definition/web:2"));
}

#[tokio::test(start_paused = true)]
async fn throttling_without_an_end_is_an_error() {
    let demo = Demo::new();
    let mut revision = demo.changed().await;
    demo.local.inject(When::every(OPERATION), Fault::Throttle);
    let began = tokio::time::Instant::now();
    let error = demo.deployer.register(&mut revision).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(error.to_string(), "RegisterTaskDefinition on web was throttled");
    assert!(error.is_retryable());
    // The retries come after 1, 2, 4, 8, 16 and 32 seconds; the SDK makes three attempts each.
    assert_eq!(demo.local.journal().count(OPERATION), 21);
    assert!(began.elapsed() >= Duration::from_secs(63));
    assert!(!revision.diff().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_not_waited_out() {
    let demo = Demo::new();
    let mut revision = demo.changed().await;
    demo.local.inject(When::every(OPERATION), Fault::LimitExceeded);
    let error = demo.deployer.register(&mut revision).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Service);
    // The SDK itself makes three attempts, because it treats any `LimitExceededException` as
    // throttling.
    assert_eq!(demo.local.journal().count(OPERATION), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_a_revision_that_nobody_uses() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    demo.local.inject(When::nth(OPERATION, 1), Fault::LoseResponse);
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert!(deployed.revision().ends_with("task-definition/web:3"));
    assert_eq!(demo.running().await, deployed.revision());
}

#[tokio::test(start_paused = true)]
async fn aws_own_tags_are_left_out() {
    let demo = Demo::new();
    let response = r#"{"taskDefinition":{"family":"web","containerDefinitions":
        [{"name":"web","image":"a:1","memory":1}]},
        "tags":[{"key":"aws:cloudformation:stack-name","value":"web"}]}"#;
    let mut revision = response.parse::<ecs_deploy::Revision>().unwrap();
    let arn = demo.deployer.register(&mut revision).await.unwrap();
    assert!(arn.ends_with("task-definition/web:2"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_takes_the_place_of_a_variable_and_a_variable_that_of_a_secret() {
    let demo = Demo::new();
    let mut revision = demo.deployer.current(&demo.service).await.unwrap();
    let mut web = revision.container_mut("web").unwrap();
    web.set_env("DATABASE_URL", "postgres://localhost");
    web.set_secret("RUST_LOG", "arn:aws:ssm:us-east-1:123456789012:parameter/log");
    assert_eq!(
        revision.diff().to_string(),
        "containers.web.environment.DATABASE_URL\n  + ***\n\
         containers.web.environment.RUST_LOG\n  - ***\n\
         containers.web.secrets.DATABASE_URL\n  - \
         arn:aws:ssm:us-east-1:123456789012:parameter/demo/web/database-url\n\
         containers.web.secrets.RUST_LOG\n  + \
         arn:aws:ssm:us-east-1:123456789012:parameter/log\n"
    );
    // ECS refuses a container that has both.
    demo.deployer.register(&mut revision).await.unwrap();
}
