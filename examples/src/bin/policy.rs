//! Prints the IAM policies that a push and a deployment need.

use std::process::ExitCode;

use clap::{ArgGroup, Parser, ValueEnum};
use ecr_push::Repository;
use ecr_push::policy::PushPolicy;
use ecr_push::settings::{LookUp, NewRepository};
use ecs_deploy::Service;
use ecs_deploy::policy::DeployPolicy;
use examples::{BoxError, Story, run};

/// Print the least that an IAM policy has to allow for pushes into Amazon ECR, for deployments to
/// an Amazon ECS service, or for both.
///
/// The policy documents are on stdout, ready for `aws iam put-role-policy --policy-document`: one
/// for pushes, or one for each account where the repositories are of several, and then one for
/// deployments. Calls nothing.
#[derive(Debug, Parser)]
#[command(
    group(ArgGroup::new("what").args(["repositories", "service"]).required(true).multiple(true)),
    override_usage = "policy [--explain] REPOSITORY...\n       \
                      policy [--explain] --service ARN [--family F] [--role ARN]... \
                      [--check-images REPOSITORY]... [--for WORK]...",
    after_help = "Exit code: 0 printed, 1 the service isn't given by its ARN, 2 bad usage."
)]
struct Arguments {
    /// Explain each action on stderr
    #[arg(long)]
    explain: bool,

    /// For pushes that don't look up what is there: the five actions that no push can do without
    #[arg(long, requires = "repositories")]
    no_look_up: bool,

    /// For pushes that create a repository that is missing
    #[arg(long, requires = "repositories")]
    create_repository: bool,

    /// For Docker's protocol as well, which needs a token: `push --transport registry`, or Docker
    #[arg(long, requires = "repositories")]
    token: bool,

    /// For pushes by `--transport registry` that take layers over from this repository
    #[arg(long, value_name = "REPOSITORY", requires = "repositories")]
    mount_from: Option<Repository>,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, one or several
    repositories: Vec<Repository>,

    /// For deployments to this service: its ARN
    #[arg(long, value_name = "ARN")]
    service: Option<Service>,

    /// Limit what can be limited to this family of task definitions
    #[arg(long, value_name = "F", requires = "service")]
    family: Option<String>,

    /// A role that the task definition has, for tasks or for their execution; may be given several
    /// times
    #[arg(long = "role", value_name = "ARN", requires = "service")]
    roles: Vec<String>,

    /// For deployments that look first whether their images are in this repository; may be given
    /// several times
    #[arg(long, value_name = "REPOSITORY", requires = "service")]
    check_images: Vec<Repository>,

    /// For more than the rollout itself; may be given several times
    #[arg(long = "for", value_enum, value_name = "WORK", requires = "service")]
    work: Vec<Work>,
}

/// What a deployment may do beside the rollout.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Work {
    /// Say why tasks stopped
    Diagnosis,
    /// Decide about deployments that stand still at a lifecycle hook
    Hooks,
    /// Deregister old revisions
    Prune,
    /// Roll back what fails
    RollBack,
    /// Run one-off tasks
    RunTask,
    /// Look at ECS's newer view of a deployment: stages, hooks, why it was rolled back
    ServiceDeployments,
    /// Copy task definitions that have tags
    Tags,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(async { policy(&Arguments::parse()) }).await
}

fn policy(arguments: &Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    if let Some((first, others)) = arguments.repositories.split_first() {
        let policy = push_policy(arguments, first, others);
        if arguments.explain {
            for permission in policy.permissions() {
                let (action, resource) = (permission.action(), permission.resource());
                story.tell(format!("{action} on {resource}: {}", permission.reason()));
            }
        }
        // Each goes to a principal of its own.
        for policy in policy.by_account() {
            story.result(policy.to_string())?;
        }
    }
    if let Some(service) = &arguments.service {
        let policy = deploy_policy(arguments, service)?;
        if arguments.explain {
            for permission in policy.permissions() {
                let (action, resource) = (permission.action(), permission.resource());
                let loss = permission.loss().map(|it| format!("; without it, {it}"));
                let reason = permission.reason();
                story.tell(format!("{action} on {resource}: {reason}{}", loss.unwrap_or_default()));
            }
        }
        story.result(policy.to_string())?;
    }
    Ok(())
}

fn push_policy(arguments: &Arguments, first: &Repository, others: &[Repository]) -> PushPolicy {
    let mut policy = others.iter().fold(PushPolicy::new(first), PushPolicy::also_to);
    if arguments.no_look_up {
        policy = policy.look_up(LookUp::Never);
    }
    if arguments.create_repository {
        policy = policy.create_repository(NewRepository::default());
    }
    if arguments.token {
        policy = policy.token();
    }
    if let Some(source) = &arguments.mount_from {
        policy = policy.mount_from(source);
    }
    policy
}

fn deploy_policy(arguments: &Arguments, service: &Service) -> Result<DeployPolicy, BoxError> {
    let mut policy = DeployPolicy::new(service)?
        .check_images(arguments.check_images.iter().map(ToString::to_string));
    if let Some(family) = &arguments.family {
        policy = policy.family(family);
    }
    for role in &arguments.roles {
        policy = policy.role(role);
    }
    for work in &arguments.work {
        policy = match work {
            Work::Diagnosis => policy.diagnosis(),
            Work::Hooks => policy.hooks(),
            Work::Prune => policy.prune(),
            Work::RollBack => policy.roll_back(),
            Work::RunTask => policy.run_task(),
            Work::ServiceDeployments => policy.service_deployments(),
            Work::Tags => policy.tags(),
        };
    }
    Ok(policy)
}
