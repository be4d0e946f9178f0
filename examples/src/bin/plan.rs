//! Shows what a push is going to do, and changes nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ecr_push::{Image, Pusher, Repository, Tag};
use examples::{BoxError, Session, Story, run};

/// Show what a push into Amazon ECR is going to do, without doing it: which layers are sent and
/// which are there, which tags are created and moved, what ECR is going to refuse, how many calls
/// it takes.
///
/// The plan is on stdout. Ends with failure where ECR is going to refuse something, so that a CI
/// job can ask before it builds on.
///
/// Without --aws it asks an emulator that ends with the program, to try it out: its repository is
/// 123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web.
///
/// Needs, on the repository, ecr:BatchCheckLayerAvailability, and ecr:BatchGetImage to say where
/// the tags are.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 the image can be pushed, 1 it can't, 2 bad usage.")]
struct Arguments {
    /// Ask AWS, in the repository's region. Credentials and endpoints come from where every AWS
    /// tool takes them: AWS_PROFILE, AWS_ENDPOINT_URL, a container's or an instance's role, …
    #[arg(long)]
    aws: bool,

    /// Print the plan as JSON
    #[arg(long)]
    json: bool,

    /// Tag the image as well; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// The image
    image: PathBuf,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag
    repository: Repository,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(plan(Arguments::parse())).await
}

async fn plan(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, json, tags, image, repository } = arguments;
    let story = Story::on_stderr();
    let image = Image::open(image).await?;
    let session = Session::of(aws, &repository).await?;
    story.tell(format!("asking {}", session.place()));

    let push = Pusher::new(session.config()).push(&image, &repository);
    let push = tags.into_iter().fold(push, |push, tag| push.tag(tag));
    let plan = push.plan().await?;
    let text = if json { serde_json::to_string_pretty(&plan)? } else { plan.to_string() };
    story.result(text.trim_end())?;
    match plan.obstacles() {
        [] => Ok(()),
        refused => Err(format!("ECR is going to refuse {} things of it", refused.len()).into()),
    }
}
