//! Task definitions: reading and comparing a large one, and a rollout's plan on the emulator.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use ecs_deploy::diff::Diff;
use ecs_deploy::{Deployer, Revision, Service};
use local_aws::LocalAws;
use serde_json::{Value, json};

use crate::runtime;

pub(crate) fn task_definitions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ecs-deploy");
    let before = task_definition(1).to_string();
    let after = task_definition(2).to_string();
    group.throughput(Throughput::Bytes(before.len() as u64));
    group.bench_function("read", |bencher| {
        bencher.iter(|| black_box(&before).parse::<Revision>().expect("a revision"));
    });
    let [before, after] = [before, after].map(|text| text.parse::<Revision>().expect("a revision"));
    group.bench_function("diff", |bencher| {
        bencher.iter(|| Diff::between(black_box(&before), black_box(&after)));
    });
    group.finish();

    let runtime = runtime();
    let local = LocalAws::new();
    local.create_demo();
    let deployer = Deployer::new(&local.sdk_config());
    let service = Service::new("demo", "web").expect("a service");
    let mut revision = runtime.block_on(deployer.current(&service)).expect("a revision");
    revision.set_images([("web", "web:2")]).expect("a container");
    let mut group = criterion.benchmark_group("ecs-deploy");
    group.bench_function("plan", |bencher| {
        let plan = || deployer.roll_out(&service, revision.clone()).plan();
        bencher.iter(|| runtime.block_on(plan()).expect("a plan"));
    });
    group.finish();
}

/// Ten containers, near to the 64 KiB that ECS takes; each release changes an image and a variable.
fn task_definition(release: u32) -> Value {
    let containers: Vec<Value> = (0..10)
        .map(|number| {
            let variables: Vec<Value> = (0..60)
                .map(|at| json!({ "name": format!("VARIABLE_{at}"), "value": format!("{at:040}") }))
                .chain([json!({ "name": "RELEASE", "value": release.to_string() })])
                .collect();
            json!({
                "name": format!("container-{number}"),
                "image": format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:{release}"),
                "essential": true,
                "environment": variables,
                "portMappings": [{ "containerPort": 8000 + number, "protocol": "tcp" }],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": { "awslogs-group": "/ecs/web", "awslogs-region": "eu-west-1" },
                },
            })
        })
        .collect();
    json!({
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "1024",
        "memory": "2048",
        "containerDefinitions": containers,
    })
}
