//! Pushes an image into an ECR repository.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use ecr_push::image::Platform;
use ecr_push::settings::NewRepository;
use ecr_push::transport::RegistryEndpoint;
use ecr_push::{Image, Pusher, Repository, Tag};
use examples::{BoxError, Session, Story, run, show_push};

/// Push a container image into Amazon ECR, without Docker.
///
/// The image is an OCI image layout (a folder), an OCI archive, or what `docker save` writes; which
/// of these is found out. Archives are read in place.
///
/// The last line on stdout is REPOSITORY@sha256:…, the image by its digest: `IMAGE=$(push …)`
/// takes it. What happens on the way is told on stderr. Layers that the repository has are not
/// sent again.
///
/// Without --aws it pushes into an emulator that ends with the program, to try it out: its
/// repository is 123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web.
///
/// Needs, on the repository, ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload,
/// ecr:UploadLayerPart, ecr:CompleteLayerUpload and ecr:PutImage; and ecr:BatchGetImage to put
/// nothing that is there. The program `policy` prints that as a policy.
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

    /// Which of the images, by its name or digest, where there are several
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Push this platform alone, such as linux/arm64; given several times, an index of just those.
    /// AWS Lambda takes no index, and so needs one platform
    #[arg(long = "platform", value_name = "OS/ARCH")]
    platforms: Vec<Platform>,

    /// What becomes of uncompressed layers
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    compression: Compression,

    /// Create the repository where it is missing, which takes ecr:CreateRepository
    #[arg(long)]
    create_repository: bool,

    /// Note in this file how far each upload is, so that the next push goes on where this one is
    /// killed
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// By which protocol layers and manifests are sent
    #[arg(long, value_enum, value_name = "PROTOCOL", default_value_t)]
    transport: Transport,

    /// Take layers over from this repository of the same registry, which takes
    /// ecr:GetDownloadUrlForLayer there, and --transport registry
    #[arg(long, value_name = "REPOSITORY")]
    mount_from: Option<Repository>,

    /// Where the registry is, if not at the repository's host, such as a VPC endpoint
    #[arg(long, value_name = "URL")]
    registry_endpoint: Option<RegistryEndpoint>,

    /// The registry at --registry-endpoint isn't ECR, and takes no login: nothing of AWS is called
    #[arg(long, requires = "registry_endpoint")]
    anonymous: bool,

    /// How many MiB the parts on their way may take together. More are more layers at once; with 0,
    /// they go one after another
    #[arg(long, value_name = "MIB")]
    memory_limit: Option<u32>,

    /// The image: a layout's folder, as `skopeo copy … oci:FOLDER` writes it, or an archive, as
    /// `docker save -o FILE`, `skopeo copy … oci-archive:FILE` and `docker buildx build --output
    /// type=oci,dest=FILE` do
    image: PathBuf,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag. The push goes to that region
    repository: Repository,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Transport {
    /// ECR's API
    #[default]
    Api,
    /// The protocol that Docker speaks, which takes ecr:GetAuthorizationToken as well
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
    /// Compress what `docker save` left uncompressed, with gzip
    #[default]
    Auto,
    /// Compress all with gzip
    Gzip,
    /// Push all layers as they are
    Keep,
    /// Compress all with zstd
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
    // Before any connection: a path that is wrong needs no credentials to be found out.
    let mut open = Image::open(arguments.image).compression(arguments.compression.into());
    if let Some(name) = arguments.name {
        open = open.named(name);
    }
    for platform in arguments.platforms {
        open = open.platform(platform);
    }
    let image = open.await?;
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
    story.result(pushed.image_uri())
}
