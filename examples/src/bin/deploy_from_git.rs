//! Deploys a task definition from a file in git.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ecs_deploy::{Deployer, OnFailure, Revision, Service};
use examples::{
    BoxError, Images, RollOutOptions, Session, Story, parse_arguments, run, show_diff, show_events,
};

/// Deploy a task definition from a file in git, with the images of a build.
///
/// The file has the format of `aws ecs describe-task-definition` or of `aws ecs
/// register-task-definition --cli-input-json`. A container gets the image of --image or
/// --definitions, or keeps the image of the file. Without both, the program reads
/// imagedefinitions.json in the current folder if it exists.
///
/// The program shows the difference to the running revision and rolls it out. Without a difference,
/// it registers and deploys nothing, unless --force is given: a tag such as `latest` may name
/// another image by now. The comparison ignores the order of unordered lists and the members that
/// ECS adds. An error that `check_taskdef` finds in the file ends the program before any change.
///
/// The last line on stdout is the ARN of the running revision. Progress goes to stderr.
///
/// Permissions: those of `deploy`.
///
/// Leave out --aws to try it out: the program then starts an emulator and deploys to it. Use
/// --cluster demo --service web and the files in examples/service.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 the service runs the task definition, 1 it doesn't, 2 bad \
                        usage.")]
struct Arguments {
    /// Deploy to AWS, with credentials and region from the usual places
    #[arg(long)]
    aws: bool,

    /// The cluster's name or ARN
    #[arg(long, value_name = "C")]
    cluster: String,

    /// The service's name or ARN
    #[arg(long, value_name = "S")]
    service: String,

    /// The task definition in JSON
    #[arg(long, value_name = "FILE")]
    task_definition: PathBuf,

    #[command(flatten)]
    images: Images,

    #[command(flatten)]
    options: RollOutOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(parse_arguments())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, cluster, service, task_definition, images, options } = arguments;
    let story = Story::on_stderr();
    let service = Service::new(cluster, service)?;
    // Reads the files before it connects, so that mistakes fail without credentials.
    let mut revision = Revision::read(&task_definition)?;
    let kept = revision.set_images(&images.read_or_default()?)?;
    for (container, image) in revision.images().filter(|(name, _)| kept.iter().any(|it| it == name))
    {
        story
            .tell(format!("{container} keeps the image of {}: {image}", task_definition.display()));
    }

    let session = if aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    story.tell(format!("deploying to {service} ({})", session.place()));
    let deployer = Deployer::new(session.config());
    let revision = revision.based_on(&deployer.current(&service).await?);
    show_diff(&revision, &story);
    let roll_out = deployer.roll_out(&service, revision).on_failure(OnFailure::RollBack);
    let deployed = show_events(options.set(roll_out, &session).events(), &story).await?;
    story.result(deployed.revision())
}
