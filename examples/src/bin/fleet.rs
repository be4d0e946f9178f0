//! Rolls images out to several services in waves.

use std::process::ExitCode;

use clap::{ArgGroup, Parser};
use ecs_deploy::fleet::{Fleet, FleetPolicy, Outcome};
use ecs_deploy::names::InvalidName;
use ecs_deploy::{Deployer, OnFailure, RollOut, Service};
use examples::{BoxError, Images, Session, Story, create_services, parse_arguments, run};
use imagedefs::ImageDefinitions;

/// Roll images out to several Amazon ECS services in waves. The services of a wave are deployed
/// concurrently, and the next wave starts when all of them run the new images.
///
/// Each service gets the images for the containers that it has. If a service fails, the rest of its
/// wave ends and no further wave starts. --all-or-nothing also rolls back the services that have
/// been deployed.
///
/// When all services have succeeded, stdout has a line for each: its name and the ARN of the
/// running revision. Progress goes to stderr.
///
/// Permissions: those of `deploy`, for each service.
///
/// Leave out --aws to try it out: the program then starts an emulator with the services
/// demo/canary, demo/web and demo/worker. Their containers are `web` and `log-router`. The first
/// wave is the canary, the second the other two.
#[derive(Debug, Parser)]
#[command(
    group(ArgGroup::new("what").args(["definitions", "images"]).required(true).multiple(true)),
    override_usage = "fleet [--aws --wave SERVICE,... [--wave SERVICE,...]...] \
                      [--all-or-nothing] (--definitions FILE | --image CONTAINER=URI)...",
    after_help = "Exit code: 0 all services run the images, 1 one doesn't, 2 bad usage."
)]
struct Arguments {
    /// Deploy to AWS, with credentials and region from the usual places
    #[arg(long, requires = "waves")]
    aws: bool,

    /// The services of a wave, each as CLUSTER/SERVICE or ARN, separated by commas; may be given
    /// several times
    #[arg(long = "wave", value_name = "SERVICE,...", value_parser = services)]
    waves: Vec<Vec<Service>>,

    /// Roll back all services if one fails
    #[arg(long)]
    all_or_nothing: bool,

    #[command(flatten)]
    images: Images,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(parse_arguments())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { aws, mut waves, all_or_nothing, images } = arguments;
    let story = Story::on_stderr();
    if waves.is_empty() {
        waves = vec![services("demo/canary")?, services("demo/web,demo/worker")?];
    }
    let images = images.read()?;
    let session = if aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    if !aws {
        create_services(session.config(), &["canary", "worker"]).await?;
    }
    story.tell(format!("deploying to {} waves ({})", waves.len(), session.place()));

    let deployer = Deployer::new(session.config());
    let mut fleet = Fleet::new();
    if all_or_nothing {
        fleet = fleet.policy(FleetPolicy::AllOrNothing);
    }
    for wave in waves {
        fleet = fleet.next_wave();
        for service in wave {
            fleet = fleet.with(roll_out(&deployer, &service, &images).await?);
        }
    }
    let mut events = fleet.events();
    while let Some((service, event)) = events.next().await {
        story.tell(format!("  {service}: {event}"));
    }
    match events.finish().await {
        Ok(all) => {
            for (service, deployed) in all {
                story.result(format!("{service} {}", deployed.revision()))?;
            }
            Ok(())
        }
        Err(error) => {
            for (service, outcome) in error.outcomes() {
                story.tell(format!("  {service}: {}", told(outcome)));
            }
            Err(error.into())
        }
    }
}

fn services(wave: &str) -> Result<Vec<Service>, InvalidName> {
    wave.split(',').map(str::parse).collect()
}

/// Prepares a rollout of the images for which the service has containers.
async fn roll_out(
    deployer: &Deployer,
    service: &Service,
    images: &ImageDefinitions,
) -> Result<RollOut, BoxError> {
    let mut revision = deployer.current(service).await?;
    let has = |name: &str| revision.images().any(|(container, _)| container == name);
    let ours: Vec<(&str, &str)> = images.iter().filter(|(name, _)| has(name)).collect();
    if ours.is_empty() {
        return Err(format!("{service} has no container for any of the images").into());
    }
    revision.set_images(ours)?;
    Ok(deployer.roll_out(service, revision).on_failure(OnFailure::RollBack))
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Deployed(deployed) => format!("runs {deployed}"),
        Outcome::Failed(error) => format!("failed: {error}"),
        Outcome::NotBegun => "not started".to_owned(),
        Outcome::NotTakenBack { failure: Some(failure), rollback, .. } => {
            format!("failed: {failure}; rollback failed: {rollback}")
        }
        Outcome::NotTakenBack { rollback, .. } => format!("rollback failed: {rollback}"),
        Outcome::TakenBack(deployed) => format!("rolled back, runs {deployed}"),
        other => format!("{other:?}"),
    }
}
