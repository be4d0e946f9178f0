//! Rolls new images out to an ECS service.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use ecs_deploy::diagnosis::Patience;
use ecs_deploy::image_check::ImageCheck;
use ecs_deploy::plan::Plan;
use ecs_deploy::{Deployer, OnFailure, RollOut, Service};
use examples::{BoxError, Images, Session, Story, load, plan_text, run, save};
use examples::{show_diff, show_events};
use imagedefs::ImageDefinitions;

/// Roll new images out to an Amazon ECS service, and tell the truth about the outcome.
///
/// Copies the task definition that the service runs, gives its containers the images, registers
/// that as a new revision and deploys it. Success means that this very revision runs; a rollout
/// that ECS rolled back is a failure, with the reason why its tasks stopped. Where nothing
/// changes, nothing is registered.
///
/// The last line on stdout is the ARN of the revision that now runs. What happens on the way is
/// told on stderr. With --dry-run or --plan, the plan is on stdout, and nothing is changed; that
/// ends with failure where the rollout would be refused.
///
/// Needs ecs:DescribeServices and ecs:UpdateService on the service, ecs:DescribeTaskDefinition and
/// ecs:RegisterTaskDefinition on *, iam:PassRole on the task's roles, and ecs:TagResource where
/// the task definition has tags. ecs:ListTasks, ecs:DescribeTasks, ecs:ListServiceDeployments and
/// ecs:StopServiceDeployment tell more and roll back. --check-images needs ecr:BatchGetImage and
/// ecr:GetDownloadUrlForLayer on the repositories as well. The program `policy` prints that as a
/// policy. --dry-run and --plan need no more than what only reads.
///
/// Without --aws it deploys to an emulator that ends with the program, to try it out: its service
/// is --cluster demo --service web, with the containers `web` and `log-router`.
#[derive(Debug, Parser)]
#[command(
    group(
        ArgGroup::new("what")
            .args(["definitions", "images", "force", "apply"])
            .required(true)
            .multiple(true)
    ),
    override_usage = "deploy [--aws] --cluster C --service S \
                      (--definitions FILE | --image CONTAINER=URI | --force)... \
                      [--dry-run | --plan FILE]\n       deploy [--aws] --apply FILE",
    after_help = "Exit code: 0 the revision runs or could be rolled out, 1 it doesn't or couldn't, \
                  2 bad usage."
)]
struct Arguments {
    /// Deploy to AWS. Credentials, region and endpoints come from where every AWS tool takes them:
    /// AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL, a container's or an instance's role, …
    #[arg(long)]
    aws: bool,

    /// The cluster's name
    #[arg(long, value_name = "C", required_unless_present = "apply")]
    cluster: Option<String>,

    /// The service's name
    #[arg(long, value_name = "S", required_unless_present = "apply")]
    service: Option<String>,

    #[command(flatten)]
    images: Images,

    /// Start new tasks also where the service runs this revision already, each of which pulls its
    /// image anew
    #[arg(long)]
    force: bool,

    /// Look first whether the images are in ECR and fit the tasks' platform, and refuse to deploy
    /// what is missing or doesn't fit
    #[arg(long)]
    check_images: bool,

    /// Show what would be done: the change, what a first look finds, and the calls
    #[arg(long)]
    dry_run: bool,

    /// Show the same, and save it, to be looked at and applied later. The values of environment
    /// variables are in the file: keep it as you keep those
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,

    /// Do what a saved plan says, unless somebody else has deployed to the service meanwhile
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "cluster", "service", "definitions", "images", "force", "dry_run", "plan",
        ]
    )]
    apply: Option<PathBuf>,

    /// How long it may take in all
    #[arg(long, value_name = "SECONDS", default_value_t = RollOut::DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,

    /// End as soon as a task fails of what no further attempt will cure, such as an image that
    /// doesn't exist; the rollout is told to go back
    #[arg(long)]
    fail_fast: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(Arguments::parse())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    // Before any connection: a file or a name that is wrong needs no credentials to be found out.
    let what = What::of(&arguments)?;
    let session =
        if arguments.aws { Session::on_aws().await? } else { Session::on_emulator().await? };
    let is_dry = arguments.dry_run || arguments.plan.is_some();
    let doing = if is_dry { "planning for" } else { "deploying to" };
    story.tell(format!("{doing} {} ({})", what.service(), session.place()));

    let deployer = Deployer::new(session.config());
    let mut roll_out = match &what {
        What::Images(service, images) => {
            let mut revision = deployer.current(service).await?;
            revision.set_images(images)?;
            if !is_dry {
                show_diff(&revision, &story);
            }
            deployer.roll_out(service, revision)
        }
        What::Planned(plan) => {
            story.tell(plan_text(plan, &story));
            deployer.apply(plan)
        }
    };
    if arguments.force {
        roll_out = roll_out.force_new_deployment();
    }
    if arguments.check_images {
        roll_out = roll_out.check_images(&ImageCheck::new(session.config()));
    }
    if is_dry {
        return show(&roll_out.plan().await?, arguments.plan.as_deref());
    }
    if arguments.fail_fast {
        roll_out = roll_out.patience(Patience::UntilHopeless);
    }
    let timeout = Duration::from_secs(arguments.timeout);
    let roll_out = roll_out.timeout(timeout).on_failure(OnFailure::RollBack);
    let deployed = show_events(roll_out.events(), &story).await?;
    story.result(deployed.revision())
}

/// What is to be deployed.
enum What {
    Images(Service, ImageDefinitions),
    Planned(Box<Plan>),
}

impl What {
    fn of(arguments: &Arguments) -> Result<Self, BoxError> {
        match arguments {
            Arguments { apply: Some(file), .. } => Ok(Self::Planned(Box::new(load(file)?))),
            Arguments { cluster: Some(cluster), service: Some(service), images, .. } => {
                Ok(Self::Images(Service::new(cluster, service)?, images.read()?))
            }
            _ => Err("--cluster and --service are needed".into()),
        }
    }

    fn service(&self) -> &Service {
        match self {
            What::Images(service, _) => service,
            What::Planned(plan) => plan.service(),
        }
    }
}

/// Prints a plan, and saves it where that is asked for.
fn show(plan: &Plan, file: Option<&Path>) -> Result<(), BoxError> {
    let output = Story::on_stdout();
    output.result(plan_text(plan, &output))?;
    if let Some(file) = file {
        save(file, plan)?;
        Story::on_stderr().tell(format!("saved in {}", file.display()));
    }
    match plan.refused().count() {
        0 => Ok(()),
        _ => Err("it would be refused, for the reasons above".into()),
    }
}
