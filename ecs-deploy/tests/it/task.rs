//! One-off tasks.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, ContainerDefinition, DesiredStatus, LogConfiguration, LogDriver,
    NetworkMode, PropagateTags,
};
use ecs_deploy::task::{OnTimeout, RunTask, TaskRun};
use ecs_deploy::{Error, ErrorKind, Revision, Service};
use local_aws::{Fault, LocalAws, Script, When};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::demo::Demo;

const HOURS: Duration = Duration::from_secs(10 * 60 * 60);

async fn current(demo: &Demo) -> Revision {
    demo.deployer.current(&demo.service).await.unwrap()
}

/// Runs `web:1` unchanged.
async fn run(demo: &Demo) -> Result<TaskRun, Error> {
    demo.deployer.run_task(&demo.service, &mut current(demo).await).await
}

/// Records the requests of later RunTask calls, without the token.
fn requests(demo: &Demo) -> Arc<Mutex<Vec<Value>>> {
    let requests = Arc::<Mutex<Vec<Value>>>::default();
    let seen = Arc::clone(&requests);
    let note = move |body: &[u8]| {
        let mut request: Value = serde_json::from_slice(body).unwrap();
        let token = request.as_object_mut().unwrap().remove("clientToken").unwrap();
        assert_eq!(token.as_str().unwrap().len(), 32);
        seen.lock().unwrap().push(request);
        false
    };
    demo.local.inject(When::matching("RunTask", note), Fault::Reset);
    requests
}

/// Registers the family `job` for Fargate, whose container logs to CloudWatch.
async fn register_job(demo: &Demo) {
    let register = demo.ecs.register_task_definition().family("job");
    let register = register.network_mode(NetworkMode::Awsvpc).cpu("256").memory("512");
    register.container_definitions(job_container()).send().await.unwrap();
}

/// Registers the family `job` for EC2, and returns a service there.
async fn register_job_on_ec2(demo: &Demo) -> Service {
    let register = demo.ecs.register_task_definition().family("job");
    register.container_definitions(job_container()).send().await.unwrap();
    let create = demo.ecs.create_service().cluster("demo").service_name("on-ec2");
    create.task_definition("job").desired_count(0).send().await.unwrap();
    Service::new("demo", "on-ec2").unwrap()
}

fn job_container() -> ContainerDefinition {
    let logs = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", "/job")
        .options("awslogs-region", "eu-west-1")
        .options("awslogs-stream-prefix", "run");
    ContainerDefinition::builder()
        .name("migrate")
        .image("job:1")
        .memory(64)
        .log_configuration(logs.build().unwrap())
        .build()
}

/// Returns the tasks of the family; two running ones belong to the service.
async fn tasks(demo: &Demo, status: DesiredStatus) -> usize {
    let list = demo.ecs.list_tasks().cluster("demo").family("web").desired_status(status);
    list.send().await.unwrap().task_arns.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_before_the_rollout_and_registers_for_it() {
    let demo = Demo::new();
    let requests = requests(&demo);
    let mut revision = demo.changed().await;
    let task = demo.deployer.run_task(&demo.service, &mut revision);
    let ran = task.command(["migrate", "--all"]).env("STEP", "1").env("DRY", "").await.unwrap();
    assert_eq!(ran.container(), "web");
    assert_eq!(ran.exit_codes().collect::<Vec<_>>(), [("web", Some(0)), ("log-router", Some(0))]);
    // The end, 28 s after the start, is known within one lookup.
    let elapsed = ran.elapsed().as_secs();
    assert!((28..=33).contains(&elapsed), "{elapsed}");
    // The log router handles the log of `web`.
    assert_eq!(ran.to_string(), format!("container web of {} exited with code 0", ran.task()));
    let id = ran.task().strip_prefix("arn:aws:ecs:us-east-1:123456789012:task/demo/").unwrap();
    assert_eq!(ran.logs().len(), 1);
    assert_eq!(
        ran.logs()[0].to_string(),
        format!(
            "`aws logs tail /demo/web --log-stream-names log-router/log-router/{id} --region \
             us-east-1 --since 1d`"
        )
    );
    assert_eq!(
        *requests.lock().unwrap(),
        [json!({
            "cluster": "demo",
            "count": 1,
            "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": {
                "subnets": ["subnet-0a1b2c3d4e5f60718"],
                "securityGroups": ["sg-0a1b2c3d4e5f60718"],
                "assignPublicIp": "DISABLED",
            } },
            "overrides": { "containerOverrides": [{
                "name": "web",
                "command": ["migrate", "--all"],
                "environment": [{ "name": "STEP", "value": "1" }, { "name": "DRY", "value": "" }],
            }] },
            "platformVersion": "LATEST",
            "startedBy": "ecs-deploy",
            "taskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2",
        })]
    );
    let deployed = demo.deployer.roll_out(&demo.service, revision).await.unwrap();
    assert!(deployed.revision().ends_with("/web:2"));
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_registered_is_run_by_its_name() {
    let demo = Demo::new();
    let service = register_job_on_ec2(&demo).await;
    let requests = requests(&demo);
    let ran = demo.deployer.run_registered_task(&service, "job").await.unwrap();
    assert_eq!(ran.container(), "migrate");
    let id = ran.task().rsplit('/').next().unwrap();
    assert_eq!(
        ran.to_string(),
        format!(
            "container migrate of {} exited with code 0; its log: `aws logs tail /job \
             --log-stream-names run/migrate/{id} --region eu-west-1 --since 1d`",
            ran.task()
        )
    );
    let logs = &ran.logs()[0];
    assert_eq!((logs.container(), logs.group(), logs.region()), ("migrate", "/job", "eu-west-1"));
    assert_eq!(logs.stream(), format!("run/migrate/{id}"));
    let request = requests.lock().unwrap().remove(0);
    // The task has no overrides without a command or variable, and no network configuration.
    assert_eq!((request.get("overrides"), request.get("networkConfiguration")), (None, None));
    assert_eq!(
        request["taskDefinition"],
        "arn:aws:ecs:us-east-1:123456789012:task-definition/job:1"
    );
}

#[tokio::test(start_paused = true)]
async fn capacity_providers_and_propagated_tags_are_the_service_s() {
    let demo = Demo::new();
    let spot = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(1);
    let update = demo.ecs.update_service().cluster("demo").service("web");
    update
        .capacity_provider_strategy(spot.build().unwrap())
        .propagate_tags(PropagateTags::TaskDefinition)
        .send()
        .await
        .unwrap();
    let requests = requests(&demo);
    let ran = run(&demo).await.unwrap();
    let request = requests.lock().unwrap().remove(0);
    assert_eq!(request.get("launchType"), None);
    assert_eq!(request["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE_SPOT");
    assert_eq!(request["propagateTags"], "TASK_DEFINITION");
    let describe = demo.ecs.describe_tasks().cluster("demo").tasks(ran.task());
    let described = describe.include(aws_sdk_ecs::types::TaskField::Tags).send().await.unwrap();
    assert_eq!(described.tasks()[0].tags().len(), 2);

    // Without tags nothing is propagated, and no permission to tag is needed.
    register_job(&demo).await;
    let requests = self::requests(&demo);
    demo.deployer.run_registered_task(&demo.service, "job").await.unwrap();
    assert_eq!(requests.lock().unwrap()[0].get("propagateTags"), None);
}

#[tokio::test(start_paused = true)]
async fn an_exit_code_is_an_error_with_the_log_to_read() {
    let demo = Demo::new();
    register_job(&demo).await;
    demo.local.script_task("job", Script::Crash { exit_code: 3 });
    let error = demo.deployer.run_registered_task(&demo.service, "job:1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskFailed);
    assert!(!error.is_retryable());
    let task = error.task().unwrap();
    let id = task.rsplit('/').next().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "task {task} of job:1 for demo/web failed: container migrate exited with code \
             3: Essential container in task exited; its log: `aws logs tail /job \
             --log-stream-names run/migrate/{id} --region eu-west-1 --since 1d`"
        )
    );
    let [failure] = error.task_failures() else { panic!("{error:?}") };
    assert_eq!((failure.container(), failure.exit_code()), (Some("migrate"), Some(3)));
    assert_eq!(failure.task(), id);
    assert_eq!(error.logs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_essential_container_must_not_fail_either() {
    let demo = Demo::new();
    demo.local.script_task("web", Script::Crash { exit_code: 4 });
    let mut revision = current(&demo).await;
    let task = demo.deployer.run_task(&demo.service, &mut revision).container("log-router");
    let error = task.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskFailed);
    assert_eq!(error.task_failures()[0].container(), Some("web"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_start_is_told_apart() {
    let demo = Demo::new();
    demo.local.script_task("web", Script::ImageMissing);
    let error = run(&demo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskNotStarted);
    let prefix = format!(
        "task {} of web:1 for demo/web didn't start: container web: \
         CannotPullContainerError: ",
        error.task().unwrap()
    );
    assert!(error.to_string().starts_with(&prefix), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn no_capacity_is_an_error_though_the_call_succeeds() {
    let demo = Demo::new();
    demo.local.script_task("web", Script::Unplaceable);
    let error = run(&demo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskNotStarted);
    assert_eq!(
        error.to_string(),
        "couldn't start a task of web:1 for demo/web: Capacity is unavailable at this time. \
         Please try again later or in a different availability zone (8 attempts in 255 s)"
    );
    assert_eq!((error.operation(), error.task()), (Some("RunTask"), None));
    assert!(error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_somebody_stops_has_failed() {
    let demo = Demo::new();
    demo.local.script_task("web", Script::Healthy);
    let somebody = async {
        sleep(Duration::from_secs(60)).await;
        let list = demo.ecs.list_tasks().cluster("demo").started_by("ecs-deploy");
        let task = list.send().await.unwrap().task_arns.unwrap().remove(0);
        let stop = demo.ecs.stop_task().cluster("demo").task(task).reason("by mistake");
        stop.send().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(run(&demo), somebody);
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskFailed);
    assert!(error.to_string().ends_with(" failed: by mistake"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_time_is_up_is_stopped_unless_it_is_to_be_left() {
    for (on_timeout, remedy, stops, running) in
        [(OnTimeout::Stop, "it is being stopped", 1, 2), (OnTimeout::Leave, "it continues", 0, 3)]
    {
        let demo = Demo::new();
        demo.local.script_task("web", Script::Healthy);
        let mut revision = current(&demo).await;
        let began = Instant::now();
        let task = demo.deployer.run_task(&demo.service, &mut revision);
        let task = task.timeout(Duration::from_secs(100)).on_timeout(on_timeout);
        let error = task.await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::from_secs(100));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(
            error.to_string(),
            format!(
                "task {} of web:1 for demo/web timed out after 100 s: RUNNING; {remedy}",
                error.task().unwrap()
            )
        );
        assert_eq!(demo.local.journal().count("StopTask"), stops);
        assert_eq!(tasks(&demo, DesiredStatus::Running).await, running);
        sleep(Duration::from_secs(60)).await;
        let describe = demo.ecs.describe_tasks().cluster("demo").tasks(error.task().unwrap());
        let task = describe.send().await.unwrap().tasks.unwrap().remove(0);
        let reason = task.stopped_reason();
        assert_eq!(reason, (stops == 1).then_some("ecs-deploy: timed out after 100 s"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_stopped_by_the_deadline_is_not_timed_out() {
    let demo = Demo::new();
    let mut revision = current(&demo).await;
    // The only lookup that shows the end is after the deadline.
    let until = Duration::from_secs(60);
    demo.local.inject(When::for_the_next("DescribeTasks", until), Fault::Throttle);
    let task = demo.deployer.run_task(&demo.service, &mut revision).timeout(until);
    task.await.unwrap();
    assert_eq!(demo.local.journal().count("StopTask"), 0);
}

#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_does_not_end_the_wait() {
    let minute = Duration::from_secs(60);
    for fault in [Fault::Throttle, Fault::ServerError, Fault::Reset, Fault::Delay(HOURS)] {
        let demo = Demo::new();
        let mut revision = current(&demo).await;
        demo.local.inject(When::for_the_next("DescribeTasks", minute), fault.clone());
        let ran = demo.deployer.run_task(&demo.service, &mut revision).await;
        assert!(ran.unwrap().elapsed() >= minute, "{fault:?}");
    }
    let demo = Demo::new();
    demo.local.set_task_lag(Duration::from_secs(45));
    let ran = run(&demo).await.unwrap();
    assert!(ran.elapsed() >= Duration::from_secs(45));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_stays_missing_is_said_to() {
    let demo = Demo::new();
    demo.local.set_task_lag(HOURS);
    let error = run(&demo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let task = error.task().unwrap().to_owned();
    assert_eq!(
        error.to_string(),
        format!("task {task} of web:1 for demo/web continues, but its outcome is unknown")
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        format!("invalid response to DescribeTasks: {task} is missing")
    );
}

#[tokio::test(start_paused = true)]
async fn no_second_task_is_started_where_an_answer_was_lost() {
    for fault in [Fault::LoseResponse, Fault::Reset, Fault::Throttle, Fault::Delay(HOURS)] {
        let demo = Demo::new();
        demo.local.inject(When::nth("RunTask", 1), fault.clone());
        let ran = run(&demo).await.unwrap();
        assert_eq!(demo.local.journal().count("RunTask"), 2, "{fault:?}");
        let list = demo.ecs.list_tasks().cluster("demo").family("web");
        let stopped = list.desired_status(DesiredStatus::Stopped).send().await.unwrap();
        assert_eq!(stopped.task_arns(), [ran.task()], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_does_not_hold_it_up() {
    for (operation, doubt) in [
        ("DescribeServices", ""),
        ("RegisterTaskDefinition", ""),
        ("RunTask", "; the task may run nevertheless"),
    ] {
        let demo = Demo::new();
        let mut revision = demo.changed().await;
        demo.local.inject(When::every(operation), Fault::Delay(HOURS));
        let began = Instant::now();
        let task = demo.deployer.run_task(&demo.service, &mut revision);
        let error = task.timeout(Duration::from_secs(50)).await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::from_secs(50));
        assert_eq!((error.kind(), error.operation()), (ErrorKind::TimedOut, Some(operation)));
        assert_eq!(
            error.to_string(),
            format!("{operation} for the task for demo/web timed out after 50 s{doubt}")
        );
    }
    for (operation, remedy) in [
        ("DescribeTasks", "; it is being stopped"),
        ("StopTask", ": RUNNING; ECS didn't answer the request to stop it"),
    ] {
        let demo = Demo::new();
        demo.local.script_task("web", Script::Healthy);
        demo.local.inject(When::every(operation), Fault::Delay(HOURS));
        let mut revision = current(&demo).await;
        let began = Instant::now();
        let task = demo.deployer.run_task(&demo.service, &mut revision);
        let error = task.timeout(Duration::from_secs(100)).await.unwrap_err();
        assert!(began.elapsed() <= Duration::from_secs(120), "{operation}: {:?}", began.elapsed());
        assert!(error.to_string().ends_with(&format!(" after 100 s{remedy}")), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_lost_in_the_middle_is_named() {
    let demo = Demo::new();
    let withdrawal = async {
        sleep(Duration::from_secs(10)).await;
        let policy = r#"{ "Version": "2012-10-17", "Statement": [] }"#;
        demo.local.set_policy(LocalAws::USER, policy).unwrap();
    };
    let (outcome, ()) = tokio::join!(run(&demo), withdrawal);
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.operation(), Some("DescribeTasks"));
    assert!(error.request_id().is_some());
    let task = error.task().unwrap();
    let statement = r#"{"Effect":"Allow","Action":"ecs:DescribeTasks","Resource":"arn:aws:ecs:us-east-1:123456789012:task/demo/*"}"#;
    assert_eq!(error.missing_statement().unwrap(), statement);
    assert_eq!(
        error.source().unwrap().to_string(),
        format!("DescribeTasks on {task} isn't allowed: add {statement} to the policy")
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_container_is_refused_before_anything_is_done() {
    let demo = Demo::new();
    let mut revision = demo.changed().await;
    let calls = demo.operations().len();
    let task = demo.deployer.run_task(&demo.service, &mut revision).container("wbe");
    let error = task.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownContainer);
    assert_eq!(
        error.to_string(),
        "web:1 has no container `wbe` (did you mean `web`?), only `web` and `log-router`"
    );
    assert_eq!(demo.operations().len(), calls);
}

#[tokio::test(start_paused = true)]
async fn dropping_it_only_stops_the_watching() {
    let demo = Demo::new();
    let mut revision = current(&demo).await;
    drop(demo.deployer.run_task(&demo.service, &mut revision));
    assert_eq!(demo.local.journal().count("RunTask"), 0);
    demo.local.script_task("web", Script::Healthy);
    let task = demo.deployer.run_task(&demo.service, &mut revision).into_future();
    let dropped = tokio::time::timeout(Duration::from_secs(40), task).await;
    assert!(dropped.is_err());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(demo.local.journal().count("StopTask"), 0);
    assert_eq!(tasks(&demo, DesiredStatus::Running).await, 3);
}

#[tokio::test(start_paused = true)]
async fn debug_shows_no_value() {
    fn debug(task: RunTask<'_>) -> String {
        format!("{task:?}")
    }
    let demo = Demo::new();
    let task = demo.deployer.run_registered_task(&demo.service, "web:1");
    let text = debug(task.command(["--password", "hunter2"]).env("TOKEN", "s3cr3t"));
    assert!(text.contains("\"TOKEN\""), "{text}");
    assert!(!text.contains("s3cr3t") && !text.contains("hunter2"), "{text}");
}
