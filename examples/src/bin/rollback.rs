//! Rolls a service back to the revision that ran before.

use std::process::ExitCode;

use clap::Parser;
use ecs_deploy::{Deployer, RollOut, Service};
use examples::{
    BoxError, Session, Story, TimeLimit, parse_arguments, run, show_events, show_roll_out,
};

/// Roll an Amazon ECS service back to the last revision that ran successfully, and wait until it
/// runs.
///
/// If a deployment is in progress, the program stops it, and ECS rolls it back. Otherwise the
/// program deploys the previous revision from the history that ECS keeps of the service. This isn't
/// always the next lower number: that revision may never have run. If it is INACTIVE, the program
/// registers its content again.
///
/// The last line on stdout is the ARN of the running revision. Progress goes to stderr.
///
/// Permissions: ecs:DescribeServices and ecs:UpdateService on the service,
/// ecs:DescribeTaskDefinition on *; for the history ecs:ListServiceDeployments and
/// ecs:DescribeServiceRevisions; to stop a deployment in progress ecs:StopServiceDeployment; for an
/// INACTIVE revision ecs:RegisterTaskDefinition and iam:PassRole.
///
/// Leave out --aws to try it out: the program then starts an emulator, deploys a second revision
/// to its service and rolls it back. Use --cluster demo --service web.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 the previous revision runs, 1 it doesn't, 2 bad usage.")]
struct Arguments {
    /// Roll back on AWS, with credentials and region from the usual places
    #[arg(long)]
    aws: bool,

    /// The cluster's name or ARN
    #[arg(long, value_name = "C")]
    cluster: String,

    /// The service's name or ARN
    #[arg(long, value_name = "S")]
    service: String,

    /// Fail if the rollback takes longer than this, from the first call on
    #[arg(long, value_name = "SECONDS", default_value_t = RollOut::DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(roll_back(parse_arguments())).await
}

async fn roll_back(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, cluster, service, timeout } = arguments;
    let story = Story::on_stderr();
    let service = Service::new(cluster, service)?;
    let mut limit = TimeLimit::new(timeout);
    let session = match aws {
        true => limit.hold("connecting to AWS", Session::on_aws()).await?,
        false => Session::on_emulator().await?,
    };
    let deployer = Deployer::new(session.config());
    if !aws {
        story.tell(format!("deploying a second revision to {service}"));
        deploy_something(&deployer, &service, &story).await?;
        limit = TimeLimit::new(timeout);
    }
    story.tell(format!("rolling {service} back ({})", session.place()));
    let roll_back = deployer.roll_back(&service).timeout(limit.limit()).spent(limit.spent());
    let deployed = show_events(roll_back.events(), &story).await?;
    story.result(deployed.revision())
}

/// Deploys a second revision, since the emulator starts with a single one.
async fn deploy_something(
    deployer: &Deployer,
    service: &Service,
    story: &Story,
) -> Result<(), BoxError> {
    let mut revision = deployer.current(service).await?;
    revision.container_mut("web")?.set_env("RELEASE", "2");
    show_roll_out(deployer, service, revision, story).await?;
    Ok(())
}
