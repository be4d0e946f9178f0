//! Pushes the image of a CodeBuild build and writes imagedefinitions.json.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ecr_push::{Image, Pusher, Repository, Tag};
use examples::{BoxError, Session, Story, run, show_push};
use imagedefs::{CodeBuildEnv, ImageDefinitions};
use local_aws::LocalAws;

/// Push the image of a CodeBuild build to Amazon ECR, and write imagedefinitions.json for the ECS
/// action of the pipeline.
///
/// The program replaces the login, the pushes and the `printf` in AWS's sample buildspec. It needs
/// no Docker daemon, no privileged mode and no shell quoting. It pushes to the registry of the
/// build's own account, region and partition, and writes the image by its digest. CodeBuild runs
/// the post_build commands of a failed build too: the program then fails and changes nothing.
///
/// The program tags the image with the full revision of the source. If CodeBuild has no revision,
/// the program fails: it never uses `latest`. If a git tag started the build, the image gets that
/// tag too.
///
/// The last line on stdout is REPOSITORY@sha256:…. Progress goes to stderr.
///
/// Leave out --aws to try it out: the program then starts an emulator with the repository demo/web
/// and pushes to it. Outside of CodeBuild, it simulates the variables of a build.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 pushed and written, 1 failed, 2 bad usage.\n\n\
    In a buildspec, with an image that some other tool has built:\n\n  \
    post_build:\n    commands:\n      - codebuild --aws --container web image.tar shop/web\n  \
    artifacts:\n    files: imagedefinitions.json")]
struct Arguments {
    /// Push to AWS, with the credentials of the build
    #[arg(long)]
    aws: bool,

    /// The name of a container in the task definition that gets the image; may be given several
    /// times
    #[arg(long = "container", value_name = "NAME", required = true)]
    containers: Vec<String>,

    /// Tag the image with this instead of the revision; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// Write the image definitions to this file
    #[arg(long, value_name = "FILE", default_value = ImageDefinitions::FILE_NAME)]
    definitions: PathBuf,

    /// The image: a folder with an OCI image layout, an OCI archive or an archive of `docker save`
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
    let build = if aws { CodeBuildEnv::from_env()? } else { real_or_simulated(&story)? };
    build.check_succeeding()?;
    let repository = Repository::new(build.account(), build.region(), &repository)?;
    let tags = tags_of(&build, tags)?;
    let image = Image::open(image).await?;
    // Checks the container names before the push.
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

/// The tags of the arguments, or the revision and the git tag that started the build.
fn tags_of(build: &CodeBuildEnv, asked: Vec<Tag>) -> Result<Vec<Tag>, BoxError> {
    if !asked.is_empty() {
        return Ok(asked);
    }
    let tag = |what: &str, text: &str| {
        text.parse::<Tag>()
            .map_err(|error| format!("can't use {what} as an image tag, use --tag: {error}"))
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

/// The real build, or a simulated one outside of CodeBuild.
fn real_or_simulated(story: &Story) -> Result<CodeBuildEnv, BoxError> {
    if env::var_os("CODEBUILD_BUILD_ARN").is_some() {
        return Ok(CodeBuildEnv::from_env()?);
    }
    story.tell("not in a CodeBuild build: simulating one");
    let (region, account) = (LocalAws::REGION, LocalAws::ACCOUNT);
    let arn = format!("arn:aws:codebuild:{region}:{account}:build/demo:1");
    Ok(CodeBuildEnv::from_vars([
        ("CODEBUILD_BUILD_ARN", arn.as_str()),
        ("CODEBUILD_RESOLVED_SOURCE_VERSION", "55b4b4ea1c3f0a1d6c6d8f0e0c6c7b5c2d5b1e1a"),
    ])?)
}
