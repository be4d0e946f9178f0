//! Pushes a container image to an ECR repository.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use ecr_push::image::Platform;
use ecr_push::settings::NewRepository;
use ecr_push::transport::RegistryEndpoint;
use ecr_push::{Image, Pusher, Repository, Tag};
use examples::{BoxError, Containers, Delivery, Session, Story, run, show_push};
use imagedefs::ImageDefinitions;

/// Push a container image to Amazon ECR, without Docker.
///
/// The image is an OCI image layout (a folder), an OCI archive or an archive of `docker save`. The
/// program detects the format and reads archives in place. It skips layers that the repository
/// already has.
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

    /// Tag the image; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// Select one of several images in the source by its name or digest
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Push only this platform, such as linux/arm64. If given several times, push an index of these
    /// platforms. AWS Lambda doesn't accept an index, and needs one platform
    #[arg(long = "platform", value_name = "OS/ARCH")]
    platforms: Vec<Platform>,

    /// Choose the compression of the layers
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    compression: Compression,

    /// Create the repository if it is missing, which needs ecr:CreateRepository
    #[arg(long)]
    create_repository: bool,

    /// Record the progress of each upload in this file, so that the next push resumes if this one
    /// is killed
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Choose the protocol for layers and manifests
    #[arg(long, value_enum, value_name = "PROTOCOL", default_value_t)]
    transport: Transport,

    /// Mount layers from this repository of the same registry, which needs
    /// ecr:GetDownloadUrlForLayer on it and --transport registry
    #[arg(long, value_name = "REPOSITORY")]
    mount_from: Option<Repository>,

    /// The registry's address if it isn't the repository's host, such as a VPC endpoint
    #[arg(long, value_name = "URL")]
    registry_endpoint: Option<RegistryEndpoint>,

    /// The registry at --registry-endpoint isn't ECR and needs no login: don't call AWS
    #[arg(long, requires = "registry_endpoint")]
    anonymous: bool,

    /// The memory for all parts in flight, in MiB. More memory uploads more layers at once; 0
    /// uploads one layer after another
    #[arg(long, value_name = "MIB")]
    memory_limit: Option<u32>,

    #[command(flatten)]
    containers: Containers,

    #[command(flatten)]
    delivery: Delivery,

    /// The image: a layout folder of `skopeo copy … oci:FOLDER`, or an archive of `docker save -o
    /// FILE`, `skopeo copy … oci-archive:FILE` or `docker buildx build --output
    /// type=oci,dest=FILE`
    image: PathBuf,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag. The push goes to that region
    repository: Repository,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Transport {
    /// ECR's API
    #[default]
    Api,
    /// Docker's protocol, which also needs ecr:GetAuthorizationToken
    Registry,
}

impl From<Transport> for ecr_push::transport::Transport {
    fn from(chosen: Transport) -> Self {
        match chosen {
            Transport::Api => Self::Api,
            Transport::Registry => Self::Registry,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Compression {
    /// Compress the uncompressed layers of `docker save` with gzip
    #[default]
    Auto,
    /// Compress all layers with gzip
    Gzip,
    /// Push all layers unchanged
    Keep,
    /// Compress all layers with zstd
    #[cfg(feature = "zstd")]
    Zstd,
}

impl From<Compression> for ecr_push::image::Compression {
    fn from(chosen: Compression) -> Self {
        match chosen {
            Compression::Auto => Self::Auto,
            Compression::Gzip => Self::Gzip,
            Compression::Keep => Self::Keep,
            #[cfg(feature = "zstd")]
            Compression::Zstd => Self::Zstd,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    run(push(Arguments::parse())).await
}

async fn push(arguments: Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    let repository = arguments.repository;
    // Opens the image before it connects, so that a wrong path fails without credentials.
    let mut open = Image::open(arguments.image).compression(arguments.compression.into());
    if let Some(name) = arguments.name {
        open = open.named(name);
    }
    for platform in arguments.platforms {
        open = open.platform(platform);
    }
    let image = open.await?;
    let definitions = define(&arguments.containers, &repository, &image)?;
    let delivery = arguments.delivery.or_default();
    if definitions.is_some() {
        delivery.check()?;
    }
    let session = Session::of(arguments.aws, &repository).await?;
    let place = match &arguments.registry_endpoint {
        Some(endpoint) => endpoint.to_string(),
        None => session.place(),
    };
    story.tell(format!("pushing {} to {repository} ({place})", image.digest()));

    let mut pusher = Pusher::new(session.config());
    if let Some(endpoint) = arguments.registry_endpoint {
        let is_anonymous = arguments.anonymous;
        pusher =
            pusher.registry_endpoint(if is_anonymous { endpoint.anonymous() } else { endpoint });
    }
    if let Some(mib) = arguments.memory_limit {
        pusher = pusher.memory_limit(u64::from(mib) * 1024 * 1024);
    }
    let mut push = pusher.push(&image, &repository).transport(arguments.transport.into());
    if let Some(source) = arguments.mount_from {
        push = push.mount_from(&source);
    }
    for tag in arguments.tags {
        push = push.tag(tag);
    }
    if arguments.create_repository {
        push = push.create_repository(NewRepository::default());
    }
    if let Some(file) = arguments.checkpoint {
        push = push.checkpoint(file);
    }
    let pushed = show_push(push, &story).await?;
    if let Some(definitions) = definitions {
        delivery.write(&definitions, &story)?;
    }
    story.result(pushed.image_uri())
}

/// The image definitions, before the push: mistakes in the containers fail without a push.
fn define(
    containers: &Containers,
    repository: &Repository,
    image: &Image,
) -> Result<Option<ImageDefinitions>, BoxError> {
    if containers.is_empty() {
        return Ok(None);
    }
    let image = format!("{repository}@{}", image.digest()).parse()?;
    containers.definitions([image]).map(Some)
}
