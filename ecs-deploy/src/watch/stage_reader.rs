//! [`StageReader`]: the lookup of the service deployment. The caller's policy may not allow it, and
//! the state may lag by seconds (reported).

use aws_sdk_ecs::types::ServiceDeploymentBrief;

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::model::handle::DeploymentRecord;
use crate::names::arn::short;
use crate::watch::stage_view::StageView;

/// The lookup of a service deployment.
#[derive(Debug)]
pub(crate) struct StageReader {
    arn: Option<String>,
    /// Whether DescribeServiceDeployments may be called; `false` after a refusal.
    may_describe: bool,
    may_list: bool,
}

impl StageReader {
    pub(crate) fn new(record: &DeploymentRecord) -> Self {
        Self { arn: record.service_deployment.clone(), may_describe: true, may_list: true }
    }

    /// Returns the ARN of the service deployment, if it is known.
    pub(crate) fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    /// Returns whether further lookups would fail because the policy doesn't allow them.
    pub(crate) fn is_denied(&self) -> bool {
        !self.may_list && (!self.may_describe || self.arn.is_none())
    }

    /// Looks the service deployment up; `None` if ECS doesn't show it yet or the policy doesn't
    /// allow it. It makes one call if the ARN is known, or two to find it first. If only the list
    /// is allowed, the result has the status and its reason only.
    pub(crate) async fn look(&mut self, ecs: &Ecs, record: &DeploymentRecord) -> Option<StageView> {
        if let Some(newer) = self.describe(ecs, record).await {
            return Some(newer);
        }
        // If the lookup by the known ARN failed, another call would most likely fail too.
        let is_known = self.may_describe && self.arn.is_some();
        if is_known || !self.may_list {
            return None;
        }
        let ours = self.find(ecs, record).await?;
        self.arn = ours.service_deployment_arn().map(str::to_owned);
        if self.may_describe {
            return self.describe(ecs, record).await;
        }
        Some(StageView::from_brief(&ours))
    }

    async fn describe(&mut self, ecs: &Ecs, record: &DeploymentRecord) -> Option<StageView> {
        let arn = self.arn.as_ref().filter(|_| self.may_describe)?;
        let call = ecs.client().describe_service_deployments().service_deployment_arns(arn);
        let result = call.send().await;
        let result = result.map_err(|it| Error::api("DescribeServiceDeployments", arn, it));
        let output = unless_denied(result, &mut self.may_describe)?;
        let newer = output
            .service_deployments()
            .first()
            .and_then(|it| StageView::from_description(it, record));
        if newer.is_none() {
            // The ARN belongs to the deployment before, or ECS doesn't show the new one yet.
            self.arn = None;
        }
        newer
    }

    /// Finds the service deployment: its service revision's ARN ends with the same number as the
    /// deployment's id.
    async fn find(
        &mut self,
        ecs: &Ecs,
        record: &DeploymentRecord,
    ) -> Option<ServiceDeploymentBrief> {
        let list = ecs
            .client()
            .list_service_deployments()
            .cluster(record.service.cluster_reference())
            .service(record.service.name());
        let result = list.send().await;
        let result = result.map_err(|it| Error::api("ListServiceDeployments", &record.service, it));
        let output = unless_denied(result, &mut self.may_list)?;
        output.service_deployments.unwrap_or_default().into_iter().find(|it| {
            it.target_service_revision_arn().is_some_and(|arn| short(arn) == record.number())
        })
    }
}

fn unless_denied<T>(result: Result<T, Error>, is_allowed: &mut bool) -> Option<T> {
    result
        .inspect_err(|error| {
            tracing::debug!(%error, "the service deployment can't be read");
            *is_allowed &= error.is_retryable();
        })
        .ok()
}
