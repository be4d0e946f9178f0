//! Pushes a container image to an ECR repository.

use std::process::ExitCode;

use clap::Parser;
use ecr_push::Repository;
use examples::{
    BoxError, Containers, Delivery, PushOptions, Session, Source, Story, parse_arguments, run,
    show_push,
};
use imagedefs::ImageDefinitions;

/// Push a container image to Amazon ECR, without Docker.
///
/// The image is an OCI image layout (a folder), an OCI archive or an archive of `docker save`. The
/// program detects the format and reads archives in place. It skips layers that the repository
/// already has; the image may lack these. With `-`, it reads an archive from stdin: `docker save
/// IMAGE | push - REPOSITORY`. Archives may be compressed with gzip; builds with these features also
/// read bzip2, xz and zstd.
///
/// The last line on stdout is the image by its digest, REPOSITORY@sha256:…, so that a script can
/// use `IMAGE=$(push …)`. Progress goes to stderr. With --container or --containers, the program
/// also writes the image definitions for CodePipeline, to imagedefinitions.json or the files of
/// --definitions and --zip.
///
/// Leave out --aws to try it out: the program then starts an emulator and pushes to it. The
/// emulator's repository is 123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web.
///
/// Permissions on the repository: ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload,
/// ecr:UploadLayerPart, ecr:CompleteLayerUpload and ecr:PutImage. ecr:BatchGetImage lets the push
/// skip manifests and tags that already exist. The program `policy` prints the IAM policy.
#[derive(Debug, Parser)]
#[command(
    // The definitions need a container.
    mut_arg("definitions", |it| it.requires("which_containers")),
    mut_arg("zip", |it| it.requires("which_containers")),
    after_help = "Exit code: 0 pushed, 1 failed, 2 bad usage."
)]
struct Arguments {
    /// Push to AWS, in the repository's region. Credentials and endpoints come from the usual
    /// places: AWS_PROFILE, AWS_ENDPOINT_URL, the role of a container or an instance, …
    #[arg(long)]
    aws: bool,

    #[command(flatten)]
    options: PushOptions,

    #[command(flatten)]
    containers: Containers,

    #[command(flatten)]
    delivery: Delivery,

    #[command(flatten)]
    source: Source,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag. The push goes to that region
    repository: Repository,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(push(parse_arguments())).await
}

async fn push(arguments: Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    let repository = arguments.repository;
    // Opens the image before it connects, so that a wrong path fails without credentials.
    let image = arguments.source.open().await?;
    for notice in image.notices() {
        story.tell(format!("note: {notice}"));
    }
    // Mistakes in the containers fail before the push. The push may compress layers, so the
    // digest of the pushed image is known only afterwards.
    let opened = format!("{repository}@{}", image.digest());
    let delivery = arguments.delivery.or_default();
    if define(&arguments.containers, &opened)?.is_some() {
        delivery.check()?;
    }
    let session = Session::of(arguments.aws, &repository).await?;
    let place = arguments.options.place(&session);
    story.tell(format!("pushing {} to {repository} ({place})", image.digest()));

    let push = arguments.options.push(&image, &repository, &session);
    let pushed = show_push(push, &story).await?;
    if let Some(definitions) = define(&arguments.containers, pushed.image_uri())? {
        delivery.write(&definitions, &story)?;
    }
    story.result(pushed.image_uri())
}

/// The image definitions, if the arguments name containers.
fn define(containers: &Containers, image: &str) -> Result<Option<ImageDefinitions>, BoxError> {
    if containers.is_empty() {
        return Ok(None);
    }
    containers.definitions([image.parse()?]).map(Some)
}
