//! Deregisters old revisions that aren't in use.

use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use ecs_deploy::prune::Prune;
use ecs_deploy::{Deployer, Service};
use examples::{BoxError, Session, Story, parse_arguments, run};

/// Deregister the old revisions of a task definition that aren't in use.
///
/// The program keeps the newest revisions, those that a service or a task of any cluster in the
/// region and account uses, and those that a service could roll back to. If it can't read one of
/// these, it deregisters nothing. References from outside of ECS, such as schedules of EventBridge,
/// are unknown: let them name the family alone, or keep enough revisions.
///
/// stdout has a line for each deregistered revision; with --dry-run it has the plan. A deregistered
/// revision can't become active again.
///
/// Permissions: ecs:DeregisterTaskDefinition, ecs:ListTaskDefinitions, and the reads of clusters,
/// services, tasks and service revisions. `policy --for prune` prints the IAM policy.
///
/// Leave out --aws to try it out: the program then starts an emulator with the family `web`, which
/// has a single revision.
#[derive(Debug, Parser)]
#[command(
    group(ArgGroup::new("which").args(["family", "service"]).required(true)),
    override_usage = "prune [--aws] (--family F | --cluster C --service S) [--keep N] [--dry-run]",
    after_help = "Exit code: 0 deregistered, or nothing to do; 1 failed; 2 bad usage."
)]
struct Arguments {
    /// Deregister on AWS, with credentials and region from the usual places
    #[arg(long)]
    aws: bool,

    /// The family of task definitions
    #[arg(long, value_name = "F")]
    family: Option<String>,

    /// The name or the ARN of the cluster of --service
    #[arg(long, value_name = "C", requires = "service", conflicts_with = "family")]
    cluster: Option<String>,

    /// A service, by its name or ARN: the family of the task definition that it runs
    #[arg(long, value_name = "S", requires = "cluster")]
    service: Option<String>,

    /// Keep this number of the newest revisions, in use or not
    #[arg(long, value_name = "N", default_value_t = Prune::DEFAULT_KEEP)]
    keep: usize,

    /// Show which revisions would be deregistered, and why the others are kept
    #[arg(long)]
    dry_run: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(prune(parse_arguments())).await
}

async fn prune(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, family, cluster, service, keep, dry_run } = arguments;
    let story = Story::on_stderr();
    let service = match (cluster, service) {
        (Some(cluster), Some(service)) => Some(Service::new(cluster, service)?),
        _ => None,
    };
    let session = if aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    let deployer = Deployer::new(session.config());
    let prune = match &service {
        Some(service) => deployer.prune_family_of(service),
        None => deployer.prune(family.unwrap_or_default()),
    };
    let prune = prune.keep(keep);
    story.tell(format!("reading the revisions in use ({})", session.place()));
    if dry_run {
        return story.result(prune.plan().await?.to_string().trim_end());
    }
    let pruned = prune.await?;
    for revision in pruned.deregistered() {
        story.result(revision)?;
    }
    story.tell(format!("{} revisions deregistered", pruned.deregistered().len()));
    Ok(())
}
