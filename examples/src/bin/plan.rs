//! Shows the plan of a push without running it.

use std::process::ExitCode;

use clap::Parser;
use ecr_push::Repository;
use examples::{BoxError, PushOptions, Session, Source, Story, parse_arguments, run};

/// Show the plan of a push to Amazon ECR without running it: the layers to upload, the layers that
/// already exist, the tags to create and to move, and what ECR would refuse.
///
/// The options are those of `push`. The plan goes to stdout. The program fails if ECR would refuse a
/// part of the push, so that a CI job can stop early.
///
/// Leave out --aws to try it out: the program then starts an emulator and asks it. The emulator's
/// repository is 123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web.
///
/// Permissions on the repository: ecr:BatchCheckLayerAvailability, and ecr:BatchGetImage to look up
/// the tags.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 the image can be pushed, 1 it can't, 2 bad usage.")]
struct Arguments {
    /// Ask AWS, in the repository's region. Credentials and endpoints come from the usual places:
    /// AWS_PROFILE, AWS_ENDPOINT_URL, the role of a container or an instance, …
    #[arg(long)]
    aws: bool,

    /// Print the plan as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    options: PushOptions,

    #[command(flatten)]
    source: Source,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag
    repository: Repository,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(plan(parse_arguments())).await
}

async fn plan(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, json, options, source, repository } = arguments;
    let story = Story::on_stderr();
    let image = source.open().await?;
    let session = Session::of(aws, &repository).await?;
    story.tell(format!("asking {}", options.place(&session)));

    let plan = options.push(&image, &repository, &session).plan().await?;
    let text = if json { serde_json::to_string_pretty(&plan)? } else { plan.to_string() };
    story.result(text.trim_end())?;
    match plan.obstacles() {
        [] => Ok(()),
        [_] => Err("ECR would refuse the push for the reason above".into()),
        several => {
            Err(format!("ECR would refuse the push for the {} reasons above", several.len()).into())
        }
    }
}
