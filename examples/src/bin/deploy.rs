//! Rolls new images out to an ECS service.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use ecs_deploy::{Deployer, Service};
use examples::{BoxError, Session, Story, run, show_roll_out};
use imagedefs::ImageDefinitions;

/// Roll new images out to an Amazon ECS service, and tell the truth about the outcome.
///
/// Copies the task definition that the service runs, gives its containers the images, registers
/// that as a new revision and deploys it. Success means that this very revision runs; a rollout
/// that ECS rolled back is a failure, with the reason why its tasks stopped. Where nothing
/// changes, nothing is registered.
///
/// The last line on stdout is the ARN of the revision that now runs. What happens on the way is
/// told on stderr.
///
/// Needs ecs:DescribeServices and ecs:UpdateService on the service, ecs:DescribeTaskDefinition and
/// ecs:RegisterTaskDefinition on *, iam:PassRole on the task's roles, and ecs:TagResource where
/// the task definition has tags. ecs:ListTasks, ecs:DescribeTasks, ecs:ListServiceDeployments and
/// ecs:StopServiceDeployment tell more and roll back.
///
/// Without --aws it deploys to an emulator that ends with the program, to try it out: its service
/// is --cluster demo --service web, with the containers `web` and `log-router`.
#[derive(Debug, Parser)]
#[command(
    group(ArgGroup::new("what").args(["definitions", "images"]).required(true).multiple(true)),
    override_usage = "deploy [--aws] --cluster C --service S \
                      (--definitions FILE | --image CONTAINER=URI)...",
    after_help = "Exit code: 0 the revision runs, 1 it doesn't, 2 bad usage."
)]
struct Arguments {
    /// Deploy to AWS. Credentials, region and endpoints come from where every AWS tool takes them:
    /// AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, a container's or an instance's role, …
    #[arg(long)]
    aws: bool,

    /// The cluster's name
    #[arg(long, value_name = "C")]
    cluster: String,

    /// The service's name
    #[arg(long, value_name = "S")]
    service: String,

    /// A file of images, as CodePipeline takes it; may be given several times
    #[arg(long, value_name = "FILE")]
    definitions: Vec<PathBuf>,

    /// The image of one container; may be given several times
    #[arg(long = "image", value_name = "CONTAINER=URI", value_parser = assignment)]
    images: Vec<(String, String)>,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(Arguments::parse())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, cluster, service, definitions: files, images } = arguments;
    let story = Story::on_stderr();
    let mut definitions = ImageDefinitions::new();
    for file in files {
        for (container, image) in &ImageDefinitions::read(file)? {
            add(&mut definitions, container, image)?;
        }
    }
    for (container, image) in &images {
        add(&mut definitions, container, image)?;
    }
    let service = Service::new(cluster, service)?;
    let session = if aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    story.tell(format!("deploying to {service} ({})", session.place()));

    let deployer = Deployer::new(session.config());
    let mut revision = deployer.current(&service).await?;
    revision.set_images(&definitions)?;
    let deployed = show_roll_out(&deployer, &service, revision, &story).await?;
    story.result(deployed.revision())
}

/// A container may be named twice, as long as it gets one image.
fn add(definitions: &mut ImageDefinitions, container: &str, image: &str) -> Result<(), BoxError> {
    match definitions.get(container) {
        Some(other) if other.as_str() == image => Ok(()),
        Some(other) => Err(format!(
            "the container `{container}` gets two images, {other} and {image}: leave one of them \
             out of --definitions and --image"
        )
        .into()),
        None => Ok(definitions.insert_tagged(container, image)?),
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((container, image)) if !container.is_empty() && !image.is_empty() => {
            Ok((container.to_owned(), image.to_owned()))
        }
        _ => Err("it has to be CONTAINER=URI, such as web=REPOSITORY@sha256:…".to_owned()),
    }
}
