//! Deploys the image of an event of Amazon ECR, like a Lambda function.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ecs_deploy::Deployer;
use examples::{
    BoxError, ContainerServices, Session, Story, deploy_images, parse_arguments, read_text, run,
};
use imagedefs::containers::ContainerMap;
use imagedefs::event::EcrImageEvent;
use imagedefs::rule::{Decision, DeployRule, EventValue, NamePattern};

/// Deploy the image of an Amazon ECR event to ECS services.
///
/// The program reads the event that EventBridge delivers. If the rule matches, the containers of the
/// repository get the image by its digest. Otherwise the program prints the reason and succeeds,
/// since most events need no deployment: one push of a multi-platform image, for example, sends an
/// event without a tag for each of its platforms. The program never deploys signatures,
/// attestations and Helm charts.
///
/// The last lines on stdout are the ARNs of the running revisions, one for each service, if there
/// was a deployment. Progress goes to stderr.
///
/// Leave out --aws to try it out: the program then starts an emulator and deploys to it. Use
/// --cluster demo --service web; the containers are `web` and `log-router`.
#[derive(Debug, Parser)]
#[command(
    override_usage = "ecr_event [--aws] --tag T... --containers FILE --cluster C --service S \
                      [EVENT]\n       ecr_event [--aws] --tag T... --containers FILE --service \
                      CONTAINER=CLUSTER/SERVICE... [EVENT]\n       ecr_event --tag T... \
                      --containers FILE (--show-pattern | --show-transformer [--variable \
                      NAME=VALUE]...)",
    after_help = "Exit code: 0 deployed or ignored, 1 failed, 2 bad usage."
)]
struct Arguments {
    /// Deploy to AWS, in the region of the event
    #[arg(long)]
    aws: bool,

    /// The name of the cluster, for services without a cluster
    #[arg(long, value_name = "C")]
    cluster: Option<String>,

    /// The service of all containers, or CONTAINER=CLUSTER/SERVICE for one container; may be given
    /// several times
    #[arg(
        long = "service",
        value_name = "S",
        required_unless_present_any = ["show_pattern", "show_transformer"]
    )]
    services: Vec<String>,

    /// The containers of each repository, in JSON such as {"shop/web": "web"} or in TOML. Events of
    /// other repositories are ignored
    #[arg(long, value_name = "FILE")]
    containers: PathBuf,

    /// Deploy images with this tag; `v*` means all tags that begin with `v`; may be given several
    /// times
    #[arg(long = "tag", value_name = "T", required = true)]
    tags: Vec<NamePattern>,

    /// Print the event pattern of the rule for EventBridge and exit
    #[arg(long, conflicts_with = "show_transformer")]
    show_pattern: bool,

    /// Print the input transformer for a target that is a pipeline, and exit. It starts the
    /// pipeline with the digest of the event
    #[arg(long)]
    show_transformer: bool,

    /// The name of the pipeline's ECR source action
    #[arg(long, value_name = "NAME", default_value = "Source")]
    source_action: String,

    /// Set a variable of the pipeline to the account, digest, region, repository or tag of the
    /// event; may be given several times
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, EventValue)>,

    /// The file with the event; `-` is stdin
    #[arg(default_value = "-")]
    event: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(parse_arguments())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    let containers = ContainerMap::read(arguments.containers)?;
    let rule = DeployRule::from_containers(&containers, arguments.tags)?;
    if arguments.show_pattern {
        return story.result(rule.event_pattern().to_string());
    }
    if arguments.show_transformer {
        let mut transformer = rule.input_transformer(&arguments.source_action)?;
        for (name, value) in &arguments.variables {
            transformer = transformer.variable(name, *value)?;
        }
        return story.result(transformer.to_string());
    }
    let services = ContainerServices::new(arguments.cluster.as_deref(), &arguments.services)?;
    let event = read(arguments.event).await?.parse::<EcrImageEvent>()?;
    if let Decision::Ignore(reason) = rule.decide(&event) {
        story.tell(format!("ignored: {reason}"));
        return Ok(());
    }
    let image = event.image_uri()?;
    // The rule has matched the tag, so its characters are those of a tag.
    story.tell(format!("pushed: {image} as {}", event.tag().unwrap_or_default()));
    let definitions = containers.definitions([image])?;
    let services = services.split(&definitions)?;
    let session = if arguments.aws {
        Session::on_aws_in(event.region()).await?
    } else {
        Session::on_emulator().await?
    };
    for (service, _) in &services {
        story.tell(format!("deploying to {service} ({})", session.place()));
    }
    for revision in deploy_images(&Deployer::new(session.config()), &services, &story).await? {
        story.result(revision)?;
    }
    Ok(())
}

/// Reads the event on a thread of its own, since stdin can block.
async fn read(event: PathBuf) -> Result<String, BoxError> {
    tokio::task::spawn_blocking(move || read_text(&event)).await?
}

fn variable(text: &str) -> Result<(String, EventValue), String> {
    let expected = "expected NAME=VALUE with account, digest, region, repository or tag as value";
    let (name, value) = text.split_once('=').ok_or(expected)?;
    let value = match value {
        "account" => EventValue::Account,
        "digest" => EventValue::Digest,
        "region" => EventValue::Region,
        "repository" => EventValue::Repository,
        "tag" => EventValue::Tag,
        _ => return Err(expected.to_owned()),
    };
    Ok((name.to_owned(), value))
}
