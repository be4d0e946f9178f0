//! [`Deployer`]: the front door of the crate.

use aws_sdk_ecs::Client;
use aws_types::SdkConfig;

use crate::ecs::client::Ecs;
use crate::error::Error;
#[cfg(feature = "ecr")]
use crate::image_check::{ImageCheck, ImageFinding};
use crate::model::handle::Handle;
use crate::model::pause::{Pause, Resolution};
use crate::names::service::Service;
use crate::prune::{Family, Prune};
use crate::revision::Revision;
use crate::rollout::follow::Follow;
use crate::rollout::plan::Plan;
use crate::rollout::request::Expectation;
use crate::rollout::roll_out::RollOut;
use crate::rollout::rollback::RollBack;
use crate::task::{Definition, RunTask};

/// The entry point for deployments to the services of one region and account. Clones share one ECS
/// client.
///
/// The `SdkConfig` decides how often a request is tried. What takes minutes (a wait,
/// wait, [`run_task`](Self::run_task), [`prune`](Self::prune)) continues when these attempts fail
/// for a request that only reads or may be repeated. [`register`](Self::register) retries while ECS
/// until ECS is ready for it.
#[derive(Debug, Clone)]
pub struct Deployer {
    ecs: Ecs,
}

impl Deployer {
    /// A deployer with the region, the credentials and the HTTP client of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Client::new(config).into()
    }

    /// Returns a copy of the current task definition of `service`: that of its PRIMARY deployment,
    /// not the newest of the family. It makes two calls: DescribeServices and
    /// DescribeTaskDefinition.
    ///
    /// A rollout of the copy replaces the whole task definition. Two pipelines for two containers
    /// of one service must therefore not edit copies of the same revision;
    /// [`RollOut`] says how much of that is noticed.
    ///
    /// # Errors
    /// Returns [`ClusterNotFound`](crate::ErrorKind::ClusterNotFound),
    /// [`ServiceNotFound`](crate::ErrorKind::ServiceNotFound),
    /// [`ServiceInactive`](crate::ErrorKind::ServiceInactive),
    /// [`UnsupportedController`](crate::ErrorKind::UnsupportedController), or an error of the
    /// calls.
    pub async fn current(&self, service: &Service) -> Result<Revision, Error> {
        self.ecs.current(service).await
    }

    /// Returns a copy of the task definition that `reference` names: `FAMILY` for the latest ACTIVE
    /// revision of that family, `FAMILY:REVISION`, or a revision's ARN. It makes one call,
    /// DescribeTaskDefinition.
    ///
    /// A deregistered (INACTIVE) revision can also be copied, but ECS starts a deployment of the
    /// copy only after a change.
    ///
    /// ```no_run
    /// # use ecs_deploy::{Deployer, Service};
    /// # async fn deploy(deployer: Deployer, service: Service) -> Result<(), ecs_deploy::Error> {
    /// // Deploys an earlier revision: it is registered already, so it is rolled out unchanged.
    /// let revision = deployer.revision("web:41").await?;
    /// deployer.roll_out(&service, revision).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns [`InvalidReference`](crate::ErrorKind::InvalidReference),
    /// [`RegionMismatch`](crate::ErrorKind::RegionMismatch) for an ARN of another region,
    /// [`TaskDefinitionNotFound`](crate::ErrorKind::TaskDefinitionNotFound), or an error of the
    /// call.
    pub async fn revision(&self, reference: &str) -> Result<Revision, Error> {
        self.ecs.revision(reference).await
    }

    /// Registers `revision` as a new revision of its family, unless it is the same to ECS as the
    /// one that it is a copy of or [based on](Revision::based_on), and returns the ARN of the one
    /// that there is then. Registering it again registers nothing.
    ///
    /// ECS refuses concurrent registrations in one family; this is retried for about half a minute.
    /// Throttling is retried for about a minute, in addition to the SDK's own retries.
    ///
    /// RegisterTaskDefinition doesn't have a token that identifies a repeated request. If an answer
    /// one. If an answer is lost and the SDK repeats the request, there may be two revisions of the
    /// same content. Only the second is used.
    ///
    /// # Errors
    /// Returns the errors of RegisterTaskDefinition.
    pub async fn register(&self, revision: &mut Revision) -> Result<String, Error> {
        self.ecs.register(revision).await
    }

    /// Registers `revision` if it has changed, and deploys it to `service`. Nothing happens until
    /// the returned [`RollOut`] is awaited.
    pub fn roll_out(&self, service: &Service, revision: Revision) -> RollOut {
        RollOut::new(self.ecs.clone(), service.clone(), revision)
    }

    /// Does what `plan` says. Before anything is changed, the service is looked at again:
    /// [`Outdated`](crate::ErrorKind::Outdated) if it runs another task definition than when the
    /// plan was made, or if there was nothing to do and now there is. Nothing happens until the
    /// returned [`RollOut`] is awaited, whose terms are set anew.
    pub fn apply(&self, plan: &Plan) -> RollOut {
        let Plan { service, running, revision, update, refused, is_unchanged, .. } = plan.clone();
        let expected = Expectation::Planned { running, is_unchanged };
        RollOut::new(self.ecs.clone(), service, revision).planned(update, refused, expected)
    }

    /// Follows a deployment to its end; another process may have begun it. Nothing happens until
    /// the returned [`Follow`] is awaited.
    pub fn follow(&self, handle: Handle) -> Follow {
        Follow::new(self.ecs.clone(), handle)
    }

    /// Decides about a deployment that waits at a lifecycle hook: ContinueServiceDeployment. It
    /// returns as soon as ECS has accepted the decision; the rollout, or [`follow`](Self::follow),
    /// shows the outcome.
    ///
    /// # Errors
    /// Those of the call, such as [`Service`](crate::ErrorKind::Service) if the hook isn't waiting
    /// any more.
    pub async fn resolve(&self, pause: &Pause, resolution: Resolution) -> Result<(), Error> {
        self.ecs.resolve(pause, resolution).await
    }

    /// Rolls `service` back to the revision that last ran successfully. Nothing happens until the
    /// returned [`RollBack`] is awaited.
    pub fn roll_back(&self, service: &Service) -> RollBack {
        RollBack::new(self.ecs.clone(), service.clone())
    }

    /// Runs a task of `revision`, which is registered before if it has changed, with the settings of
    /// it has changed. Nothing happens until the returned [`RunTask`] is awaited.
    pub fn run_task<'a>(&self, service: &Service, revision: &'a mut Revision) -> RunTask<'a> {
        RunTask::new(self.ecs.clone(), service, Definition::Given(revision))
    }

    /// Runs a task of a registered task definition: an ARN, `FAMILY:REVISION`, or a family for its
    /// newest active revision. It makes one more DescribeTaskDefinition call.
    pub fn run_registered_task(
        &self,
        service: &Service,
        task_definition: impl Into<String>,
    ) -> RunTask<'static> {
        RunTask::new(self.ecs.clone(), service, Definition::Named(task_definition.into()))
    }

    /// Prunes a family by its name. Nothing happens until the returned [`Prune`] is awaited.
    pub fn prune(&self, family: impl Into<String>) -> Prune {
        Prune::new(self.ecs.clone(), Family::Named(family.into()))
    }

    /// Prunes the family of the task definition that `service` runs, in the same way.
    pub fn prune_family_of(&self, service: &Service) -> Prune {
        Prune::new(self.ecs.clone(), Family::OfService(service.clone()))
    }

    /// What is wrong with the images of `revision`, or couldn't be checked; empty if all is well. It
    /// changes nothing, and no failure is an error: a finding says what it is and why, once for each
    /// image.
    ///
    /// The check calls BatchGetImage once for each image in ECR. For an image that isn't an index
    /// of several platforms, it also calls GetDownloadUrlForLayer and downloads a few kilobytes. It
    /// takes at most 30 seconds in total.
    ///
    /// # Cancellation
    /// It may be dropped at any time.
    #[cfg(feature = "ecr")]
    pub async fn check_images(&self, check: &ImageCheck, revision: &Revision) -> Vec<ImageFinding> {
        check.check(revision).await
    }
}

impl From<Client> for Deployer {
    fn from(client: Client) -> Self {
        Self { ecs: Ecs::new(client) }
    }
}
