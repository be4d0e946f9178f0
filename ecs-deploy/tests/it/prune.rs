//! Pruning deregisters old revisions, but none that is needed.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::time::Duration;

use aws_sdk_ecs::types::{
    AwsVpcConfiguration, DeploymentController, DeploymentControllerType, NetworkConfiguration,
};
use ecs_deploy::policy::DeployPolicy;
use ecs_deploy::prune::KeepReason;
use ecs_deploy::task::OnTimeout;
use ecs_deploy::{ErrorKind, Service};
use local_aws::{Fault, LocalAws, Script, When};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::demo::Demo;
use crate::policy::without;

const SERVICE: &str = "arn:aws:ecs:us-east-1:123456789012:service/demo/web";

/// Creates the demonstration, which runs `web:1`, with revisions up to `web:LAST`.
async fn with_revisions(last: u32) -> Demo {
    let demo = Demo::new();
    for number in 2..=last {
        let mut revision = demo.changed_to(&format!("nginx:{number}")).await;
        demo.deployer.register(&mut revision).await.unwrap();
    }
    demo
}

async fn deploy(demo: &Demo, image: &str) {
    demo.deployer.roll_out(&demo.service, demo.changed_to(image).await).await.unwrap();
}

fn arns(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    let arn = |it| format!("arn:aws:ecs:us-east-1:123456789012:task-definition/web:{it}");
    numbers.into_iter().map(arn).collect()
}

async fn active(demo: &Demo) -> Vec<String> {
    let list = demo.ecs.list_task_definitions().family_prefix("web").send().await.unwrap();
    list.task_definition_arns.unwrap()
}

/// Returns the operations after the first `calls`.
fn since(demo: &Demo, calls: usize) -> Vec<String> {
    demo.operations().split_off(calls)
}

#[tokio::test(start_paused = true)]
async fn all_but_the_newest_and_what_is_in_use_goes() {
    let demo = with_revisions(6).await;
    let calls = demo.operations().len();
    let plan = demo.deployer.prune("web").keep(2).plan().await.unwrap();
    let reads = [
        "ListTaskDefinitions",
        "ListClusters",
        "ListServices",
        "DescribeServices",
        "ListServiceDeployments",
        "DescribeServiceRevisions",
        "ListTasks",
        "DescribeTasks",
    ];
    assert_eq!(since(&demo, calls), reads);
    assert_eq!(plan.family(), "web");
    assert_eq!(plan.deregister(), arns([4, 3, 2]));
    assert_eq!(
        plan.to_string(),
        format!(
            "keep web:6: it is among the newest\n\
             keep web:5: it is among the newest\n\
             keep web:1: {SERVICE} deploys it\n\
             deregister web:4\n\
             deregister web:3\n\
             deregister web:2\n"
        )
    );
    // The plan has deregistered nothing.
    assert_eq!(active(&demo).await, arns(1..=6));

    let calls = demo.operations().len();
    let pruned = demo.deployer.prune("web").keep(2).await.unwrap();
    assert_eq!(pruned.deregistered(), arns(2..=4));
    assert_eq!(pruned.kept().collect::<Vec<_>>(), plan.kept().collect::<Vec<_>>());
    let operations = since(&demo, calls);
    assert_eq!(operations[..reads.len()], reads);
    assert_eq!(operations[reads.len()..], ["DeregisterTaskDefinition"; 3]);
    assert_eq!(active(&demo).await, arns([1, 5, 6]));
}

#[tokio::test(start_paused = true)]
async fn with_nothing_old_one_call_is_enough() {
    let demo = with_revisions(10).await;
    let calls = demo.operations().len();
    let pruned = demo.deployer.prune("web").await.unwrap();
    assert_eq!(pruned.deregistered(), [""; 0]);
    assert!(pruned.kept().all(|(_, kept)| *kept == KeepReason::Newest));
    assert_eq!(since(&demo, calls), ["ListTaskDefinitions"]);
}

#[tokio::test(start_paused = true)]
async fn the_newest_is_kept_in_any_case() {
    let demo = with_revisions(3).await;
    let pruned = demo.deployer.prune_family_of(&demo.service).keep(0).await.unwrap();
    assert_eq!(pruned.deregistered(), arns([2]));
    assert_eq!(active(&demo).await, arns([1, 3]));
}

#[tokio::test(start_paused = true)]
async fn the_way_back_is_kept() {
    let demo = Demo::new();
    for image in ["nginx:2", "nginx:3", "nginx:4"] {
        deploy(&demo, image).await;
    }
    let mut newest = demo.changed_to("nginx:5").await;
    demo.deployer.register(&mut newest).await.unwrap();
    let plan = demo.deployer.prune("web").keep(1).plan().await.unwrap();
    assert_eq!(plan.deregister(), arns([2, 1]));
    let service = || SERVICE.to_owned();
    let kept = [
        KeepReason::Newest,
        KeepReason::Deployment { service: service() },
        KeepReason::LastSuccessful { service: service() },
    ];
    assert_eq!(
        plan.kept().collect::<Vec<_>>(),
        arns([5, 4, 3]).iter().map(String::as_str).zip(&kept).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_failed_is_no_way_back() {
    let demo = Demo::new();
    deploy(&demo, "nginx:2").await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 1 });
    let bad = demo.changed_to("nginx:3").await;
    demo.deployer.roll_out(&demo.service, bad).await.unwrap_err();
    // Waits until the rest of the failed deployment is gone.
    sleep(Duration::from_secs(300)).await;
    demo.deployer.register(&mut demo.changed_to("nginx:4").await).await.unwrap();
    let pruned = demo.deployer.prune("web").keep(1).await.unwrap();
    assert_eq!(pruned.deregistered(), arns([3]));
}

#[tokio::test(start_paused = true)]
async fn both_ends_of_a_rollout_are_kept() {
    let demo = with_revisions(3).await;
    let update = demo.ecs.update_service().cluster("demo").service("web");
    update.task_definition("web:2").send().await.unwrap();
    sleep(Duration::from_secs(20)).await;
    let plan = demo.deployer.prune("web").keep(1).plan().await.unwrap();
    assert_eq!(plan.deregister(), [""; 0]);
    let deployed =
        plan.kept().filter(|(_, kept)| matches!(kept, KeepReason::Deployment { .. })).count();
    assert_eq!(deployed, 2);
}

#[tokio::test(start_paused = true)]
async fn what_runs_in_another_cluster_is_kept() {
    let demo = with_revisions(25).await;
    demo.ecs.create_cluster().cluster_name("other").send().await.unwrap();
    // These are more services than one DescribeServices call allows.
    for number in 2..=13 {
        let create = demo.ecs.create_service().cluster("other").service_name(format!("s{number}"));
        let network = AwsVpcConfiguration::builder().subnets("subnet-1");
        let network =
            NetworkConfiguration::builder().awsvpc_configuration(network.build().unwrap()).build();
        let create = create.desired_count(0).task_definition(format!("web:{number}"));
        create.network_configuration(network).send().await.unwrap();
    }
    demo.local.script_task("web", Script::Healthy);
    let task = async {
        let task = demo.deployer.run_registered_task(&demo.service, "web:20");
        task.timeout(Duration::from_secs(50)).on_timeout(OnTimeout::Leave).await
    };
    let task = task.await.unwrap_err().task().unwrap().to_owned();
    let calls = demo.operations().len();
    let plan = demo.deployer.prune("web").keep(1).plan().await.unwrap();
    assert_eq!(plan.deregister(), arns((14..=24).rev().filter(|it| *it != 20)));
    let of_task = arns([20]);
    let kept = plan.kept().find(|(arn, _)| *arn == of_task[0]).unwrap();
    assert_eq!(*kept.1, KeepReason::Task { task });
    let operations = since(&demo, calls);
    let count = |operation: &str| operations.iter().filter(|it| *it == operation).count();
    assert_eq!(count("ListClusters"), 1);
    assert_eq!(count("ListServices"), 2);
    assert_eq!(count("DescribeServices"), 1 + 2);
    assert_eq!(count("ListTasks"), 2);
    // The other cluster has no task of the family.
    assert_eq!(count("DescribeTasks"), 1);

    // With the limit to one service, no call is about the other cluster.
    let calls = demo.operations().len();
    let prune = demo.deployer.prune("web").keep(1).only_services([demo.service.clone()]);
    let plan = prune.plan().await.unwrap();
    assert_eq!(plan.deregister(), arns((2..=24).rev().filter(|it| *it != 20)));
    let operations = since(&demo, calls);
    assert!(!operations.iter().any(|it| it == "ListClusters" || it == "ListServices"));
}

#[tokio::test(start_paused = true)]
async fn the_service_that_names_the_family_always_counts() {
    let demo = with_revisions(3).await;
    demo.ecs.create_cluster().cluster_name("other").send().await.unwrap();
    let create = demo.ecs.create_service().cluster("other").service_name("api").desired_count(0);
    let controller = DeploymentController::builder().r#type(DeploymentControllerType::External);
    create.deployment_controller(controller.build().unwrap()).send().await.unwrap();
    let other = Service::new("other", "api").unwrap();
    let prune = demo.deployer.prune_family_of(&demo.service).keep(1).only_services([other]);
    assert_eq!(prune.plan().await.unwrap().deregister(), arns([2]));
}

#[tokio::test(start_paused = true)]
async fn a_named_service_that_is_missing_is_an_error() {
    let demo = with_revisions(3).await;
    let missing = Service::new("demo", "wbe").unwrap();
    let error = demo.deployer.prune("web").keep(1).only_services([missing]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServiceNotFound);
    assert_eq!(
        error.to_string(),
        "no revision of web was deregistered, because the revisions in use are unknown"
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        "service `wbe` not found in cluster `demo` in us-east-1"
    );
    assert_eq!(active(&demo).await, arns(1..=3));
}

#[tokio::test(start_paused = true)]
async fn where_something_cannot_be_read_nothing_is_deregistered() {
    let demo = with_revisions(3).await;
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    let policy = DeployPolicy::from_revision(&demo.service, &revision).unwrap().prune();
    for action in [
        "ecs:DescribeServiceRevisions",
        "ecs:DescribeServices",
        "ecs:DescribeTasks",
        "ecs:ListClusters",
        "ecs:ListServiceDeployments",
        "ecs:ListServices",
        "ecs:ListTaskDefinitions",
        "ecs:ListTasks",
    ] {
        let policy = without(&policy, &[action.to_owned()]).to_string();
        demo.local.set_policy(LocalAws::USER, &policy).unwrap();
        let error = demo.deployer.prune("web").keep(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{action}");
        assert_eq!(
            error.to_string(),
            "no revision of web was deregistered, because the revisions in use are unknown"
        );
        let missing = error.missing_statement().unwrap();
        assert!(
            error.source().unwrap().to_string().ends_with(&format!("add {missing} to the policy"))
        );
        let missing: Value = serde_json::from_str(&missing).unwrap();
        assert_eq!(missing["Action"], action);
    }
    assert_eq!(demo.local.journal().count("DeregisterTaskDefinition"), 0);

    // With the limit to the service, no call lists all clusters or services.
    let lists = ["ecs:ListClusters", "ecs:ListServices"].map(str::to_owned);
    demo.local.set_policy(LocalAws::USER, &without(&policy, &lists).to_string()).unwrap();
    let prune = demo.deployer.prune("web").keep(1).only_services([demo.service.clone()]);
    assert_eq!(prune.await.unwrap().deregistered(), arns([2]));
}

#[tokio::test(start_paused = true)]
async fn it_runs_under_just_its_policy() {
    let demo = with_revisions(3).await;
    let revision = demo.deployer.current(&demo.service).await.unwrap();
    let policy = DeployPolicy::from_revision(&demo.service, &revision).unwrap().prune();
    let deregister = ["ecs:DeregisterTaskDefinition".to_owned()];
    demo.local.set_policy(LocalAws::USER, &without(&policy, &deregister).to_string()).unwrap();
    let error = demo.deployer.prune("web").keep(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(
        error.to_string(),
        "couldn't deregister web:2: 0 of 1 revisions were deregistered before"
    );
    assert_eq!(
        error.missing_statement().unwrap(),
        r#"{"Effect":"Allow","Action":"ecs:DeregisterTaskDefinition","Resource":"*"}"#
    );
    demo.local.set_policy(LocalAws::USER, &policy.to_string()).unwrap();
    demo.deployer.prune("web").keep(1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_done_before_a_failure_is_told() {
    let demo = with_revisions(6).await;
    let is_fourth = |body: &[u8]| String::from_utf8_lossy(body).contains("web:4");
    demo.local.inject(When::matching("DeregisterTaskDefinition", is_fourth), Fault::LimitExceeded);
    let error = demo.deployer.prune("web").keep(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Service);
    assert_eq!(
        error.to_string(),
        "couldn't deregister web:4: 2 of 4 revisions were deregistered before"
    );
    assert_eq!(error.deregistered(), arns([2, 3]));
    assert_eq!(error.operation(), Some("DeregisterTaskDefinition"));
    assert!(!error.is_retryable());
    demo.local.clear_faults();
    let pruned = demo.deployer.prune("web").keep(1).await.unwrap();
    assert_eq!(pruned.deregistered(), arns([4, 5]));
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out() {
    let so_long = Duration::from_secs(20);
    for operation in ["ListTaskDefinitions", "DescribeServices", "DeregisterTaskDefinition"] {
        for fault in [Fault::Throttle, Fault::ServerError, Fault::Reset] {
            let demo = with_revisions(3).await;
            demo.local.inject(When::for_the_next(operation, so_long), fault);
            let pruned = demo.deployer.prune("web").keep(1).await.unwrap();
            assert_eq!(pruned.deregistered(), arns([2]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_never_answered_ends_it() {
    let demo = with_revisions(3).await;
    let hours = Duration::from_secs(10 * 60 * 60);
    demo.local.inject(When::every("ListServices"), Fault::Delay(hours));
    let began = Instant::now();
    let error = demo.deployer.prune("web").keep(1).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(5 * 30 + 2 + 4 + 8 + 16));
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Network, Some("ListServices")));
    assert!(error.is_retryable());
    assert_eq!(
        error.source().unwrap().to_string(),
        "no response to ListServices on arn:aws:ecs:us-east-1:123456789012:cluster/demo within \
         30 s in several attempts"
    );
    assert_eq!(demo.local.journal().count("ListServices"), 5);
    assert_eq!(active(&demo).await, arns(1..=3));
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_it_is_awaited() {
    let demo = with_revisions(3).await;
    let calls = demo.operations().len();
    drop(demo.deployer.prune("web").keep(1));
    assert_eq!(since(&demo, calls), [""; 0]);
}

/// The uses of a family in a generated account; revisions are numbers from 1.
#[derive(Debug, Clone)]
struct Account {
    revisions: u32,
    /// For each service of the two clusters, the revisions that it deployed in order.
    histories: Vec<(bool, Vec<u32>)>,
    /// The revisions of standalone tasks, and their clusters.
    tasks: Vec<(bool, u32)>,
    keep: usize,
}

impl Account {
    fn any() -> impl Strategy<Value = Self> {
        (3..16u32).prop_flat_map(|revisions| {
            let number = move || 1..=revisions;
            let history = (any::<bool>(), vec(number(), 1..4));
            let tasks = vec((any::<bool>(), number()), 0..4);
            (vec(history, 0..4), tasks, 0..6usize).prop_map(move |(histories, tasks, keep)| Self {
                revisions,
                histories,
                tasks,
                keep,
            })
        })
    }

    /// Returns the revisions that must stay.
    fn needed(&self) -> BTreeSet<u32> {
        let keep = u32::try_from(self.keep.max(1)).unwrap();
        let newest = self.revisions.saturating_sub(keep) + 1..=self.revisions;
        let mut needed: BTreeSet<u32> =
            newest.chain(self.tasks.iter().map(|(_, it)| *it)).collect();
        // This is the demonstration's own service.
        needed.insert(1);
        for (_, history) in &self.histories {
            let mut deployed = history.clone();
            // The same revision again starts no deployment.
            deployed.dedup();
            needed.extend(deployed.iter().rev().take(2));
        }
        needed
    }

    async fn make(&self) -> Demo {
        let demo = with_revisions(self.revisions).await;
        demo.ecs.create_cluster().cluster_name("other").send().await.unwrap();
        let cluster = |is_other: bool| if is_other { "other" } else { "demo" };
        let subnets = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
        let network = NetworkConfiguration::builder().awsvpc_configuration(subnets).build();
        for (index, (is_other, history)) in self.histories.iter().enumerate() {
            let name = format!("s{index}");
            let create = demo.ecs.create_service().cluster(cluster(*is_other)).service_name(&name);
            let create = create.desired_count(1).network_configuration(network.clone());
            let (first, rest) = history.split_first().unwrap();
            create.task_definition(format!("web:{first}")).send().await.unwrap();
            for number in rest {
                sleep(Duration::from_secs(300)).await;
                let update = demo.ecs.update_service().cluster(cluster(*is_other)).service(&name);
                update.task_definition(format!("web:{number}")).send().await.unwrap();
            }
        }
        sleep(Duration::from_secs(300)).await;
        demo.local.script_task("web", Script::Healthy);
        for (is_other, number) in &self.tasks {
            let run = demo.ecs.run_task().cluster(cluster(*is_other));
            let run = run.network_configuration(network.clone());
            run.task_definition(format!("web:{number}")).send().await.unwrap();
        }
        demo
    }
}

#[test]
fn in_any_account_all_that_is_not_needed_goes_and_nothing_else() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) };
    proptest!(config, |(account in Account::any())| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let demo = account.make().await;
            let pruned = demo.deployer.prune("web").keep(account.keep).await.unwrap();
            let needed = account.needed();
            let expected = arns((1..=account.revisions).filter(|it| !needed.contains(it)));
            prop_assert_eq!(pruned.deregistered(), expected);
            let mut kept: Vec<&str> = pruned.kept().map(|(arn, _)| arn).collect();
            kept.reverse();
            prop_assert_eq!(kept, arns(needed));
            Ok(())
        })?;
    });
}
