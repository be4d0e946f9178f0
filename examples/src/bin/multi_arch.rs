//! Pushes images of several platforms as one multi-platform image.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use ecr_push::image::Platform;
use ecr_push::{Image, Pusher, Repository, Tag};
use examples::{BoxError, Session, Story, parse_arguments, run, show_push};
use serde_json::{Value, json};

/// Push images that were built separately for each platform as one multi-platform image.
///
/// The program makes an index of the images in memory and pushes it with them. A client that pulls
/// the index gets the image for its platform. The images are OCI image layouts, OCI archives or
/// archives of `docker save`, in any mixture.
///
/// The last line on stdout is the index by its digest, REPOSITORY@sha256:…. Progress goes to
/// stderr.
///
/// Leave out --aws to try it out: the program then starts an emulator and pushes to it. The
/// emulator's repository is 123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 pushed, 1 failed, 2 bad usage.")]
struct Arguments {
    /// Push to AWS, in the repository's region. Credentials and endpoints come from the usual
    /// places: AWS_PROFILE, AWS_ENDPOINT_URL, the role of a container or an instance, …
    #[arg(long)]
    aws: bool,

    /// Tag the index; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// The images, one for each platform: folders or archives
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag. The push goes to that region
    repository: Repository,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(push(parse_arguments())).await
}

async fn push(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, tags, images, repository } = arguments;
    let story = Story::on_stderr();
    // Opens the image before it connects, so that a wrong path fails without credentials.
    let image = index_of(&images, &story).await?;
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

/// Makes an index of the images.
async fn index_of(paths: &[PathBuf], story: &Story) -> Result<Image, BoxError> {
    let mut found: Vec<(Platform, &Path)> = Vec::new();
    let mut manifests = Vec::new();
    let mut blobs = Vec::new();
    for path in paths {
        let (platform, image) = image_of_one_platform(path).await?;
        if let Some((_, other)) = found.iter().find(|(other, _)| *other == platform) {
            let (other, path) = (other.display(), path.display());
            return Err(format!("{other} and {path} both contain {platform}").into());
        }
        story.tell(format!("{platform}: {} in {}", image.digest(), path.display()));
        manifests.push(described(&platform, &image));
        blobs.extend(image.blobs());
        found.push((platform, path));
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    Ok(Image::new(index.to_string(), blobs).await?)
}

async fn image_of_one_platform(path: &Path) -> Result<(Platform, Image), BoxError> {
    let image = Image::open(path).await?;
    let platform = match image.platforms() {
        [platform] => platform.clone(),
        [] => return Err(format!("{} names no platform", path.display()).into()),
        several => {
            let count = several.len();
            return Err(format!("{} already contains {count} platforms", path.display()).into());
        }
    };
    // buildx wraps even a single image in an index and adds an attestation.
    let image = Image::open(path).platform(platform.clone()).await?;
    // The index needs the final digest, so layers are compressed before the push.
    let image = image.compress().await?;
    // The image's own config may say more, such as the version of Windows.
    let platform = image.platforms().first().cloned().unwrap_or(platform);
    Ok((platform, image))
}

/// The entry of an image in an index.
fn described(platform: &Platform, image: &Image) -> Value {
    json!({
        "mediaType": image.media_type(),
        "digest": image.digest().as_str(),
        "size": image.manifest().len(),
        "platform": platform,
    })
}
