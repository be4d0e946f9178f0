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

/// Deploys to the services of one region and account. Clones share one ECS client.
///
/// The `SdkConfig` decides how often a request is tried. What takes minutes (a wait,
/// [`run_task`](Self::run_task), [`prune`](Self::prune)) doesn't end because a request that only
/// reads, or that may be repeated, failed as often as that; [`register`](Self::register) waits
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

    /// The task definition that `service` is to run now: the one of its PRIMARY deployment, not
    /// the newest of the family. Two calls: DescribeServices and DescribeTaskDefinition.
    ///
    /// What is rolled out from the copy replaces the whole task definition, so that two pipelines
    /// for two containers of one service must not work on copies of the same revision:
    /// [`RollOut`] says how much of that is noticed.
    ///
    /// # Errors
    /// [`ClusterNotFound`](crate::ErrorKind::ClusterNotFound),
    /// [`ServiceNotFound`](crate::ErrorKind::ServiceNotFound),
    /// [`ServiceInactive`](crate::ErrorKind::ServiceInactive),
    /// [`UnsupportedController`](crate::ErrorKind::UnsupportedController), and those of the calls.
    pub async fn current(&self, service: &Service) -> Result<Revision, Error> {
        self.ecs.current(service).await
    }

    /// A copy of the task definition that `reference` names: `FAMILY` for the latest ACTIVE
    /// revision of that family, `FAMILY:REVISION`, or a revision's ARN. One call,
    /// DescribeTaskDefinition.
    ///
    /// A revision that has been deregistered (INACTIVE) can be copied, too, but ECS starts no
    /// deployment of it unless something of it is changed.
    ///
    /// ```no_run
    /// # use ecs_deploy::{Deployer, Service};
    /// # async fn deploy(deployer: Deployer, service: Service) -> Result<(), ecs_deploy::Error> {
    /// // Back to an earlier revision: it is registered already, and so rolled out as it is.
    /// let revision = deployer.revision("web:41").await?;
    /// deployer.roll_out(&service, revision).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidReference`](crate::ErrorKind::InvalidReference),
    /// [`RegionMismatch`](crate::ErrorKind::RegionMismatch) for an ARN of another region,
    /// [`TaskDefinitionNotFound`](crate::ErrorKind::TaskDefinitionNotFound), and those of the call.
    pub async fn revision(&self, reference: &str) -> Result<Revision, Error> {
        self.ecs.revision(reference).await
    }

    /// Registers `revision` as a new revision of its family, unless it is the same to ECS as the
    /// one that it is a copy of or [based on](Revision::based_on), and returns the ARN of the one
    /// that there is then. Registering it again registers nothing.
    ///
    /// ECS refuses to work on two registrations of one family at a time; that is waited out for
    /// about half a minute. Throttling is waited out for about a minute, beyond what the SDK does
    /// by itself.
    ///
    /// RegisterTaskDefinition has no token by which ECS could tell a repeated request from a second
    /// one. If an answer is lost and the SDK repeats the request, there may be two revisions of the
    /// same content. Only the second is used.
    ///
    /// # Errors
    /// Those of RegisterTaskDefinition.
    pub async fn register(&self, revision: &mut Revision) -> Result<String, Error> {
        self.ecs.register(revision).await
    }

    /// Makes `service` run `revision`, which is registered before if it has changed. Nothing
    /// happens until the returned [`RollOut`] is awaited.
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

    /// Follows a deployment that has begun, perhaps in another process, to its end. Nothing happens
    /// until the returned [`Follow`] is awaited.
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

    /// Puts `service` back to the revision that last ran successfully. Nothing happens until the
    /// returned [`RollBack`] is awaited.
    pub fn roll_back(&self, service: &Service) -> RollBack {
        RollBack::new(self.ecs.clone(), service.clone())
    }

    /// Runs a task of `revision`, which is registered before if it has changed, with the settings of
    /// `service`. Nothing happens until the returned [`RunTask`] is awaited.
    pub fn run_task<'a>(&self, service: &Service, revision: &'a mut Revision) -> RunTask<'a> {
        RunTask::new(self.ecs.clone(), service, Definition::Given(revision))
    }

    /// The same with a task definition that is registered: by its ARN, as `FAMILY:REVISION`, or the
    /// newest active one of a family by its name. It takes DescribeTaskDefinition once more.
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

    /// The same for the family of what `service` runs.
    pub fn prune_family_of(&self, service: &Service) -> Prune {
        Prune::new(self.ecs.clone(), Family::OfService(service.clone()))
    }

    /// What is wrong with the images of `revision`, or couldn't be checked; empty if all is well. It
    /// changes nothing, and no failure is an error: a finding says what it is and why, once for each
    /// image.
    ///
    /// It takes one BatchGetImage for each image that is in ECR, and for one that isn't an index of
    /// several platforms a GetDownloadUrlForLayer and a download of a few kilobytes; 30 seconds at
    /// most in all.
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
