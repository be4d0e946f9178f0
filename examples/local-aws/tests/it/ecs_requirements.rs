//! What a service and RunTask ask of a task definition.

use local_aws::LocalAws;
use serde_json::{Value, json};

use crate::ecs_raw::Raw;
use crate::ecs_registration::{fargate, with};

const NETWORK: &str = r#"{ "awsvpcConfiguration": { "subnets": ["subnet-1"] } }"#;

/// A cluster with the service `web`, which has all that depends on its task definition.
async fn service(local: &LocalAws) -> Raw {
    let raw = Raw::new(local).await;
    raw.call("CreateCluster", &json!({ "clusterName": "a" })).await.unwrap();
    raw.call("RegisterTaskDefinition", &at_launch()).await.unwrap();
    raw.call("CreateService", &create()).await.unwrap();
    raw
}

/// A task definition with a volume that is configured at launch.
fn at_launch() -> Value {
    let volumes = json!([{ "name": "scratch" }, { "name": "data", "configuredAtLaunch": true }]);
    with(&fargate(), "", "volumes", volumes)
}

fn volume(name: &str) -> Value {
    json!([{ "name": name, "managedEBSVolume": { "roleArn": "arn:aws:iam::123456789012:role/ebs" } }])
}

fn create() -> Value {
    json!({
        "cluster": "a",
        "serviceName": "web",
        "taskDefinition": "web",
        "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": serde_json::from_str::<Value>(NETWORK).unwrap(),
        "loadBalancers": [{
            "targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/a/1",
            "containerName": "web",
            "containerPort": 80,
        }],
        "serviceConnectConfiguration": {
            "enabled": true,
            "services": [{ "portName": "http" }],
        },
        "volumeConfigurations": volume("data"),
    })
}

/// Registers a revision, updates the service to it, and returns the refusal.
async fn refused(raw: &Raw, definition: &Value) -> String {
    let registered = raw.call("RegisterTaskDefinition", definition).await.unwrap();
    let arn = &registered["taskDefinition"]["taskDefinitionArn"];
    let update = json!({ "cluster": "a", "service": "web", "taskDefinition": arn });
    let (code, message) = raw.call("UpdateService", &update).await.unwrap_err();
    assert_eq!(code, "InvalidParameterException");
    message
}

async fn described(raw: &Raw) -> Value {
    let input = json!({ "cluster": "a", "services": ["web"] });
    raw.call("DescribeServices", &input).await.unwrap()["services"][0].take()
}

#[tokio::test(start_paused = true)]
async fn an_update_keeps_what_the_service_depends_on() {
    let raw = service(&LocalAws::new()).await;
    let web = "/containerDefinitions/0";
    let log = "/containerDefinitions/1";
    let renamed = with(&at_launch(), web, "name", json!("app"));
    assert_eq!(
        refused(&raw, &renamed).await,
        "The container web does not exist in the task definition."
    );
    let port = "/containerDefinitions/0/portMappings/0";
    let moved = with(&at_launch(), port, "containerPort", json!(81));
    let moved = with(&moved, port, "hostPort", json!(81));
    assert_eq!(
        refused(&raw, &moved).await,
        "The container web did not have a container port 80 defined."
    );
    let nameless = with(&at_launch(), port, "name", json!("web"));
    assert_eq!(
        refused(&raw, &nameless).await,
        "The Service Connect port name 'http' isn't one of the task definition's port mappings."
    );
    assert_eq!(
        refused(&raw, &fargate()).await,
        "Volume configuration provided but no matching configuredAtLaunch volume found in task \
         definition."
    );
    let volumes = json!([
        { "name": "scratch" },
        { "name": "data", "configuredAtLaunch": true },
        { "name": "more", "configuredAtLaunch": true },
    ]);
    assert_eq!(
        refused(&raw, &with(&at_launch(), "", "volumes", volumes)).await,
        "The volume 'more' is configured at launch, and no volume configuration is provided for it."
    );
    let on_ec2 = with(&at_launch(), "", "requiresCompatibilities", json!(["EC2"]));
    assert_eq!(
        refused(&raw, &on_ec2).await,
        "Task definition does not support launch_type FARGATE."
    );
    // What changes nothing of that is taken.
    let added = with(&at_launch(), log, "image", json!("fluent-bit:3"));
    raw.call("RegisterTaskDefinition", &added).await.unwrap();
    let update = json!({ "cluster": "a", "service": "web", "taskDefinition": "web" });
    raw.call("UpdateService", &update).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_settings_may_change_with_the_task_definition() {
    let raw = service(&LocalAws::new()).await;
    raw.call("RegisterTaskDefinition", &fargate()).await.unwrap();
    let mut update = json!({
        "cluster": "a", "service": "web", "taskDefinition": "web", "volumeConfigurations": [],
    });
    raw.call("UpdateService", &update).await.unwrap();
    assert_eq!(described(&raw).await["deployments"][0]["volumeConfigurations"], json!([]));
    // And by themselves, they are held against the task definition that runs.
    update = json!({ "cluster": "a", "service": "web", "volumeConfigurations": volume("data") });
    assert_eq!(
        raw.call("UpdateService", &update).await.unwrap_err().1,
        "Volume configuration provided but no matching configuredAtLaunch volume found in task \
         definition."
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_shows_its_settings_where_the_model_has_them() {
    let raw = service(&LocalAws::new()).await;
    let service = described(&raw).await;
    assert_eq!(service["loadBalancers"], create()["loadBalancers"]);
    let deployment = &service["deployments"][0];
    for name in ["serviceConnectConfiguration", "volumeConfigurations"] {
        assert_eq!(deployment[name], create()[name]);
        assert_eq!(service.get(name), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_is_created_by_the_same_rules() {
    let raw = Raw::new(&LocalAws::new()).await;
    raw.call("CreateCluster", &json!({ "clusterName": "a" })).await.unwrap();
    raw.call("RegisterTaskDefinition", &at_launch()).await.unwrap();
    let mut create = create();
    create["loadBalancers"][0]["containerName"] = json!("app");
    assert_eq!(
        raw.call("CreateService", &create).await.unwrap_err().1,
        "The container app does not exist in the task definition."
    );
}

#[tokio::test(start_paused = true)]
async fn run_task_needs_the_volumes_that_are_configured_at_launch() {
    let raw = service(&LocalAws::new()).await;
    let mut run = json!({
        "cluster": "a",
        "taskDefinition": "web",
        "launchType": "FARGATE",
        "networkConfiguration": serde_json::from_str::<Value>(NETWORK).unwrap(),
    });
    assert_eq!(
        raw.call("RunTask", &run).await.unwrap_err().1,
        "The volume 'data' is configured at launch, and no volume configuration is provided for it."
    );
    run["volumeConfigurations"] = volume("data");
    let answer = raw.call("RunTask", &run).await.unwrap();
    assert_eq!(answer["tasks"].as_array().unwrap().len(), 1);
    let on_ec2 = with(&at_launch(), "", "requiresCompatibilities", json!(["EC2"]));
    raw.call("RegisterTaskDefinition", &on_ec2).await.unwrap();
    assert_eq!(
        raw.call("RunTask", &run).await.unwrap_err().1,
        "Task definition does not support launch_type FARGATE."
    );
}

#[tokio::test(start_paused = true)]
async fn a_forced_deployment_keeps_the_revision_that_runs() {
    let raw = service(&LocalAws::new()).await;
    let before = described(&raw).await["taskDefinition"].clone();
    raw.call("RegisterTaskDefinition", &at_launch()).await.unwrap();
    raw.call("DeregisterTaskDefinition", &json!({ "taskDefinition": before })).await.unwrap();
    let named = json!({ "cluster": "a", "service": "web", "taskDefinition": before });
    assert_eq!(
        raw.call("UpdateService", &named).await.unwrap_err(),
        ("ClientException".to_owned(), "TaskDefinition is inactive".to_owned())
    );
    let forced = json!({ "cluster": "a", "service": "web", "forceNewDeployment": true });
    let answer = raw.call("UpdateService", &forced).await.unwrap();
    assert_eq!(answer["service"]["deployments"].as_array().unwrap().len(), 2);
    assert_eq!(described(&raw).await["taskDefinition"], before);
}

#[tokio::test(start_paused = true)]
async fn a_service_of_express_mode_is_updated_by_another_operation() {
    let local = LocalAws::new();
    let raw = service(&local).await;
    assert_eq!(described(&raw).await.get("resourceManagementType"), None);
    local.set_express_mode("a", "web", true);
    assert_eq!(described(&raw).await["resourceManagementType"], "ECS");
    let update = json!({ "cluster": "a", "service": "web", "desiredCount": 2 });
    assert_eq!(
        raw.call("UpdateService", &update).await.unwrap_err(),
        (
            "InvalidParameterException".to_owned(),
            "The service is managed by Amazon ECS. Use UpdateExpressGatewayService to update it."
                .to_owned()
        )
    );
    local.set_express_mode("a", "web", false);
    raw.call("UpdateService", &update).await.unwrap();
}
