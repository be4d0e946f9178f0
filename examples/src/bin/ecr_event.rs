//! Deploys the image of an event of Amazon ECR, like a Lambda function.

use std::io::{Read as _, stdin};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ecs_deploy::{Deployer, Service};
use examples::{BoxError, Session, Story, run, show_roll_out};
use imagedefs::{ContainerMap, Decision, DeployRule, EcrImageEvent, ImageDefinitions, NamePattern};

/// Deploy the image of an Amazon ECR event to an ECS service.
///
/// The program reads the event that EventBridge delivers. If the rule matches, the containers of the
/// repository get the image by its digest. Otherwise the program prints the reason and succeeds,
/// since most events need no deployment: one push of a multi-platform image, for example, sends an
/// event without a tag for each of its platforms.
///
/// The last line on stdout is the ARN of the running revision, if there was a deployment. Progress
/// goes to stderr.
///
/// Leave out --aws to try it out: the program then starts an emulator and deploys to it. Use
/// --cluster demo --service web; the containers are `web` and `log-router`.
#[derive(Debug, Parser)]
#[command(
    override_usage = "ecr_event [--aws] [--tag T]... --cluster C --service S --containers FILE \
                      [EVENT]\n       ecr_event [--tag T]... --containers FILE --show-pattern",
    after_help = "Exit code: 0 deployed or ignored, 1 failed, 2 bad usage."
)]
struct Arguments {
    /// Deploy to AWS, in the region of the event
    #[arg(long)]
    aws: bool,

    /// The cluster's name
    #[arg(long, value_name = "C", required_unless_present = "show_pattern")]
    cluster: Option<String>,

    /// The service's name
    #[arg(long, value_name = "S", required_unless_present = "show_pattern")]
    service: Option<String>,

    /// The containers of each repository, in JSON such as {"shop/web": "web"}. Events of other
    /// repositories are ignored
    #[arg(long, value_name = "FILE")]
    containers: PathBuf,

    /// Deploy only images with this tag; `v*` means all tags that begin with `v`; may be given
    /// several times
    #[arg(long = "tag", value_name = "T")]
    tags: Vec<NamePattern>,

    /// Print the event pattern of the same rule for EventBridge and exit
    #[arg(long)]
    show_pattern: bool,

    /// The file with the event [default: stdin]
    event: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(Arguments::parse())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    let containers = ContainerMap::read(arguments.containers)?;
    // Ignores the repositories that the map doesn't contain.
    let mut rule = arguments.tags.into_iter().fold(DeployRule::new(), DeployRule::tag);
    for repository in containers.repositories() {
        rule = rule.repository(repository.parse()?);
    }
    if arguments.show_pattern {
        return story.result(rule.event_pattern().to_string());
    }
    let (Some(cluster), Some(service)) = (arguments.cluster, arguments.service) else {
        return Err("--cluster and --service are required".into());
    };
    let service = Service::new(cluster, service)?;
    let event = read_event(arguments.event).await?.parse::<EcrImageEvent>()?;

    // A Lambda function does the same with its payload.
    let Some(definitions) = definitions_for(&event, &rule, &containers, &story)? else {
        return Ok(());
    };
    let session = if arguments.aws {
        Session::on_aws_in(event.region()).await?
    } else {
        Session::on_emulator().await?
    };
    story.tell(format!("deploying to {service} ({})", session.place()));
    let deployer = Deployer::new(session.config());
    let mut revision = deployer.current(&service).await?;
    revision.set_images(&definitions)?;
    let deployed = show_roll_out(&deployer, &service, revision, &story).await?;
    story.result(deployed.revision())
}

/// Returns the images to deploy, or `None` after printing why the event is ignored.
fn definitions_for(
    event: &EcrImageEvent,
    rule: &DeployRule,
    containers: &ContainerMap,
    story: &Story,
) -> Result<Option<ImageDefinitions>, BoxError> {
    match rule.decide(event) {
        Decision::Ignore(reason) => {
            story.tell(format!("ignored: {reason}"));
            Ok(None)
        }
        Decision::Deploy => {
            let image = event.image_uri()?;
            story.tell(format!("{} was pushed: {image}", event.tag().unwrap_or_default()));
            Ok(Some(containers.definitions([image])?))
        }
    }
}

async fn read_event(path: Option<PathBuf>) -> Result<String, BoxError> {
    let read = move || match path {
        Some(path) => std::fs::read_to_string(&path)
            .map_err(|error| format!("can't read the event {}: {error}", path.display())),
        None => {
            let mut text = String::new();
            let read = stdin().read_to_string(&mut text);
            read.map(|_| text).map_err(|error| format!("can't read the event: {error}"))
        }
    };
    Ok(tokio::task::spawn_blocking(read).await??)
}
