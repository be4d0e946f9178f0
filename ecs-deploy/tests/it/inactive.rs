//! Revisions that have been deregistered: their content is registered again.

use ecs_deploy::events::{Event, Events};
use ecs_deploy::plan::Plan;
use ecs_deploy::{Deployed, Error, ErrorKind, OnFailure};
use local_aws::{Fault, LocalAws, Script, When};

use crate::demo::Demo;

async fn deregister(demo: &Demo, revision: &str) {
    demo.ecs.deregister_task_definition().task_definition(revision).send().await.unwrap();
}

/// Returns the events about revisions, and the outcome.
async fn revisions(mut events: Events) -> (Vec<String>, Result<Deployed, Error>) {
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        if matches!(
            event,
            Event::Registered { .. } | Event::RegisteredAgain { .. } | Event::RollingBack { .. }
        ) {
            told.push(event.to_string().replace("arn:aws:ecs:us-east-1:123456789012:", ""));
        }
    }
    (told, events.finish().await)
}

/// Returns the content of a revision that its registration decides, with its tags.
async fn content(demo: &Demo, revision: &str) -> String {
    demo.deployer.revision(revision).await.unwrap().to_string()
}

const AGAIN: &str = "registered task-definition/web:3, because web:1 is INACTIVE";

#[tokio::test(start_paused = true)]
async fn a_rollback_registers_it_again_with_its_tags() {
    let demo = Demo::new();
    demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap();
    deregister(&demo, "web:1").await;
    let (told, outcome) = revisions(demo.deployer.roll_back(&demo.service).events()).await;
    assert_eq!(told, ["rolling back to web:1", AGAIN]);
    assert!(outcome.unwrap().revision().ends_with("/web:3"));
    assert!(demo.running().await.ends_with("/web:3"));
    let content = [content(&demo, "web:1").await, content(&demo, "web:3").await];
    assert!(content[0].contains("\"tags\""), "{}", content[0]);
    assert_eq!(content[0], content[1]);
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 2);
}

/// ECS refuses StopServiceDeployment, and the only other way leads to an INACTIVE revision.
#[tokio::test(start_paused = true)]
async fn the_reaction_to_a_failure_registers_it_again() {
    let demo = Demo::with_breaker(false, false).await;
    demo.local.script("demo", "web", Script::ImageMissing);
    let revision = demo.changed().await;
    deregister(&demo, "web:1").await;
    demo.local.inject(When::every("StopServiceDeployment"), Fault::LimitExceeded);
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    let roll_out = roll_out.timeout(std::time::Duration::from_secs(300));
    let (told, outcome) = revisions(roll_out.on_failure(OnFailure::RollBack).events()).await;
    assert_eq!(told, ["registered task-definition/web:2", AGAIN, "rolling back to web:3"]);
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let text = error.to_string();
    assert!(text.contains("CannotPullContainerError"), "{text}");
    assert!(text.ends_with("; it is being rolled back to web:3"), "{text}");
    assert!(demo.running().await.ends_with("/web:3"));
    assert_eq!(content(&demo, "web:1").await, content(&demo, "web:3").await);
}

/// The cause of the failure stays in the error, and the failure of the rollback has its own.
#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_is_told_beside_the_cause() {
    for (operation, problem) in [
        ("RegisterTaskDefinition", "RegisterTaskDefinition on web was refused"),
        ("UpdateService", "UpdateService on demo/web was refused"),
    ] {
        let demo = Demo::with_breaker(false, false).await;
        demo.local.script("demo", "web", Script::ImageMissing);
        let revision = demo.changed().await;
        deregister(&demo, "web:1").await;
        demo.local.inject(When::every("StopServiceDeployment"), Fault::LimitExceeded);
        let roll_out = demo.deployer.roll_out(&demo.service, revision);
        let roll_out = roll_out.timeout(std::time::Duration::from_secs(300));
        let mut events = roll_out.on_failure(OnFailure::RollBack).events();
        while let Some(event) = events.next().await {
            if matches!(event, Event::Started { .. }) {
                demo.local.inject(When::every(operation), Fault::LimitExceeded);
            }
        }
        let text = events.finish().await.unwrap_err().to_string();
        assert!(text.contains("container web: CannotPullContainerError"), "{text}");
        let end = format!(
            "; it couldn't be rolled back: {problem}: The operation did not succeed because it \
             would have exceeded a service limit for your account. (LimitExceededException)"
        );
        assert!(text.ends_with(&end), "{text}");
        assert!(demo.running().await.ends_with("/web:2"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_forced_deployment_registers_the_current_one_again() {
    let demo = Demo::new();
    deregister(&demo, "web:1").await;
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    let roll_out = demo.deployer.roll_out(&demo.service, revision).force_new_deployment();
    let (told, outcome) = revisions(roll_out.events()).await;
    assert_eq!(told, ["registered task-definition/web:2, because web:1 is INACTIVE"]);
    assert!(outcome.unwrap().was_changed());
    assert!(demo.running().await.ends_with("/web:2"));
}

/// What runs stays, unless a deployment is asked for.
#[tokio::test(start_paused = true)]
async fn an_unchanged_one_is_left_alone() {
    let demo = Demo::new();
    deregister(&demo, "web:1").await;
    let before = demo.operations().len();
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    let plan = demo.deployer.roll_out(&demo.service, revision.clone()).plan().await.unwrap();
    assert_eq!(plan.calls(), ["DescribeServices"]);
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert!(!deployed.was_changed());
    assert_eq!(demo.operations()[before..], ["DescribeServices", "DescribeTaskDefinition"]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_that_it_is_registered_again() {
    let demo = Demo::new();
    demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap();
    deregister(&demo, "web:1").await;
    let revision = demo.deployer.revision("web:1").await.unwrap();
    let plan = demo.deployer.roll_out(&demo.service, revision).plan().await.unwrap();
    let calls = ["DescribeServices", "RegisterTaskDefinition", "UpdateService"];
    assert_eq!(plan.calls(), calls);
    let plan: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(plan.calls(), calls);
    let deployed = demo.deployer.apply(&plan).await.unwrap();
    assert!(deployed.revision().ends_with("/web:3"));
}

/// Between the description and the deployment, another program prunes.
#[tokio::test(start_paused = true)]
async fn one_that_is_deregistered_meanwhile_is_registered_again() {
    let demo = Demo::new();
    demo.deployer.roll_out(&demo.service, demo.changed().await).await.unwrap();
    let revision = demo.deployer.revision("web:1").await.unwrap();
    deregister(&demo, "web:1").await;
    let before = demo.operations().len();
    let (told, outcome) = revisions(demo.deployer.roll_out(&demo.service, revision).events()).await;
    assert_eq!(told, [AGAIN]);
    assert!(outcome.unwrap().revision().ends_with("/web:3"));
    assert_eq!(
        demo.operations()[before..before + 4],
        ["DescribeServices", "UpdateService", "RegisterTaskDefinition", "UpdateService"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_one_off_task_registers_it_again() {
    let demo = Demo::new();
    deregister(&demo, "web:1").await;
    let mut revision = demo.deployer.current(&demo.service).await.unwrap();
    demo.deployer.run_task(&demo.service, &mut revision).await.unwrap();
    assert!(revision.arn().unwrap().ends_with("/web:2"));
}

/// If nothing can be deployed in place of the deployment, ECS's refusal to stop it is the cause.
#[tokio::test(start_paused = true)]
async fn why_a_deployment_cannot_be_stopped_is_told() {
    use std::error::Error as _;
    let demo = Demo::new();
    let list = demo.ecs.list_service_deployments().cluster("demo").service("web");
    assert_eq!(list.send().await.unwrap().service_deployments().len(), 1);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Resource":"*","Action":["ecs:*","iam:PassRole"]},
        {"Effect":"Deny","Resource":"*","Action":["ecs:StopServiceDeployment"]}]}"#;
    demo.local.set_policy(LocalAws::USER, policy).unwrap();
    // The first deployment of a service has no earlier one.
    let network = aws_sdk_ecs::types::AwsVpcConfiguration::builder().subnets("subnet-1");
    let network = aws_sdk_ecs::types::NetworkConfiguration::builder()
        .awsvpc_configuration(network.build().unwrap())
        .build();
    let create = demo.ecs.create_service().cluster("demo").service_name("api");
    let create = create.task_definition("web:1").desired_count(1).network_configuration(network);
    create.send().await.unwrap();
    let service = ecs_deploy::Service::new("demo", "api").unwrap();
    let error = demo.deployer.roll_back(&service).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NothingToRollBackTo);
    assert_eq!(
        error.to_string(),
        "demo/api can't be rolled back: ECS knows no successful deployment of it"
    );
    let source = error.source().unwrap().to_string();
    assert!(source.starts_with("StopServiceDeployment on demo/api isn't allowed"), "{source}");
}
