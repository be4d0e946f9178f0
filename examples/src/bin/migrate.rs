//! Runs a database migration as a one-off task of the new revision, then rolls the revision out.

use std::process::ExitCode;

use clap::Parser;
use ecs_deploy::task::{Logs, RunTask};
use ecs_deploy::{Deployer, OnFailure, Service};
use examples::{
    BoxError, Images, RollOutOptions, Session, Story, TimeLimit, parse_arguments, run, show_diff,
    show_events,
};

/// Run a command in the new image as a one-off task, such as a database migration, and roll the
/// image out to an Amazon ECS service only if the command exits with 0.
///
/// --image and --definitions name the new images. Without both, the program reads
/// imagedefinitions.json in the current folder if it exists; otherwise the command runs in the
/// current image.
///
/// The task has the network, the roles and the secrets of the service's own tasks. The program
/// prints its exit codes and the place of its logs. The exit code of the container with the command
/// decides; sidecars are stopped. If the task fails, the program deploys nothing.
/// The revision stays registered, but unused.
///
/// The last line on stdout is the ARN of the running revision. Progress goes to stderr.
///
/// Permissions: those of `deploy`, ecs:RunTask on the task definition, and ecs:DescribeTasks and
/// ecs:StopTask on tasks of the cluster. The program `policy` prints the IAM policy.
///
/// Leave out --aws to try it out: the program then starts an emulator and deploys to it. Use
/// --cluster demo --service web; the containers are `web` and `log-router`. On the emulator, every
/// command exits with 0.
#[derive(Debug, Parser)]
#[command(
    override_usage = "migrate [--aws] --cluster C --service S \
                      [--definitions FILE | --image CONTAINER=URI]... [--container NAME] \
                      [--force] [--check-images] -- COMMAND...",
    after_help = "Exit code: 0 migrated and deployed, 1 the migration or the deployment failed, \
                  2 bad usage."
)]
struct Arguments {
    /// Deploy to AWS, with credentials and region from the usual places
    #[arg(long)]
    aws: bool,

    /// The cluster's name or ARN
    #[arg(long, value_name = "C")]
    cluster: String,

    /// The service's name or ARN
    #[arg(long, value_name = "S")]
    service: String,

    #[command(flatten)]
    images: Images,

    #[command(flatten)]
    options: RollOutOptions,

    /// The container that runs the command [default: the first essential one]
    #[arg(long, value_name = "NAME")]
    container: Option<String>,

    /// Stop the command after this time, from the first call on. The deployment has 30 minutes more
    #[arg(long, value_name = "SECONDS", default_value_t = RunTask::DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,

    /// The command of the container; the entry point stays
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(migrate(parse_arguments())).await
}

async fn migrate(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, cluster, service, images, options, container, timeout, command } =
        arguments;
    let story = Story::on_stderr();
    let (service, images) = (Service::new(cluster, service)?, images.read_or_default()?);
    let limit = TimeLimit::new(timeout);
    let session = match aws {
        true => limit.hold("connecting to AWS", Session::on_aws()).await?,
        false => Session::on_emulator().await?,
    };
    let deployer = Deployer::new(session.config());
    let current = deployer.current(&service);
    let mut revision = limit.hold(format!("reading {service}"), current).await?;
    revision.set_images(&images)?;

    show_diff(&revision, &story);
    options.check(&deployer, &revision, &session).await?;

    story.tell(format!("running a task beside {service} ({})", session.place()));
    // Registers the revision. The rollout below uses the same one.
    let mut task = deployer.run_task(&service, &mut revision).command(command);
    if let Some(container) = container {
        task = task.container(container);
    }
    match task.timeout(limit.limit()).spent(limit.spent()).await {
        Ok(ran) => {
            story.tell(format!("  {} stopped after {} s", ran.task(), ran.elapsed().as_secs()));
            for (container, code) in ran.exit_codes() {
                tell_exit(container, code, &story);
            }
            tell_logs(ran.logs(), &story);
        }
        Err(error) => {
            for (container, code) in error.exit_codes() {
                tell_exit(container, code, &story);
            }
            tell_logs(error.logs(), &story);
            return Err(error.into());
        }
    }

    story.tell(format!("deploying to {service}"));
    let roll_out = deployer.roll_out(&service, revision).on_failure(OnFailure::RollBack);
    let deployed = show_events(options.set(roll_out, &session).events(), &story).await?;
    story.result(deployed.revision())
}

fn tell_exit(container: &str, code: Option<i32>, story: &Story) {
    let code = code.map_or_else(|| "didn't exit".to_owned(), |it| format!("exited with {it}"));
    story.tell(format!("  {container} {code}"));
}

fn tell_logs(logs: &[Logs], story: &Story) {
    for logs in logs {
        story.tell(format!("  log of {}: {logs}", logs.container()));
    }
}
