//! The form in which a task definition is kept: what is registered isn't always what was sent.

use local_aws::LocalAws;
use serde_json::{Value, json};

use crate::ecs_raw::Raw;
use crate::ecs_registration::{fargate, with};

const WEB: &str = "/containerDefinitions/0";

#[tokio::test(start_paused = true)]
async fn variables_are_merged_by_name_and_need_a_value() {
    let raw = Raw::new(&LocalAws::new()).await;
    let variable = |name: &str, value: Value| json!({ "name": name, "value": value });
    let sent = json!([
        variable("A", json!("1")),
        variable("B", Value::Null),
        variable("C", json!("")),
        variable("A", json!("2")),
        { "name": "D" },
    ]);
    let described = raw.registered(&with(&fargate(), WEB, "environment", sent)).await;
    assert_eq!(
        described["containerDefinitions"][0]["environment"],
        json!([variable("C", json!("")), variable("A", json!("2"))])
    );
}

#[tokio::test(start_paused = true)]
async fn sizes_lose_their_units_and_spaces() {
    let raw = Raw::new(&LocalAws::new()).await;
    for (cpu, memory, expected) in [
        ("0.5 vCPU", "1 GB", ("512", "1024")),
        (".25vcpu", "0.5GB", ("256", "512")),
        ("1024 ", " 2048", ("1024", "2048")),
    ] {
        let sent = with(&with(&fargate(), "", "cpu", json!(cpu)), "", "memory", json!(memory));
        let described = raw.registered(&sent).await;
        let kept = (&described["cpu"], &described["memory"]);
        assert_eq!(kept, (&json!(expected.0), &json!(expected.1)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_port_of_0_is_the_container_s_in_awsvpc() {
    let raw = Raw::new(&LocalAws::new()).await;
    let zero = json!([{ "containerPort": 8080, "hostPort": 0 }]);
    let sent = with(&fargate(), WEB, "portMappings", zero);
    for (mode, expected) in [("awsvpc", 8080), ("host", 8080), ("bridge", 0)] {
        let sent = with(&sent, "", "networkMode", json!(mode));
        let sent = with(&sent, "", "requiresCompatibilities", json!(["EC2"]));
        let described = raw.registered(&sent).await;
        let port = &described["containerDefinitions"][0]["portMappings"][0];
        assert_eq!(port["hostPort"], expected, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_not_configured_at_launch_unless_it_says_so() {
    let raw = Raw::new(&LocalAws::new()).await;
    let sent = json!([
        { "name": "scratch" },
        { "name": "data", "configuredAtLaunch": true },
        { "name": "shared", "efsVolumeConfiguration": { "fileSystemId": "fs-1" } },
        { "name": "said", "configuredAtLaunch": false },
    ]);
    let described = raw.registered(&with(&fargate(), "", "volumes", sent)).await;
    assert_eq!(
        described["volumes"],
        json!([
            { "name": "scratch", "host": {}, "configuredAtLaunch": false },
            { "name": "data", "configuredAtLaunch": true },
            {
                "name": "shared",
                "efsVolumeConfiguration": { "fileSystemId": "fs-1" },
                "configuredAtLaunch": false,
            },
            { "name": "said", "host": {}, "configuredAtLaunch": false },
        ])
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_kept_again() {
    let raw = Raw::new(&LocalAws::new()).await;
    let first = raw.registered(&fargate()).await;
    let mut second = raw.registered(&first).await;
    for name in ["revision", "registeredAt", "taskDefinitionArn"] {
        second[name] = first[name].clone();
    }
    assert_eq!(second, first);
}
