//! What the demonstration finds: a service that has been running for a while.

use serde_json::{Value, json};

use super::store::Ecs;
use super::world::World;
use crate::caller::Caller;
use crate::context::Context;
use crate::error::AwsError;

impl Ecs {
    /// Makes the cluster `demo` with the service `web`, which runs the task definition `web:1`.
    pub(crate) fn create_demo(&mut self, context: &mut Context<'_>) -> Result<(), AwsError> {
        let definition = definition(context.caller);
        let service = service();
        self.create_cluster(json!({ "clusterName": "demo" }).to_string().as_bytes(), context)?;
        self.register_task_definition(definition.to_string().as_bytes(), context)?;
        self.create_service(service.to_string().as_bytes(), context)?;
        let Self { clusters, controls, .. } = self;
        let web = clusters.get_mut("demo").and_then(|demo| demo.services.get_mut("web"));
        if let Some(service) = web {
            service.settle(&mut World::new(context, controls));
        }
        Ok(())
    }
}

/// The task definition `web:1`, with a member of most kinds.
fn definition(caller: &Caller) -> Value {
    let image = format!(
        "{}.dkr.ecr.{}.{}/demo/web@sha256:{}",
        caller.account,
        caller.region,
        caller.partition().dns_suffix,
        "7f".repeat(32)
    );
    let logs = |prefix: &str| {
        json!({
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": "/demo/web",
                "awslogs-region": caller.region,
                "awslogs-stream-prefix": prefix,
            },
        })
    };
    let role =
        |name: &str| format!("arn:{}:iam::{}:role/{name}", caller.partition().name, caller.account);
    json!({
        "family": "web",
        "taskRoleArn": role("demo-web"),
        "executionRoleArn": role("demo-web-execution"),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "512",
        "memory": "1024",
        "runtimePlatform": { "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX" },
        "ephemeralStorage": { "sizeInGiB": 30 },
        "volumes": [{ "name": "scratch", "host": {} }],
        "placementConstraints": [],
        "enableFaultInjection": false,
        "containerDefinitions": [
            {
                "name": "web",
                "image": image,
                "cpu": 384,
                "memory": 768,
                "essential": true,
                "portMappings": [{
                    "name": "http",
                    "containerPort": 8080,
                    "hostPort": 8080,
                    "protocol": "tcp",
                    "appProtocol": "http",
                }],
                "environment": [
                    { "name": "RUST_LOG", "value": "info" },
                    { "name": "FEATURES", "value": "" },
                ],
                "secrets": [{
                    "name": "DATABASE_URL",
                    "valueFrom": caller.arn("ssm", "parameter/demo/web/database-url"),
                }],
                "mountPoints": [{ "sourceVolume": "scratch", "containerPath": "/tmp" }],
                "volumesFrom": [],
                "dependsOn": [{ "containerName": "log-router", "condition": "START" }],
                "linuxParameters": { "initProcessEnabled": true },
                "readonlyRootFilesystem": true,
                "stopTimeout": 30,
                "dockerLabels": { "com.example.team": "demo" },
                "ulimits": [{ "name": "nofile", "softLimit": 65536, "hardLimit": 65536 }],
                "logConfiguration": { "logDriver": "awsfirelens", "options": { "Name": "stdout" } },
                "systemControls": [],
            },
            {
                "name": "log-router",
                "image": "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable",
                "cpu": 128,
                "memoryReservation": 64,
                "essential": true,
                "user": "0",
                "environment": [],
                "firelensConfiguration": { "type": "fluentbit" },
                "logConfiguration": logs("log-router"),
            },
        ],
        "tags": [
            { "key": "project", "value": "demo" },
            { "key": "owner", "value": "platform" },
        ],
    })
}

fn service() -> Value {
    json!({
        "cluster": "demo",
        "serviceName": "web",
        "taskDefinition": "web:1",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": { "enable": true, "rollback": true },
        },
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-0a1b2c3d4e5f60718"],
                "securityGroups": ["sg-0a1b2c3d4e5f60718"],
                "assignPublicIp": "DISABLED",
            },
        },
    })
}
