//! Deploys the image that an event of Amazon ECR is about, as a Lambda function would.

use std::io::{Read as _, stdin};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ecs_deploy::{Deployer, Service};
use examples::{BoxError, Session, Story, run, show_roll_out};
use imagedefs::ImageDefinitions;
use imagedefs::containers::ContainerMap;
use imagedefs::event::EcrImageEvent;
use imagedefs::rule::{Decision, DeployRule, NamePattern};

/// Deploy the image that an event of Amazon ECR is about to an ECS service.
///
/// Reads the event as EventBridge delivers it. If the rule takes it, its image goes to the
/// containers that the map names for the repository, by its digest. If not, the reason is told, and
/// that is no failure: most events are no reason to deploy, such as those for the parts of an image
/// for several platforms, which have no tag.
///
/// The last line on stdout is the ARN of the revision that now runs, or nothing. What happens on
/// the way is told on stderr.
///
/// Without --aws it deploys to an emulator that ends with the program, to try it out: its service
/// is --cluster demo --service web, with the containers `web` and `log-router`.
#[derive(Debug, Parser)]
#[command(
    override_usage = "ecr_event [--aws] [--tag T]... --cluster C --service S --containers FILE \
                      [EVENT]\n       ecr_event [--tag T]... --containers FILE --show-pattern",
    after_help = "Exit code: 0 the image runs or the event was ignored, 1 it doesn't run, 2 bad \
                  usage."
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

    /// Which containers get the images of which repository: JSON such as {"shop/web": "web"}.
    /// Pushes to other repositories are ignored
    #[arg(long, value_name = "FILE")]
    containers: PathBuf,

    /// Deploy only images with this tag; `v*` stands for all that begin with v; may be given
    /// several times
    #[arg(long = "tag", value_name = "T")]
    tags: Vec<NamePattern>,

    /// Print the event pattern for a rule in EventBridge that decides alike, and do nothing else
    #[arg(long)]
    show_pattern: bool,

    /// The event, a file [default: stdin]
    event: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(Arguments::parse())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    let containers = ContainerMap::read(arguments.containers)?;
    // A push to any other repository is none of the service's business.
    let mut rule = arguments.tags.into_iter().fold(DeployRule::new(), DeployRule::tag);
    for repository in containers.repositories() {
        rule = rule.repository(repository.parse()?);
    }
    if arguments.show_pattern {
        return story.result(rule.event_pattern().to_string());
    }
    let (Some(cluster), Some(service)) = (arguments.cluster, arguments.service) else {
        return Err("--cluster and --service are needed".into());
    };
    let service = Service::new(cluster, service)?;
    let event = read_event(arguments.event).await?.parse::<EcrImageEvent>()?;

    // From here on, it is what a Lambda function does with the event that it is called with.
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

/// What is to be deployed. None: nothing, for a reason that was told.
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
            .map_err(|error| format!("the event {} can't be read: {error}", path.display())),
        None => {
            let mut text = String::new();
            let read = stdin().read_to_string(&mut text);
            read.map(|_| text).map_err(|error| format!("the event can't be read: {error}"))
        }
    };
    Ok(tokio::task::spawn_blocking(read).await??)
}
