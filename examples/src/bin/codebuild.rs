//! What a buildspec's commands do in AWS's tutorial, as one program.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ecr_push::{Image, Pusher, Repository, Tag};
use examples::{BoxError, Session, Story, run, show_push};
use imagedefs::ImageDefinitions;
use imagedefs::codebuild::CodeBuildEnv;
use local_aws::LocalAws;

/// Push the image of a CodeBuild build into Amazon ECR, and write imagedefinitions.json for the ECS
/// action of the pipeline.
///
/// It takes the place of the login, the pushes and the `printf` in the buildspec that AWS
/// documents. There is no Docker daemon, and so no privileged mode; no quoting by the shell; the
/// registry is that of the build's own account, region and partition; and the file has the image
/// by its digest. In a build that has failed already, which AWS runs the post_build commands of
/// all the same, it does nothing and fails.
///
/// The image is tagged with the revision of the source, in full. Where CodeBuild knows none, that
/// is a failure, and never the tag `latest`. A build that the push of a git tag has started tags it
/// with that too.
///
/// The last line on stdout is REPOSITORY@sha256:…; what happens on the way is told on stderr.
///
/// Without --aws it pushes into an emulator that ends with the program, to try it out, and outside
/// of CodeBuild it plays a build there; the emulator's repository is demo/web.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 pushed and written, 1 failed, 2 bad usage.\n\n\
    In a buildspec, with an image that some other tool has built:\n\n  \
    post_build:\n    commands:\n      - codebuild --aws --container web image.tar shop/web\n  \
    artifacts:\n    files: imagedefinitions.json")]
struct Arguments {
    /// Push to AWS, with the credentials of the build
    #[arg(long)]
    aws: bool,

    /// The container that gets the image, by its name in the task definition; may be given several
    /// times
    #[arg(long = "container", value_name = "NAME", required = true)]
    containers: Vec<String>,

    /// Tag the image with this in place of the revision; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// Where to write the image definitions
    #[arg(long, value_name = "FILE", default_value = ImageDefinitions::FILE_NAME)]
    definitions: PathBuf,

    /// The image: the folder of an OCI image layout, an OCI archive, or what `docker save` writes
    image: PathBuf,

    /// The repository's name, such as shop/web, in the account and region of the build
    repository: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(codebuild(Arguments::parse())).await
}

async fn codebuild(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, containers, tags, definitions: file, image, repository } = arguments;
    let story = Story::on_stderr();
    let build = if aws { CodeBuildEnv::from_env()? } else { real_or_played(&story)? };
    build.check_succeeding()?;
    let repository = Repository::new(build.account(), build.region(), &repository)?;
    let tags = tags_of(&build, tags)?;
    let image = Image::open(image).await?;
    // Before anything is pushed: the names may be none, and the image may be there already.
    let definitions = define(&containers, format!("{repository}@{}", image.digest()))?;

    let session = Session::of(aws, &repository).await?;
    story.tell(format!("pushing {} to {repository} ({})", image.digest(), session.place()));
    let push = Pusher::new(session.config()).push(&image, &repository);
    let push = tags.into_iter().fold(push, |push, tag| push.tag(tag));
    let pushed = show_push(push, &story).await?;

    definitions.write(&file)?;
    story.tell(format!("wrote {}", file.display()));
    story.result(pushed.image_uri())
}

/// The tags that were asked for, or else the revision and the git tag that started the build.
fn tags_of(build: &CodeBuildEnv, asked: Vec<Tag>) -> Result<Vec<Tag>, BoxError> {
    if !asked.is_empty() {
        return Ok(asked);
    }
    let tag = |what: &str, text: &str| {
        text.parse::<Tag>()
            .map_err(|error| format!("{what} can't be the image's tag, give --tag: {error}"))
    };
    let mut tags = vec![tag("the revision", build.revision()?)?];
    if let Some(git) = build.tag() {
        tags.push(tag("the git tag", git)?);
        tags.dedup();
    }
    Ok(tags)
}

fn define(containers: &[String], image: String) -> Result<ImageDefinitions, BoxError> {
    let mut definitions = ImageDefinitions::new();
    for container in containers {
        definitions.insert(container, &image)?;
    }
    Ok(definitions)
}

/// On the emulator: the build that this is, or else one that could be.
fn real_or_played(story: &Story) -> Result<CodeBuildEnv, BoxError> {
    if env::var_os("CODEBUILD_BUILD_ARN").is_some() {
        return Ok(CodeBuildEnv::from_env()?);
    }
    story.tell("this is no build of CodeBuild, and plays one");
    let (region, account) = (LocalAws::REGION, LocalAws::ACCOUNT);
    let arn = format!("arn:aws:codebuild:{region}:{account}:build/demo:1");
    Ok(CodeBuildEnv::from_vars([
        ("CODEBUILD_BUILD_ARN", arn.as_str()),
        ("CODEBUILD_RESOLVED_SOURCE_VERSION", "55b4b4ea1c3f0a1d6c6d8f0e0c6c7b5c2d5b1e1a"),
    ])?)
}
