//! How soon a rollout's end is known, and by how many calls: `ecs-deploy` beside the SDK's own
//! `wait_until_services_stable`, on the same timelines of the emulator, in virtual time.
//!
//! ```sh
//! cargo run --release -p benches --bin rollout_clock
//! ```

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::client::Waiters;
use aws_sdk_ecs::types::{DeploymentCircuitBreaker, DeploymentConfiguration};
use ecs_deploy::events::Event;
use ecs_deploy::{Deployer, RollOut, Service};
use local_aws::{LocalAws, Script};
use tokio::time::Instant;

/// Rollouts of each length, a second apart, so that no phase of the polling is preferred.
const LENGTHS: u64 = 60;
/// For each of them, since the waiter's delays are jittered.
const DRAWS: usize = 5;
const LIMIT: Duration = Duration::from_secs(30 * 60);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(async {
        successes().await?;
        println!();
        failures().await
    })
}

async fn successes() -> Result<(), BoxError> {
    println!("| complete after | who | late, mean | late, p90 | calls a minute |");
    println!("|---|---|---|---|---|");
    for minutes in [1, 2, 5, 10, 15] {
        let mut ours = Samples::default();
        let mut theirs = Samples::default();
        for second in 0..LENGTHS {
            let pulling = Duration::from_secs(minutes * 60 + second);
            let world = World::new(Script::Slow { pulling }).await?;
            let roll_out = world.roll_out().await?;
            let began = Began::now(&world);
            roll_out.await?;
            ours.add(&world, &began).await?;
            for _ in 0..DRAWS {
                let world = World::new(Script::Slow { pulling }).await?;
                world.begin().await?;
                let began = Began::now(&world);
                let waiter = world.ecs.wait_until_services_stable();
                // What it says when its time is up is no answer.
                if waiter.cluster("demo").services("web").wait(LIMIT * 2).await.is_ok() {
                    theirs.add(&world, &began).await?;
                }
            }
        }
        ours.print("`ecs-deploy`");
        theirs.print("the SDK's waiter");
    }
    Ok(())
}

async fn failures() -> Result<(), BoxError> {
    println!(
        "| what happens | `ecs-deploy` names a failure | and the outcome | the SDK's waiter |"
    );
    println!("|---|---|---|---|");
    for (what, script, has_breaker) in [
        ("the image is missing", Script::ImageMissing, true),
        ("containers crash", Script::Crash { exit_code: 1 }, true),
        ("containers crash, no breaker", Script::Crash { exit_code: 1 }, false),
        ("no capacity, no breaker", Script::Unplaceable, false),
    ] {
        let world = World::new(script).await?;
        world.breaker(has_breaker).await?;
        let mut events = world.roll_out().await?.events();
        let (mut began, mut cause) = (Instant::now(), None);
        while let Some(event) = events.next().await {
            match event {
                Event::Started { .. } => began = Instant::now(),
                Event::TaskFailed { failure, .. } if cause.is_none() => {
                    cause =
                        Some(format!("after {} s: {}", began.elapsed().as_secs(), failure.cause()));
                }
                _ => {}
            }
        }
        let ended = began.elapsed().as_secs();
        let outcome = match events.finish().await {
            Ok(_) => "`Deployed`".to_owned(),
            Err(error) => format!("`{:?}`", error.kind()),
        };
        let world = World::new(script).await?;
        world.breaker(has_breaker).await?;
        world.begin().await?;
        let began = Instant::now();
        let waiter = world.ecs.wait_until_services_stable().cluster("demo").services("web");
        let said = match waiter.wait(LIMIT).await {
            Ok(_) => "says stable, which is wrong,",
            Err(_) => "says nothing",
        };
        println!(
            "| {what} | {} | {outcome} after {ended} s | {said} after {} s |",
            cause.as_deref().unwrap_or("no task failed"),
            began.elapsed().as_secs()
        );
    }
    Ok(())
}

struct World {
    local: LocalAws,
    ecs: Client,
    deployer: Deployer,
    service: Service,
}

impl World {
    async fn new(script: Script) -> Result<Self, BoxError> {
        let local = LocalAws::new();
        local.create_demo();
        local.script("demo", "web", script);
        let config = local.sdk_config();
        let service = Service::new("demo", "web")?;
        Ok(Self { ecs: Client::new(&config), deployer: Deployer::new(&config), local, service })
    }

    async fn breaker(&self, is_on: bool) -> Result<(), BoxError> {
        let breaker = DeploymentCircuitBreaker::builder().enable(is_on).rollback(is_on).build();
        let configuration =
            DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build();
        let update = self.ecs.update_service().cluster("demo").service("web");
        update.deployment_configuration(configuration).send().await?;
        Ok(())
    }

    async fn roll_out(&self) -> Result<RollOut, BoxError> {
        let mut revision = self.deployer.current(&self.service).await?;
        revision.set_images([("web", "a:2")])?;
        Ok(self.deployer.roll_out(&self.service, revision))
    }

    /// Begins a rollout, which nobody watches.
    async fn begin(&self) -> Result<(), BoxError> {
        let mut events = self.roll_out().await?.events();
        while let Some(event) = events.next().await {
            if let Event::Started { .. } = event {
                return Ok(());
            }
        }
        events.finish().await?;
        Ok(())
    }

    /// When the newest deployment was complete, in seconds of the emulator's clock.
    async fn finished(&self) -> Result<f64, BoxError> {
        let list = self.ecs.list_service_deployments().cluster("demo").service("web");
        let listed = list.send().await?;
        let newest = listed.service_deployments().first().ok_or("there is no deployment")?;
        Ok(newest.finished_at().ok_or("it isn't finished")?.as_secs_f64())
    }
}

/// A moment, and the calls up to it.
struct Began {
    at: Instant,
    /// Of the emulator's clock, in seconds.
    clock: f64,
    calls: usize,
}

impl Began {
    fn now(world: &World) -> Self {
        let journal = world.local.journal();
        let clock = journal.calls().last().map_or(0.0, |it| it.at.as_secs_f64());
        Self { at: Instant::now(), clock, calls: journal.calls().len() }
    }
}

#[derive(Default)]
struct Samples {
    /// How long the rollouts took, and how much later that was known, in seconds.
    took: Vec<f64>,
    late: Vec<f64>,
    calls: usize,
    seconds: f64,
}

impl Samples {
    /// What is known now was known by the last call.
    async fn add(&mut self, world: &World, began: &Began) -> Result<(), BoxError> {
        let journal = world.local.journal();
        let known = journal.calls().last().ok_or("there was no call")?.at.as_secs_f64();
        self.calls += journal.calls().len() - began.calls;
        self.seconds += began.at.elapsed().as_secs_f64();
        let finished = world.finished().await?;
        self.late.push(known - finished);
        self.took.push(finished - began.clock);
        Ok(())
    }

    fn print(mut self, who: &str) {
        self.late.sort_by(f64::total_cmp);
        let (shortest, longest) = self
            .took
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), it| (low.min(*it), high.max(*it)));
        let mean = self.late.iter().sum::<f64>() / self.late.len() as f64;
        let p90 = self.late[self.late.len() * 9 / 10];
        let calls = self.calls as f64 / (self.seconds / 60.0);
        println!(
            "| {shortest:.0}-{longest:.0} s | {who} | {mean:.1} s | {p90:.0} s | {calls:.1} |"
        );
    }
}
