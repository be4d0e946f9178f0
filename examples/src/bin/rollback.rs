//! Puts a service back to the revision that last ran on it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ecs_deploy::{Deployer, RollOut, Service};
use examples::{BoxError, Session, Story, run, show_events, show_roll_out};

/// Put an Amazon ECS service back to the revision that last ran on it successfully, and wait until
/// that runs.
///
/// A deployment that is in progress is stopped, and ECS goes back by itself. Where none is, the
/// revision is deployed that ran before, by the history that ECS keeps of the service: not the one
/// with the next lower number, which may never have run.
///
/// The last line on stdout is the ARN of the revision that runs again. What happens on the way is
/// told on stderr.
///
/// Needs ecs:DescribeServices and ecs:UpdateService on the service, ecs:DescribeTaskDefinition on
/// *, and, for the history, ecs:ListServiceDeployments and ecs:DescribeServiceRevisions;
/// ecs:StopServiceDeployment stops what is in progress.
///
/// Without --aws it works on an emulator that ends with the program, to try it out: its service is
/// --cluster demo --service web, which is given a new revision before, to go back from.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 the old revision runs, 1 it doesn't, 2 bad usage.")]
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

    /// How long it may take in all
    #[arg(long, value_name = "SECONDS", default_value_t = RollOut::DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(roll_back(Arguments::parse())).await
}

async fn roll_back(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, cluster, service, timeout } = arguments;
    let story = Story::on_stderr();
    let service = Service::new(cluster, service)?;
    let session = if aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    let deployer = Deployer::new(session.config());
    if !aws {
        story.tell(format!("deploying to {service}, so that there is something to go back from"));
        deploy_something(&deployer, &service, &story).await?;
    }
    story.tell(format!("rolling {service} back ({})", session.place()));
    let roll_back = deployer.roll_back(&service).timeout(Duration::from_secs(timeout));
    let deployed = show_events(roll_back.events(), &story).await?;
    story.result(deployed.revision())
}

/// What the emulator has been running since it began has nothing before it.
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
