//! Prints the IAM policy that a push needs.

use std::process::ExitCode;

use clap::Parser;
use ecr_push::{LookUp, NewRepository, PushPolicy, Repository};
use examples::{BoxError, Story, run};

/// Print the least that an IAM policy has to allow for a push into Amazon ECR.
///
/// The policy document is on stdout, ready for `aws iam put-role-policy --policy-document`; for
/// repositories of several accounts, one for each. Calls nothing.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 printed, 2 bad usage.")]
struct Arguments {
    /// Explain each action on stderr
    #[arg(long)]
    explain: bool,

    /// For pushes that don't look up what is there: the five actions that no push can do without
    #[arg(long)]
    no_look_up: bool,

    /// For pushes that create a repository that is missing
    #[arg(long)]
    create_repository: bool,

    /// For Docker's protocol as well, which needs a token: `push --transport registry`, or Docker
    #[arg(long)]
    token: bool,

    /// For pushes by `--transport registry` that take layers over from this repository
    #[arg(long, value_name = "REPOSITORY")]
    mount_from: Option<Repository>,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, one or several
    #[arg(required = true)]
    repositories: Vec<Repository>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(async { policy(Arguments::parse()) }).await
}

fn policy(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { explain, no_look_up, create_repository, token, mount_from, repositories } =
        arguments;
    let story = Story::on_stderr();
    let mut all = repositories.iter();
    let first = all.next().ok_or("no repository is given")?;
    let mut policy = all.fold(PushPolicy::new(first), PushPolicy::also_to);
    if no_look_up {
        policy = policy.look_up(LookUp::Never);
    }
    if create_repository {
        policy = policy.create_repository(NewRepository::default());
    }
    if token {
        policy = policy.token();
    }
    if let Some(source) = mount_from {
        policy = policy.mount_from(&source);
    }
    if explain {
        for permission in policy.permissions() {
            let (action, resource) = (permission.action(), permission.resource());
            story.tell(format!("{action} on {resource}: {}", permission.reason()));
        }
    }
    // Each goes to a principal of its own.
    for policy in policy.by_account() {
        story.result(policy.to_string())?;
    }
    Ok(())
}
