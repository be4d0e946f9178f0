//! Pushes one image to repositories in several regions and accounts.

use std::path::PathBuf;
use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use clap::Parser;
use ecr_push::settings::NewRepository;
use ecr_push::{Image, Pusher, Repository, Tag};
use examples::{BoxError, Session, Story, run, show_push};

/// Push one image to Amazon ECR repositories in several regions and accounts. It is read once for
/// all of them, and no tag moves anywhere before every one of them has every layer.
///
/// The last lines on stdout are REPOSITORY@sha256:…, one for each, in the order given.
///
/// Without --aws it pushes into an emulator that ends with the program, to try it out; repositories
/// of any name, region and account can be created there.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 pushed to all, 1 failed, 2 bad usage.")]
struct Arguments {
    /// Push to AWS. Credentials and endpoints come from where every AWS tool takes them
    #[arg(long)]
    aws: bool,

    /// Assume a role for the repositories of its account, such as
    /// arn:aws:iam::210987654321:role/pusher; may be given several times
    #[arg(long = "role", value_name = "ARN", value_parser = role)]
    roles: Vec<Role>,

    /// Create the repositories that are missing
    #[arg(long)]
    create_repository: bool,

    /// Tag the image as well; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// The image
    image: PathBuf,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag, one or several
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
    run(push(Arguments::parse())).await
}

async fn push(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, roles, create_repository, tags, image, repositories } = arguments;
    let story = Story::on_stderr();
    let image = Image::open(image).await?;
    let (first, others) = repositories.split_first().ok_or("no repository is given")?;
    let session = Session::of(aws, first).await?;
    story.tell(format!("pushing {} ({})", image.digest(), session.place()));

    let mut pusher = Pusher::new(session.config());
    for role in &roles {
        let Role { account, arn } = role;
        let theirs = repositories.iter().find(|repository| repository.account() == account);
        let theirs = theirs.ok_or_else(|| format!("no repository is of the account of {arn}"))?;
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

/// The same configuration with the role's credentials, which are renewed before they expire.
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
        _ => Err("it has to be arn:aws:iam::ACCOUNT:role/NAME".to_owned()),
    }
}
