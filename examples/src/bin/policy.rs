//! Prints the IAM policies for pushes and deployments.

use std::process::ExitCode;

use clap::{ArgGroup, Parser, ValueEnum};
use ecr_push::{LookUp, NewRepository, PushPolicy, Repository};
use ecs_deploy::{DeployPolicy, Service};
use examples::{BoxError, Story, run};

/// Print the least IAM policy for pushes to Amazon ECR, for deployments to an Amazon ECS service, or
/// for both.
///
/// The policy documents go to stdout, ready for `aws iam put-role-policy --policy-document`. There
/// is one document for pushes to each account, then one for deployments. The program calls no
/// service.
#[derive(Debug, Parser)]
#[command(
    group(ArgGroup::new("what").args(["repositories", "service"]).required(true).multiple(true)),
    override_usage = "policy [--explain] REPOSITORY...\n       \
                      policy [--explain] --service ARN [--family F] [--role ARN]... \
                      [--check-images REPOSITORY]... [--for WORK]...",
    after_help = "Exit code: 0 printed, 1 the service is not an ARN, 2 bad usage."
)]
struct Arguments {
    /// Explain each action on stderr
    #[arg(long)]
    explain: bool,

    /// Allow only pushes that skip the lookup of tags and manifests: the five actions of every push
    #[arg(long, requires = "repositories")]
    no_look_up: bool,

    /// Allow the push to create a missing repository
    #[arg(long, requires = "repositories")]
    create_repository: bool,

    /// Allow Docker's protocol, which needs a token: `push --transport registry`, or Docker itself
    #[arg(long, requires = "repositories")]
    token: bool,

    /// Allow `push --transport registry` to mount layers from this repository
    #[arg(long, value_name = "REPOSITORY", requires = "repositories")]
    mount_from: Option<Repository>,

    /// The repositories to push to: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME
    repositories: Vec<Repository>,

    /// The ARN of the service to deploy to
    #[arg(long, value_name = "ARN")]
    service: Option<Service>,

    /// Limit the statements to this family of task definitions if possible
    #[arg(long, value_name = "F", requires = "service")]
    family: Option<String>,

    /// A task role or task execution role of the task definition; may be given several times
    #[arg(long = "role", value_name = "ARN", requires = "service")]
    roles: Vec<String>,

    /// Allow `deploy --check-images` for images in this repository; may be given several times
    #[arg(long, value_name = "REPOSITORY", requires = "service")]
    check_images: Vec<Repository>,

    /// Allow more than the rollout itself; may be given several times
    #[arg(long = "for", value_enum, value_name = "WORK", requires = "service")]
    work: Vec<Work>,
}

/// A task beside the rollout.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Work {
    /// Report why tasks stopped
    Diagnosis,
    /// Continue or stop deployments that wait at a lifecycle hook
    Hooks,
    /// Deregister old revisions
    Prune,
    /// Roll back failed deployments
    RollBack,
    /// Run one-off tasks
    RunTask,
    /// Read service deployments: stages, hooks, the reason of a rollback
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
        // Each account needs a policy of its own.
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
