//! Reactions to a rollout that didn't succeed, and their time limits.

use std::error::Error as _;
use std::time::Duration;

use aws_sdk_ecs::types::{AwsVpcConfiguration, NetworkConfiguration};
use ecs_deploy::policy::DeployPolicy;
use ecs_deploy::{Error, ErrorKind, OnFailure, Revision, Service};
use local_aws::{Fault, LocalAws, Script, When};
use tokio::time::{Instant, sleep};

use crate::demo::{Demo, NEW_IMAGE};

const HOURS: Duration = Duration::from_secs(10 * 60 * 60);

fn changes(demo: &Demo) -> Vec<String> {
    let is_look = |it: &String| it.starts_with("Describe") || it.starts_with("List");
    demo.operations().into_iter().filter(|it| !is_look(it)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_complete_by_the_deadline_is_left_alone() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    let until = Duration::from_secs(200);
    demo.local.inject(When::for_the_next("DescribeServices", until), Fault::Throttle);
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    let deployed = roll_out.timeout(until).on_failure(OnFailure::RollBack).await.unwrap();
    assert!(deployed.elapsed() >= until);
    assert_eq!(changes(&demo), ["RegisterTaskDefinition", "UpdateService"]);
    assert_eq!(demo.running().await, deployed.revision());
}

#[tokio::test(start_paused = true)]
async fn somebody_else_s_deployment_is_left_alone() {
    let demo = Demo::with_breaker(false, false).await;
    let until = Duration::from_secs(200);
    let revision = demo.changed().await;
    demo.local.inject(When::for_the_next("DescribeServices", until), Fault::Throttle);
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    let other = async {
        sleep(Duration::from_secs(20)).await;
        let update = demo.ecs.update_service().cluster("demo").service("web");
        update.force_new_deployment(true).send().await.unwrap();
    };
    let ours = roll_out.timeout(until).on_failure(OnFailure::RollBack);
    let (ours, ()) = tokio::join!(ours.into_future(), other);
    assert_eq!(ours.unwrap_err().kind(), ErrorKind::Superseded);
    assert_eq!(changes(&demo), ["RegisterTaskDefinition", "UpdateService", "UpdateService"]);
}

#[tokio::test(start_paused = true)]
async fn what_completes_between_the_two_ways_back_is_left_alone() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    // For a minute no lookup shows that all new tasks run: it can't be known to be healthy.
    let minute = Duration::from_secs(60);
    demo.local.inject(When::for_the_next("DescribeServices", minute), Fault::Throttle);
    // It is complete 86 s after UpdateService: the lookup at the deadline is too early to show it.
    let late = Fault::Delay(Duration::from_secs(5));
    demo.local.inject(When::every("DescribeServices"), late);
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    let roll_out = roll_out.timeout(Duration::from_secs(85)).on_failure(OnFailure::RollBack);
    let deployed = roll_out.await.unwrap();
    assert_eq!(
        changes(&demo),
        ["RegisterTaskDefinition", "UpdateService", "StopServiceDeployment"]
    );
    assert_eq!(demo.running().await, deployed.revision());
}

/// The error of a rollout to a service that has never run anything else. `prepare` is called before.
async fn first_that_fails(prepare: impl FnOnce(&Demo, &Service, &Revision)) -> (Demo, Error) {
    let demo = Demo::new();
    demo.local.script("demo", "api", Script::Crash { exit_code: 1 });
    let subnet = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
    let network = NetworkConfiguration::builder().awsvpc_configuration(subnet).build();
    let create = demo.ecs.create_service().cluster("demo").service_name("api");
    let create = create.task_definition("web:1").desired_count(1).network_configuration(network);
    create.send().await.unwrap();
    let service = Service::new("demo", "api").unwrap();
    let revision = demo.changed().await;
    prepare(&demo, &service, &revision);
    let roll_out = demo.deployer.roll_out(&service, revision);
    let roll_out = roll_out.timeout(Duration::from_secs(100)).on_failure(OnFailure::RollBack);
    let error = roll_out.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(demo.local.journal().count("StopServiceDeployment"), 0);
    (demo, error)
}

/// StopServiceDeployment would stop it and start nothing.
#[tokio::test(start_paused = true)]
async fn what_has_nothing_to_return_to_is_left_alone() {
    let (demo, error) = first_that_fails(|_, _, _| {}).await;
    let text = error.to_string();
    assert!(
        text.ends_with("; it couldn't be rolled back: no earlier deployment was complete"),
        "{text}"
    );
    assert_eq!(demo.local.journal().count("ListServiceDeployments"), 1);
}

/// An unreadable history isn't reported as an empty one.
#[tokio::test(start_paused = true)]
async fn why_the_history_cannot_be_read_is_said() {
    let (_, error) = first_that_fails(|demo, service, revision| {
        let policy = DeployPolicy::from_revision(service, revision).unwrap().diagnosis();
        demo.local.set_policy(LocalAws::USER, &policy.to_string()).unwrap();
    })
    .await;
    let statement = r#"{"Effect":"Allow","Action":"ecs:ListServiceDeployments","Resource":"arn:aws:ecs:us-east-1:123456789012:service/demo/api"}"#;
    let problem =
        format!("ListServiceDeployments on demo/api isn't allowed: add {statement} to the policy");
    let told = format!(
        "; it couldn't be rolled back: {problem}: User: arn:aws:iam::123456789012:user/local is not \
         authorized to perform: ecs:ListServiceDeployments on resource: \
         arn:aws:ecs:us-east-1:123456789012:service/demo/api because no identity-based policy \
         allows the ecs:ListServiceDeployments action (AccessDeniedException)"
    );
    assert!(error.to_string().ends_with(&told), "{error}");

    for (fault, problem) in [
        (
            Fault::Throttle,
            "ListServiceDeployments on demo/api was throttled: Rate exceeded (ThrottlingException)",
        ),
        (
            Fault::ServerError,
            "ListServiceDeployments on demo/api was refused: Service encountered an internal error. \
             (ServerException)",
        ),
        (Fault::Delay(HOURS), "the lookup of the last successful deployment timed out"),
    ] {
        let every = When::every("ListServiceDeployments");
        let (_, error) = first_that_fails(|demo, _, _| demo.local.inject(every, fault)).await;
        assert!(
            error.to_string().ends_with(&format!("; it couldn't be rolled back: {problem}")),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_is_left_alone() {
    let demo = Demo::with_breaker(false, false).await;
    demo.local.script("demo", "web", Script::ImageMissing);
    let revision = demo.changed().await;
    demo.local.inject(When::every("DescribeServices"), Fault::Throttle);
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    let roll_out = roll_out.timeout(Duration::from_secs(100)).on_failure(OnFailure::RollBack);
    let error = roll_out.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the rollout of web:2 to demo/web timed out after 100 s: 0 of 2 running; it couldn't \
         be rolled back: the service's current state is unknown"
    );
    assert_eq!(changes(&demo), ["RegisterTaskDefinition", "UpdateService"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_does_not_hold_up_the_beginning() {
    for operation in ["DescribeServices", "RegisterTaskDefinition"] {
        let demo = Demo::new();
        let revision = match operation {
            "DescribeServices" => demo.deployer.current(&demo.service).await.unwrap(),
            _ => demo.changed().await,
        };
        // The description of `current` is too old by then.
        sleep(Duration::from_secs(60)).await;
        demo.local.inject(When::every(operation), Fault::Delay(HOURS));
        let began = Instant::now();
        let roll_out = demo.deployer.roll_out(&demo.service, revision);
        let error = roll_out.timeout(Duration::from_secs(50)).await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::from_secs(50));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.operation(), Some(operation));
        assert_eq!(error.deployment(), None);
        assert_eq!(
            error.to_string(),
            format!("{operation} for the rollout to demo/web timed out after 50 s")
        );
    }
}

/// ECS carried the call out although its response was lost; without a lookup it would be unwatched.
#[tokio::test(start_paused = true)]
async fn a_deployment_whose_beginning_was_not_answered_is_found() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    demo.local.inject(When::every("UpdateService"), Fault::Delay(HOURS));
    let began = Instant::now();
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    let error = roll_out.timeout(Duration::from_secs(50)).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(50));
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let handle = error.handle().unwrap().clone();
    assert_eq!(
        error.to_string(),
        "the rollout of web:2 to demo/web timed out after 50 s: 2 of 2 running"
    );
    let deployed = demo.deployer.follow(handle).await.unwrap();
    assert_eq!(Some(deployed.deployment()), error.deployment());
    assert!(deployed.was_changed());

    let demo = Demo::new();
    let revision = demo.changed().await;
    demo.local.inject(When::nth("UpdateService", 1), Fault::LoseResponse);
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert!(deployed.was_changed());
    // The SDK retries the call, which starts nothing: the revision is PRIMARY by then.
    assert_eq!(demo.running().await, deployed.revision());
}

#[tokio::test(start_paused = true)]
async fn an_update_that_was_not_carried_out_is_said_to_be_in_doubt() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    demo.local.inject(When::every("UpdateService"), Fault::Throttle);
    let error = demo.deployer.roll_out(&demo.service, revision).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert!(error.handle().is_none());
    let operations = demo.operations();
    let last = operations.iter().rposition(|it| it == "UpdateService").unwrap();
    assert_eq!(operations[last + 1..], ["DescribeServices"], "once, since a try may have passed");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_does_not_hold_up_the_end() {
    for (operation, remedy) in [
        ("ListTasks", "it is being rolled back to web:1"),
        ("StopServiceDeployment", "ECS didn't answer the request to roll back to web:1"),
        ("DescribeServices", "it couldn't be rolled back: the service's current state is unknown"),
    ] {
        let demo = Demo::with_breaker(false, false).await;
        demo.local.script("demo", "web", Script::ImageMissing);
        let revision = demo.changed().await;
        demo.local.inject(When::every(operation), Fault::Delay(HOURS));
        let began = Instant::now();
        let roll_out = demo.deployer.roll_out(&demo.service, revision);
        let roll_out = roll_out.timeout(Duration::from_secs(100)).on_failure(OnFailure::RollBack);
        let error = roll_out.await.unwrap_err();
        assert!(began.elapsed() <= Duration::from_secs(130), "{operation}: {:?}", began.elapsed());
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().ends_with(&format!("; {remedy}")), "{error}");
    }

    let demo = Demo::new();
    demo.local.inject(When::every("ListServiceDeployments"), Fault::Delay(HOURS));
    let began = Instant::now();
    let other = async {
        sleep(Duration::from_secs(20)).await;
        let update = demo.ecs.update_service().cluster("demo").service("web");
        update.force_new_deployment(true).send().await.unwrap();
    };
    let ours = demo.deployer.roll_out(&demo.service, demo.changed().await);
    let (ours, ()) = tokio::join!(ours.into_future(), other);
    assert_eq!(ours.unwrap_err().kind(), ErrorKind::Superseded);
    assert!(began.elapsed() <= Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_lost_in_the_middle_leaves_the_rollout_alone() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    let withdrawal = async {
        sleep(Duration::from_secs(3)).await;
        let policy = r#"{ "Version": "2012-10-17", "Statement": [] }"#;
        demo.local.set_policy(LocalAws::USER, policy).unwrap();
    };
    let ours = roll_out.on_failure(OnFailure::RollBack).into_future();
    let (ours, ()) = tokio::join!(ours, withdrawal);
    let error = ours.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.operation(), Some("DescribeServices"));
    assert!(error.request_id().is_some());
    let deployment = error.deployment().unwrap();
    assert!(deployment.starts_with("ecs-svc/"));
    assert_eq!(
        error.to_string(),
        format!(
            "deployment {deployment} of web:2 to demo/web continues, but its outcome is unknown"
        )
    );
    let source = error.source().unwrap();
    let statement = r#"{"Effect":"Allow","Action":"ecs:DescribeServices","Resource":"arn:aws:ecs:us-east-1:123456789012:service/demo/web"}"#;
    assert_eq!(
        source.to_string(),
        format!("DescribeServices on demo/web isn't allowed: add {statement} to the policy")
    );
    assert_eq!(error.missing_statement().unwrap(), statement);
    assert!(source.source().unwrap().to_string().starts_with("User: arn:aws:iam::"));
    assert_eq!(changes(&demo), ["RegisterTaskDefinition", "UpdateService"]);
}

#[tokio::test(start_paused = true)]
async fn what_has_failed_before_is_deployed_again() {
    let demo = Demo::with_breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed().await);
    let error = roll_out.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RolloutFailed);
    demo.local.script("demo", "web", Script::Healthy);
    let revision = demo.changed_to(NEW_IMAGE).await;
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert!(deployed.was_changed());
    assert_ne!(error.deployment(), Some(deployed.deployment()));
    assert_eq!(
        changes(&demo),
        ["RegisterTaskDefinition", "UpdateService", "UpdateService"],
        "the revision is the same"
    );
}
