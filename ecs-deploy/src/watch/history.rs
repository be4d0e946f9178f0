//! The history of a service: the task definitions of its successful deployments.

use std::cmp::Reverse;
use std::error::Error as StdError;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::types::ServiceDeploymentStatus;

use crate::ecs::client::Ecs;
use crate::ecs::patience::{Attempts, listed, pages};
use crate::error::Error;
use crate::error::missing_statement::Need;
use crate::error::repr::Repr;
use crate::names::service::Service;

/// The reader of a service's successful deployments, which ECS keeps for 90 days.
pub(crate) struct History<'a> {
    pub(crate) ecs: &'a Ecs,
    pub(crate) cluster: &'a str,
    /// The service's name or ARN.
    pub(crate) service: &'a str,
    /// The service's name in errors.
    pub(crate) subject: &'a str,
    pub(crate) attempts: Attempts,
}

impl History<'_> {
    /// Returns the ARNs of their service revisions, newest first.
    pub(crate) async fn service_revisions(&self) -> Result<Vec<String>, Error> {
        const OPERATION: &str = "ListServiceDeployments";
        let list = self
            .ecs
            .client()
            .list_service_deployments()
            .cluster(self.cluster)
            .service(self.service)
            .status(ServiceDeploymentStatus::Successful)
            .max_results(100);
        let mut deployments = pages(self.attempts, OPERATION, self.subject, |token| {
            let list = list.clone().set_next_token(token).send();
            async {
                let output = list.await;
                let output = output.map_err(|it| self.failed(OPERATION, it))?;
                let deployments =
                    listed(OPERATION, "serviceDeployments", output.service_deployments)?;
                Ok((deployments, output.next_token))
            }
        })
        .await?;
        // The API reference doesn't promise an order.
        deployments.sort_by_key(|it| Reverse(it.created_at().map(|at| at.as_nanos())));
        Ok(deployments.into_iter().filter_map(|it| it.target_service_revision_arn).collect())
    }

    /// Returns the task definitions of at most [`AT_ONCE`] service revisions, in their order.
    pub(crate) async fn task_definitions(&self, of: &[String]) -> Result<Vec<String>, Error> {
        const OPERATION: &str = "DescribeServiceRevisions";
        let describe = self.ecs.client().describe_service_revisions();
        let describe = describe.set_service_revision_arns(Some(of.to_vec()));
        let call = || {
            let describe = describe.clone().send();
            async { describe.await.map_err(|it| self.failed(OPERATION, it)) }
        };
        let output = self.attempts.make(OPERATION, self.subject, call).await?;
        let mut found = Vec::new();
        for arn in of {
            let mut revisions = output.service_revisions().iter();
            let revision = revisions.find(|it| it.service_revision_arn() == Some(arn));
            match revision.map(|it| it.task_definition()) {
                Some(task_definition) => found.extend(task_definition.map(str::to_owned)),
                None if output.failures().iter().any(|it| it.arn() == Some(arn)) => {}
                None => {
                    let problem = format!("it has neither `{arn}` nor a failure for it");
                    return Err(Error::protocol(OPERATION, problem));
                }
            }
        }
        Ok(found)
    }

    fn failed<E>(&self, operation: &'static str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let service = match self.subject.parse::<Service>() {
            Ok(service) => service.pattern(&self.ecs.region()),
            Err(_) => self.subject.to_owned(),
        };
        Error::needing(operation, self.subject, Need::of_service(operation, &service), error)
    }
}

/// Returns the task definition of the last successful deployment with another one than `running`.
///
/// # Errors
/// Returns [`NothingToRollBackTo`](crate::ErrorKind::NothingToRollBackTo) if ECS knows no such
/// deployment, or an error of the calls.
pub(crate) async fn last_successful(
    ecs: &Ecs,
    service: &Service,
    running: &str,
    attempts: Attempts,
) -> Result<String, Error> {
    let (cluster, subject) = (service.cluster_reference(), service.to_string());
    let history =
        History { ecs, cluster: &cluster, service: service.name(), subject: &subject, attempts };
    let revisions = history.service_revisions().await?;
    if revisions.is_empty() {
        return Err(nothing(service, "ECS knows no successful deployment of it"));
    }
    for revisions in revisions.chunks(AT_ONCE) {
        let mut found = history.task_definitions(revisions).await?.into_iter();
        if let Some(found) = found.find(|it| it != running) {
            return Ok(found);
        }
    }
    Err(nothing(service, "all successful deployments that ECS knows have its current revision"))
}

/// Returns the error of a service that can't be rolled back.
pub(crate) fn nothing(service: &Service, problem: &str) -> Error {
    let (service, problem) = (service.clone(), problem.to_owned());
    Repr::NothingToRollBackTo { service, problem, source: None }.into()
}

/// The limit of service revisions in one DescribeServiceRevisions call (API reference).
const AT_ONCE: usize = 20;
