//! Changes between two calls, and responses that are older than the one before.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use aws_types::region::Region;
use ecs_deploy::events::{Event, Events};
use ecs_deploy::plan::{FindingKind, Plan};
use ecs_deploy::{Deployer, ErrorKind, Handle, OnFailure, Service};
use local_aws::{Fault, LocalAws, Script, When};
use tokio::time::{Instant, sleep};

use crate::course::{changed, configure};
use crate::demo::Demo;
use crate::faults::{self, operation_of};
use crate::stages::blue_green;

/// Replays an earlier response to some calls of DescribeServices.
#[derive(Debug, Clone, Default)]
struct Stale(Arc<Mutex<Replay>>);

#[derive(Debug, Default)]
struct Replay {
    /// The operation of the current call. A deployer makes one call at a time.
    operation: String,
    is_kept: bool,
    kept: Vec<u8>,
    /// The number of stale lookups after a call of this operation.
    after: Option<(&'static str, usize)>,
    left: usize,
    done: usize,
}

impl Stale {
    fn deployer(&self, demo: &Demo) -> Deployer {
        let config = demo.local.sdk_config();
        let config = aws_sdk_ecs::config::Builder::from(&config).interceptor(self.clone());
        Deployer::from(Client::from_conf(config.build()))
    }

    fn keep(&self, is_kept: bool) {
        self.0.lock().unwrap().is_kept = is_kept;
    }

    fn replay(&self, looks: usize) {
        self.0.lock().unwrap().left = looks;
    }

    fn replay_after(&self, operation: &'static str, looks: usize) {
        self.0.lock().unwrap().after = Some((operation, looks));
    }

    fn done(&self) -> usize {
        self.0.lock().unwrap().done
    }
}

impl Intercept for Stale {
    fn name(&self) -> &'static str {
        "Stale"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut replay = self.0.lock().unwrap();
        replay.operation = operation_of(context).to_owned();
        if let Some((operation, looks)) = replay.after
            && operation == replay.operation
        {
            (replay.after, replay.left) = (None, looks);
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut replay = self.0.lock().unwrap();
        if replay.operation != "DescribeServices" {
            return Ok(());
        }
        if replay.left > 0 {
            replay.left -= 1;
            replay.done += 1;
            context.response_mut().headers_mut().remove("content-length");
            *context.response_mut().body_mut() = replay.kept.clone().into();
        } else if replay.is_kept {
            replay.kept = context.response().body().bytes().unwrap_or_default().to_vec();
        }
        Ok(())
    }
}

async fn started(events: &mut Events) -> Handle {
    loop {
        if let Event::Started { handle, .. } = events.next().await.unwrap() {
            return handle;
        }
    }
}

/// Another caller deploys the same revision again.
async fn force(demo: &Demo) {
    let update = demo.ecs.update_service().cluster("demo").service("web");
    update.force_new_deployment(true).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_complete_before_it_was_replaced_is_deployed() {
    for is_staged in [false, true] {
        let demo = Demo::new();
        if is_staged {
            configure(&demo, blue_green(None)).await;
        }
        let mut events = changed(&demo).await.events();
        let handle = started(&mut events).await;
        drop(events);
        sleep(Duration::from_secs(if is_staged { 1200 } else { 90 })).await;
        force(&demo).await;
        let deployed = demo.deployer.follow(handle.clone()).await.unwrap();
        assert_eq!(deployed.deployment(), handle.deployment());
    }
}

/// The second call of a lookup is newer than the first.
#[tokio::test(start_paused = true)]
async fn a_takeover_between_the_two_calls_of_a_look_is_no_stop() {
    let demo = Demo::new();
    configure(&demo, blue_green(None)).await;
    let mut events = changed(&demo).await.events();
    started(&mut events).await;
    demo.local.inject(When::every("DescribeServices"), Fault::Delay(Duration::from_secs(3)));
    let other = async {
        sleep(Duration::from_secs(40)).await;
        force(&demo).await;
    };
    let (outcome, ()) = tokio::join!(events.finish(), other);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Superseded);
}

#[tokio::test(start_paused = true)]
async fn a_takeover_that_was_rolled_back_is_a_takeover() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Slow { pulling: Duration::from_secs(900) });
    let mut events = changed(&demo).await.events();
    let handle = started(&mut events).await;
    drop(events);
    sleep(Duration::from_secs(20)).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let theirs = demo.deployer.roll_out(&demo.service, demo.changed_to("b:9").await);
    assert_eq!(theirs.await.unwrap_err().kind(), ErrorKind::RolledBack);
    let error = demo.deployer.follow(handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Superseded, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_handle_of_another_region_is_refused() {
    let demo = Demo::new();
    let mut events = changed(&demo).await.events();
    let handle = started(&mut events).await;
    let region = Region::new("eu-west-1");
    let there = Deployer::new(&demo.local.sdk_config().into_builder().region(region).build());
    let error = there.follow(handle).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RegionMismatch);
    assert_eq!(
        error.to_string(),
        "demo/web isn't in eu-west-1, the region of the configuration: correct the ARN or the region"
    );
}

/// A description from before the failure arrives just before the rollback.
#[tokio::test(start_paused = true)]
async fn a_failure_stays_one_though_an_older_answer_comes_after_it() {
    let demo = Demo::with_breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let stale = Stale::default();
    let roll_out = stale.deployer(&demo).roll_out(&demo.service, demo.changed().await);
    let mut events = roll_out.on_failure(OnFailure::RollBack).events();
    started(&mut events).await;
    let began = Instant::now();
    stale.keep(true);
    let mut is_told = false;
    while let Some(event) = events.next().await {
        stale.keep(began.elapsed() <= Duration::from_secs(60));
        if let Event::Message { text, .. } = &event
            && text.contains("deployment failed")
            && !is_told
        {
            is_told = true;
            stale.replay(2);
        }
    }
    let error = events.finish().await.unwrap_err();
    assert_eq!(stale.done(), 2);
    assert_eq!(error.kind(), ErrorKind::RolloutFailed, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_throttled_tries_leave_no_deployment_unwatched() {
    let demo = Demo::new();
    let roll_out = changed(&demo).await;
    demo.local.inject(When::nth("UpdateService", 1), Fault::LoseResponse);
    for nth in 2..6 {
        demo.local.inject(When::nth("UpdateService", nth), Fault::Throttle);
    }
    let deployed = roll_out.await.unwrap();
    assert!(deployed.was_changed());
    assert_eq!(demo.running().await, deployed.revision());
}

#[tokio::test(start_paused = true)]
async fn no_more_than_thirty_seconds_after_the_time_is_up() {
    let demo = Demo::with_breaker(false, false).await;
    demo.local.script("demo", "web", Script::ImageMissing);
    let roll_out = changed(&demo).await.timeout(Duration::from_secs(50));
    let hours = || Fault::Delay(Duration::from_secs(10 * 3600));
    demo.local.inject(When::every("UpdateService"), hours());
    demo.local.inject(When::every("DescribeServices"), Fault::Delay(Duration::from_secs(9)));
    demo.local.inject(When::every("ListTasks"), hours());
    demo.local.inject(When::every("StopServiceDeployment"), hours());
    let began = Instant::now();
    roll_out.on_failure(OnFailure::RollBack).await.unwrap_err();
    assert!(began.elapsed() <= Duration::from_secs(80), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_long_ago_is_looked_at_again() {
    let demo = Demo::new();
    let revision = demo.changed().await;
    sleep(Duration::from_secs(3600)).await;
    force(&demo).await;
    let roll_out = demo.deployer.roll_out(&demo.service, revision);
    let error = roll_out.refuse(FindingKind::DeploymentInProgress).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert_eq!(demo.local.journal().count("RegisterTaskDefinition"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_may_be_named_in_two_ways() {
    let demo = Demo::new();
    let ours = demo.changed().await;
    demo.deployer.roll_out(&demo.service, demo.changed_to("b:9").await).await.unwrap();
    let by_arn: Service = "arn:aws:ecs:us-east-1:123456789012:service/demo/web".parse().unwrap();
    let error = demo.deployer.roll_out(&by_arn, ours).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outdated);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_was_just_registered_undoes_nothing_either() {
    let demo = Demo::new();
    let mut ours = demo.changed().await;
    demo.deployer.register(&mut ours).await.unwrap();
    let theirs = demo.deployer.register(&mut demo.changed_to("b:9").await).await.unwrap();
    let update = demo.ecs.update_service().cluster("demo").service("web");
    update.task_definition(theirs).send().await.unwrap();
    let error = demo.deployer.roll_out(&demo.service, ours).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outdated);
}

#[tokio::test(start_paused = true)]
async fn a_plan_to_do_nothing_does_nothing() {
    let demo = Demo::with_breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let mut events = changed(&demo).await.events();
    started(&mut events).await;
    drop(events);
    let current = demo.deployer.current(&demo.service).await.unwrap();
    let plan = demo.deployer.roll_out(&demo.service, current).plan().await.unwrap();
    assert!(plan.is_empty());
    let updates = demo.local.journal().count("UpdateService");
    sleep(Duration::from_secs(600)).await;
    let error = demo.deployer.apply(&plan).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outdated);
    assert_eq!(
        error.to_string(),
        "nothing was deployed: demo/web now runs web:2 in a deployment that failed, but the plan is based on web:2"
    );
    assert_eq!(demo.local.journal().count("UpdateService"), updates);

    // A new plan shows that it forces a deployment.
    let current = demo.deployer.current(&demo.service).await.unwrap();
    let plan = demo.deployer.roll_out(&demo.service, current).plan().await.unwrap();
    assert!(plan.to_string().contains("with: forceNewDeployment=true"), "{plan}");
    let plan: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    demo.local.script("demo", "web", Script::Healthy);
    assert!(demo.deployer.apply(&plan).await.unwrap().was_changed());
}

/// Another caller's deployment first shows in the response to an UpdateService that starts nothing.
#[tokio::test(start_paused = true)]
async fn a_deployment_of_somebody_else_is_not_told_as_started() {
    let demo = Demo::new();
    let current = demo.deployer.current(&demo.service).await.unwrap();
    force(&demo).await;
    let mut events = demo.deployer.roll_out(&demo.service, current).desired_count(3).events();
    while let Some(event) = events.next().await {
        assert!(!matches!(event, Event::Started { .. }), "{event}");
    }
    assert!(!events.finish().await.unwrap().was_changed());
}

#[tokio::test(start_paused = true)]
async fn a_throttled_newer_view_is_one_more_call_a_look_and_no_more() {
    let demo = Demo::new();
    configure(&demo, blue_green(None)).await;
    let roll_out = changed(&demo).await.timeout(Duration::from_secs(200));
    demo.local.inject(When::every("DescribeServiceDeployments"), Fault::Throttle);
    roll_out.await.unwrap_err();
    assert_eq!(demo.local.journal().count("ListServiceDeployments"), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_task_definition_is_in_the_debug_of_an_error() {
    let body = r#"{"taskDefinition":{"family":"web","revision":"one","containerDefinitions":[
        {"name":"web","environment":[{"name":"P","value":"hunter2"}]}]}}"#;
    let demo = Demo::new();
    let broken = faults::Fault::new("DescribeTaskDefinition", 0..9, 200, body);
    let error = broken.deployer(&demo).current(&demo.service).await.unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_forced_deployment_is_not_said_to_go_back_to_itself() {
    let demo = Demo::with_breaker(true, false).await;
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let current = demo.deployer.current(&demo.service).await.unwrap();
    let roll_out = demo.deployer.roll_out(&demo.service, current).force_new_deployment();
    let updates = demo.local.journal().count("UpdateService");
    let error = roll_out.on_failure(OnFailure::RollBack).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RolloutFailed);
    assert!(error.to_string().contains("; it couldn't be rolled back: "), "{error}");
    assert_eq!(demo.local.journal().count("UpdateService"), updates + 1);
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_ecs_is_on_already_is_not_taken_further() {
    let demo = Demo::new();
    for image in ["a:1", "a:2"] {
        demo.deployer.roll_out(&demo.service, demo.changed_to(image).await).await.unwrap();
    }
    demo.local.script("demo", "web", Script::Crash { exit_code: 3 });
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed_to("a:3").await);
    assert_eq!(roll_out.await.unwrap_err().rolled_back_to(), Some("web:3"));
    let updates = demo.local.journal().count("UpdateService");
    let deployed = demo.deployer.roll_back(&demo.service).await.unwrap();
    assert!(deployed.revision().ends_with("web:3"));
    assert_eq!(demo.local.journal().count("UpdateService"), updates);
}

#[tokio::test(start_paused = true)]
async fn a_forced_deployment_that_may_not_be_stopped_is_not_taken_for_the_way_back() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Slow { pulling: Duration::from_secs(200) });
    let current = demo.deployer.current(&demo.service).await.unwrap();
    let roll_out = demo.deployer.roll_out(&demo.service, current).force_new_deployment();
    let mut events = roll_out.events();
    started(&mut events).await;
    drop(events);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[
        "ecs:DescribeServices","ecs:UpdateService","ecs:DescribeTaskDefinition"]}]}"#;
    demo.local.set_policy(LocalAws::USER, policy).unwrap();
    let error = demo.deployer.roll_back(&demo.service).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert_eq!(error.operation(), Some("StopServiceDeployment"));
}

#[tokio::test(start_paused = true)]
async fn somebody_who_deploys_while_it_is_undone_has_taken_over() {
    let demo = Demo::new();
    demo.local.script("demo", "web", Script::Slow { pulling: Duration::from_secs(600) });
    let mut events = changed(&demo).await.events();
    started(&mut events).await;
    drop(events);
    let arn = demo.deployer.register(&mut demo.changed_to("b:9").await).await.unwrap();
    sleep(Duration::from_secs(30)).await;
    let other = async {
        while demo.local.journal().count("StopServiceDeployment") == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        let update = demo.ecs.update_service().cluster("demo").service("web");
        update.task_definition(&arn).send().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(demo.deployer.roll_back(&demo.service).into_future(), other);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Superseded);
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_does_not_end_the_way_back() {
    let demo = Demo::new();
    let stale = Stale::default();
    let deployer = stale.deployer(&demo);
    stale.keep(true);
    deployer.current(&demo.service).await.unwrap();
    stale.keep(false);
    demo.local.script("demo", "web", Script::Slow { pulling: Duration::from_secs(600) });
    let mut events = changed(&demo).await.events();
    started(&mut events).await;
    drop(events);
    sleep(Duration::from_secs(30)).await;
    stale.replay_after("StopServiceDeployment", 1);
    let deployed = deployer.roll_back(&demo.service).await.unwrap();
    assert_eq!(stale.done(), 1);
    let describe = demo.ecs.describe_services().cluster("demo").services("web");
    let service = describe.send().await.unwrap().services.unwrap().remove(0);
    assert_eq!(service.deployments()[0].id(), Some(deployed.deployment()));
}

#[tokio::test(start_paused = true)]
async fn a_long_history_is_read_to_its_end() {
    let demo = Demo::new();
    demo.deployer.roll_out(&demo.service, demo.changed_to("a:1").await).await.unwrap();
    for _ in 0..21 {
        let current = demo.deployer.current(&demo.service).await.unwrap();
        let roll_out = demo.deployer.roll_out(&demo.service, current);
        roll_out.force_new_deployment().await.unwrap();
    }
    let deployed = demo.deployer.roll_back(&demo.service).await.unwrap();
    assert!(deployed.revision().ends_with("web:1"));
}
