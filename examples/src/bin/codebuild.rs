//! Pushes the image of a CodeBuild build and writes imagedefinitions.json.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use ecr_push::{Pusher, Repository, Tag};
use examples::{
    BoxError, Containers, Delivery, Session, Story, open_image, parse_arguments, run, show_push,
};
use imagedefs::codebuild::CodeBuildEnv;
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
#[command(
    group(
        ArgGroup::new("what")
            .args(["container", "containers", "buildspec"])
            .required(true)
            .multiple(true)
    ),
    override_usage = "codebuild [--aws] (--container NAME... | --containers FILE) IMAGE REPOSITORY\n       \
                      codebuild --buildspec [--container NAME... | --containers FILE] [--definitions FILE] \
                      [IMAGE REPOSITORY]",
    after_help = "Exit code: 0 pushed and written, 1 failed, 2 bad usage."
)]
struct Arguments {
    /// Push to AWS, with the credentials of the build
    #[arg(long)]
    aws: bool,

    /// Print a complete buildspec for these arguments and exit
    #[arg(long)]
    buildspec: bool,

    #[command(flatten)]
    containers: Containers,

    /// Tag the image with this instead of the revision; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    #[command(flatten)]
    delivery: Delivery,

    /// The image: a folder with an OCI image layout, an OCI archive or an archive of `docker save`
    #[arg(required_unless_present = "buildspec")]
    image: Option<PathBuf>,

    /// The repository's name, such as shop/web, in the account and region of the build; or
    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME
    #[arg(required_unless_present = "buildspec")]
    repository: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(codebuild(parse_arguments())).await
}

async fn codebuild(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, buildspec, containers, tags, delivery, image, repository } = arguments;
    let story = Story::on_stderr();
    if buildspec {
        let file = delivery.definitions().display().to_string();
        let image = image.map_or_else(|| "image.tar".to_owned(), |it| it.display().to_string());
        let repository = repository.as_deref().unwrap_or("web");
        let text = examples::buildspec(&containers.as_arguments(), &file, &image, repository);
        return story.result(text.trim_end());
    }
    let (Some(image), Some(repository)) = (image, repository) else {
        return Err("IMAGE and REPOSITORY are required".into());
    };
    let build = if aws { CodeBuildEnv::from_env()? } else { real_or_simulated(&story)? };
    build.check_succeeding()?;
    let repository = repository_of(&build, &repository)?;
    let tags = tags_of(&build, tags)?;
    let image = open_image(&image)?.await?;
    // Checks the container names and the output files before the push.
    containers.definitions([format!("{repository}@{}", image.digest()).parse()?])?;
    let delivery = delivery.or_default();
    delivery.check()?;

    let session = Session::of(aws, &repository).await?;
    story.tell(format!("pushing {} to {repository} ({})", image.digest(), session.place()));
    let push = Pusher::new(session.config()).push(&image, &repository);
    let push = tags.into_iter().fold(push, |push, tag| push.tag(tag));
    let pushed = show_push(push, &story).await?;

    // The push may have compressed layers: only its outcome has the final digest.
    let definitions = containers.definitions([pushed.image_uri().parse()?])?;
    delivery.write(&definitions, &story)?;
    story.result(pushed.image_uri())
}

/// The repository of a full URI, or of a name in the account and region of the build.
fn repository_of(build: &CodeBuildEnv, text: &str) -> Result<Repository, BoxError> {
    let host = text.split('/').next().unwrap_or_default();
    if host.contains('.') && text.contains('/') {
        return Ok(text.parse()?);
    }
    Ok(Repository::new(build.account(), build.region(), text)?)
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
