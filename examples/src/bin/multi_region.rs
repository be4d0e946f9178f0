//! Pushes one image to repositories in several regions and accounts.

use std::path::PathBuf;
use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use clap::Parser;
use ecr_push::settings::NewRepository;
use ecr_push::{Pusher, Repository, Tag};
use examples::{BoxError, Session, Story, open_image, parse_arguments, run, show_push};

/// Push one image to Amazon ECR repositories in several regions and accounts. The program reads the
/// image once, and moves no tag until all repositories have all layers.
///
/// The last lines on stdout are REPOSITORY@sha256:…, one for each repository in the given order.
///
/// Leave out --aws to try it out: the program then starts an emulator and pushes to it. With
/// --create-repository, the repositories can have any name, region and account.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 pushed to all, 1 failed, 2 bad usage.")]
struct Arguments {
    /// Push to AWS. Credentials and endpoints come from the usual places
    #[arg(long)]
    aws: bool,

    /// Assume this role for the repositories of the role's account, such as
    /// arn:aws:iam::210987654321:role/pusher; may be given several times
    #[arg(long = "role", value_name = "ARN", value_parser = role)]
    roles: Vec<Role>,

    /// Create missing repositories
    #[arg(long)]
    create_repository: bool,

    /// Tag the image; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// The image
    image: PathBuf,

    /// One or several repositories: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag
    #[arg(required = true)]
    repositories: Vec<Repository>,
}

#[derive(Debug, Clone)]
struct Role {
    account: String,
    arn: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(push(parse_arguments())).await
}

async fn push(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, roles, create_repository, tags, image, repositories } = arguments;
    let story = Story::on_stderr();
    let image = open_image(&image)?.await?;
    let (first, others) = repositories.split_first().ok_or("no repository is given")?;
    let session = Session::of(aws, first).await?;
    story.tell(format!("pushing {} ({})", image.digest(), session.place()));

    let mut pusher = Pusher::new(session.config());
    for role in &roles {
        let Role { account, arn } = role;
        let theirs = repositories.iter().find(|repository| repository.account() == account);
        let theirs =
            theirs.ok_or_else(|| format!("no repository belongs to the account of {arn}"))?;
        pusher = pusher.for_account_of(theirs, &assume(role, session.config()).await);
    }
    let push = others.iter().fold(pusher.push(&image, first), |push, to| push.also_to(to));
    let mut push = tags.into_iter().fold(push, |push, tag| push.tag(tag));
    if create_repository {
        push = push.create_repository(NewRepository::default());
    }
    let pushed = show_push(push, &story).await?;
    for to in pushed.repositories() {
        story.result(to.image_uri())?;
    }
    Ok(())
}

/// Returns the configuration with the role's credentials. The SDK renews them before they expire.
async fn assume(role: &Role, config: &SdkConfig) -> SdkConfig {
    let provider = AssumeRoleProvider::builder(&role.arn)
        .session_name("ecr-push")
        .configure(config)
        .build()
        .await;
    let credentials = SharedCredentialsProvider::new(provider);
    config.to_builder().credentials_provider(credentials).build()
}

fn role(arn: &str) -> Result<Role, String> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, role] if role.starts_with("role/") => {
            Ok(Role { account: account.to_owned(), arn: arn.to_owned() })
        }
        _ => Err("expected arn:aws:iam::ACCOUNT:role/NAME".to_owned()),
    }
}
