//! Rollouts as timelines: what shows at every instant, on a clock that costs no time.

use std::time::Duration;

use aws_sdk_ecs::types::{DeploymentCircuitBreaker, DeploymentConfiguration, Service};
use local_aws::Script;

use crate::ecs::register;
use crate::ecs_demo::{Demo, pass};

#[tokio::test(start_paused = true)]
async fn success() {
    let demo = Demo::new();
    let old = demo.service().await.deployments()[0].id().unwrap().to_owned();
    let new = demo.deploy().await;
    assert_ne!(old, new);
    assert_eq!(
        demo.deployments().await,
        ["PRIMARY IN_PROGRESS 0/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]
    );
    assert!(demo.service().await.task_definition().unwrap().ends_with("web:2"));
    demo.until(&["PRIMARY IN_PROGRESS 0/2/2 0", "ACTIVE COMPLETED 2/0/2 0"]).await;
    demo.until(&["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE COMPLETED 2/0/2 0"]).await;
    demo.until(&["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE COMPLETED 0/0/0 0"]).await;
    let service_deployment = demo.service_deployment().await;
    assert_eq!(service_deployment.status().unwrap().as_str(), "IN_PROGRESS");
    assert_eq!(service_deployment.source_service_revisions().len(), 1);
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    let service_deployment = demo.service_deployment().await;
    assert_eq!(service_deployment.status().unwrap().as_str(), "SUCCESSFUL");
    // The number joins the deployment, the service revision and the service deployment.
    let number = new.strip_prefix("ecs-svc/").unwrap();
    assert_eq!(number.len(), 19);
    let revision = service_deployment.target_service_revision().unwrap().arn().unwrap();
    let expected = "arn:aws:ecs:us-east-1:123456789012:service-revision/demo/web/";
    assert_eq!(revision, format!("{expected}{number}"));
    assert_eq!(
        demo.events().await[3..],
        [
            "has started 2 tasks: (task ".to_owned(),
            "has stopped 2 running tasks: (task ".to_owned(),
            format!("(deployment {new}) deployment completed."),
            "has reached a steady state.".to_owned(),
        ]
    );
    let service = demo.service().await;
    assert_eq!(
        service.deployments()[0].rollout_state_reason(),
        Some(format!("ECS deployment {new} completed.").as_str())
    );
    assert_eq!(service.current_service_deployment(), service_deployment.service_deployment_arn());
}

#[tokio::test(start_paused = true)]
async fn crash_with_rollback() {
    let demo = Demo::new();
    let old = demo.service().await.deployments()[0].id().unwrap().to_owned();
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let new = demo.deploy().await;
    demo.until(&["PRIMARY IN_PROGRESS 0/0/2 2", "ACTIVE COMPLETED 2/0/2 0"]).await;
    let tasks = demo.stopped_tasks(&new).await;
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0].stop_code().unwrap().as_str(), "EssentialContainerExited");
    assert_eq!(tasks[0].stopped_reason(), Some("Essential container in task exited"));
    assert_eq!(tasks[0].containers()[0].exit_code(), Some(3));
    // The old deployment is PRIMARY again, by its old id, and the new one fails a moment later.
    demo.until(&["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE IN_PROGRESS 0/0/0 4"]).await;
    let service = demo.service().await;
    assert_eq!(service.deployments()[0].id(), Some(old.as_str()));
    assert_eq!(
        service.deployments()[0].rollout_state_reason(),
        Some(
            format!("ECS deployment circuit breaker: rolling back to deploymentId {old}.").as_str()
        )
    );
    assert!(service.task_definition().unwrap().ends_with("web:1"));
    let service_deployment = demo.service_deployment().await;
    assert_eq!(service_deployment.status().unwrap().as_str(), "ROLLBACK_IN_PROGRESS");
    let breaker = service_deployment.deployment_circuit_breaker().unwrap();
    assert_eq!(breaker.status().unwrap().as_str(), "TRIGGERED");
    assert_eq!((breaker.failure_count, breaker.threshold), (4, 3));
    demo.until(&["PRIMARY IN_PROGRESS 2/0/2 0", "ACTIVE FAILED 0/0/0 4"]).await;
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    let service_deployment = demo.service_deployment().await;
    assert_eq!(service_deployment.status().unwrap().as_str(), "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        demo.events().await[3..],
        [
            "has started 2 tasks: (task ".to_owned(),
            "has started 2 tasks: (task ".to_owned(),
            format!("(deployment {new}) deployment failed: tasks failed to start."),
            format!("rolling back to deployment {old}."),
            format!("(deployment {old}) deployment completed."),
            "has reached a steady state.".to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn crash_without_rollback() {
    let demo = Demo::new();
    demo.breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    demo.until(&["PRIMARY FAILED 0/0/2 4", "ACTIVE COMPLETED 2/0/2 0"]).await;
    pass(3600).await;
    assert_eq!(demo.deployments().await, ["PRIMARY FAILED 0/0/2 4", "ACTIVE COMPLETED 2/0/2 0"]);
    assert_eq!(demo.service_deployment().await.status().unwrap().as_str(), "STOPPED");
}

#[tokio::test(start_paused = true)]
async fn crash_without_breaker_goes_on_for_ever_and_ever_slower() {
    let demo = Demo::new();
    demo.breaker(false, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    pass(2 * 3600).await;
    let service = demo.service().await;
    assert_eq!(service.deployments()[0].rollout_state().unwrap().as_str(), "IN_PROGRESS");
    let failed = service.deployments()[0].failed_tasks;
    assert!((12..30).contains(&failed), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_first_deployment_has_nothing_to_go_back_to() {
    let demo = Demo::new();
    demo.local.script("demo", "api", Script::Crash { exit_code: 1 });
    register(&demo.ecs, "api").await;
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
    demo.ecs
        .create_service()
        .cluster("demo")
        .service_name("api")
        .task_definition("api:1")
        .desired_count(1)
        .deployment_configuration(
            DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build(),
        )
        .send()
        .await
        .unwrap();
    pass(3600).await;
    let output = demo.ecs.describe_services().cluster("demo").services("api").send().await;
    let service = output.unwrap().services.unwrap().remove(0);
    let [deployment] = service.deployments() else { panic!("{service:?}") };
    assert_eq!(deployment.rollout_state().unwrap().as_str(), "FAILED");
    assert_eq!(deployment.failed_tasks, 3);
    assert_eq!(service.pending_count, 0);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_pulled() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::ImageMissing);
    let new = demo.deploy().await;
    demo.until(&["PRIMARY IN_PROGRESS 0/0/2 2", "ACTIVE COMPLETED 2/0/2 0"]).await;
    let tasks = demo.stopped_tasks(&new).await;
    let cause = "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed \
                 to resolve ref nginx:1: nginx:1: not found";
    assert_eq!(tasks[0].stop_code().unwrap().as_str(), "TaskFailedToStart");
    assert_eq!(tasks[0].stopped_reason(), Some(cause));
    assert_eq!(tasks[0].containers()[0].reason(), Some(cause));
    assert_eq!(tasks[0].containers()[0].exit_code(), None);
    assert!(tasks[0].started_at().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_second_deployment_supersedes_the_first() {
    let demo = Demo::new();
    let first = demo.deploy().await;
    pass(10).await;
    let second = demo.deploy().await;
    let service = demo.service().await;
    let ids: Vec<_> = service.deployments().iter().map(|it| it.id().unwrap()).collect();
    assert_eq!(ids[..2], [second.as_str(), first.as_str()]);
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.service().await.deployments()[0].id(), Some(second.as_str()));
    let list = demo.ecs.list_service_deployments().cluster("demo").service("web");
    let output = list.send().await.unwrap();
    let statuses: Vec<_> =
        output.service_deployments().iter().map(|it| it.status().unwrap().as_str()).collect();
    assert_eq!(statuses, ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]);
}

#[tokio::test(start_paused = true)]
async fn stopping_a_service_deployment_rolls_it_back() {
    let demo = Demo::new();
    demo.deploy().await;
    pass(30).await;
    let arn = demo.service_deployment().await.service_deployment_arn.unwrap();
    let stop = demo.ecs.stop_service_deployment().service_deployment_arn(&arn);
    stop.clone().send().await.unwrap();
    let requested = demo.service_deployment().await;
    assert_eq!(requested.status().unwrap().as_str(), "ROLLBACK_REQUESTED");
    assert_eq!(requested.stopped_at(), None);
    pass(3).await;
    let stopped = demo.service_deployment().await;
    assert_eq!(stopped.status().unwrap().as_str(), "ROLLBACK_IN_PROGRESS");
    assert!(stopped.stopped_at() > requested.updated_at());
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert!(demo.service().await.task_definition().unwrap().ends_with("web:1"));
    let over = demo.service_deployment().await;
    assert_eq!(over.status().unwrap().as_str(), "ROLLBACK_SUCCESSFUL");
    assert_eq!(over.stopped_at(), stopped.stopped_at());
    let error = stop.send().await.unwrap_err().into_service_error();
    assert!(error.is_conflict_exception());
}

#[tokio::test(start_paused = true)]
async fn a_desired_count_of_zero_completes_without_any_task() {
    let demo = Demo::new();
    demo.update().desired_count(0).send().await.unwrap();
    demo.until(&["PRIMARY COMPLETED 0/0/0 0"]).await;
    demo.deploy().await;
    demo.until(&["PRIMARY IN_PROGRESS 0/0/0 0", "ACTIVE COMPLETED 0/0/0 0"]).await;
    demo.until(&["PRIMARY COMPLETED 0/0/0 0"]).await;
    assert!(demo.service().await.task_definition().unwrap().ends_with("web:2"));
}

#[tokio::test(start_paused = true)]
async fn only_a_change_or_force_starts_a_deployment() {
    let demo = Demo::new();
    let id = |service: &Service| service.deployments()[0].id().unwrap().to_owned();
    let before = id(&demo.service().await);
    let same = demo.update().task_definition("web:1").send().await.unwrap().service.unwrap();
    assert_eq!(id(&same), before);
    let forced = demo.update().force_new_deployment(true).send().await.unwrap().service.unwrap();
    assert_ne!(id(&forced), before);
    assert!(forced.task_definition().unwrap().ends_with("web:1"));
}

#[tokio::test(start_paused = true)]
async fn the_pace_scales_every_duration() {
    let demo = Demo::new();
    demo.local.set_rollout_pace(0.001);
    demo.deploy().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(demo.deployments().await, ["PRIMARY COMPLETED 2/0/2 0"]);
    // A crash that takes no time at all must end too.
    demo.local.set_rollout_pace(0.0);
    demo.breaker(false, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    demo.deploy().await;
    pass(10).await;
    assert_eq!(demo.service().await.deployments().len(), 2);
}

/// Time advances at every moment of a rollout.
#[tokio::test(start_paused = true)]
async fn a_rollout_can_be_stopped_at_every_moment() {
    for seconds in 0..150 {
        let demo = Demo::new();
        demo.deploy().await;
        pass(seconds).await;
        let list = demo.ecs.list_service_deployments().cluster("demo").service("web");
        let listed = list.send().await.unwrap();
        let arn = listed.service_deployments()[0].service_deployment_arn().unwrap().to_owned();
        let stop = demo.ecs.stop_service_deployment().service_deployment_arn(arn);
        let is_over = stop.send().await.is_err();
        pass(3600).await;
        let status = demo.status().await;
        let expected = if is_over { "SUCCESSFUL" } else { "ROLLBACK_SUCCESSFUL" };
        assert_eq!(status, expected, "after {seconds} s");
    }
}
