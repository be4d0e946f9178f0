//! A complete pipeline: a push to ECR, imagedefinitions.json and a deployment to ECS.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ecr_push::{Image, Pushed, Pusher, Repository, Tag};
use ecs_deploy::{Deployed, Deployer, Service};
use examples::{
    BoxError, DemoImage, Session, Story, check_writable, parse_arguments, run, show_push,
    show_roll_out,
};
use imagedefs::ImageDefinitions;
use indicatif::BinaryBytes;

/// Push an image to Amazon ECR, write imagedefinitions.json and roll the image out to an ECS
/// service.
///
/// The program needs no account, no Docker and no network if it has no arguments: it makes an image
/// of itself, starts an emulator of AWS, and pushes and deploys the image there. Use --aws to do
/// the same on an account.
///
/// Before the first change, the program checks the image, the names, the credentials, the service
/// and the container.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 the image runs, 1 it doesn't, 2 bad usage.")]
struct Arguments {
    /// Run on AWS. Credentials, region and endpoints come from the usual places: AWS_PROFILE,
    /// AWS_REGION, AWS_ENDPOINT_URL, the role of a container or an instance, …
    #[arg(long, requires_all = ["image", "repository", "cluster", "service", "container"])]
    aws: bool,

    /// The image: a folder with an OCI image layout, an OCI archive or an archive of `docker save`
    /// [default: an image of this program]
    #[arg(long, value_name = "PATH")]
    image: Option<PathBuf>,

    /// Select one of several images in the source by its name or digest
    #[arg(long, value_name = "NAME", requires = "image")]
    name: Option<String>,

    /// Keep the image of this program in a new folder
    #[arg(long, value_name = "PATH", conflicts_with = "image")]
    keep_image: Option<PathBuf>,

    /// Put this program into the kept image instead; may be given several times. Static programs
    /// run in it
    #[arg(long = "program", value_name = "FILE", requires = "keep_image")]
    programs: Vec<PathBuf>,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag [default: the emulator's]
    #[arg(long, value_name = "URI")]
    repository: Option<Repository>,

    /// The cluster's name [default: demo]
    #[arg(long, value_name = "C")]
    cluster: Option<String>,

    /// The service's name [default: web]
    #[arg(long, value_name = "S")]
    service: Option<String>,

    /// The container that gets the image, by its name in the task definition [default: web]
    #[arg(long, value_name = "NAME")]
    container: Option<String>,

    /// Tag the image; may be given several times
    #[arg(long = "tag", value_name = "T")]
    tags: Vec<Tag>,

    /// Write the image definitions to this file
    #[arg(long, value_name = "FILE", default_value = ImageDefinitions::FILE_NAME)]
    definitions: PathBuf,
}

const DEMO_REPOSITORY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";

#[tokio::main]
async fn main() -> ExitCode {
    run(pipeline(parse_arguments())).await
}

async fn pipeline(arguments: Arguments) -> Result<(), BoxError> {
    let started = Instant::now();
    let story = Story::on_stdout();
    let text = |given: Option<String>, default: &str| given.unwrap_or_else(|| default.to_owned());
    let container = text(arguments.container, "web");
    let service = Service::new(text(arguments.cluster, "demo"), text(arguments.service, "web"))?;
    let repository = match arguments.repository {
        Some(repository) => repository,
        None => DEMO_REPOSITORY.parse()?,
    };

    let demo;
    let layout = match &arguments.image {
        Some(path) => path.as_path(),
        None => {
            let build = move || match arguments.keep_image {
                Some(path) => DemoImage::create(&path, &arguments.programs),
                None => DemoImage::temporary(),
            };
            demo = tokio::task::spawn_blocking(build).await??;
            demo.path()
        }
    };
    let image = match &arguments.name {
        Some(name) => Image::open(layout).named(name).await?,
        None => Image::open(layout).await?,
    };
    check_writable(&arguments.definitions)?;
    story.tell(format!("image {} in {}", image.digest(), layout.display()));

    let session =
        if arguments.aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    let deployer = Deployer::new(session.config());
    check_container(&deployer, &service, &container, &repository, &image).await?;

    story.tell(format!("pushing to {repository} ({})", session.place()));
    let mut push = Pusher::new(session.config()).push(&image, &repository);
    for tag in arguments.tags {
        push = push.tag(tag);
    }
    let pushed = show_push(push, &story).await?;

    let mut definitions = ImageDefinitions::new();
    definitions.insert(&container, pushed.image_uri())?;
    definitions.write(&arguments.definitions)?;
    story.tell(format!("wrote {}", arguments.definitions.display()));

    // Like CodePipeline's ECS action, the deployment only uses the file.
    let definitions = ImageDefinitions::read(&arguments.definitions)?;
    let mut revision = deployer.current(&service).await?;
    revision.set_images(&definitions)?;
    story.tell(format!("deploying to {service}"));
    let deployed = show_roll_out(&deployer, &service, revision, &story).await?;
    summarise(&story, &pushed, &deployed, &session, started);
    Ok(())
}

/// Fails before the push if the service lacks the container.
async fn check_container(
    deployer: &Deployer,
    service: &Service,
    container: &str,
    repository: &Repository,
    image: &Image,
) -> Result<(), BoxError> {
    let mut revision = deployer.current(service).await?;
    revision.set_images([(container, format!("{repository}@{}", image.digest()))])?;
    Ok(())
}

fn summarise(
    story: &Story,
    pushed: &Pushed,
    deployed: &Deployed,
    session: &Session,
    started: Instant,
) {
    let (sent, skipped) = (pushed.layers_sent(), pushed.layers_skipped());
    let bytes = BinaryBytes(pushed.bytes_sent());
    let (requests, on_the_wire) =
        (session.traffic().requests(), BinaryBytes(session.traffic().bytes()));
    let registered = if deployed.was_changed() { "" } else { " (unchanged)" };
    story.tell("");
    story.tell(format!("image     {}", pushed.image_uri()));
    story.tell(format!("revision  {}{registered}", deployed.revision()));
    story.tell(format!("layers    {sent} uploaded with {bytes}, {skipped} already exist"));
    story.tell(format!("calls     {requests} with {on_the_wire}"));
    story.tell(format!("took      {:.1} s", started.elapsed().as_secs_f64()));
}
