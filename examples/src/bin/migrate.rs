//! Migrates a database by a one-off task of the new revision, and only then rolls that out.

use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use ecs_deploy::task::{Logs, RunTask};
use ecs_deploy::{Deployer, OnFailure, Service};
use examples::{BoxError, Images, Session, Story, run, show_diff, show_events};

/// Run a command in the new image as a one-off task, such as a database migration, and roll the
/// image out to an Amazon ECS service only if it exits with 0.
///
/// The task runs where and how the service's own tasks do, with its network, its roles and its
/// secrets. Its exit codes are told, and where its logs are. If it fails, nothing is deployed; the
/// revision stays registered, and nothing runs it.
///
/// The last line on stdout is the ARN of the revision that now runs. What happens on the way is
/// told on stderr.
///
/// Needs what `deploy` needs, and ecs:RunTask on the task definition, ecs:DescribeTasks and
/// ecs:StopTask on tasks of the cluster. The program `policy` prints that as a policy.
///
/// Without --aws it works on an emulator that ends with the program, to try it out: its service is
/// --cluster demo --service web, with the containers `web` and `log-router`. There, every command
/// exits with 0.
#[derive(Debug, Parser)]
#[command(
    group(ArgGroup::new("what").args(["definitions", "images"]).required(true).multiple(true)),
    override_usage = "migrate [--aws] --cluster C --service S \
                      (--definitions FILE | --image CONTAINER=URI)... [--container NAME] \
                      -- COMMAND...",
    after_help = "Exit code: 0 migrated and the revision runs, 1 one of both isn't so, 2 bad \
                  usage."
)]
struct Arguments {
    /// Work on AWS, with credentials and region from where every AWS tool takes them
    #[arg(long)]
    aws: bool,

    /// The cluster's name
    #[arg(long, value_name = "C")]
    cluster: String,

    /// The service's name
    #[arg(long, value_name = "S")]
    service: String,

    #[command(flatten)]
    images: Images,

    /// The container that the command runs in [default: the first essential one]
    #[arg(long, value_name = "NAME")]
    container: Option<String>,

    /// How long the command may take, before it is stopped
    #[arg(long, value_name = "SECONDS", default_value_t = RunTask::DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,

    /// What the container runs; its entry point stays
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(migrate(Arguments::parse())).await
}

async fn migrate(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, cluster, service, images, container, timeout, command } = arguments;
    let story = Story::on_stderr();
    let (service, images) = (Service::new(cluster, service)?, images.read()?);
    let session = if aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    let deployer = Deployer::new(session.config());
    let mut revision = deployer.current(&service).await?;
    revision.set_images(&images)?;

    show_diff(&revision, &story);

    story.tell(format!("running a task beside {service} ({})", session.place()));
    // Registers the revision, and the rollout finds it registered.
    let mut task = deployer.run_task(&service, &mut revision).command(command);
    if let Some(container) = container {
        task = task.container(container);
    }
    match task.timeout(Duration::from_secs(timeout)).await {
        Ok(ran) => {
            story.tell(format!("  {} is done after {} s", ran.task(), ran.elapsed().as_secs()));
            for (container, code) in ran.exit_codes() {
                let code =
                    code.map_or_else(|| "never ran".to_owned(), |it| format!("exited with {it}"));
                story.tell(format!("  {container} {code}"));
            }
            tell_logs(ran.logs(), &story);
        }
        Err(error) => {
            tell_logs(error.logs(), &story);
            return Err(error.into());
        }
    }

    story.tell(format!("deploying to {service}"));
    let roll_out = deployer.roll_out(&service, revision).on_failure(OnFailure::RollBack);
    let deployed = show_events(roll_out.events(), &story).await?;
    story.result(deployed.revision())
}

fn tell_logs(logs: &[Logs], story: &Story) {
    for logs in logs {
        story.tell(format!("  the log of {}: {logs}", logs.container()));
    }
}
