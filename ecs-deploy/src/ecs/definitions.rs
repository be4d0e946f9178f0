//! The calls that read and register task definitions.

use std::time::Duration;

use aws_sdk_ecs::types::{Service as Description, TaskDefinitionField};
use tokio::time::sleep;

use crate::ecs::capture::{Capture, replace_body};
use crate::ecs::client::Ecs;
use crate::ecs::turns::Kind;
use crate::error::Error;
use crate::error::missing_statement::Need;
use crate::error::repr::Repr;
use crate::model::finding::{Finding, FindingKind};
use crate::names::arn::{family, number, short};
use crate::names::reference::Reference;
use crate::names::service::Service;
use crate::revision::Revision;

impl Ecs {
    /// Returns a copy of the current task definition of `service`.
    pub(crate) async fn current(&self, service: &Service) -> Result<Revision, Error> {
        let describe = || self.describe(service);
        let description = self.turns().make(Kind::Description, describe).await?;
        let arn = task_definition(&description)?.to_owned();
        let source = self.snapshots().insert(service, description);
        let definition = || self.definition(&arn);
        Ok(self.turns().make(Kind::Description, definition).await?.copied_from(source))
    }

    /// Returns a copy of the task definition that `reference` names.
    pub(crate) async fn revision(&self, reference: &str) -> Result<Revision, Error> {
        let reference: Reference = reference.parse()?;
        let region = self.region();
        if reference.region().is_some_and(|of_reference| of_reference != region) {
            let reference = reference.to_string();
            return Err(Repr::DefinitionRegion { reference, region }.into());
        }
        self.definition(reference.as_str()).await
    }

    /// Registers `revision` if ECS sees a difference from its base or the base is INACTIVE, and
    /// returns the ARN of the registered revision or the base. It fails if ECS dropped a member.
    pub(crate) async fn register(&self, revision: &mut Revision) -> Result<String, Error> {
        let Registration { arn, deviations } = self.register_and_compare(revision).await?;
        let dropped = |it: &Finding| it.kind() == FindingKind::MemberDropped;
        let findings: Vec<Finding> = deviations.into_iter().filter(dropped).collect();
        if findings.is_empty() {
            return Ok(arn);
        }
        let revision = short(&arn).to_owned();
        Err(Repr::MemberDropped { revision, findings }.into())
    }

    /// Does the same, and leaves the findings to the caller.
    pub(crate) async fn register_and_compare(
        &self,
        revision: &mut Revision,
    ) -> Result<Registration, Error> {
        const OPERATION: &str = "RegisterTaskDefinition";
        if let (Some(arn), false) = (revision.arn(), revision.needs_registration()) {
            return Ok(Registration { arn: arn.to_owned(), deviations: Vec::new() });
        }
        let mut delay = Duration::from_secs(1);
        let capture = Capture::default();
        let output = loop {
            let call = || async {
                let call = self.client().register_task_definition().family(revision.family());
                let call = call.customize().interceptor(capture.clone());
                let call = call.mutate_request(replace_body(revision.request()));
                call.send().await.map_err(|error| {
                    let mut needs = vec![Need::new("ecs:RegisterTaskDefinition", "*")];
                    let tagged = format!("task-definition/{}:*", revision.family());
                    needs.extend(Need::of_definition(&self.region(), &tagged, revision.roles()));
                    Error::needing(OPERATION, revision.family(), needs, error)
                })
            };
            match self.turns().make(Kind::Registration, call).await {
                Err(error) if delay <= longest_delay(&error) => {
                    tracing::debug!(%error, "retrying the registration later");
                    sleep(delay).await;
                    delay *= 2;
                }
                result => break result?,
            }
        };
        let registered = output.task_definition.and_then(|it| it.task_definition_arn);
        let arn = registered
            .ok_or_else(|| Error::protocol(OPERATION, "it has no revision ARN".to_owned()))?;
        confirm(OPERATION, &arn, revision.family())?;
        tracing::info!(%arn, "registered");
        let kept = Revision::from_response(capture.json(OPERATION)?, OPERATION)?;
        let deviations = revision.deviations(&kept);
        revision.registered_as(arn.clone());
        Ok(Registration { arn, deviations })
    }

    /// Bases a revision that has no base on the service's current task definition, so that nothing
    /// is registered if nothing differs. It makes one call, or none.
    pub(crate) async fn rebase(
        &self,
        revision: &mut Revision,
        description: &Description,
    ) -> Result<(), Error> {
        if revision.arn().is_none() {
            let current = self.definition(task_definition(description)?).await?;
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
        let revision = Revision::from_response(capture.json(OPERATION)?, OPERATION)?;
        confirm(OPERATION, revision.arn().unwrap_or_default(), reference)?;
        Ok(revision)
    }
}

/// A registered revision.
pub(crate) struct Registration {
    pub(crate) arn: String,
    /// The differences between what was sent and what ECS registered.
    pub(crate) deviations: Vec<Finding>,
}

/// Checks that the response is about a revision of the family that was asked for, and about the one
/// that `asked` names, if it names one.
fn confirm(operation: &'static str, arn: &str, asked: &str) -> Result<(), Error> {
    let is_revision = arn.starts_with("arn:") && arn.parse::<Reference>().is_ok();
    let is_asked = match number(asked) {
        Some(_) => short(arn) == short(asked),
        None => family(arn) == asked,
    };
    let problem = match (is_revision, is_asked) {
        (true, true) => return Ok(()),
        (true, false) => format!("it is about {} instead of {}", short(arn), short(asked)),
        (false, _) => format!("`{arn}` isn't the ARN of a revision"),
    };
    Err(Error::protocol(operation, problem))
}

/// Returns the ARN of the service's current task definition.
fn task_definition(description: &Description) -> Result<&str, Error> {
    description.task_definition().ok_or_else(|| {
        let service = description.service_name().unwrap_or_default();
        let problem = format!("the service `{service}` has no task definition");
        Error::protocol("DescribeServices", problem)
    })
}

/// Returns the longest wait before a retry. The waits begin with one second and double: 31 seconds
/// in total for a concurrent registration.
fn longest_delay(error: &Error) -> Duration {
    Duration::from_secs(if error.is_concurrent_registration() { 16 } else { 0 })
}
