//! The table in the README: the same timelines with this crate and with the SDK's own waiter.
//!
//! `WAITER_DRAWS=500 cargo test -p ecs-deploy --test it waiter -- --nocapture` prints it; the
//! waiter's delays are jittered, so its column is a mean.

use std::time::Duration;

use aws_sdk_ecs::client::Waiters;
use aws_sdk_ecs::types::{
    DeploymentConfiguration, DeploymentEarlySuccessCriteria, DeploymentLifecycleHook,
    DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType, DeploymentStrategy,
    ServiceRevisionCleanup,
};
use aws_smithy_runtime_api::client::waiters::error::WaiterError;
use ecs_deploy::events::Event;
use ecs_deploy::{Error, ErrorKind, RollOut};
use local_aws::{Fault, Script, When};
use tokio::time::{Instant, sleep};

use crate::demo::Demo;

const README: &str = include_str!("../../README.md");

/// A timeline with its setup.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Timeline {
    Success,
    SlowSuccess,
    RolledBack,
    BreakerWithoutRollback,
    NoBreaker,
    Superseded,
    NoTasks,
    Throttled,
    Missing,
    EarlySuccess,
    Paused,
}

use Timeline::*;

impl Timeline {
    fn name(self) -> &'static str {
        match self {
            Success => "complete after 86 s",
            SlowSuccess => "complete after 16 min, the image is large",
            RolledBack => "tasks crash, the circuit breaker rolls back",
            BreakerWithoutRollback => "tasks crash, the circuit breaker only stops",
            NoBreaker => "tasks crash, without a circuit breaker",
            Superseded => "another caller deploys after 40 s",
            NoTasks => "the desired count is 0",
            Throttled => "complete after 86 s, and calls are throttled for a minute",
            Missing => "complete after 86 s, and one lookup doesn't find the service",
            EarlySuccess => "complete early, old tasks remain",
            Paused => "blue/green, paused at a hook",
        }
    }

    async fn demo(self) -> Demo {
        let demo = match self {
            BreakerWithoutRollback => Demo::with_breaker(true, false).await,
            NoBreaker => Demo::with_breaker(false, false).await,
            _ => Demo::new(),
        };
        let script = match self {
            RolledBack | BreakerWithoutRollback | NoBreaker => Script::Crash { exit_code: 1 },
            SlowSuccess => Script::Slow { pulling: Duration::from_secs(900) },
            _ => Script::Healthy,
        };
        demo.local.script("demo", "web", script);
        let configuration = match self {
            EarlySuccess => DeploymentConfiguration::builder().early_success_criteria(
                DeploymentEarlySuccessCriteria::builder()
                    .enable(true)
                    .healthy_percent(100)
                    .source_service_revision_cleanup(ServiceRevisionCleanup::Deferred)
                    .build(),
            ),
            Paused => DeploymentConfiguration::builder()
                .strategy(DeploymentStrategy::BlueGreen)
                .bake_time_in_minutes(5)
                .lifecycle_hooks(
                    DeploymentLifecycleHook::builder()
                        .target_type(DeploymentLifecycleHookTargetType::Pause)
                        .lifecycle_stages(DeploymentLifecycleHookStage::PostTestTrafficShift)
                        .build(),
                ),
            _ => return demo,
        };
        let update = demo.ecs.update_service().cluster("demo").service("web");
        update.deployment_configuration(configuration.build()).send().await.unwrap();
        demo
    }

    async fn roll_out(self, demo: &Demo) -> RollOut {
        if self == NoTasks {
            let update = demo.ecs.update_service().cluster("demo").service("web");
            update.desired_count(0).send().await.unwrap();
            sleep(Duration::from_secs(60)).await;
        }
        demo.deployer.roll_out(&demo.service, demo.changed().await)
    }

    /// Returns what happens after the start.
    async fn happens(self, demo: &Demo) {
        match self {
            Superseded => {
                sleep(Duration::from_secs(40)).await;
                let update = demo.ecs.update_service().cluster("demo").service("web");
                update.force_new_deployment(true).send().await.unwrap();
            }
            Throttled => {
                let minute = Duration::from_secs(60);
                demo.local.inject(When::for_the_next("DescribeServices", minute), Fault::Throttle);
            }
            Missing => demo.local.hide_service("demo", "web", 1),
            _ => {}
        }
    }
}

/// Returns this crate's outcome, and its time in seconds.
async fn ours(timeline: Timeline) -> (Result<(), ErrorKind>, u64) {
    let demo = timeline.demo().await;
    let mut events = timeline.roll_out(&demo).await.events();
    while !matches!(events.next().await.unwrap(), Event::Started { .. }) {}
    let began = Instant::now();
    let ((), outcome) = tokio::join!(timeline.happens(&demo), events.finish());
    (outcome.map(|_| ()).map_err(|error: Error| error.kind()), began.elapsed().as_secs())
}

/// Returns the outcome of the SDK's waiter, and its time in seconds.
async fn theirs(timeline: Timeline) -> (&'static str, u64) {
    let demo = timeline.demo().await;
    let mut events = timeline.roll_out(&demo).await.events();
    while !matches!(events.next().await.unwrap(), Event::Started { .. }) {}
    drop(events);
    let began = Instant::now();
    let waiter = demo.ecs.wait_until_services_stable().cluster("demo").services("web");
    let ((), outcome) =
        tokio::join!(timeline.happens(&demo), waiter.wait(Duration::from_secs(1800)));
    let said = match outcome {
        Ok(_) => "stable",
        Err(WaiterError::ExceededMaxWait(_)) => "nothing",
        Err(_) => "an error",
    };
    (said, began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn the_table_in_the_readme_is_true() {
    let draws = std::env::var("WAITER_DRAWS").ok().and_then(|it| it.parse().ok()).unwrap_or(3);
    for (timeline, expected, said) in [
        (Success, Ok(()), "stable"),
        (SlowSuccess, Ok(()), "stable"),
        (RolledBack, Err(ErrorKind::RolledBack), "stable"),
        (BreakerWithoutRollback, Err(ErrorKind::RolloutFailed), "nothing"),
        (NoBreaker, Err(ErrorKind::TimedOut), "nothing"),
        (Superseded, Err(ErrorKind::Superseded), "stable"),
        (NoTasks, Ok(()), "stable"),
        (Throttled, Ok(()), "an error"),
        (Missing, Ok(()), "an error"),
        (EarlySuccess, Ok(()), "stable"),
        (Paused, Err(ErrorKind::PausedAtHook), "nothing"),
    ] {
        let (outcome, seconds) = ours(timeline).await;
        assert_eq!(outcome, expected, "{timeline:?}");
        let outcome = match outcome {
            Ok(()) => "`Deployed`".to_owned(),
            Err(kind) => format!("`{kind:?}`"),
        };
        let mut total = 0;
        for _ in 0..draws {
            let (theirs, after) = theirs(timeline).await;
            assert_eq!(theirs, said, "{timeline:?}");
            total += after;
        }
        let row = format!("| {} | {outcome} after {seconds} s | ", timeline.name());
        println!("{row}{said} after {} s |", total / draws);
        // While ECS throttles calls, the SDK's own retries are jittered too.
        let exact = match timeline {
            Throttled => row.rsplit_once(" after ").unwrap().0,
            _ => row.as_str(),
        };
        assert!(README.contains(exact), "the README lacks `{exact}`");
    }
}
