//! Makes imagedefinitions.json and its artifact zip from the source that knows the image.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use examples::{
    BoxError, Containers, Delivery, Story, image_of_container, insert_by_digest, parse_arguments,
    read_text, run,
};
use imagedefs::codebuild::CodeBuildEnv;
use imagedefs::containers::ContainerMap;
use imagedefs::detail::ImageDetail;
use imagedefs::event::EcrImageEvent;
use imagedefs::published::PublishedImage;
use imagedefs::rule::{Decision, DeployRule, NamePattern};
use imagedefs::{ImageDefinitions, ImageUri};

/// Make imagedefinitions.json for the ECS action of CodePipeline, without a shell template.
///
/// The image comes from --image with its container, or from a source that names no container: the
/// output of `push`, an imageDetail.json, an event of ECR or the variables of ECRBuildAndPublish.
/// For these, --containers names the file beside the application with the containers of each
/// repository, or --container the containers themselves.
///
/// The program writes imagedefinitions.json, --output or --zip. With --check it writes nothing, so
/// that a build can find mistakes before the push. The program calls no service.
#[derive(Debug, Parser)]
#[command(
    group(
        ArgGroup::new("source")
            .args(["images", "pushed", "image_detail", "event", "published", "check"])
            .required(true)
            .multiple(true)
    ),
    override_usage = "definitions --image CONTAINER=URI... [--output FILE] [--zip FILE]\n       \
                      push … | definitions --pushed - (--containers FILE | --container NAME...)\n\
                      \x20      definitions --image-detail FILE --containers FILE\n       \
                      definitions --event FILE --tag T... --containers FILE\n       \
                      definitions --published REPOSITORY@DIGEST --containers FILE\n       \
                      definitions --check [--containers FILE] …",
    after_help = "Exit code: 0 written or valid, 1 failed, 2 bad usage."
)]
struct Arguments {
    /// The image of one container; may be given several times
    #[arg(long = "image", value_name = "CONTAINER=URI", value_parser = image_of_container)]
    images: Vec<(String, String)>,

    /// The output of `push`, `multi_arch` or `codebuild`: an image on each line; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pushed: Option<PathBuf>,

    /// The imageDetail.json of CodePipeline's ECR source action; `-` is stdin
    #[arg(long, value_name = "FILE")]
    image_detail: Option<PathBuf>,

    /// An ECR event of EventBridge; `-` is stdin
    #[arg(long, value_name = "FILE", requires_all = ["tags", "containers"])]
    event: Option<PathBuf>,

    /// Accept events of this tag; `v*` means all tags that begin with `v`; may be given several
    /// times
    #[arg(long = "tag", value_name = "T", requires = "event")]
    tags: Vec<NamePattern>,

    /// The variables ECRRepositoryName and ECRImageDigestId of CodePipeline's ECRBuildAndPublish, or
    /// the whole URI of the image
    #[arg(long, value_name = "REPOSITORY@DIGEST")]
    published: Option<String>,

    /// The account of --published [default: the account of the CodeBuild build]
    #[arg(long, value_name = "ACCOUNT", requires_all = ["published", "region"])]
    account: Option<String>,

    /// The region of --published [default: the region of the CodeBuild build]
    #[arg(long, value_name = "REGION", requires_all = ["published", "account"])]
    region: Option<String>,

    #[command(flatten)]
    containers: Containers,

    /// Accept images without a digest. A tag can name another image at the deployment
    #[arg(long, requires = "images")]
    allow_tagged: bool,

    /// Write the definitions to this file; `-` is stdout [default: imagedefinitions.json, or no
    /// file with --zip]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write a zip file with the definitions, an artifact for CodePipeline's S3 source
    #[arg(long, value_name = "FILE")]
    zip: Option<PathBuf>,

    /// The name of the definitions in the zip file: the `FileName` of the ECS action
    #[arg(long, value_name = "NAME", default_value = ImageDefinitions::FILE_NAME)]
    file_name: String,

    /// Check the arguments, the files and the output folders, and write nothing
    #[arg(long)]
    check: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(async { make(parse_arguments()) }).await
}

fn make(arguments: Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    arguments.containers.check()?;
    let mut definitions = ImageDefinitions::new();
    for (container, image) in &arguments.images {
        if arguments.allow_tagged {
            definitions.insert_tagged(container, image)?;
        } else {
            let cure = "use REPOSITORY@sha256:…, or --allow-tagged";
            insert_by_digest(&mut definitions, container, image, cure)?;
        }
    }
    merge(&mut definitions, &arguments.containers.definitions(uris(&arguments)?)?)?;
    if let Some(event) = &arguments.event {
        merge(&mut definitions, &of_event(&arguments, event)?)?;
    }
    let Arguments { output, zip, file_name, check, .. } = arguments;
    let delivery = Delivery::new(output, zip, file_name).or_default();
    delivery.check()?;
    if check {
        story.tell(format!("valid: {}", count(definitions.len())));
        return Ok(());
    }
    delivery.write(&definitions, &story)
}

/// The images of the sources that name no container.
fn uris(arguments: &Arguments) -> Result<Vec<ImageUri>, BoxError> {
    let mut images = Vec::new();
    if let Some(file) = &arguments.pushed {
        let text = read_text(file)?;
        for line in text.lines().map(str::trim).filter(|it| !it.is_empty()) {
            images.push(line.parse()?);
        }
        if images.is_empty() {
            return Err(format!("no image in the output of the push ({})", place(file)).into());
        }
    }
    if let Some(file) = &arguments.image_detail {
        images.push(read_text(file)?.parse::<ImageDetail>()?.image_uri()?);
    }
    if let Some(published) = &arguments.published {
        images.push(of_variables(arguments, published)?);
    }
    Ok(images)
}

fn of_variables(arguments: &Arguments, published: &str) -> Result<ImageUri, BoxError> {
    let Some((repository, digest)) = published.split_once('@') else {
        let expected = "expected REPOSITORY@DIGEST, the variables ECRRepositoryName and \
                        ECRImageDigestId of the action";
        return Err(format!("invalid --published `{published}`: {expected}").into());
    };
    // The whole URI has the account and the region.
    if let Ok(image) = published.parse::<ImageUri>()
        && image.ecr().is_some()
        && arguments.account.is_none()
    {
        return Ok(image);
    }
    let image = PublishedImage::new(repository, digest)?;
    if let (Some(account), Some(region)) = (&arguments.account, &arguments.region) {
        return Ok(image.image_uri(account, region)?);
    }
    let build = CodeBuildEnv::from_env()?;
    Ok(image.image_uri(build.account(), build.region())?)
}

fn of_event(arguments: &Arguments, event: &Path) -> Result<ImageDefinitions, BoxError> {
    // Clap requires --containers, so the map is the file's.
    let map = arguments.containers.file().ok_or("--event needs --containers FILE")?;
    let containers = ContainerMap::read(map)?;
    let rule = DeployRule::from_containers(&containers, arguments.tags.clone())?;
    let event = read_text(event)?.parse::<EcrImageEvent>()?;
    match rule.decide(&event) {
        Decision::Deploy => Ok(containers.definitions([event.image_uri()?])?),
        Decision::Ignore(reason) => {
            Err(format!("the event has no image to deploy: {reason}").into())
        }
    }
}

fn merge(all: &mut ImageDefinitions, more: &ImageDefinitions) -> Result<(), BoxError> {
    for (container, image) in more {
        all.insert(container, image)?;
    }
    Ok(())
}

fn count(definitions: usize) -> String {
    match definitions {
        0 => "no image yet".to_owned(),
        1 => "the image of 1 container".to_owned(),
        several => format!("the images of {several} containers"),
    }
}

fn place(file: &Path) -> String {
    if file == Path::new("-") { "stdin".to_owned() } else { file.display().to_string() }
}
