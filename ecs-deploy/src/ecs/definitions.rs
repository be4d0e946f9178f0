//! What [`Deployer`] does with task definitions: reading and registering them.

use std::time::Duration;

use aws_sdk_ecs::types::{Service as Description, TaskDefinitionField};
use tokio::time::{Instant, sleep};

use crate::deployer::Deployer;
use crate::ecs::capture::{Capture, replace_body};
use crate::error::{Error, ErrorKind, Repr};
use crate::names::reference::Reference;
use crate::names::service::Service;
use crate::revision::{Observed, Revision};

impl Deployer {
    /// The task definition that `service` is to run now: the one of its PRIMARY deployment, not
    /// the newest of the family. Two calls: DescribeServices and DescribeTaskDefinition.
    ///
    /// What is rolled out from the copy replaces the whole task definition, so that two pipelines
    /// for two containers of one service must not work on copies of the same revision:
    /// [`RollOut`](crate::RollOut) says how much of that is noticed.
    ///
    /// # Errors
    /// [`ClusterNotFound`](crate::ErrorKind::ClusterNotFound),
    /// [`ServiceNotFound`](crate::ErrorKind::ServiceNotFound),
    /// [`ServiceInactive`](crate::ErrorKind::ServiceInactive),
    /// [`UnsupportedController`](crate::ErrorKind::UnsupportedController), and those of the calls.
    pub async fn current(&self, service: &Service) -> Result<Revision, Error> {
        let description = self.describe(service).await?;
        let at = Instant::now();
        let mut revision = self.definition(running(&description)?).await?;
        revision.observed = Some(Observed { service: service.clone(), description, at });
        Ok(revision)
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
        let reference = Reference::parse(reference)?;
        let region = self.region();
        if reference.region().is_some_and(|of_reference| of_reference != region) {
            let reference = reference.to_string();
            return Err(Repr::DefinitionRegion { reference, region }.into());
        }
        self.definition(reference.as_str()).await
    }

    /// Registers `revision` as a new revision of its family, unless it is the same in ECS's eyes as
    /// the one that it is a copy of or [based on](Revision::based_on), and returns the ARN of the
    /// one that there is then. Registering it again registers nothing.
    ///
    /// ECS refuses to work on two registrations of one family at a time; that is waited out for
    /// about half a minute. Throttling is waited out for about a minute, beyond what the SDK does
    /// by itself.
    ///
    /// RegisterTaskDefinition has no token by which ECS could tell a repeated request from a second
    /// one. Where an answer is lost and the SDK repeats the request, there may be two revisions of
    /// the same content: no harm but a number, since only the second is used.
    ///
    /// # Errors
    /// Those of RegisterTaskDefinition.
    pub async fn register(&self, revision: &mut Revision) -> Result<String, Error> {
        const OPERATION: &str = "RegisterTaskDefinition";
        if let (Some(arn), false) = (revision.arn(), revision.is_changed()) {
            return Ok(arn.to_owned());
        }
        let mut delay = Duration::from_secs(1);
        let output = loop {
            let result = self
                .client()
                .register_task_definition()
                .family(revision.family())
                .customize()
                .mutate_request(replace_body(revision.request()))
                .send()
                .await
                .map_err(|error| Error::api(OPERATION, revision.family(), error));
            match result {
                Err(error) if delay <= longest_delay(&error) => {
                    tracing::debug!(%error, "registering again later");
                    sleep(delay).await;
                    delay *= 2;
                }
                result => break result?,
            }
        };
        let registered = output.task_definition.and_then(|it| it.task_definition_arn);
        let arn = registered
            .ok_or_else(|| Error::protocol(OPERATION, "there is no ARN in it".to_owned()))?;
        tracing::info!(%arn, "registered");
        revision.registered_as(arn.clone());
        Ok(arn)
    }

    /// Bases what is neither a copy nor based on anything on the task definition that the service
    /// is to run, so that nothing is registered where nothing differs. One call, or none.
    pub(crate) async fn rebase(
        &self,
        revision: &mut Revision,
        description: &Description,
    ) -> Result<(), Error> {
        if revision.arn().is_none() {
            let current = self.definition(running(description)?).await?;
            revision.rebase(&current);
        }
        Ok(())
    }

    pub(crate) async fn definition(&self, reference: &str) -> Result<Revision, Error> {
        const OPERATION: &str = "DescribeTaskDefinition";
        let capture = Capture::default();
        self.client()
            .describe_task_definition()
            .task_definition(reference)
            .include(TaskDefinitionField::Tags)
            .customize()
            .interceptor(capture.clone())
            .send()
            .await
            .map_err(|error| Error::definition_api(OPERATION, reference, &self.region(), error))?;
        Revision::from_response(capture.json(OPERATION)?)
    }
}

/// The ARN of what the service is to run.
fn running(description: &Description) -> Result<&str, Error> {
    description.task_definition().ok_or_else(|| {
        let service = description.service_name().unwrap_or_default();
        let problem = format!("the service `{service}` has no task definition");
        Error::protocol("DescribeServices", problem)
    })
}

/// How long the last wait may be before another try, of waits that begin with a second and double:
/// 31 seconds in all for a registration beside another one, 63 where the account is throttled.
fn longest_delay(error: &Error) -> Duration {
    Duration::from_secs(match error.kind() {
        ErrorKind::Throttled => 32,
        _ if error.is_concurrent_registration() => 16,
        _ => 0,
    })
}
