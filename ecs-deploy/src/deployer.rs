//! [`Deployer`]: the entry point of the crate, which reads, registers and deploys.

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
/// The `SdkConfig` sets the number of attempts for each request. An operation that takes minutes (a
/// wait, [`run_task`](Self::run_task), [`prune`](Self::prune)) continues if all attempts fail for a
/// request that is safe to repeat. [`register`](Self::register) retries while ECS registers another
/// revision of the family.
#[derive(Debug, Clone)]
pub struct Deployer {
    ecs: Ecs,
}

impl Deployer {
    /// Creates a deployer with the region, the credentials and the HTTP client of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Client::new(config).into()
    }

    /// Returns a copy of the current task definition of `service`: the one of its current (PRIMARY)
    /// deployment, which may not be the newest of the family. It makes two calls: DescribeServices
    /// and DescribeTaskDefinition.
    ///
    /// A rollout of the copy replaces the whole task definition. Two pipelines for two containers
    /// of one service must therefore not edit copies of the same revision; [`RollOut`] describes
    /// which of these conflicts it detects.
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

    /// Registers `revision` as a new revision of its family and returns its ARN. If the content
    /// doesn't differ from the revision that it is a copy of or [based on](Revision::based_on), the
    /// call registers nothing and returns that revision's ARN. So a second call registers nothing.
    ///
    /// ECS refuses concurrent registrations in one family; this is retried for about half a minute.
    /// Throttling is retried for about a minute, in addition to the SDK's own retries.
    ///
    /// RegisterTaskDefinition doesn't have a token that identifies a repeated request. If a
    /// response is lost and the SDK repeats the request, ECS may create two revisions with the same
    /// content. This wastes one revision number and has no other effect.
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

    /// Applies `plan`. Before it changes anything, it reads the service's state again, and fails
    /// with [`Outdated`](crate::ErrorKind::Outdated) if the service runs another task definition
    /// than when the plan was made, or if an empty plan would now change something. Nothing happens
    /// until the returned [`RollOut`] is awaited. A plan doesn't store
    /// [`timeout`](RollOut::timeout), [`on_failure`](RollOut::on_failure),
    /// [`on_pause`](RollOut::on_pause) and [`patience`](RollOut::patience); set them again.
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

    /// Resolves the pause of a deployment at a lifecycle hook with ContinueServiceDeployment. It
    /// returns as soon as ECS accepts the call. The rollout or [`follow`](Self::follow) reports the
    /// further progress.
    ///
    /// # Errors
    /// Returns the errors of the call, such as [`Service`](crate::ErrorKind::Service) if the hook
    /// no longer waits.
    pub async fn resolve(&self, pause: &Pause, resolution: Resolution) -> Result<(), Error> {
        self.ecs.resolve(pause, resolution).await
    }

    /// Rolls `service` back to the revision that last ran successfully. Nothing happens until the
    /// returned [`RollBack`] is awaited.
    pub fn roll_back(&self, service: &Service) -> RollBack {
        RollBack::new(self.ecs.clone(), service.clone())
    }

    /// Runs a task of `revision` with the settings of `service`. It registers the revision first if
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

    /// Returns a finding for each image of `revision` that is missing, doesn't fit or couldn't be
    /// checked; empty if all images fit. The check changes nothing and returns no errors: the
    /// finding of an image names the failure.
    ///
    /// The check calls BatchGetImage once for each image in ECR. For an image that isn't an index
    /// of several platforms, it also calls GetDownloadUrlForLayer and downloads a few kilobytes. It
    /// takes at most 30 seconds in total.
    ///
    /// # Cancellation
    /// The future may be dropped at any time.
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
