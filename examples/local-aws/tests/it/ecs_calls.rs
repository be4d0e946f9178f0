//! Tags, limits, history, and the ways in which ECS is known to behave now and then.

use std::time::Duration;

use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    ClusterField, CreatedAt, DeploymentController, DeploymentControllerType,
    ServiceDeploymentStatus, ServiceField, StopServiceDeploymentStopType, Tag,
};

use crate::ecs::{container, pair, refusal, register};
use crate::ecs_demo::{Demo, pass};

const PREFIX: &str = "arn:aws:ecs:us-east-1:123456789012:";

#[tokio::test(start_paused = true)]
async fn services_clusters_and_task_definitions_have_tags() {
    let demo = Demo::new();
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    for (resource, before) in
        [("cluster/demo", 0), ("service/demo/web", 0), ("task-definition/web:1", 2)]
    {
        let arn = format!("{PREFIX}{resource}");
        let add = |tag: Tag| demo.ecs.tag_resource().resource_arn(&arn).tags(tag).send();
        add(tag("team", "a")).await.unwrap();
        add(tag("team", "b")).await.unwrap();
        let list = demo.ecs.list_tags_for_resource().resource_arn(&arn).send().await.unwrap();
        assert_eq!(list.tags().len(), before + 1, "{resource}");
        assert_eq!(list.tags()[before], tag("team", "b"));
    }
    let describe = demo.ecs.describe_services().cluster("demo").services("web");
    let plain = describe.clone().send().await.unwrap();
    assert_eq!(plain.services()[0].tags(), []);
    let with_tags = describe.include(ServiceField::Tags).send().await.unwrap();
    assert_eq!(with_tags.services()[0].tags(), [tag("team", "b")]);
    let describe = demo.ecs.describe_clusters().clusters("demo").include(ClusterField::Tags);
    assert_eq!(describe.send().await.unwrap().clusters()[0].tags(), [tag("team", "b")]);
    let arn = format!("{PREFIX}service/demo/web");
    demo.ecs.untag_resource().resource_arn(&arn).tag_keys("team").send().await.unwrap();
    let list = demo.ecs.list_tags_for_resource().resource_arn(&arn).send().await.unwrap();
    assert_eq!(list.tags(), []);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_tags_is_refused() {
    let demo = Demo::new();
    for (arn, code) in [
        ("web", "InvalidParameterException"),
        ("arn:aws:ecs:us-east-1:123456789012:service/web", "InvalidParameterException"),
        ("arn:aws:ecs:us-east-1:123456789012:service/demo/api", "InvalidParameterException"),
        ("arn:aws:ecs:us-east-1:123456789012:cluster/none", "ClusterNotFoundException"),
        ("arn:aws:ecs:us-east-1:123456789012:task-definition/web:9", "InvalidParameterException"),
    ] {
        let list = demo.ecs.list_tags_for_resource().resource_arn(arn).send().await;
        assert_eq!(refusal(list).0, code, "{arn}");
    }
    let tag = demo.ecs.tag_resource().resource_arn(format!("{PREFIX}cluster/demo"));
    let too_many = (0..51).map(|n| Tag::builder().key(n.to_string()).build()).collect();
    assert_eq!(
        refusal(tag.clone().set_tags(Some(too_many)).send().await).0,
        "InvalidParameterException"
    );
    assert_eq!(
        refusal(tag.set_tags(Some(Vec::new())).send().await),
        pair("InvalidParameterException", "Tags can not be empty.")
    );
}

#[tokio::test(start_paused = true)]
async fn each_call_has_its_limit() {
    let demo = Demo::new();
    let many = |count: usize| Some((0..count).map(|n| n.to_string()).collect::<Vec<_>>());
    let deployments = demo.ecs.describe_service_deployments();
    let result = deployments.clone().set_service_deployment_arns(many(21)).send().await;
    assert_eq!(refusal(result).0, "InvalidParameterException");
    let output = deployments.set_service_deployment_arns(many(20)).send().await.unwrap();
    assert_eq!(output.failures().len(), 20);
    let revisions = demo.ecs.describe_service_revisions().set_service_revision_arns(many(21));
    assert_eq!(refusal(revisions.send().await).0, "InvalidParameterException");
    let tasks = demo.ecs.describe_tasks().cluster("demo");
    let result = tasks.clone().set_tasks(many(101)).send().await;
    assert_eq!(refusal(result).0, "InvalidParameterException");
    assert_eq!(tasks.set_tasks(many(100)).send().await.unwrap().failures().len(), 100);
    let list = demo.ecs.list_services().cluster("demo").max_results(101);
    assert_eq!(refusal(list.send().await).0, "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn the_history_goes_back_ninety_days() {
    let demo = Demo::new();
    let first = demo.service().await.current_service_revisions()[0].arn().unwrap().to_owned();
    pass(200).await;
    demo.deploy().await;
    pass(200).await;
    demo.deploy().await;
    pass(200).await;
    // The first two have vanished from `deployments`, and are found all the same.
    assert_eq!(demo.service().await.deployments().len(), 1);
    let describe = demo.ecs.describe_service_revisions().service_revision_arns(&first);
    let revision = describe.clone().send().await.unwrap().service_revisions.unwrap().remove(0);
    assert!(revision.task_definition().unwrap().ends_with("web:1"));
    assert_eq!(revision.container_images().len(), 2);
    let digest = revision.container_images()[0].image_digest().unwrap();
    assert_eq!(digest, format!("sha256:{}", "7f".repeat(32)));
    assert!(revision.network_configuration().is_some());
    let list = demo.ecs.list_service_deployments().cluster("demo").service("web");
    let all = list.clone().send().await.unwrap();
    assert_eq!(all.service_deployments().len(), 3);
    let page = list.clone().max_results(2).send().await.unwrap();
    let next = list.clone().next_token(page.next_token().unwrap()).send().await.unwrap();
    assert_eq!(next.service_deployments(), &all.service_deployments()[2..]);
    let stopped = list.clone().status(ServiceDeploymentStatus::Stopped).send().await.unwrap();
    assert_eq!(stopped.service_deployments(), []);
    let middle = all.service_deployments()[1].created_at().unwrap().secs();
    let later = CreatedAt::builder().after(DateTime::from_secs(middle + 60)).build();
    let later = list.clone().created_at(later).send().await.unwrap();
    assert_eq!(later.service_deployments(), &all.service_deployments()[..1]);
    let earlier = CreatedAt::builder().before(DateTime::from_secs(middle - 60)).build();
    let earlier = list.clone().created_at(earlier).send().await.unwrap();
    assert_eq!(earlier.service_deployments(), &all.service_deployments()[2..]);
    pass(91 * 24 * 3600).await;
    assert_eq!(list.send().await.unwrap().service_deployments(), []);
    assert_eq!(describe.send().await.unwrap().failures()[0].reason(), Some("MISSING"));
}

#[tokio::test(start_paused = true)]
async fn a_service_may_be_missing_for_a_moment() {
    let demo = Demo::new();
    demo.local.hide_service("demo", "web", 1);
    let describe = demo.ecs.describe_services().cluster("demo").services("web");
    let output = describe.clone().send().await.unwrap();
    assert_eq!(output.failures()[0].reason(), Some("MISSING"));
    assert_eq!(output.services(), []);
    assert_eq!(describe.send().await.unwrap().services().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn service_deployments_may_be_listed_late() {
    let demo = Demo::new();
    pass(60).await;
    demo.local.set_service_deployment_lag(Duration::from_secs(5));
    demo.deploy().await;
    let list = demo.ecs.list_service_deployments().cluster("demo").service("web");
    assert_eq!(list.clone().send().await.unwrap().service_deployments().len(), 1);
    // Its ARN finds it at once.
    let arn = demo.service().await.current_service_deployment.unwrap();
    let describe = demo.ecs.describe_service_deployments().service_deployment_arns(arn);
    assert_eq!(describe.send().await.unwrap().service_deployments().len(), 1);
    pass(5).await;
    assert_eq!(list.send().await.unwrap().service_deployments().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn concurrent_registrations_of_a_family_are_refused_where_asked_for() {
    let demo = Demo::new();
    register(&demo.ecs, "api").await;
    register(&demo.ecs, "api").await;
    demo.local.set_registration_window(Duration::from_secs(1));
    let again = || {
        let register = demo.ecs.register_task_definition().family("api");
        register.container_definitions(container("web", "nginx:1")).send()
    };
    let error = again().await.unwrap_err();
    assert_eq!(error.code(), Some("ClientException"));
    assert_eq!(
        error.message(),
        Some("Too many concurrent attempts to create a new revision of the specified family.")
    );
    register(&demo.ecs, "other").await;
    pass(1).await;
    again().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_another_controller_is_refused() {
    let demo = Demo::new();
    for (name, controller, cure) in [
        (
            "blue",
            DeploymentControllerType::CodeDeploy,
            " Use AWS CodeDeploy to trigger a new deployment.",
        ),
        ("external", DeploymentControllerType::External, ""),
    ] {
        let it = DeploymentController::builder().r#type(controller.clone()).build().unwrap();
        let create = demo.ecs.create_service().cluster("demo").service_name(name);
        create.desired_count(1).deployment_controller(it).send().await.unwrap();
        let update = demo.ecs.update_service().cluster("demo").service(name);
        for (request, refused) in [
            (update.clone().task_definition("web:1"), "Unable to update task definition"),
            (update.clone().force_new_deployment(true), "Cannot force a new deployment"),
            (update.clone().platform_version("1.4.0"), "Unable to update platform version"),
        ] {
            let message =
                format!("{refused} on services with a {controller} deployment controller.{cure}");
            assert_eq!(refusal(request.send().await), pair("InvalidParameterException", &message));
        }
        // The desired count is the service's own.
        let service = update.desired_count(2).send().await.unwrap().service.unwrap();
        assert_eq!(service.desired_count, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_deployment_is_stopped_only_by_rolling_it_back() {
    let demo = Demo::new();
    demo.deploy().await;
    let arn = demo.service().await.current_service_deployment.unwrap();
    let stop = demo.ecs.stop_service_deployment();
    let abort = stop.clone().service_deployment_arn(&arn);
    let abort = abort.stop_type(StopServiceDeploymentStopType::Abort);
    assert_eq!(refusal(abort.send().await).0, "UnsupportedFeatureException");
    assert_eq!(
        refusal(stop.clone().service_deployment_arn("none").send().await),
        pair("ServiceDeploymentNotFoundException", "Service deployment not found.")
    );
    // It may be stopped before it has begun.
    assert_eq!(demo.status().await, "PENDING");
    stop.service_deployment_arn(&arn).send().await.unwrap();
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    assert_eq!(demo.status().await, "ROLLBACK_SUCCESSFUL");
}
