//! What RegisterTaskDefinition refuses, each rule with a task definition that only it concerns.

use local_aws::LocalAws;
use serde_json::{Value, json};

use crate::ecs_raw::Raw;

/// A task definition for Fargate that ECS takes.
pub(crate) fn fargate() -> Value {
    json!({
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "volumes": [{ "name": "scratch" }],
        "containerDefinitions": [
            {
                "name": "web",
                "image": "nginx:1",
                "memory": 256,
                "portMappings": [{ "name": "http", "containerPort": 80, "hostPort": 80 }],
                "mountPoints": [{ "sourceVolume": "scratch", "containerPath": "/tmp" }],
                "dependsOn": [{ "containerName": "log", "condition": "START" }],
            },
            { "name": "log", "image": "fluent-bit:2", "memoryReservation": 64, "essential": false },
        ],
    })
}

/// The task definition with one member replaced, in the object at `pointer`.
pub(crate) fn with(definition: &Value, pointer: &str, member: &str, value: Value) -> Value {
    let mut changed = definition.clone();
    changed.pointer_mut(pointer).unwrap()[member] = value;
    changed
}

async fn refused(raw: &Raw, definition: &Value) -> String {
    let (code, message) = raw.call("RegisterTaskDefinition", definition).await.unwrap_err();
    assert_eq!(code, "ClientException", "{definition}");
    message
}

const WEB: &str = "/containerDefinitions/0";
const LOG: &str = "/containerDefinitions/1";

#[tokio::test(start_paused = true)]
async fn names_and_images_consist_of_certain_characters() {
    let raw = Raw::new(&LocalAws::new()).await;
    raw.call("RegisterTaskDefinition", &fargate()).await.unwrap();
    for name in ["web.1", "web 1", "web/1", "wéb"] {
        let definition = with(&fargate(), WEB, "name", json!(name));
        let message = "Container.name contains invalid characters.";
        assert_eq!(refused(&raw, &definition).await, message, "{name}");
    }
    for image in ["<IMAGE1_NAME>", "${IMAGE}", "nginx 1", "nginx:1\n", "nginx:{{tag}}"] {
        let definition = with(&fargate(), WEB, "image", json!(image));
        let message = "Container.image contains invalid characters.";
        assert_eq!(refused(&raw, &definition).await, message, "{image}");
    }
    for image in ["a.b-c_d/E:1.0", "host:5000/a@sha256:00", "a#b"] {
        let definition = with(&fargate(), WEB, "image", json!(image));
        raw.call("RegisterTaskDefinition", &definition).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_has_65_536_bytes_at_most() {
    let raw = Raw::new(&LocalAws::new()).await;
    let long = |length: usize| with(&fargate(), LOG, "command", json!(["x".repeat(length)]));
    let around = long(0).to_string().len();
    let largest = long(65_536 - around);
    assert_eq!(largest.to_string().len(), 65_536);
    raw.call("RegisterTaskDefinition", &largest).await.unwrap();
    // Tags don't count.
    let tagged = with(&largest, "", "tags", json!([{ "key": "a", "value": "b" }]));
    raw.call("RegisterTaskDefinition", &tagged).await.unwrap();
    assert_eq!(
        refused(&raw, &long(65_537 - around)).await,
        "Actual length: '65537'. Max allowed length is '65536' bytes."
    );
}

#[tokio::test(start_paused = true)]
async fn cpu_and_memory_have_a_form_and_are_paired_on_fargate() {
    let raw = Raw::new(&LocalAws::new()).await;
    let troubleshooting = "For more information, see the Troubleshooting section of the Amazon ECS \
                           Developer Guide.";
    for (member, value) in
        [("cpu", ""), ("cpu", "half"), ("cpu", "1 GB"), ("memory", "1 vCPU"), ("memory", "512 MB")]
    {
        let definition = with(&fargate(), "", member, json!(value));
        let message = format!("Invalid '{member}' setting for task. {troubleshooting}");
        assert_eq!(refused(&raw, &definition).await, message, "{value}");
    }
    for (cpu, memory, values) in [
        ("256", "4096", "256 CPU, 4096 memory"),
        ("128", "512", "128 CPU, 512 memory"),
        ("1 vCPU", "1 GB", "1024 CPU, 1024 memory"),
        ("1024", "2500", "1024 CPU, 2500 memory"),
    ] {
        let definition =
            with(&with(&fargate(), "", "cpu", json!(cpu)), "", "memory", json!(memory));
        assert_eq!(
            refused(&raw, &definition).await,
            format!(
                "No Fargate configuration exists for given values: {values}. See the Amazon ECS \
                 documentation for the valid values."
            )
        );
        // EC2 takes any size.
        let on_ec2 = with(&definition, "", "requiresCompatibilities", json!(["EC2"]));
        raw.call("RegisterTaskDefinition", &on_ec2).await.unwrap();
    }
    for member in ["cpu", "memory"] {
        let definition = with(&fargate(), "", member, Value::Null);
        let message = format!("Fargate requires that '{member}' be defined at the task level.");
        assert_eq!(refused(&raw, &definition).await, message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_has_no_more_memory_than_its_task() {
    let raw = Raw::new(&LocalAws::new()).await;
    let all = with(&fargate(), WEB, "memory", json!(512));
    raw.call("RegisterTaskDefinition", &all).await.unwrap();
    assert_eq!(
        refused(&raw, &with(&fargate(), WEB, "memory", json!(513))).await,
        "The 'memory' setting for container 'web' is greater than for the task."
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_is_a_name_or_an_arn() {
    let raw = Raw::new(&LocalAws::new()).await;
    for member in ["taskRoleArn", "executionRoleArn"] {
        for role in [
            "deploy",
            "a+b=c,d.e@f_g-h",
            "arn:aws:iam::123456789012:role/deploy",
            "arn:aws-cn:iam::123456789012:role/ci/deploy",
        ] {
            let definition = with(&fargate(), "", member, json!(role));
            raw.call("RegisterTaskDefinition", &definition).await.unwrap();
        }
        for role in [
            "",
            "role/deploy",
            "${ROLE}",
            "arn:aws:iam::123456789012:user/deploy",
            "arn:aws:iam::1:role/deploy",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:sts::123456789012:role/deploy",
            "arn:aws:iam",
        ] {
            let definition = with(&fargate(), "", member, json!(role));
            assert_eq!(refused(&raw, &definition).await, "Role is not valid", "{role}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn mount_points_and_dependencies_name_what_is_there() {
    let raw = Raw::new(&LocalAws::new()).await;
    let volume = "/containerDefinitions/0/mountPoints/0";
    assert_eq!(
        refused(&raw, &with(&fargate(), volume, "sourceVolume", json!("cache"))).await,
        "Unknown volume 'cache'."
    );
    assert_eq!(
        refused(&raw, &with(&fargate(), volume, "sourceVolume", Value::Null)).await,
        "Unknown volume 'null'."
    );
    let dependency = "/containerDefinitions/0/dependsOn/0";
    assert_eq!(
        refused(&raw, &with(&fargate(), dependency, "containerName", json!("logs"))).await,
        "Cannot depend on container + 'logs' because it does not exist"
    );
    for condition in ["COMPLETE", "SUCCESS"] {
        let waits = with(&fargate(), dependency, "condition", json!(condition));
        raw.call("RegisterTaskDefinition", &waits).await.unwrap();
        assert_eq!(
            refused(&raw, &with(&waits, LOG, "essential", json!(true))).await,
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential \
             container"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn fargate_has_the_network_mode_awsvpc() {
    let raw = Raw::new(&LocalAws::new()).await;
    for mode in [json!("bridge"), json!("host"), json!("none"), Value::Null] {
        assert_eq!(
            refused(&raw, &with(&fargate(), "", "networkMode", mode)).await,
            "Fargate only supports network mode ‘awsvpc’."
        );
    }
}

#[tokio::test(start_paused = true)]
async fn ports_match_and_have_names_of_their_own() {
    let raw = Raw::new(&LocalAws::new()).await;
    let second = json!([{ "name": "http", "containerPort": 81 }]);
    assert_eq!(
        refused(&raw, &with(&fargate(), LOG, "portMappings", second)).await,
        "Duplicate port mapping name 'http'."
    );
    let port = "/containerDefinitions/0/portMappings/0";
    let mapped = with(&fargate(), port, "hostPort", json!(8080));
    assert_eq!(
        refused(&raw, &mapped).await,
        "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
    );
    let on_ec2 = with(&mapped, "", "requiresCompatibilities", json!(["EC2"]));
    assert_eq!(
        refused(&raw, &with(&on_ec2, "", "networkMode", json!("host"))).await,
        "When networkMode=host, the host ports and container ports in port mappings must match."
    );
    let bridge = with(&on_ec2, "", "networkMode", json!("bridge"));
    raw.call("RegisterTaskDefinition", &bridge).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn ecs_finds_out_what_a_task_definition_is_compatible_with() {
    let raw = Raw::new(&LocalAws::new()).await;
    let plain = with(&fargate(), "", "requiresCompatibilities", Value::Null);
    let bridge = with(&plain, "", "networkMode", json!("bridge"));
    let ec2 = with(&fargate(), "", "requiresCompatibilities", json!(["EC2"]));
    for (definition, expected) in [
        (fargate(), json!(["EC2", "FARGATE"])),
        (plain, json!(["EC2", "FARGATE"])),
        (bridge, json!(["EC2"])),
        (ec2, json!(["EC2"])),
    ] {
        assert_eq!(raw.registered(&definition).await["compatibilities"], expected);
    }
}
