//! Many services in one account, at the rates at which AWS throttles it.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{AwsVpcConfiguration, NetworkConfiguration};
use ecs_deploy::fleet::Fleet;
use ecs_deploy::{Deployed, RollOut, Service};
use tokio::time::Instant;

use crate::demo::Demo;

const SERVICES: usize = 200;

/// Calls per second, and at once. Users report those of RegisterTaskDefinition
/// (aws-actions/amazon-ecs-deploy-task-definition#502). The others are assumed from the order of
/// magnitude that the developer guide gives for reads, "Request throttling for the Amazon ECS API".
const RATES: [(&str, f64, f64); 5] = [
    ("DescribeServices", 20.0, 50.0),
    ("DescribeTaskDefinition", 20.0, 50.0),
    ("ListTasks", 20.0, 50.0),
    ("RegisterTaskDefinition", 1.0, 20.0),
    ("UpdateService", 5.0, 50.0),
];

/// Creates services, each with a family of its own.
async fn services(demo: &Demo) -> Vec<Service> {
    let definition = demo.deployer.current(&demo.service).await.unwrap().to_string();
    let subnet = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
    let network = NetworkConfiguration::builder().awsvpc_configuration(subnet).build();
    let mut services = Vec::new();
    for number in 0..SERVICES {
        let name = format!("api-{number}");
        let family = format!(r#""family": "{name}""#);
        let own = definition.replacen(r#""family": "web""#, &family, 1);
        let arn = demo.register(&own).await.unwrap();
        let create = demo.ecs.create_service().cluster("demo").service_name(&name);
        let create = create.task_definition(arn).network_configuration(network.clone());
        create.desired_count(1).send().await.unwrap();
        services.push(Service::new("demo", &name).unwrap());
    }
    services
}

struct Course {
    deployed: Vec<(Service, Deployed)>,
    calls: BTreeMap<String, usize>,
    seconds: u64,
}

/// Rolls out to all services in one wave, at the rates.
async fn course(prepare: impl AsyncFn(&Demo, &Service) -> RollOut) -> Course {
    let demo = Demo::new();
    let services = services(&demo).await;
    for (operation, per_second, at_once) in RATES {
        demo.local.set_quota_with_burst(operation, per_second, at_once);
    }
    let (began, before) = (Instant::now(), demo.local.journal().calls().len());
    let mut fleet = Fleet::new();
    for service in &services {
        fleet = fleet.with(prepare(&demo, service).await);
    }
    let deployed = fleet.await.unwrap();
    let mut calls = BTreeMap::new();
    for call in &demo.local.journal().calls()[before..] {
        *calls.entry(call.operation.to_string()).or_default() += 1;
    }
    Course { deployed, calls, seconds: began.elapsed().as_secs() }
}

/// The registrations take 180 s at their rate, and the last deployment 86 s more.
#[tokio::test(start_paused = true)]
async fn none_of_200_services_is_lost() {
    let course = course(async |demo, service| {
        let mut revision = demo.deployer.current(service).await.unwrap();
        revision.set_images([("web", "api:2")]).unwrap();
        demo.deployer.roll_out(service, revision)
    })
    .await;
    let Course { deployed, calls, seconds } = course;
    eprintln!("{seconds} s: {calls:?}");
    assert_eq!(deployed.len(), SERVICES);
    assert!(deployed.iter().all(|(_, it)| it.was_changed()));
    assert!((266..=330).contains(&seconds), "{seconds}");
    // The SDK makes up to three attempts of each call; one in turn is repeated a few times.
    assert!(calls["RegisterTaskDefinition"] <= 4 * SERVICES, "{calls:?}");
    assert_eq!(calls["UpdateService"], SERVICES);
    assert!(calls["DescribeServices"] <= 4 * SERVICES, "{calls:?}");
    // The SDK's delays are random, so that a few of these reads are throttled too.
    assert!(calls["DescribeTaskDefinition"] <= SERVICES + SERVICES / 10, "{calls:?}");
}

/// Without registrations, the updates are what AWS throttles.
#[tokio::test(start_paused = true)]
async fn none_of_200_forced_deployments_is_lost() {
    let course = course(async |demo, service| {
        let revision = demo.deployer.current(service).await.unwrap();
        demo.deployer.roll_out(service, revision).force_new_deployment()
    })
    .await;
    let Course { deployed, calls, seconds } = course;
    eprintln!("{seconds} s: {calls:?}");
    assert_eq!(deployed.len(), SERVICES);
    assert!(deployed.iter().all(|(_, it)| it.was_changed()));
    assert!((100..=200).contains(&seconds), "{seconds}");
    assert!(calls["UpdateService"] <= 4 * SERVICES, "{calls:?}");
}
