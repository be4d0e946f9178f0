//! Plans: their text, their saved form and their application. Also the settings of a rollout
//! in addition to its revision.

use aws_sdk_ecs::types::{
    DeploymentCircuitBreaker, DeploymentConfiguration, PropagateTags, Service as Description,
};
use ecs_deploy::events::Event;
use ecs_deploy::plan::{FindingKind, Plan};
use ecs_deploy::{ErrorKind, Revision};
use local_aws::Script;
use tokio::time::sleep;

use crate::demo::{Demo, NEW_IMAGE};

async fn described(demo: &Demo) -> Description {
    let describe = demo.ecs.describe_services().cluster("demo").services("web");
    describe.send().await.unwrap().services.unwrap().remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_the_change_the_findings_and_the_calls_and_does_nothing() {
    let demo = Demo::with_breaker(false, false).await;
    let revision = demo.changed().await;
    let old = revision.diff().changes()[0].before().unwrap().to_owned();
    let plan = demo.deployer.roll_out(&demo.service, revision).desired_count(3).plan();
    let plan = plan.await.unwrap();
    assert_eq!(
        plan.to_string(),
        format!(
            "demo/web runs web:1\n  containers.web.image\n    - {old}\n    + {NEW_IMAGE}\nwith: \
             desiredCount=3\nwarning: the deployment circuit breaker is off: ECS retries a \
             revision forever if its tasks fail\ncalls: DescribeServices, RegisterTaskDefinition, \
             UpdateService\n"
        )
    );
    assert_eq!(plan.refused().count(), 0);
    assert_eq!(demo.operations(), ["DescribeServices", "DescribeTaskDefinition"]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_no_change_is_empty() {
    let demo = Demo::new();
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    let plan = demo.deployer.roll_out(&demo.service, revision).plan().await.unwrap();
    assert!(plan.is_empty());
    assert_eq!(plan.to_string(), "demo/web runs web:1\nnothing changes\n");
    assert_eq!(plan.calls(), ["DescribeServices"]);
    let deployed = demo.deployer.apply(&plan).await.unwrap();
    assert!(!deployed.was_changed());
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_applied_by_another_process() {
    let demo = Demo::new();
    let plan = demo.deployer.roll_out(&demo.service, demo.changed().await).desired_count(3);
    let saved = serde_json::to_string(&plan.plan().await.unwrap()).unwrap();
    assert!(!saved.contains('\n'));
    // This is longer than the description of `current` is trusted.
    sleep(std::time::Duration::from_secs(3600)).await;
    let plan: Plan = serde_json::from_str(&saved).unwrap();
    assert_eq!(plan.diff().changes().len(), 1);
    let before = demo.operations().len();
    let deployed = demo.deployer.apply(&plan).await.unwrap();
    assert_eq!(demo.running().await, deployed.revision());
    assert_eq!(described(&demo).await.running_count(), 3);
    assert_eq!(demo.operations()[before..before + 3], plan.calls());
    // The plan is outdated now.
    let error = demo.deployer.apply(&plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outdated);
    assert_eq!(
        error.to_string(),
        "nothing was deployed: demo/web now runs web:2, but the plan is based on web:1"
    );
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_plan_from_a_file_of_git_is_compared_with_what_runs() {
    let demo = Demo::new();
    let text = demo.deployer.current(&demo.service).await.unwrap().to_string();
    let mut revision: Revision = text.parse().unwrap();
    let plan = demo.deployer.roll_out(&demo.service, revision.clone()).plan().await.unwrap();
    assert!(plan.is_empty(), "{plan}");
    revision.set_images([("web", NEW_IMAGE)]).unwrap();
    let plan = demo.deployer.roll_out(&demo.service, revision).plan().await.unwrap();
    assert_eq!(plan.diff().changes().len(), 1, "{plan}");
    let plan: Plan = restored(&plan);
    let deployed = demo.deployer.apply(&plan).await.unwrap();
    assert!(deployed.was_changed());
    assert_eq!(deployed.images().next(), Some(("web", NEW_IMAGE)));
}

#[test]
fn what_is_no_plan_is_said_to_be_none() {
    for (text, problem) in [
        ("web", "expected value at line 1 column 1"),
        (r#"{"service":"demo/web"}"#, "missing field `version`"),
        (r#"{"version":1}"#, "invalid plan: missing field `service`"),
        (r#"{"version":7}"#, "unsupported version 7 of a saved plan: this build reads version 1"),
    ] {
        let error = serde_json::from_str::<Plan>(text).unwrap_err();
        assert!(error.to_string().starts_with(problem), "{error}");
    }
}

fn restored(plan: &Plan) -> Plan {
    serde_json::from_str(&serde_json::to_string(plan).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_found_first_is_told_refused_or_tolerated() {
    let demo = Demo::new();
    let update = demo.ecs.update_service().cluster("demo").service("web");
    let stuck = DeploymentConfiguration::builder()
        .minimum_healthy_percent(100)
        .maximum_percent(100)
        .deployment_circuit_breaker(
            DeploymentCircuitBreaker::builder().enable(false).rollback(false).build(),
        )
        .build();
    update.deployment_configuration(stuck).send().await.unwrap();
    let revision = demo.changed().await;
    let error = demo.deployer.roll_out(&demo.service, revision.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert_eq!(
        error.to_string(),
        "nothing was deployed to demo/web: ECS can neither start nor stop a task with 2 tasks, a \
         minimum of 100 % and a maximum of 100 %: lower the minimum or raise the maximum"
    );
    let kinds: Vec<FindingKind> = error.findings().iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, [FindingKind::NoProgress]);
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 0);

    let roll_out = demo.deployer.roll_out(&demo.service, revision.clone());
    let error = roll_out.refuse(FindingKind::CircuitBreakerOff).await.unwrap_err();
    assert_eq!(error.findings().len(), 2);

    let enough = DeploymentConfiguration::builder().maximum_percent(150).build();
    let roll_out = demo.deployer.roll_out(&demo.service, revision.clone());
    let mut events = roll_out.deployment_configuration(&enough).events();
    let mut warnings = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::Warning { finding, .. } = event {
            warnings.push(finding.kind());
        }
    }
    events.finish().await.unwrap();
    assert_eq!(warnings, [FindingKind::CircuitBreakerOff]);
    let configuration = described(&demo).await.deployment_configuration.unwrap();
    // Omitted members of the update stay unchanged.
    assert_eq!(configuration.minimum_healthy_percent(), Some(100));
    assert_eq!(configuration.maximum_percent(), Some(150));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_in_progress_is_told_or_refused() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Slow { pulling: std::time::Duration::from_secs(600) });
    let mut events = demo.deployer.roll_out(&demo.service, demo.changed().await).events();
    while !matches!(events.next().await.unwrap(), Event::Started { .. }) {}
    drop(events);
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed_to("a:1").await);
    let error = roll_out.refuse(FindingKind::DeploymentInProgress).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    let text = error.to_string();
    assert!(text.ends_with("is in progress: this rollout replaces it"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_update_service_is_told_beside_the_task_definition() {
    let demo = Demo::new();
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    let deployed = demo
        .deployer
        .roll_out(&demo.service, revision)
        .force_new_deployment()
        .platform_version("1.4.0")
        .propagate_tags(&PropagateTags::Service)
        .await
        .unwrap();
    assert!(deployed.was_changed());
    assert!(deployed.revision().ends_with("web:1"));
    let service = described(&demo).await;
    assert_eq!(service.platform_version(), Some("1.4.0"));
    assert_eq!(service.propagate_tags(), Some(&PropagateTags::Service));
    let journal = demo.local.journal();
    assert_eq!(journal.count("RegisterTaskDefinition"), 0);
    assert_eq!(journal.count("UpdateService"), 1);
}

/// ECS starts no deployment for it, so the rollout has nothing to watch.
#[tokio::test(start_paused = true)]
async fn a_desired_count_alone_is_no_deployment() {
    let demo = Demo::new();
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    let roll_out = demo.deployer.roll_out(&demo.service, revision).desired_count(5);
    let deployed = roll_out.await.unwrap();
    assert!(!deployed.was_changed());
    assert_eq!(described(&demo).await.desired_count(), 5);
}
