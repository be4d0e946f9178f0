//! Tasks without a service, and tasks that are stopped.

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerDefinition, ContainerOverride,
    DesiredStatus, LaunchType, NetworkConfiguration, PropagateTags, Tag, Task, TaskField,
    TaskOverride,
};
use local_aws::{ContainerExit, LocalAws, RunTaskFailure, Script};

use crate::ecs::{pair, refusal, register};
use crate::ecs_demo::{Demo, pass};

/// A cluster with the task definition `job:1`.
async fn jobs() -> (LocalAws, Client) {
    let local = LocalAws::new();
    let ecs = Client::new(&local.sdk_config());
    ecs.create_cluster().send().await.unwrap();
    register(&ecs, "job").await;
    (local, ecs)
}

fn network() -> NetworkConfiguration {
    let subnets = AwsVpcConfiguration::builder().subnets("subnet-1").build().unwrap();
    NetworkConfiguration::builder().awsvpc_configuration(subnets).build()
}

async fn describe(ecs: &Client, task: &Task) -> Task {
    let describe = ecs.describe_tasks().tasks(task.task_arn().unwrap()).include(TaskField::Tags);
    describe.send().await.unwrap().tasks.unwrap().remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_and_exits() {
    let (_local, ecs) = jobs().await;
    let run = ecs.run_task().task_definition("job").started_by("me").count(2);
    let tasks = run.send().await.unwrap().tasks.unwrap();
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0].last_status(), Some("PROVISIONING"));
    assert_eq!(tasks[0].group(), Some("family:job"));
    assert_eq!(tasks[0].started_by(), Some("me"));
    let list = ecs.list_tasks().started_by("me").send().await.unwrap();
    assert_eq!(list.task_arns().len(), 2);
    pass(60).await;
    let task = describe(&ecs, &tasks[1]).await;
    assert_eq!(task.last_status(), Some("STOPPED"));
    assert_eq!(task.stop_code().unwrap().as_str(), "EssentialContainerExited");
    assert_eq!(task.containers()[0].exit_code(), Some(0));
    assert!(task.containers()[0].image_digest().unwrap().starts_with("sha256:"));
    let list = ecs.list_tasks().family("job").desired_status(DesiredStatus::Stopped);
    assert_eq!(list.send().await.unwrap().task_arns().len(), 2);
    // AWS shows stopped tasks for an hour.
    pass(3600).await;
    let gone = ecs.describe_tasks().tasks(tasks[0].task_arn().unwrap()).send().await.unwrap();
    assert_eq!(gone.failures()[0].reason(), Some("MISSING"));
}

#[tokio::test(start_paused = true)]
async fn a_task_follows_the_script_of_its_family() {
    let (local, ecs) = jobs().await;
    for (script, exit_code, code) in [
        (Script::Crash { exit_code: 3 }, Some(3), "EssentialContainerExited"),
        (Script::OutOfMemory, Some(137), "EssentialContainerExited"),
        (Script::CommandNotFound, None, "TaskFailedToStart"),
        (Script::ImageMissing, None, "TaskFailedToStart"),
        (Script::ImagePullDenied, None, "TaskFailedToStart"),
        (Script::ImagePullThrottled, None, "TaskFailedToStart"),
        (Script::LogGroupMissing, None, "TaskFailedToStart"),
        (Script::SecretMissing, None, "TaskFailedToStart"),
        (Script::WrongPlatform, None, "TaskFailedToStart"),
    ] {
        local.script_task("job", script);
        let run = ecs.run_task().task_definition("job:1").send().await.unwrap();
        pass(200).await;
        let task = describe(&ecs, &run.tasks()[0]).await;
        assert_eq!(task.stop_code().unwrap().as_str(), code, "{script:?}");
        assert_eq!(task.containers()[0].exit_code(), exit_code, "{script:?}");
    }
    local.script_task("job", Script::Healthy);
    let run = ecs.run_task().task_definition("job").send().await.unwrap();
    pass(24 * 3600).await;
    assert_eq!(describe(&ecs, &run.tasks()[0]).await.last_status(), Some("RUNNING"));
    // A lack of capacity is answered with HTTP 200.
    local.script_task("job", Script::Unplaceable);
    let run = ecs.run_task().task_definition("job").count(2).send().await.unwrap();
    assert_eq!(run.tasks(), []);
    assert_eq!(run.failures().len(), 2);
    assert_eq!(run.failures()[0].reason(), Some("RESOURCE:MEMORY"));
}

#[tokio::test(start_paused = true)]
async fn what_run_task_refuses() {
    let (local, ecs) = jobs().await;
    local.create_demo();
    let run = || ecs.run_task().task_definition("job");
    let unknown = ContainerOverride::builder().name("wbe").build();
    let overrides = TaskOverride::builder().container_overrides(unknown).build();
    let spot = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT");
    let cases = [
        (run().count(11), "Count must be between 1 and 10."),
        (run().count(0), "Count must be between 1 and 10."),
        (run().client_token("x".repeat(65)), "clientToken must have between 1 and 64 characters."),
        (run().propagate_tags(PropagateTags::None), "Invalid value for propagateTags."),
        (run().propagate_tags(PropagateTags::Service), "Invalid value for propagateTags."),
        (run().set_tags(Some(Vec::new())), "Tags can not be empty."),
        (
            run()
                .launch_type(LaunchType::Fargate)
                .capacity_provider_strategy(spot.build().unwrap()),
            "Specifying both a launch type and capacity provider strategy is not supported. Remove \
             one and try again.",
        ),
        (
            run().overrides(overrides),
            "Override for container named wbe is not a container in the TaskDefinition.",
        ),
        (
            run().network_configuration(network()),
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ),
        (
            run().task_definition("web"),
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
    ];
    for (request, message) in cases {
        assert_eq!(refusal(request.send().await), pair("InvalidParameterException", message));
    }
    assert_eq!(
        refusal(run().cluster("none").send().await),
        pair("ClusterNotFoundException", "Cluster not found.")
    );
    assert_eq!(
        refusal(run().task_definition("none").send().await),
        pair("ClientException", "TaskDefinition not found.")
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_may_be_missing_for_a_while_after_it_was_started() {
    let (local, ecs) = jobs().await;
    local.set_task_lag(std::time::Duration::from_secs(10));
    let run = ecs.run_task().task_definition("job").send().await.unwrap();
    let describe = ecs.describe_tasks().tasks(run.tasks()[0].task_arn().unwrap());
    let early = describe.clone().send().await.unwrap();
    assert_eq!((early.tasks().len(), early.failures()[0].reason()), (0, Some("MISSING")));
    pass(10).await;
    assert_eq!(describe.send().await.unwrap().tasks().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_token_runs_a_task_once() {
    let (_local, ecs) = jobs().await;
    let run = || ecs.run_task().task_definition("job").client_token("a");
    let first = run().send().await.unwrap();
    let again = run().send().await.unwrap();
    assert_eq!(first.tasks()[0].task_arn(), again.tasks()[0].task_arn());
    let list = ecs.list_tasks().send().await.unwrap();
    assert_eq!(list.task_arns().len(), 1);
    assert_eq!(refusal(run().count(2).send().await).0, "ConflictException");
}

#[tokio::test(start_paused = true)]
async fn tags_come_from_the_call_and_where_asked_for_from_the_definition() {
    let (_local, ecs) = jobs().await;
    let tag = |key: &str| Tag::builder().key(key).value("x").build();
    let resource = "arn:aws:ecs:us-east-1:123456789012:task-definition/job:1";
    ecs.tag_resource().resource_arn(resource).tags(tag("of-definition")).send().await.unwrap();
    let run = ecs.run_task().task_definition("job").tags(tag("of-call"));
    let plain = run.clone().send().await.unwrap();
    let keys = |task: Task| -> Vec<String> {
        task.tags().iter().map(|tag| tag.key().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(describe(&ecs, &plain.tasks()[0]).await), ["of-call"]);
    let both = run.propagate_tags(PropagateTags::TaskDefinition).send().await.unwrap();
    assert_eq!(keys(describe(&ecs, &both.tasks()[0]).await), ["of-call", "of-definition"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_a_service_that_somebody_stops_is_replaced() {
    let demo = Demo::new();
    let list = demo.ecs.list_tasks().cluster("demo").service_name("web").send().await.unwrap();
    let arn = list.task_arns()[0].clone();
    let stop = demo.ecs.stop_task().cluster("demo").task(&arn).reason("a test");
    let task = stop.clone().send().await.unwrap().task.unwrap();
    assert_eq!(task.stop_code().unwrap().as_str(), "UserInitiated");
    assert_eq!(task.stopped_reason(), Some("a test"));
    assert_eq!(task.last_status(), Some("DEACTIVATING"));
    demo.until(&["PRIMARY COMPLETED 1/1/2 0"]).await;
    demo.until(&["PRIMARY COMPLETED 2/0/2 0"]).await;
    pass(60).await;
    // It isn't a failure, and no deployment either.
    let events = demo.events().await;
    assert_eq!(
        events[3..],
        ["has started 1 tasks: (task ".to_owned(), "has reached a steady state.".to_owned()]
    );
    // A second call succeeds, too.
    let task = stop.send().await.unwrap().task.unwrap();
    assert_eq!(task.last_status(), Some("STOPPED"));
    let missing = demo.ecs.stop_task().cluster("demo").task("0").send().await;
    let expected = pair("InvalidParameterException", "The referenced task was not found.");
    assert_eq!(refusal(missing), expected);
}

#[tokio::test(start_paused = true)]
async fn run_task_fails_so_many_times_and_then_runs() {
    let (local, ecs) = jobs().await;
    let arn = "arn:aws:ecs:us-east-1:123456789012:container-instance/default/\
               0123456789abcdef0123456789abcdef";
    let capacity = "Capacity is unavailable at this time. Please try again later or in a different \
                    availability zone";
    for (failure, at, reason) in [
        (RunTaskFailure::Agent, Some(arn), "AGENT"),
        (RunTaskFailure::Cpu, Some(arn), "RESOURCE:CPU"),
        (RunTaskFailure::Memory, Some(arn), "RESOURCE:MEMORY"),
        (RunTaskFailure::Capacity, None, capacity),
    ] {
        local.fail_run_task("job", failure, 2);
        let run = || ecs.run_task().task_definition("job").count(2);
        for _ in 0..2 {
            let output = run().send().await.unwrap();
            assert_eq!(output.tasks(), []);
            let failures = output.failures();
            assert_eq!(failures.len(), 2, "one for each task");
            assert_eq!((failures[0].arn(), failures[0].reason()), (at, Some(reason)));
        }
        assert_eq!(run().send().await.unwrap().tasks().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_token_remembers_a_failure() {
    let (local, ecs) = jobs().await;
    local.fail_run_task("job", RunTaskFailure::Agent, 1);
    let run = |token: &str| ecs.run_task().task_definition("job").client_token(token).send();
    assert_eq!(run("a").await.unwrap().failures().len(), 1);
    assert_eq!(run("a").await.unwrap().failures().len(), 1);
    assert_eq!(run("b").await.unwrap().tasks().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn containers_exit_one_by_one_with_codes_of_their_own() {
    let (local, ecs) = jobs().await;
    let job = |name: &str, essential: bool| {
        let container = ContainerDefinition::builder().name(name).image("job:1").memory(128);
        container.essential(essential).build()
    };
    ecs.register_task_definition()
        .family("job")
        .container_definitions(job("migrate", false))
        .container_definitions(job("notify", false))
        .container_definitions(job("proxy", true))
        .send()
        .await
        .unwrap();
    let seconds = Duration::from_secs;
    local.script_containers(
        "job",
        [
            ContainerExit::new("notify", seconds(120), 0),
            ContainerExit::new("migrate", seconds(60), 3),
            ContainerExit::new("absent", seconds(30), 9),
        ],
    );
    let run = ecs.run_task().task_definition("job").send().await.unwrap();
    let task = run.tasks()[0].clone();
    let codes = async || {
        let task = describe(&ecs, &task).await;
        let containers = task.containers().iter();
        let codes: Vec<_> =
            containers.map(|it| (it.last_status().unwrap().to_owned(), it.exit_code())).collect();
        (task.last_status().unwrap().to_owned(), codes)
    };
    let running = ("RUNNING".to_owned(), None);
    let stopped = |code| ("STOPPED".to_owned(), Some(code));
    let expected = |codes: [&(String, Option<i32>); 3]| codes.map(Clone::clone).to_vec();
    pass(40).await;
    assert_eq!(codes().await, ("RUNNING".to_owned(), expected([&running, &running, &running])));
    pass(60).await;
    let migrated = stopped(3);
    assert_eq!(codes().await, ("RUNNING".to_owned(), expected([&migrated, &running, &running])));
    pass(60).await;
    let notified = stopped(0);
    assert_eq!(codes().await, ("RUNNING".to_owned(), expected([&migrated, &notified, &running])));
    // The sidecar runs on for as long as it is let.
    pass(24 * 60 * 60).await;
    assert_eq!(codes().await.0, "RUNNING");
    ecs.stop_task().task(task.task_arn().unwrap()).send().await.unwrap();
    pass(60).await;
    let ended = stopped(0);
    assert_eq!(codes().await, ("STOPPED".to_owned(), expected([&migrated, &notified, &ended])));
}

#[tokio::test(start_paused = true)]
async fn the_first_essential_container_ends_the_task() {
    let (local, ecs) = jobs().await;
    local.script_containers("job", [ContainerExit::new("web", Duration::from_secs(5), 42)]);
    let run = ecs.run_task().task_definition("job").send().await.unwrap();
    pass(60).await;
    let task = describe(&ecs, &run.tasks()[0]).await;
    assert_eq!(task.last_status(), Some("STOPPED"));
    assert_eq!(task.stop_code().unwrap().as_str(), "EssentialContainerExited");
    assert_eq!(task.containers()[0].exit_code(), Some(42));
}

#[tokio::test(start_paused = true)]
async fn overrides_have_8192_characters_at_most() {
    let (_, ecs) = jobs().await;
    let run = |length: usize| {
        let container = ContainerOverride::builder().name("web").command("x".repeat(length));
        let overrides = TaskOverride::builder().container_overrides(container.build()).build();
        ecs.run_task().task_definition("job").overrides(overrides).send()
    };
    // The JSON around it counts, too.
    let around = r#"[{"name":"web","command":[""]}]"#.len();
    run(8192 - around).await.unwrap();
    assert_eq!(
        refusal(run(8193 - around).await),
        pair("InvalidParameterException", "Container Overrides length must be at most 8192")
    );
}
