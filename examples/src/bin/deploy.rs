//! Rolls new images out to an ECS service.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use ecs_deploy::diagnosis::Patience;
use ecs_deploy::events::Complete;
use ecs_deploy::image_check::ImageCheck;
use ecs_deploy::plan::Plan;
use ecs_deploy::{Deployer, OnFailure, RollOut, Service};
use examples::{
    BoxError, Images, Session, Story, TimeLimit, duration, load, parse_arguments, plan_text, run,
};
use examples::{save, show_diff, show_events};
use imagedefs::ImageDefinitions;

/// Roll new images out to an Amazon ECS service and report the real outcome.
///
/// The program copies the task definition of the service, sets the images of its containers,
/// registers the copy as a new revision and deploys it. It succeeds only if the service runs this
/// revision. A rollout that ECS rolled back is a failure, and the error says why its tasks stopped.
/// If nothing changes, the program registers nothing. If the rollout fails or times out, the program
/// rolls it back, except when all new tasks run and only old tasks remain, such as protected ones.
/// If the wait ends early, because the credentials expire or the time is over, stderr has the command
/// to follow the deployment.
///
/// The last line on stdout is the ARN of the running revision. Progress goes to stderr. With
/// --dry-run or --plan, the program prints the plan on stdout and changes nothing. It fails if the
/// rollout would be refused.
///
/// Permissions: ecs:DescribeServices and ecs:UpdateService on the service,
/// ecs:DescribeTaskDefinition and ecs:RegisterTaskDefinition on *, iam:PassRole on the task's
/// roles, and ecs:TagResource if the task definition has tags. ecs:ListTasks, ecs:DescribeTasks,
/// ecs:ListServiceDeployments and ecs:StopServiceDeployment are for details and rollbacks.
/// --check-images also needs ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on the repositories.
/// --dry-run and --plan only need the actions that read. The program `policy` prints the IAM
/// policy.
///
/// Leave out --aws to try it out: the program then starts an emulator and deploys to it. Use
/// --cluster demo --service web; the containers are `web` and `log-router`.
#[derive(Debug, Parser)]
#[command(
    group(
        ArgGroup::new("what")
            .args(["definitions", "images", "revision", "force", "apply"])
            .required(true)
            .multiple(true)
    ),
    override_usage = "deploy [--aws] --cluster C --service S \
                      (--definitions FILE | --image CONTAINER=URI | --revision FAMILY:N | \
                      --force)... [--dry-run | --plan FILE]\n       deploy [--aws] --apply FILE",
    after_help = "Exit code: 0 deployed, or the plan can be applied; 1 failed, or the plan would \
                  be refused; 2 bad usage."
)]
struct Arguments {
    /// Deploy to AWS. Credentials, region and endpoints come from the usual places: AWS_PROFILE,
    /// AWS_REGION, AWS_ENDPOINT_URL, the role of a container or an instance, …
    #[arg(long)]
    aws: bool,

    /// The cluster's name or ARN
    #[arg(long, value_name = "C", required_unless_present = "apply")]
    cluster: Option<String>,

    /// The service's name or ARN
    #[arg(long, value_name = "S", required_unless_present = "apply")]
    service: Option<String>,

    #[command(flatten)]
    images: Images,

    /// Deploy a registered revision: FAMILY:N, its ARN, or FAMILY for the newest one
    #[arg(long, value_name = "FAMILY:N", conflicts_with_all = ["definitions", "images"])]
    revision: Option<String>,

    /// Start new tasks even if the service already runs this revision; each task pulls its image
    /// again
    #[arg(long)]
    force: bool,

    /// Check that the images exist in ECR and support the tasks' platform, and refuse to deploy
    /// otherwise
    #[arg(long)]
    check_images: bool,

    /// Show the plan: the changes, the findings of the checks and the calls
    #[arg(long)]
    dry_run: bool,

    /// Show the plan and save it in this file, to review and apply later. The file contains the
    /// values of environment variables: protect it like these
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,

    /// Apply a saved plan. Fails if the service has been deployed in the meantime
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "cluster", "service", "definitions", "images", "revision", "force", "dry_run", "plan",
        ]
    )]
    apply: Option<PathBuf>,

    /// Fail and roll back if the program takes longer than this, from its first call on
    #[arg(long, value_name = "SECONDS", default_value_t = RollOut::DEFAULT_TIMEOUT.as_secs())]
    timeout: u64,

    /// Fail and roll back as soon as a task fails for a reason that a retry can't fix, such as a
    /// missing image
    #[arg(long)]
    fail_fast: bool,

    /// Succeed at the time limit if all new tasks run and none has failed, even if old tasks remain
    #[arg(long)]
    when_new_tasks_run: bool,

    /// Watch the tasks for this long after the deployment is complete, such as 90s or 2m. Fail and
    /// roll back if one fails in this time
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    soak: Option<Duration>,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(deploy(parse_arguments())).await
}

async fn deploy(arguments: Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    // Checks files and names before it connects, so that mistakes fail without credentials.
    let what = What::of(&arguments)?;
    let limit = TimeLimit::new(arguments.timeout);
    let session = match arguments.aws {
        true => limit.hold("connecting to AWS", Session::on_aws()).await?,
        false => Session::on_emulator().await?,
    };
    let is_dry = arguments.dry_run || arguments.plan.is_some();
    let doing = if is_dry { "planning for" } else { "deploying to" };
    story.tell(format!("{doing} {} ({})", what.service(), session.place()));

    let deployer = Deployer::new(session.config());
    let mut roll_out = match &what {
        What::Images(service, images) => {
            let current = deployer.current(service);
            let mut revision = limit.hold(format!("reading {service}"), current).await?;
            revision.set_images(images)?;
            if !is_dry {
                show_diff(&revision, &story);
            }
            deployer.roll_out(service, revision)
        }
        What::Registered(service, reference) => {
            let revision = deployer.revision(reference);
            let revision = limit.hold(format!("reading {reference}"), revision).await?;
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
    roll_out = roll_out.timeout(limit.limit()).spent(limit.spent());
    if is_dry {
        return show(&roll_out.plan().await?, arguments.plan.as_deref());
    }
    if arguments.fail_fast {
        roll_out = roll_out.patience(Patience::UntilHopeless);
    }
    if arguments.when_new_tasks_run {
        roll_out = roll_out.complete(Complete::WhenNewTasksRun);
    }
    if let Some(soak) = arguments.soak {
        roll_out = roll_out.soak(soak);
    }
    let roll_out = roll_out.on_failure(OnFailure::RollBack);
    let deployed = show_events(roll_out.events(), &story).await?;
    story.result(deployed.revision())
}

/// The subject of the deployment.
enum What {
    Images(Service, ImageDefinitions),
    Planned(Box<Plan>),
    /// A registered revision.
    Registered(Service, String),
}

impl What {
    fn of(arguments: &Arguments) -> Result<Self, BoxError> {
        match arguments {
            Arguments { apply: Some(file), .. } => Ok(Self::Planned(Box::new(load(file)?))),
            Arguments {
                cluster: Some(cluster),
                service: Some(service),
                revision: Some(revision),
                ..
            } => Ok(Self::Registered(Service::new(cluster, service)?, revision.clone())),
            Arguments { cluster: Some(cluster), service: Some(service), images, .. } => {
                Ok(Self::Images(Service::new(cluster, service)?, images.read()?))
            }
            _ => Err("--cluster and --service are required".into()),
        }
    }

    fn service(&self) -> &Service {
        match self {
            What::Images(service, _) | What::Registered(service, _) => service,
            What::Planned(plan) => plan.service(),
        }
    }
}

/// Prints a plan, and saves it if there is a file.
fn show(plan: &Plan, file: Option<&Path>) -> Result<(), BoxError> {
    let output = Story::on_stdout();
    output.result(plan_text(plan, &output))?;
    if let Some(file) = file {
        save(file, plan)?;
        Story::on_stderr().tell(format!("saved the plan in {}", file.display()));
    }
    match plan.refused().count() {
        0 => Ok(()),
        _ => Err("the deployment would be refused for the reasons above".into()),
    }
}
