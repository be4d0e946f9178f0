//! Pushes an OCI image layout into an ECR repository.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ecr_push::{Image, Pusher, Repository, Tag};
use examples::{BoxError, Session, Story, run, show_push};

/// Push an OCI image layout into Amazon ECR, without Docker.
///
/// The last line on stdout is REPOSITORY@sha256:…, the image by its digest: `IMAGE=$(push …)`
/// takes it. What happens on the way is told on stderr. Layers that the repository has are not
/// sent again.
///
/// Without --aws it pushes into an emulator that ends with the program, to try it out: its
/// repository is 123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web.
///
/// Needs, on the repository, ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload,
/// ecr:UploadLayerPart, ecr:CompleteLayerUpload and ecr:PutImage.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 pushed, 1 failed, 2 bad usage.")]
struct Arguments {
    /// Push to AWS, in the repository's region. Credentials and endpoints come from where every
    /// AWS tool takes them: AWS_PROFILE, AWS_ENDPOINT_URL, a container's or an instance's role, …
    #[arg(long)]
    aws: bool,

    /// Tag the image as well; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// Which of the images in the layout, by its name or digest, where there are several
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The folder of an OCI image layout, as `skopeo copy … oci:FOLDER` writes it
    image: PathBuf,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag. The push goes to that region
    repository: Repository,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(push(Arguments::parse())).await
}

async fn push(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, tags, name, image, repository } = arguments;
    let story = Story::on_stderr();
    // Before any connection: a path that is wrong needs no credentials to be found out.
    let image = match name {
        Some(name) => Image::open(image).named(name).await?,
        None => Image::open(image).await?,
    };
    let session = if aws {
        Session::on_aws_in(repository.region()).await?
    } else {
        Session::on_emulator().await?
    };
    story.tell(format!("pushing {} to {repository} ({})", image.digest(), session.place()));

    let mut push = Pusher::new(session.config()).push(&image, &repository);
    for tag in tags {
        push = push.tag(tag);
    }
    let pushed = show_push(push, &story).await?;
    story.result(pushed.image_uri())
}
