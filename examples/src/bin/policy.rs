//! Prints the IAM policies for pushes and deployments.

use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::error::ErrorKind;
use clap::{ArgGroup, CommandFactory as _, Parser, ValueEnum};
use ecr_push::Repository;
use ecr_push::policy::PushPolicy;
use ecr_push::settings::{LookUp, NewRepository};
use ecs_deploy::Service;
use ecs_deploy::policy::DeployPolicy;
use examples::{
    BoxError, Place, QUESTIONS, Setup, SetupPolicy, SetupResources, Story, in_other_words,
    parse_arguments, run,
};

/// Print the least IAM policy for pushes to Amazon ECR, for deployments to an Amazon ECS service, or
/// for both.
///
/// The policy documents go to stdout, ready for `aws iam put-role-policy --policy-document`. There
/// is one document for pushes to each account, then one for deployments. --for names a role of a
/// set-up instead, such as `lambda`: the document is then for this role, and --trust prints its trust
/// policy for `aws iam create-role --assume-role-policy-document`. The program calls no service.
#[derive(Debug, Parser)]
#[command(
    group(
        ArgGroup::new("what")
            .args(["repositories", "services", "pipeline"])
            .required(true)
            .multiple(true)
    ),
    override_usage = "policy [--explain] REPOSITORY...\n       \
                      policy [--explain] --service ARN [--family F] [--role ARN]... \
                      [--check-images REPOSITORY]... [--for WORK]...\n       \
                      policy [--explain | --trust] --for lambda --service ARN... [--function NAME]\n\
                      \x20      policy [--explain | --trust] --for event-target --pipeline ARN \
                      [--rule NAME]\n       \
                      policy [--explain] --for artifact-bucket --bucket NAME [--key KEY] \
                      REPOSITORY\n       \
                      policy [--explain | --trust] --for codebuild --project NAME [--bucket NAME] \
                      REPOSITORY\n       \
                      policy [--explain | --trust] --for github-oidc --github OWNER/NAME \
                      [--ref REF]... [--bucket NAME] [--service ARN] REPOSITORY",
    after_help = "Exit code: 0 printed, 1 an argument is missing or not an ARN, 2 bad usage."
)]
struct Arguments {
    /// Explain each action on stderr
    #[arg(long)]
    explain: bool,

    /// Allow only pushes that skip the lookup of tags and manifests: the five actions of every push
    #[arg(long, requires = "repositories")]
    no_look_up: bool,

    /// Allow the push to create a missing repository
    #[arg(long, requires = "repositories")]
    create_repository: bool,

    /// Allow Docker's protocol, which needs a token: `push --transport registry`, or Docker itself
    #[arg(long, requires = "repositories")]
    token: bool,

    /// Allow `push --transport registry` to mount layers from this repository
    #[arg(long, value_name = "REPOSITORY", requires = "repositories")]
    mount_from: Option<Repository>,

    /// The repositories to push to: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME
    repositories: Vec<Repository>,

    /// The ARN of a service to deploy to; may be given several times. The short form of an ARN lacks
    /// the cluster: add --cluster
    #[arg(long = "service", value_name = "ARN")]
    services: Vec<String>,

    /// The name or the ARN of the services' cluster, if their ARNs lack it
    #[arg(long, value_name = "C", requires = "services")]
    cluster: Option<String>,

    /// Limit the statements to this family of task definitions if possible
    #[arg(long, value_name = "F", requires = "services")]
    family: Option<String>,

    /// A task role or task execution role of the task definition; may be given several times
    #[arg(long = "role", value_name = "ARN", requires = "services")]
    roles: Vec<String>,

    /// Allow `deploy --check-images` for images in this repository; may be given several times
    #[arg(long, value_name = "REPOSITORY", requires = "services")]
    check_images: Vec<Repository>,

    /// Print the policy of a role, or allow more than the rollout itself; may be given several times
    #[arg(long = "for", value_enum, value_name = "ROLE|WORK")]
    purposes: Vec<Purpose>,

    /// Print the trust policy of the role: who can assume it
    #[arg(long, requires = "purposes", conflicts_with = "explain")]
    trust: bool,

    #[command(flatten)]
    resources: SetupResources,
}

impl Arguments {
    fn services(&self) -> Result<Vec<Service>, BoxError> {
        let service = |text: &String| -> Result<Service, BoxError> {
            Ok(match &self.cluster {
                Some(cluster) => Service::new(cluster, text)?,
                None => text.parse()?,
            })
        };
        self.services.iter().map(service).collect()
    }
}

/// A role of a set-up, or a task of a deployment beside the rollout.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Setup(Setup),
    Work(Work),
}

impl ValueEnum for Purpose {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Purpose; 12] = [
            Purpose::Setup(Setup::ArtifactBucket),
            Purpose::Setup(Setup::Codebuild),
            Purpose::Setup(Setup::EventTarget),
            Purpose::Setup(Setup::GithubOidc),
            Purpose::Setup(Setup::Lambda),
            Purpose::Work(Work::Diagnosis),
            Purpose::Work(Work::Hooks),
            Purpose::Work(Work::Prune),
            Purpose::Work(Work::RollBack),
            Purpose::Work(Work::RunTask),
            Purpose::Work(Work::ServiceDeployments),
            Purpose::Work(Work::Tags),
        ];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Setup(setup) => setup.to_possible_value(),
            Self::Work(work) => work.to_possible_value(),
        }
    }
}

/// A task of a deployment beside the rollout.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Work {
    /// Report why tasks stopped
    Diagnosis,
    /// Continue or stop deployments that wait at a lifecycle hook
    Hooks,
    /// Deregister old revisions
    Prune,
    /// Roll back failed deployments
    RollBack,
    /// Run one-off tasks
    RunTask,
    /// Read service deployments: stages, hooks, the reason of a rollback
    ServiceDeployments,
    /// Copy task definitions that have tags
    Tags,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(async { policy(&parse_arguments()) }).await
}

fn policy(arguments: &Arguments) -> Result<(), BoxError> {
    let setups = arguments.purposes.iter().filter_map(|purpose| match purpose {
        Purpose::Setup(setup) => Some(*setup),
        Purpose::Work(_) => None,
    });
    let has_work = arguments.purposes.iter().any(|it| matches!(it, Purpose::Work(_)));
    if has_work && arguments.services.is_empty() {
        let problem = "--for with a task of a deployment needs --service ARN";
        Arguments::command().error(ErrorKind::MissingRequiredArgument, problem).exit();
    }
    match setups.collect::<Vec<_>>()[..] {
        [] if arguments.trust => Err("--trust needs --for with a role, such as lambda".into()),
        [] => print_policies(arguments),
        [setup] => print_setup(arguments, setup),
        _ => Err("--for takes one role at a time".into()),
    }
}

/// The policies of a push and a deployment, each in a document of its own.
fn print_policies(arguments: &Arguments) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    if let Some((first, others)) = arguments.repositories.split_first() {
        let policy = push_policy(arguments, first, others);
        if arguments.explain {
            explain_push(&policy, &story);
        }
        // Each account needs a policy of its own.
        for policy in policy.by_account() {
            story.result(policy.to_string())?;
        }
    }
    for service in arguments.services()? {
        let policy = deploy_policy(arguments, &service)?;
        if arguments.explain {
            explain_deployment(&policy, &story);
        }
        story.result(policy.to_string())?;
    }
    Ok(())
}

/// The permissions or the trust policy of a role.
fn print_setup(arguments: &Arguments, setup: Setup) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    let place = place(arguments)?;
    if arguments.trust {
        return story.result(arguments.resources.trust(setup, place.as_ref())?.document()?);
    }
    let mut policy = SetupPolicy::new();
    if let (Setup::Codebuild | Setup::GithubOidc, Some((first, others))) =
        (setup, arguments.repositories.split_first())
    {
        let push = push_policy(arguments, first, others);
        if push.by_account().len() > 1 {
            return Err("the repositories are in several accounts: print a policy for each".into());
        }
        if arguments.explain {
            explain_push(&push, &story);
        }
        policy.add_document(&push.to_string())?;
    }
    if matches!(setup, Setup::GithubOidc | Setup::Lambda) {
        for service in arguments.services()? {
            // The programs roll a failed deployment back.
            let deployment = deploy_policy(arguments, &service)?.roll_back();
            if arguments.explain {
                explain_deployment(&deployment, &story);
            }
            policy.add_document(&deployment.to_string())?;
        }
    }
    arguments.resources.permissions(setup, place.as_ref(), &mut policy)?;
    if arguments.explain {
        policy.reasons().iter().for_each(|reason| story.tell(reason));
    }
    story.result(policy.document()?)
}

/// The account and region of the first repository or service.
fn place(arguments: &Arguments) -> Result<Option<Place>, BoxError> {
    match (arguments.repositories.first(), arguments.services()?.first()) {
        (Some(repository), _) => Place::from_arn(&repository.arn(), "ecr").map(Some),
        (None, Some(service)) => Place::from_arn(&service.to_string(), "ecs").map(Some),
        (None, None) => Ok(None),
    }
}

fn explain_push(policy: &PushPolicy, story: &Story) {
    for permission in policy.permissions() {
        let (action, resource) = (permission.action(), permission.resource());
        story.tell(format!("{action} on {resource}: {}", permission.reason()));
        if let Some(text) = in_other_words(action) {
            story.tell(format!("  in other words: {text}"));
        }
    }
    for (question, answer) in QUESTIONS {
        story.tell(format!("{question}\n  {answer}"));
    }
}

fn explain_deployment(policy: &DeployPolicy, story: &Story) {
    for permission in policy.permissions() {
        let (action, resource) = (permission.action(), permission.resource());
        let loss = permission.loss().map(|it| format!("; without it, {it}"));
        let reason = permission.reason();
        story.tell(format!("{action} on {resource}: {reason}{}", loss.unwrap_or_default()));
    }
}

fn push_policy(arguments: &Arguments, first: &Repository, others: &[Repository]) -> PushPolicy {
    let mut policy = others.iter().fold(PushPolicy::new(first), PushPolicy::also_to);
    if arguments.no_look_up {
        policy = policy.look_up(LookUp::Never);
    }
    if arguments.create_repository {
        policy = policy.create_repository(NewRepository::default());
    }
    if arguments.token {
        policy = policy.token();
    }
    if let Some(source) = &arguments.mount_from {
        policy = policy.mount_from(source);
    }
    policy
}

fn deploy_policy(arguments: &Arguments, service: &Service) -> Result<DeployPolicy, BoxError> {
    let mut policy = DeployPolicy::new(service)?
        .check_images(arguments.check_images.iter().map(ToString::to_string));
    if let Some(family) = &arguments.family {
        policy = policy.family(family);
    }
    for role in &arguments.roles {
        policy = policy.role(role);
    }
    for purpose in &arguments.purposes {
        let Purpose::Work(work) = purpose else { continue };
        policy = match work {
            Work::Diagnosis => policy.diagnosis(),
            Work::Hooks => policy.hooks(),
            Work::Prune => policy.prune(),
            Work::RollBack => policy.roll_back(),
            Work::RunTask => policy.run_task(),
            Work::ServiceDeployments => policy.service_deployments(),
            Work::Tags => policy.tags(),
        };
    }
    Ok(policy)
}
