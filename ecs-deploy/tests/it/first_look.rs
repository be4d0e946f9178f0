//! What the description of a service already shows is found before anything is registered.

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, LaunchType, LoadBalancer, NetworkConfiguration,
    ServiceConnectConfiguration, ServiceConnectService, ServiceManagedEbsVolumeConfiguration,
    ServiceVolumeConfiguration,
};
use ecs_deploy::plan::FindingKind;
use ecs_deploy::{ErrorKind, Revision, Service};
use serde_json::{Value, json};

use crate::demo::Demo;

/// The task definition of the service `shop`, which names many of its parts.
fn shop() -> Value {
    json!({
        "family": "shop",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/shop",
        "volumes": [{ "name": "data", "configuredAtLaunch": true }],
        "containerDefinitions": [
            {
                "name": "web",
                "image": "nginx:1",
                "portMappings": [{ "name": "http", "containerPort": 80 }],
            },
            { "name": "log", "image": "fluent-bit:1" },
        ],
    })
}

async fn created(demo: &Demo) -> Service {
    demo.register(&shop().to_string()).await.unwrap();
    let network = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
    let connected = ServiceConnectService::builder().port_name("http").build().unwrap();
    let ebs = ServiceManagedEbsVolumeConfiguration::builder()
        .role_arn("arn:aws:iam::123456789012:role/ebs")
        .build()
        .unwrap();
    demo.ecs
        .create_service()
        .cluster("demo")
        .service_name("shop")
        .task_definition("shop")
        .desired_count(1)
        .launch_type(LaunchType::Fargate)
        .network_configuration(
            NetworkConfiguration::builder().awsvpc_configuration(network).build(),
        )
        .load_balancers(
            LoadBalancer::builder()
                .target_group_arn(
                    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/a/1",
                )
                .container_name("web")
                .container_port(80)
                .build(),
        )
        .service_connect_configuration(
            ServiceConnectConfiguration::builder().enabled(true).services(connected).build(),
        )
        .volume_configurations(
            ServiceVolumeConfiguration::builder()
                .name("data")
                .managed_ebs_volume(ebs)
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
    Service::new("demo", "shop").unwrap()
}

fn with(pointer: &str, member: &str, value: Value) -> Value {
    let mut changed = shop();
    changed.pointer_mut(pointer).unwrap()[member] = value;
    changed
}

/// Each change that the service doesn't fit, the kind and the text of its finding.
fn misfits() -> Vec<(Value, FindingKind, &'static str)> {
    let mismatch = FindingKind::ServiceMismatch;
    let role = "arn:aws:iam::210987654321:role/shop";
    let mut two = with("/containerDefinitions/0/portMappings/0", "containerPort", json!(8080));
    two["containerDefinitions"][0]["portMappings"][0]["name"] = json!("htpt");
    vec![
        (
            with("/containerDefinitions/0", "name", json!("webb")),
            mismatch,
            "the service's load balancer sends traffic to the container `web`, but the task \
             definition has only `webb` and `log` (was `web` renamed to `webb`?): keep the name, or \
             change the load balancers of the service first",
        ),
        (
            two,
            mismatch,
            "the service's load balancer sends traffic to port 80 of the container `web`, but its \
             `portMappings` have `8080`: map 80, or change the load balancers of the service first; \
             and Service Connect uses the port mapping named `http`, but the task definition has \
             `htpt` (was `http` renamed to `htpt`?): keep the `name` in `portMappings`, or change \
             the service first",
        ),
        (
            with("/containerDefinitions/0", "portMappings", json!([{ "containerPort": 80 }])),
            mismatch,
            "Service Connect uses the port mapping named `http`, but the task definition has no \
             named one: keep the `name` in `portMappings`, or change the service first",
        ),
        (
            with("", "volumes", json!([{ "name": "data" }])),
            mismatch,
            "the service configures the volume `data`, but the task definition has no such volume \
             with `configuredAtLaunch`: keep the volume, or change the service first",
        ),
        (
            with(
                "",
                "volumes",
                json!([
                    { "name": "data", "configuredAtLaunch": true },
                    { "name": "more", "configuredAtLaunch": true },
                ]),
            ),
            mismatch,
            "the volume `more` is configured at launch, but the service has no configuration for \
             it: add one to the service's `volumeConfigurations`",
        ),
        (
            with("", "executionRoleArn", json!(role)),
            FindingKind::ForeignRole,
            "`executionRoleArn` is arn:aws:iam::210987654321:role/shop of account 210987654321, but \
             the service is in account 123456789012: name a role of 123456789012; no permission \
             lets ECS use a role of another account",
        ),
        (
            with("", "taskRoleArn", json!(role)),
            FindingKind::ForeignRole,
            "`taskRoleArn` is arn:aws:iam::210987654321:role/shop of account 210987654321, but the \
             service is in account 123456789012: name a role of 123456789012; no permission lets \
             ECS use a role of another account",
        ),
        (
            with("", "requiresCompatibilities", json!(["EC2"])),
            mismatch,
            "the service runs on Fargate, but the task definition can't: `requiresCompatibilities` \
             lacks FARGATE: add it",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_misfit_is_refused_before_any_registration() {
    let demo = Demo::new();
    let service = created(&demo).await;
    for (definition, kind, text) in misfits() {
        let revision: Revision = definition.to_string().parse().unwrap();
        let changes = || {
            let journal = demo.local.journal();
            journal.count("RegisterTaskDefinition") + journal.count("UpdateService")
        };
        let before = changes();
        let error = demo.deployer.roll_out(&service, revision.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotReady);
        assert_eq!(error.to_string(), format!("nothing was deployed to demo/shop: {text}"));
        assert!(error.findings().iter().all(|it| it.kind() == kind), "{error}");
        assert_eq!(changes(), before);
        // ECS itself would have refused it, after the registration or in place of it.
        let tolerated = demo.deployer.roll_out(&service, revision).tolerate(kind).await;
        tolerated.unwrap_err();
    }
    let unchanged: Revision = shop().to_string().parse().unwrap();
    demo.deployer.roll_out(&service, unchanged).force_new_deployment().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_network_mode_that_the_service_has_no_network_for_is_refused() {
    let demo = Demo::new();
    let mut bridge = shop();
    for member in ["networkMode", "requiresCompatibilities", "volumes"] {
        bridge.as_object_mut().unwrap().remove(member);
    }
    demo.register(&bridge.to_string()).await.unwrap();
    let create = demo.ecs.create_service().cluster("demo").service_name("shop");
    create.task_definition("shop").desired_count(1).send().await.unwrap();
    let service = Service::new("demo", "shop").unwrap();
    bridge["networkMode"] = json!("awsvpc");
    let revision: Revision = bridge.to_string().parse().unwrap();
    let error = demo.deployer.roll_out(&service, revision).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing was deployed to demo/shop: the network mode is `awsvpc`, but the service has no \
         network configuration: add its subnets to the service"
    );
    let mut web: Revision =
        demo.deployer.current(&demo.service).await.unwrap().to_string().parse().unwrap();
    web.edit(|input| {
        input.network_mode = None;
        input.requires_compatibilities = None;
    })
    .unwrap();
    let error = demo.deployer.roll_out(&demo.service, web).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing was deployed to demo/web: the network mode is `bridge`, but the service has a \
         network configuration: use `awsvpc`; and the service runs on Fargate, but the task \
         definition can't: its network mode isn't `awsvpc`: set it"
    );
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_of_express_mode_is_refused_before_any_registration() {
    let demo = Demo::new();
    demo.local.set_express_mode("demo", "web", true);
    let revision = demo.changed().await;
    let plan = demo.deployer.roll_out(&demo.service, revision.clone()).plan().await.unwrap();
    assert_eq!(plan.refused().count(), 1);
    let error = demo.deployer.roll_out(&demo.service, revision).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing was deployed to demo/web: ECS Express Mode manages the service: update it with \
         UpdateExpressGatewayService, or delete it and create a service without Express Mode"
    );
    assert_eq!(error.findings()[0].kind(), FindingKind::ExpressMode);
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 0);
}

/// Without a service to compare with, AWS's refusal is explained.
#[tokio::test(start_paused = true)]
async fn a_role_of_another_account_needs_no_statement() {
    let demo = Demo::new();
    let role = "arn:aws:iam::210987654321:role/shop";
    let mut revision: Revision = with("", "taskRoleArn", json!(role)).to_string().parse().unwrap();
    let error = demo.deployer.register(&mut revision).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.missing_statement(), None);
    assert_eq!(
        error.to_string(),
        "RegisterTaskDefinition on shop isn't allowed: ECS can't use the role of another account, \
         and no policy can allow it"
    );
}
