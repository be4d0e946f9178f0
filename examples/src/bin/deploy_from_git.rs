//! Deploys a task definition that is kept in git.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ecs_deploy::{Deployer, Revision, Service};
use examples::{BoxError, Session, Story, run, show_roll_out};
use imagedefs::ImageDefinitions;

/// Deploy a task definition that is kept as a file in git, with the images of a build.
///
/// The file is what `aws ecs describe-task-definition` writes, or what `aws ecs
/// register-task-definition --cli-input-json` takes. Its containers get the images that
/// imagedefinitions.json names, and keep their own where it names none. What differs from what the
/// service runs is shown, and rolled out; where nothing differs, nothing is registered and nothing
/// deployed. The order of what has none makes no difference, nor do the members that ECS adds.
///
/// The last line on stdout is the ARN of the revision that now runs. What happens on the way is
/// told on stderr.
///
/// Needs what `deploy` needs.
///
/// Without --aws it deploys to an emulator that ends with the program, to try it out: its service
/// is --cluster demo --service web, and examples/service has files for that.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 the service runs what the files say, 1 it doesn't, 2 bad \
                        usage.")]
struct Arguments {
    /// Deploy to AWS, with credentials and region from where every AWS tool takes them
    #[arg(long)]
    aws: bool,

    /// The cluster's name
    #[arg(long, value_name = "C")]
    cluster: String,

    /// The service's name
    #[arg(long, value_name = "S")]
    service: String,

    /// The task definition, in JSON
    #[arg(long, value_name = "FILE")]
    task_definition: PathBuf,

    /// The images of the build
    #[arg(long, value_name = "FILE", default_value = ImageDefinitions::FILE_NAME)]
    definitions: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(Arguments::parse())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, cluster, service, task_definition, definitions } = arguments;
    let story = Story::on_stderr();
    let service = Service::new(cluster, service)?;
    // Before any connection: files that don't fit need no credentials to be found out.
    let mut revision = Revision::read(&task_definition)?;
    let kept = revision.set_images(&ImageDefinitions::read(&definitions)?)?;
    for (container, image) in revision.images().filter(|(name, _)| kept.iter().any(|it| it == name))
    {
        story
            .tell(format!("{container} keeps the image of {}: {image}", task_definition.display()));
    }

    let session = if aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    story.tell(format!("deploying to {service} ({})", session.place()));
    let deployer = Deployer::new(session.config());
    let revision = revision.based_on(&deployer.current(&service).await?);
    let deployed = show_roll_out(&deployer, &service, revision, &story).await?;
    story.result(deployed.revision())
}
