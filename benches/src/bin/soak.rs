//! A soak: pushes by both transports and rollouts under random faults, in one process. What the
//! process holds (memory, descriptors, threads, temporary files) must not grow after the warm-up.
//!
//! ```sh
//! cargo run --release -p benches --features soak --bin soak        # ten minutes
//! cargo run --release -p benches --features soak --bin soak -- --minutes 1 --seed 7
//! ```
//!
//! Pushes take real time, over sockets, each to an emulator of its own. Rollouts take virtual time,
//! in process, in a thread beside them. A push that fails must be retryable, and one that succeeds
//! must have every layer in the repository.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use benches::layout::Layout;
use benches::process::Held;
use clap::Parser;
use ecr_push::transport::Transport;
use ecr_push::{Image, Pusher, Repository};
use ecs_deploy::{Deployer, OnFailure, Service};
use examples::{BoxError, Session};
use local_aws::{Fault, LocalAws, Script, When};
use tempfile::TempDir;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// Pushes at once.
const AT_ONCE: u64 = 6;
/// The time between two samples.
const BETWEEN: Duration = Duration::from_secs(2);

/// Soak the crates: pushes and rollouts under random faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// The length of the run, in minutes
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,

    /// The seed of the random faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    match soak(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn soak(arguments: &Arguments) -> Result<bool, BoxError> {
    let length = Duration::try_from_secs_f64(arguments.minutes * 60.0)?;
    let end = Instant::now() + length;
    let tally = Arc::new(Tally::default());
    count_panics(&tally);
    let folder = TempDir::new()?;
    let temporary = folder.path().join("temporary");
    std::fs::create_dir(&temporary)?;
    let image = folder.path().join("image");
    Layout::write(&image, &[24 * MIB, 3 * MIB, 200 * KIB, 9 * KIB])?;

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for worker in 0..AT_ONCE {
        let mut random = Random::new(arguments.seed.wrapping_mul(1000).wrapping_add(worker));
        let (image, temporary, tally) = (image.clone(), temporary.clone(), Arc::clone(&tally));
        runtime.spawn(async move {
            while Instant::now() < end {
                let outcome = push(&image, &temporary, &mut random).await;
                tally.add(outcome.unwrap_or_else(|error| format!("PUSH WENT WRONG: {error}")));
            }
        });
    }
    let rollouts = {
        let (mut random, tally) = (Random::new(arguments.seed), Arc::clone(&tally));
        thread::spawn(move || {
            while Instant::now() < end {
                let outcome = roll_outs(&mut random, &tally);
                outcome.unwrap_or_else(|e| tally.add(format!("ROLLOUT WENT WRONG: {e}")));
            }
        })
    };

    let samples = watch(end, &temporary)?;
    if rollouts.join().is_err() {
        tally.add("ROLLOUTS PANICKED".to_owned());
    }
    runtime.shutdown_timeout(Duration::from_secs(10));
    let is_right = tally.print();
    Ok(is_flat(&samples) && is_right)
}

/// Takes a sample every two seconds and prints one in fifteen.
fn watch(end: Instant, folder: &Path) -> Result<Vec<Held>, BoxError> {
    let start = Instant::now();
    let mut samples = Vec::new();
    println!("| after | memory, MiB | descriptors | threads | files |");
    println!("|---|---|---|---|---|");
    while Instant::now() < end {
        thread::sleep(BETWEEN);
        let held = Held::now(folder)?;
        if samples.len() % 15 == 14 {
            print_row(&format!("{} s", start.elapsed().as_secs()), &held);
        }
        samples.push(held);
    }
    Ok(samples)
}

fn print_row(name: &str, held: &Held) {
    let Held { memory, descriptors, threads, files, .. } = held;
    println!("| {name} | {} | {descriptors} | {threads} | {files} |", memory / KIB);
}

/// Compares the medians of the second and the last quarter of the run; the first is the warm-up.
fn is_flat(samples: &[Held]) -> bool {
    let quarter = samples.len() / 4;
    let early = Held::median(&samples[quarter..2 * quarter]);
    let late = Held::median(&samples[samples.len() - quarter..]);
    println!();
    println!("| medians | memory, MiB | descriptors | threads | files |");
    println!("|---|---|---|---|---|");
    print_row("second quarter", &early);
    print_row("last quarter", &late);
    // Pushes differ, and so do the medians of two windows of them.
    let grows = |early: u64, late: u64, slack: u64| late > early + early / 10 + slack;
    let growing = [
        ("memory", grows(early.memory, late.memory, 8 * KIB)),
        ("descriptors", grows(early.descriptors, late.descriptors, 16)),
        ("threads", grows(early.threads, late.threads, 8)),
        ("temporary files", grows(early.files, late.files, 8)),
    ];
    for (what, grows) in growing {
        if grows {
            println!("GROWS: {what}");
        }
    }
    growing.iter().all(|(_, grows)| !grows)
}

/// Pushes the image once, under random faults, to a new emulator, and returns the outcome's name.
async fn push(image: &Path, temporary: &Path, random: &mut Random) -> Result<String, BoxError> {
    let session = Session::on_emulator().await?;
    let local = session.emulator().ok_or("the session has no emulator")?;
    let is_api = random.one_in(2);
    let operations = if is_api { API } else { REGISTRY };
    for (nth, operation) in operations.into_iter().enumerate() {
        if random.one_in(2) {
            let fault = FAULTS[random.below(FAULTS.len() as u64) as usize].clone();
            let often = 2 + random.below(6) as u32;
            let seed = random.next().wrapping_add(nth as u64);
            local.inject(When::one_in(operation, often).seed(seed), fault);
        }
    }
    let repository: Repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web".parse()?;
    let folder = TempDir::new_in(temporary)?;
    let opened = Image::open(image).await?;
    let pusher = Pusher::new(session.config());
    let mut push = pusher.push(&opened, &repository).tag("soak".parse()?);
    if is_api {
        push = push.checkpoint(folder.path().join("push.checkpoint"));
    } else {
        push = push.transport(Transport::Registry);
    }
    let way = if is_api { "API" } else { "registry" };
    if random.one_in(4) {
        let mut events = push.events();
        for _ in 0..random.below(40) {
            if events.next().await.is_none() {
                break;
            }
        }
        drop(events);
        return Ok(format!("push, {way}: dropped"));
    }
    match push.await {
        Ok(_) => {
            for layer in opened.layers() {
                let digest = layer.digest().as_str();
                if local.layer("demo/web", digest).is_none() {
                    return Err(format!("pushed, but {digest} isn't there").into());
                }
            }
            Ok(format!("push, {way}: pushed"))
        }
        Err(error) if error.is_retryable() => Ok(format!("push, {way}: {:?}", error.kind())),
        Err(error) => Err(format!("{way}: {:?}: {error}", error.kind()).into()),
    }
}

const API: [&str; 5] = [
    "BatchCheckLayerAvailability",
    "CompleteLayerUpload",
    "InitiateLayerUpload",
    "PutImage",
    "UploadLayerPart",
];
const REGISTRY: [&str; 5] = [
    "BatchCheckLayerAvailability",
    "V2.PatchUpload",
    "V2.PutManifest",
    "V2.PutUpload",
    "V2.StartUpload",
];
const FAULTS: [Fault; 8] = [
    Fault::CorruptPart,
    Fault::ExpireUploads,
    Fault::HalfPart,
    Fault::LoseResponse,
    Fault::Reset,
    Fault::ServerError,
    Fault::Throttle,
    Fault::Unavailable,
];

/// Runs some rollouts in one virtual clock.
fn roll_outs(random: &mut Random, tally: &Tally) -> Result<(), BoxError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(async {
        for _ in 0..20 {
            tally.add(roll_out(random).await?);
        }
        Ok(())
    })
}

async fn roll_out(random: &mut Random) -> Result<String, BoxError> {
    let local = LocalAws::new();
    local.create_demo();
    let scripts = [
        Script::Crash { exit_code: 1 },
        Script::Flaky { exit_code: 137 },
        Script::Healthy,
        Script::ImageMissing,
        Script::OutOfMemory,
        Script::Slow { pulling: Duration::from_secs(90) },
        Script::Unplaceable,
    ];
    let script = scripts[random.below(scripts.len() as u64) as usize];
    local.script("demo", "web", script);
    for operation in
        ["DescribeServices", "DescribeTasks", "ListTasks", "DescribeServiceDeployments"]
    {
        if random.one_in(2) {
            let faults = [Fault::LoseResponse, Fault::Reset, Fault::ServerError, Fault::Throttle];
            let fault = faults[random.below(4) as usize].clone();
            local.inject(When::one_in(operation, 4).seed(random.next()), fault);
        }
    }
    let deployer = Deployer::new(&local.sdk_config());
    let service = Service::new("demo", "web")?;
    let mut revision = match deployer.current(&service).await {
        Ok(revision) => revision,
        Err(error) if error.is_retryable() => return Ok("rollout: no answer".to_owned()),
        Err(error) => return Err(error.into()),
    };
    revision.set_images([("web", "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web:2")])?;
    let mut rollout = deployer.roll_out(&service, revision);
    if random.one_in(2) {
        rollout = rollout.on_failure(OnFailure::RollBack);
    }
    if random.one_in(5) {
        let mut events = rollout.events();
        for _ in 0..random.below(12) {
            if events.next().await.is_none() {
                break;
            }
        }
        drop(events);
        return Ok("rollout: dropped".to_owned());
    }
    Ok(match rollout.await {
        Ok(_) => "rollout: deployed".to_owned(),
        Err(error) => format!("rollout: {:?}", error.kind()),
    })
}

/// How often each outcome occurred. Those in capitals are faults of the crates.
#[derive(Default)]
struct Tally {
    outcomes: Mutex<BTreeMap<String, u64>>,
    panics: AtomicU64,
}

impl Tally {
    fn add(&self, outcome: String) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        *outcomes.entry(outcome).or_default() += 1;
    }

    /// Prints the outcomes and returns whether all are right.
    fn print(&self) -> bool {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        println!();
        for (outcome, times) in outcomes.iter() {
            println!("{times:>7} × {outcome}");
        }
        let panics = self.panics.load(Ordering::Relaxed);
        println!("{panics:>7} × panic");
        let is_wrong = |outcome: &String| outcome.contains("WRONG") || outcome.contains("PANICKED");
        panics == 0 && !outcomes.keys().any(is_wrong)
    }
}

/// Counts the panics of all threads, those that a runtime catches included.
fn count_panics(tally: &Arc<Tally>) {
    let tally = Arc::clone(tally);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        tally.panics.fetch_add(1, Ordering::Relaxed);
        before(info);
    }));
}

/// A xorshift generator: the same seed gives the same faults.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 16) % limit
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
