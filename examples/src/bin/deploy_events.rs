//! Follows a rollout by its events, and goes on where another process left off.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{ArgGroup, Parser};
use ecs_deploy::diagnosis::Obstacle;
use ecs_deploy::events::{Event, Events};
use ecs_deploy::{Deployer, ErrorKind, Handle, RollOut, Service};
use examples::{BoxError, Images, Session, Story, load, run, save};

/// Roll new images out to an Amazon ECS service, and tell of each event in a line of its own, for
/// the log of a CI job; or follow a rollout that another job began.
///
/// Each line on stderr has the seconds since the beginning, what happened, and the particulars.
/// With --handle, the deployment is saved in a file as soon as there is one. A job that ended too
/// early, or has been killed, is continued by --resume with that file: ECS goes on meanwhile.
///
/// The last line on stdout is the ARN of the revision that now runs.
///
/// It never tells ECS to go back, so that whoever follows needs to read alone: ecs:DescribeServices
/// on the service; ecs:ListTasks, ecs:DescribeTasks, ecs:ListServiceDeployments and
/// ecs:DescribeServiceDeployments tell more. Beginning needs what `deploy` needs.
///
/// Without --aws it deploys to an emulator that ends with the program, to try it out: its service
/// is --cluster demo --service web, with the containers `web` and `log-router`.
#[derive(Debug, Parser)]
#[command(
    group(
        ArgGroup::new("what")
            .args(["definitions", "images", "resume"])
            .required(true)
            .multiple(true)
    ),
    override_usage = "deploy_events [--aws] --cluster C --service S \
                      (--definitions FILE | --image CONTAINER=URI)... [--handle FILE]\n       \
                      deploy_events --aws --resume FILE",
    after_help = "Exit code: 0 the revision runs, 1 it doesn't or nobody knows, 2 bad usage."
)]
struct Arguments {
    /// Deploy to AWS, with credentials and region from where every AWS tool takes them
    #[arg(long)]
    aws: bool,

    /// The cluster's name
    #[arg(long, value_name = "C", required_unless_present = "resume")]
    cluster: Option<String>,

    /// The service's name
    #[arg(long, value_name = "S", required_unless_present = "resume")]
    service: Option<String>,

    #[command(flatten)]
    images: Images,

    /// Save the deployment in this file when it has begun
    #[arg(long, value_name = "FILE")]
    handle: Option<PathBuf>,

    /// Follow the deployment that is saved in this file; on the emulator, none lasts that long
    #[arg(
        long,
        value_name = "FILE",
        requires = "aws",
        conflicts_with_all = ["cluster", "service", "definitions", "images", "handle"]
    )]
    resume: Option<PathBuf>,

    /// How long to watch at most
    #[arg(long, value_name = "SECONDS", default_value_t = RollOut::DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(Arguments::parse())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let timeout = Duration::from_secs(arguments.timeout);
    if let Some(file) = &arguments.resume {
        let handle: Handle = load(file)?;
        let session = Session::on_aws().await?;
        let log = Log::new();
        log.tell("following", format!("{} of {}", handle.deployment(), handle.revision()));
        let follow = Deployer::new(session.config()).follow(handle).timeout(timeout);
        return watch(follow.events(), &log, Some(file)).await;
    }
    let (Some(cluster), Some(service)) = (arguments.cluster, arguments.service) else {
        return Err("--cluster and --service are needed".into());
    };
    let (service, images) = (Service::new(cluster, service)?, arguments.images.read()?);
    let session =
        if arguments.aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    let log = Log::new();
    log.tell("deploying", format!("to {service} ({})", session.place()));
    let deployer = Deployer::new(session.config());
    let mut revision = deployer.current(&service).await?;
    revision.set_images(&images)?;
    let roll_out = deployer.roll_out(&service, revision).timeout(timeout);
    watch(roll_out.events(), &log, arguments.handle.as_deref()).await
}

/// Tells the events, to the end. `file` is for the handle.
async fn watch(mut events: Events, log: &Log, file: Option<&Path>) -> Result<(), BoxError> {
    while let Some(event) = events.next().await {
        log.tell_event(&event);
        if let (Event::Started { handle, .. }, Some(file)) = (&event, file) {
            match save(file, handle) {
                Ok(()) => log.tell("saved", file.display()),
                // It has begun. To stop watching now would be worse than to have no file.
                Err(error) => {
                    let handle = serde_json::to_string(handle)?;
                    log.tell("not saved", format!("{error}; it would be: {handle}"));
                }
            }
        }
    }
    match events.finish().await {
        Ok(deployed) => log.story.result(deployed.revision()),
        Err(error) => {
            if let (ErrorKind::PausedAtHook | ErrorKind::TimedOut, Some(_), Some(file)) =
                (error.kind(), error.handle(), file)
            {
                let again = format!("deploy_events --aws --resume {}", file.display());
                log.tell("goes on", format!("to be followed by {again}"));
            }
            Err(error.into())
        }
    }
}

/// The lines of a CI job's log.
struct Log {
    story: Story,
    began: Instant,
}

impl Log {
    fn new() -> Self {
        Self { story: Story::on_stderr(), began: Instant::now() }
    }

    fn tell(&self, what: &str, particulars: impl Display) {
        let seconds = self.began.elapsed().as_secs();
        self.story.tell(format!("{seconds:>5} s  {what:<12} {particulars}"));
    }

    fn tell_event(&self, event: &Event) {
        match event {
            Event::Failed { kind, .. } => self.tell("failed", format!("{kind:?}")),
            // ECS says for people what no status shows: why there are no tasks, for one.
            Event::Message { text, .. } => match Obstacle::from_message(text) {
                Some(obstacle) => self.tell("in the way", format!("{obstacle}: {text}")),
                None => self.tell("ECS", text),
            },
            Event::Paused { pause, .. } => self.tell("paused", format!("{pause}")),
            Event::Progress { progress, .. } => self.tell("progress", progress),
            Event::Registered { revision, .. } => self.tell("registered", revision),
            Event::RollingBack { to: Some(to), .. } => self.tell("going back", format!("to {to}")),
            Event::Stage { stage, traffic_percent: None, .. } => self.tell("stage", stage),
            Event::Stage { stage, traffic_percent: Some(percent), .. } => {
                self.tell("stage", format!("{stage}, {percent} % of the traffic"));
            }
            Event::Started { handle, .. } => self.tell("started", handle.deployment()),
            Event::Succeeded { revision, .. } => self.tell("runs", revision),
            Event::TaskFailed { failure, .. } => self.tell("stopped", failure),
            Event::Unchanged { revision, .. } => self.tell("unchanged", revision),
            Event::Warning { finding, .. } => self.tell("warning", finding),
            other => self.tell("event", other),
        }
    }
}
