//! Shows a rollout event by event, and continues to watch a rollout of another process.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{ArgGroup, Parser};
use ecs_deploy::diagnosis::Obstacle;
use ecs_deploy::events::{Event, Events};
use ecs_deploy::{Deployer, ErrorKind, Handle, RollOut, Service};
use examples::{BoxError, Images, Session, Story, load, parse_arguments, run, save};

/// Roll new images out to an Amazon ECS service and print a line for each event, for the log of a
/// CI job; or follow a rollout that another job started.
///
/// Each line on stderr has the seconds since the start, the event and its details. --handle saves
/// the deployment in a file as soon as it starts. If the job is killed or times out, ECS continues
/// the deployment, and another job can watch it with --resume and that file.
///
/// The last line on stdout is the ARN of the running revision.
///
/// The program never rolls back, so following needs only read permissions: ecs:DescribeServices on
/// the service, and for more details ecs:ListTasks, ecs:DescribeTasks, ecs:ListServiceDeployments
/// and ecs:DescribeServiceDeployments. Starting a rollout needs the permissions of `deploy`.
///
/// Leave out --aws to try it out: the program then starts an emulator and deploys to it. Use
/// --cluster demo --service web; the containers are `web` and `log-router`.
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
    after_help = "Exit code: 0 the revision runs, 1 it doesn't or the outcome is unknown, 2 bad usage."
)]
struct Arguments {
    /// Deploy to AWS, with credentials and region from the usual places
    #[arg(long)]
    aws: bool,

    /// The cluster's name or ARN
    #[arg(long, value_name = "C", required_unless_present = "resume")]
    cluster: Option<String>,

    /// The service's name or ARN
    #[arg(long, value_name = "S", required_unless_present = "resume")]
    service: Option<String>,

    #[command(flatten)]
    images: Images,

    /// Save the deployment in this file when it has started
    #[arg(long, value_name = "FILE")]
    handle: Option<PathBuf>,

    /// Follow the deployment that is saved in this file; an emulator's deployments end with it
    #[arg(
        long,
        value_name = "FILE",
        requires = "aws",
        conflicts_with_all = ["cluster", "service", "definitions", "images", "handle"]
    )]
    resume: Option<PathBuf>,

    /// Stop watching after this time
    #[arg(long, value_name = "SECONDS", default_value_t = RollOut::DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(parse_arguments())).await
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

/// Prints the events until the rollout ends, and saves the handle in `file`.
async fn watch(mut events: Events, log: &Log, file: Option<&Path>) -> Result<(), BoxError> {
    while let Some(event) = events.next().await {
        log.tell_event(&event);
        if let (Event::Started { handle, .. }, Some(file)) = (&event, file) {
            match save(file, handle) {
                Ok(()) => log.tell("saved", file.display()),
                // The deployment has started: watching it matters more than the file.
                Err(error) => {
                    let handle = serde_json::to_string(handle)?;
                    log.tell("not saved", format!("{error}; the handle is {handle}"));
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
                log.tell("continues", format!("follow it with {again}"));
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
            // Some causes, such as missing capacity, only appear in the messages.
            Event::Message { text, .. } => match Obstacle::from_message(text) {
                Some(obstacle) => self.tell("obstacle", format!("{obstacle}: {text}")),
                None => self.tell("ECS", text),
            },
            Event::Paused { pause, .. } => self.tell("paused", format!("{pause}")),
            Event::Progress { progress, .. } => self.tell("progress", progress),
            Event::Registered { revision, .. } => self.tell("registered", revision),
            Event::RollingBack { to: Some(to), .. } => {
                self.tell("rolling back", format!("to {to}"));
            }
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
