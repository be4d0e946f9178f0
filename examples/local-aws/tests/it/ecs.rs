//! ECS's operations: what they accept, what they refuse, and in which words.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::{
    ContainerDefinition, DeploymentController, DeploymentControllerType, HealthCheck, KeyValuePair,
    NetworkMode, PortMapping, Secret, Tag, TaskDefinitionField, Volume,
};
use local_aws::LocalAws;

pub(crate) fn container(name: &str, image: &str) -> ContainerDefinition {
    ContainerDefinition::builder().name(name).image(image).memory(128).build()
}

/// Registers a revision of `family` with one container, and returns its ARN.
pub(crate) async fn register(ecs: &Client, family: &str) -> String {
    let output = ecs
        .register_task_definition()
        .family(family)
        .container_definitions(container("web", "nginx:1"))
        .send()
        .await
        .unwrap();
    output.task_definition.unwrap().task_definition_arn.unwrap()
}

/// Registers a revision that a service on Fargate can run, and returns its ARN.
pub(crate) async fn register_for_fargate(ecs: &Client, family: &str) -> String {
    let mut web = container("web", "nginx:1");
    web.port_mappings = Some(vec![PortMapping::builder().container_port(8080).build()]);
    let output = ecs
        .register_task_definition()
        .family(family)
        .network_mode(NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512")
        .container_definitions(web)
        .send()
        .await
        .unwrap();
    output.task_definition.unwrap().task_definition_arn.unwrap()
}

pub(crate) fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata>(
    result: Result<T, E>,
) -> (String, String) {
    let error = result.err().unwrap();
    (error.code().unwrap().to_owned(), error.message().unwrap_or_default().to_owned())
}

pub(crate) fn pair(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_demonstration_is_in_a_steady_state() {
    let local = LocalAws::new();
    local.create_demo();
    let ecs = Client::new(&local.sdk_config());
    let output = ecs.describe_services().cluster("demo").services("web").send().await.unwrap();
    let service = &output.services()[0];
    assert_eq!((service.running_count, service.pending_count, service.desired_count), (2, 0, 2));
    let [deployment] = service.deployments() else { panic!("{service:?}") };
    assert_eq!(deployment.status(), Some("PRIMARY"));
    assert_eq!(deployment.rollout_state().unwrap().as_str(), "COMPLETED");
    assert!(service.events()[0].message().unwrap().ends_with("has reached a steady state."));
    assert_eq!(
        service.task_definition(),
        Some("arn:aws:ecs:us-east-1:123456789012:task-definition/web:1")
    );
}

#[tokio::test(start_paused = true)]
async fn a_revision_is_found_by_family_by_number_and_by_arn() {
    let local = LocalAws::new();
    let ecs = Client::new(&local.sdk_config());
    let first = register(&ecs, "web").await;
    let second = register(&ecs, "web").await;
    for (reference, expected) in
        [("web", &second), ("web:1", &first), ("web:2", &second), (first.as_str(), &first)]
    {
        let output = ecs.describe_task_definition().task_definition(reference).send().await;
        let found = output.unwrap().task_definition.unwrap();
        assert_eq!(found.task_definition_arn.as_ref(), Some(expected), "{reference}");
    }
    for reference in ["web:3", "api", "web:x", "web:99999999999", ""] {
        let result = ecs.describe_task_definition().task_definition(reference).send().await;
        let expected = pair("ClientException", "Unable to describe task definition.");
        assert_eq!(refusal(result), expected, "{reference}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_inactive_revision_is_no_longer_the_newest_and_its_number_is_not_used_again() {
    let local = LocalAws::new();
    let ecs = Client::new(&local.sdk_config());
    let first = register(&ecs, "web").await;
    register(&ecs, "web").await;
    let output = ecs.deregister_task_definition().task_definition("web:2").send().await.unwrap();
    let inactive = output.task_definition.unwrap();
    assert_eq!(inactive.status().unwrap().as_str(), "INACTIVE");
    assert!(inactive.deregistered_at().is_some());
    let output = ecs.describe_task_definition().task_definition("web").send().await.unwrap();
    assert_eq!(output.task_definition.unwrap().task_definition_arn, Some(first.clone()));
    let output = ecs.list_task_definitions().family_prefix("web").send().await.unwrap();
    assert_eq!(output.task_definition_arns(), [first]);
    assert!(register(&ecs, "web").await.ends_with(":3"));
    let result = ecs.deregister_task_definition().task_definition("web").send().await;
    assert_eq!(refusal(result), pair("InvalidParameterException", "Revision is missing."));
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_is_refused() {
    let local = LocalAws::new();
    let ecs = Client::new(&local.sdk_config());
    let request = || ecs.register_task_definition().family("web");
    let web = || container("web", "nginx:1");
    let nameless = ContainerDefinition::builder().image("nginx:1").memory(1).build();
    let imageless = ContainerDefinition::builder().name("web").memory(1).build();
    let boundless = ContainerDefinition::builder().name("web").image("nginx:1").build();
    let twice = ContainerDefinition::builder()
        .name("web")
        .image("nginx:1")
        .memory(1)
        .environment(KeyValuePair::builder().name("KEY").value("a").build())
        .secrets(Secret::builder().name("KEY").value_from("b").build().unwrap())
        .build();
    let cases = [
        (
            request().container_definitions(twice),
            "ClientException",
            "The secret name must be unique and not shared with any new or existing environment \
             variables set on the container, such as 'KEY'.",
        ),
        (
            request().family("a b").container_definitions(web()),
            "ClientException",
            "Family contains invalid characters.",
        ),
        (
            request().set_container_definitions(Some(Vec::new())),
            "ClientException",
            "Container list cannot be empty.",
        ),
        (
            request().container_definitions(nameless),
            "ClientException",
            "Container.name should not be null or empty.",
        ),
        (
            request().container_definitions(imageless),
            "ClientException",
            "Container.image should not be null or empty.",
        ),
        (
            request().container_definitions(boundless),
            "ClientException",
            "Invalid setting for container 'web'. At least one of 'memory' or 'memoryReservation' \
             must be specified.",
        ),
        (
            request().container_definitions(web()).container_definitions(web()),
            "ClientException",
            "Duplicate container name 'web'.",
        ),
        (
            request().container_definitions(web()).task_role_arn(""),
            "ClientException",
            "Role is not valid",
        ),
        (
            request().container_definitions(web()).set_tags(Some(Vec::new())),
            "InvalidParameterException",
            "Tags can not be empty.",
        ),
        (
            request().container_definitions(web()).tags(Tag::builder().key("AWS:x").build()),
            "InvalidParameterException",
            "Tag keys that begin with 'aws:' are reserved.",
        ),
    ];
    for (request, code, message) in cases {
        assert_eq!(refusal(request.send().await), pair(code, message));
    }
    let output = ecs.list_task_definitions().send().await.unwrap();
    assert_eq!(output.task_definition_arns(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_out_has_ecs_default() {
    let local = LocalAws::new();
    let ecs = Client::new(&local.sdk_config());
    for (mode, host_port) in [("awsvpc", 80), ("host", 80), ("bridge", 0)] {
        let port = PortMapping::builder().container_port(80).build();
        let check = HealthCheck::builder().command("CMD").build().unwrap();
        let web = ContainerDefinition::builder().name("web").image("nginx:1").memory(1);
        ecs.register_task_definition()
            .family("web")
            .network_mode(mode.into())
            .volumes(Volume::builder().name("scratch").build())
            .container_definitions(web.port_mappings(port).health_check(check).build())
            .send()
            .await
            .unwrap();
        let output = ecs.describe_task_definition().task_definition("web").send().await.unwrap();
        let definition = output.task_definition.unwrap();
        assert!(definition.volumes()[0].host().is_some());
        assert_eq!(definition.placement_constraints, Some(Vec::new()));
        let web = &definition.container_definitions()[0];
        assert_eq!((web.cpu, web.essential), (0, Some(true)));
        assert_eq!(web.environment, Some(Vec::new()));
        assert_eq!(web.mount_points, Some(Vec::new()));
        assert_eq!(web.system_controls, Some(Vec::new()));
        assert_eq!(web.volumes_from, Some(Vec::new()));
        assert_eq!(web.secrets, None);
        let port = &web.port_mappings()[0];
        assert_eq!(port.host_port, Some(host_port), "{mode}");
        assert_eq!(port.protocol.as_ref().unwrap().as_str(), "tcp");
        let check = web.health_check().unwrap();
        assert_eq!((check.interval, check.timeout, check.retries), (Some(30), Some(5), Some(3)));
        assert_eq!(check.start_period, None);
    }
}

#[tokio::test(start_paused = true)]
async fn tags_come_back_only_where_they_are_asked_for() {
    let local = LocalAws::new();
    let ecs = Client::new(&local.sdk_config());
    ecs.register_task_definition()
        .family("web")
        .container_definitions(container("web", "nginx:1"))
        .tags(Tag::builder().key("team").value("a").build())
        .send()
        .await
        .unwrap();
    let request = ecs.describe_task_definition().task_definition("web");
    assert!(request.clone().send().await.unwrap().tags.is_none());
    let output = request.include(TaskDefinitionField::Tags).send().await.unwrap();
    assert_eq!(output.tags()[0].key(), Some("team"));
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_named() {
    let local = LocalAws::new();
    let ecs = Client::new(&local.sdk_config());
    let result = ecs.describe_services().cluster("demo").services("web").send().await;
    assert_eq!(refusal(result), pair("ClusterNotFoundException", "Cluster not found."));
    local.create_demo();
    let output = ecs.describe_services().cluster("demo").services("api").send().await.unwrap();
    let [failure] = output.failures() else { panic!("{output:?}") };
    assert_eq!(failure.reason(), Some("MISSING"));
    assert_eq!(failure.arn(), Some("arn:aws:ecs:us-east-1:123456789012:service/demo/api"));
    let result = ecs.update_service().cluster("demo").service("api").send().await;
    assert_eq!(refusal(result), pair("ServiceNotFoundException", "Service not found."));
    let create = ecs.create_service().cluster("demo").service_name("api").desired_count(1);
    assert_eq!(
        refusal(create.task_definition("web:1").send().await),
        pair(
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    );
    let update = ecs.update_service().cluster("demo").service("web");
    let result = update.clone().task_definition("web:9").send().await;
    assert_eq!(refusal(result), pair("ClientException", "TaskDefinition not found."));
    register(&ecs, "web").await;
    ecs.deregister_task_definition().task_definition("web:2").send().await.unwrap();
    let result = update.task_definition("web:2").send().await;
    assert_eq!(refusal(result), pair("ClientException", "TaskDefinition is inactive"));
}

#[tokio::test(start_paused = true)]
async fn lists_have_limits_and_pages() {
    let local = LocalAws::new();
    local.create_demo();
    let ecs = Client::new(&local.sdk_config());
    let names = (0..11).map(|n| format!("s{n}")).collect();
    let result = ecs.describe_services().cluster("demo").set_services(Some(names)).send().await;
    assert_eq!(refusal(result).0, "InvalidParameterException");
    for _ in 0..4 {
        register(&ecs, "api").await;
    }
    let request = ecs.list_task_definitions().family_prefix("api").max_results(3);
    let first = request.clone().send().await.unwrap();
    assert_eq!(first.task_definition_arns().len(), 3);
    let second = request.clone().next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!(second.task_definition_arns().len(), 1);
    assert!(second.next_token().is_none());
    assert_eq!(refusal(request.next_token("9").send().await).0, "InvalidParameterException");
    ecs.create_cluster().cluster_name("a").send().await.unwrap();
    let request = ecs.list_clusters().max_results(1);
    let first = request.clone().send().await.unwrap();
    let second = request.next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!(second.next_token(), None);
    let arn = |name| format!("arn:aws:ecs:us-east-1:123456789012:cluster/{name}");
    assert_eq!([first.cluster_arns(), second.cluster_arns()].concat(), ["a", "demo"].map(arn));
    let request = ecs.list_tasks().cluster("demo").started_by("ecs-svc/1").service_name("web");
    assert_eq!(refusal(request.send().await).0, "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn another_controller_runs_no_task_definition_of_ours() {
    let local = LocalAws::new();
    local.create_demo();
    let ecs = Client::new(&local.sdk_config());
    let controller =
        DeploymentController::builder().r#type(DeploymentControllerType::CodeDeploy).build();
    ecs.create_service()
        .cluster("demo")
        .service_name("blue")
        .task_definition("web:1")
        .desired_count(1)
        .deployment_controller(controller.unwrap())
        .send()
        .await
        .unwrap();
    let update = ecs.update_service().cluster("demo").service("blue").task_definition("web:1");
    assert_eq!(
        refusal(update.send().await),
        pair(
            "InvalidParameterException",
            "Unable to update task definition on services with a CODE_DEPLOY deployment \
             controller. Use AWS CodeDeploy to trigger a new deployment."
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_is_inactive() {
    let local = LocalAws::new();
    local.create_demo();
    let ecs = Client::new(&local.sdk_config());
    let delete = ecs.delete_service().cluster("demo").service("web");
    assert_eq!(
        refusal(delete.clone().send().await),
        pair(
            "InvalidParameterException",
            "The service cannot be stopped while it is scaled above 0."
        )
    );
    let deleted = delete.force(true).send().await.unwrap().service.unwrap();
    assert_eq!((deleted.status(), deleted.desired_count), (Some("DRAINING"), 0));
    let list = ecs.list_services().cluster("demo").send().await.unwrap();
    assert_eq!(list.service_arns(), [""; 0]);
    let create = ecs.create_service().cluster("demo").service_name("web").desired_count(0);
    assert_eq!(
        refusal(create.task_definition("web:1").send().await),
        pair("InvalidParameterException", "Unable to Start a service that is still Draining.")
    );
    tokio::time::sleep(std::time::Duration::from_secs(15)).await;
    let output = ecs.describe_services().cluster("demo").services("web").send().await.unwrap();
    let service = &output.services()[0];
    assert_eq!((service.status(), service.running_count), (Some("INACTIVE"), 0));
    assert_eq!(service.deployments(), []);
    let result = ecs.update_service().cluster("demo").service("web").send().await;
    assert_eq!(refusal(result), pair("ServiceNotActiveException", "Service was not ACTIVE."));
}
