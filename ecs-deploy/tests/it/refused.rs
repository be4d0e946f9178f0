//! Rollouts that are refused before any registration.

use aws_sdk_ecs::types::{DeploymentController, DeploymentControllerType};
use aws_types::SdkConfig;
use ecs_deploy::{Deployer, ErrorKind, Service};

use crate::demo::Demo;

#[tokio::test(start_paused = true)]
async fn a_missing_service_or_cluster_is_named() {
    let demo = Demo::new();
    for (service, kind, text) in [
        (
            Service::new("demo", "api"),
            ErrorKind::ServiceNotFound,
            "service `api` not found in cluster `demo` in us-east-1",
        ),
        (
            Service::new("prod", "web"),
            ErrorKind::ClusterNotFound,
            "cluster `prod` not found in us-east-1",
        ),
        (
            "arn:aws:ecs:eu-west-1:123456789012:service/demo/web".parse(),
            ErrorKind::RegionMismatch,
            "arn:aws:ecs:eu-west-1:123456789012:service/demo/web isn't in us-east-1, the region of \
             the configuration: correct the ARN or the region",
        ),
        (
            "arn:aws:ecs:us-east-1:210987654321:service/demo/web".parse(),
            ErrorKind::ClusterNotFound,
            "cluster `demo` not found in us-east-1",
        ),
    ] {
        let error = demo.deployer.current(&service.unwrap()).await.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(error.kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn an_arn_is_as_good_as_names() {
    let demo = Demo::new();
    let service = "arn:aws:ecs:us-east-1:123456789012:service/demo/web".parse().unwrap();
    let revision = demo.deployer.current(&service).await.unwrap();
    assert_eq!(revision.family(), "web");
    demo.deployer.roll_out(&service, revision).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_is_refused() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    demo.ecs.delete_service().cluster("demo").service("web").force(true).send().await.unwrap();
    let error = demo.deployer.current(&demo.service).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServiceInactive);
    let error = demo.deployer.roll_out(&demo.service, revision).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServiceInactive);
}

#[tokio::test(start_paused = true)]
async fn another_controller_is_refused_before_anything_is_registered() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    for (name, controller) in [
        ("blue", DeploymentControllerType::CodeDeploy),
        ("external", DeploymentControllerType::External),
    ] {
        demo.ecs
            .create_service()
            .cluster("demo")
            .service_name(name)
            .desired_count(1)
            .deployment_controller(
                DeploymentController::builder().r#type(controller.clone()).build().unwrap(),
            )
            .send()
            .await
            .unwrap();
        let service = Service::new("demo", name).unwrap();
        let current = demo.deployer.current(&service).await.unwrap_err();
        let roll_out = demo.deployer.roll_out(&service, revision.clone()).await.unwrap_err();
        for error in [current, roll_out] {
            assert_eq!(error.kind(), ErrorKind::UnsupportedController);
            let controller = format!("{controller} controls the deployments of demo/{name}: ");
            assert!(error.to_string().contains(&controller), "{error}");
        }
    }
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_lacks_something_is_said_to() {
    let demo = Demo::new();
    let complete = demo.local.sdk_config();
    let mut without_credentials = complete.to_builder();
    without_credentials.set_credentials_provider(None);
    let mut without_region = complete.to_builder();
    without_region.set_region(None);
    for config in [without_credentials, without_region].map(|builder| builder.build()) {
        let config: SdkConfig = config;
        let error = Deployer::new(&config).current(&demo.service).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
        assert_eq!(error.to_string(), "DescribeServices on demo/web couldn't be sent");
        assert!(!error.is_retryable());
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_containers_are_refused_by_name() {
    let demo = Demo::new();
    let mut revision = demo.deployer.current(&demo.service).await.unwrap();
    let error = revision.set_images([("wbe", "a"), ("log", "b"), ("web", "c")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownContainer);
    assert_eq!(
        error.to_string(),
        "web:1 has no container `log` and no container `wbe` (did you mean `web`?), only `web` and \
         `log-router`"
    );
    assert!(revision.diff().is_empty());
}
