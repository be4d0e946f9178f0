//! [`Start`]: the RunTask call with the service's settings, repeated while ECS lacks capacity.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use aws_sdk_ecs::operation::run_task::RunTaskOutput;
use aws_sdk_ecs::types::{PropagateTags, Service as Description, TaskOverride};
use tokio::time::{Instant, sleep};

use crate::ecs::client::Ecs;
use crate::ecs::limit::Limit;
use crate::ecs::patience::Attempts;
use crate::error::Error;
use crate::error::answer::ApiFailure;
use crate::error::missing_statement::Need;
use crate::error::task::{Placement, TaskRepr};
use crate::names::service::Service;
use crate::revision::Revision;
use crate::task::volumes::volumes;
use crate::task::watch::STARTED_BY;

/// The start of a one-off task.
pub(super) struct Start<'a> {
    pub(super) ecs: &'a Ecs,
    pub(super) service: &'a Service,
    pub(super) description: &'a Description,
    pub(super) revision: &'a Revision,
    pub(super) overrides: Option<TaskOverride>,
    pub(super) limit: &'a Limit<'a>,
}

impl Start<'_> {
    /// Starts the task, and returns its ARN. If ECS has no capacity for it, it tries again for
    /// [`PATIENCE`], within the time limit.
    pub(super) async fn run(&self) -> Result<String, Error> {
        let began = Instant::now();
        let (mut delay, mut attempts) = (SHORTEST, 0);
        loop {
            let output = self.limit.hold("RunTask", self.call()).await?;
            attempts += 1;
            let placement = match self.started(output)? {
                Ok(task) => return Ok(task),
                Err(placement) => placement,
            };
            let next = Instant::now() + delay;
            let is_late = next >= self.limit.deadline || next.duration_since(began) > PATIENCE;
            if is_late || !placement.is_passing() {
                let (service, revision) = (self.service.clone(), self.revision.short());
                let within = began.elapsed();
                return Err(
                    TaskRepr::NotPlaced { service, revision, placement, attempts, within }.into()
                );
            }
            tracing::debug!(service = %self.service, %placement, "starting the task again later");
            sleep(delay).await;
            delay = (delay * 2).min(LONGEST);
        }
    }

    /// Calls RunTask. Retries have the same client token, because a response may be lost.
    async fn call(&self) -> Result<RunTaskOutput, Error> {
        let Self { ecs, service, description, revision, overrides, .. } = self;
        let strategy = description.capacity_provider_strategy();
        // RunTask accepts either, not both (API reference).
        let launch_type = description.launch_type().filter(|_| strategy.is_empty());
        // DescribeServices returns NONE if tags aren't propagated, but RunTask refuses it (reported).
        let is_propagated = description.propagate_tags() == Some(&PropagateTags::TaskDefinition)
            && revision.has_tags();
        // RunTask refuses it if the task has no network interface of its own (reported).
        let network = description.network_configuration().filter(|_| revision.has_own_network());
        let constraints = description.placement_constraints();
        let request = ecs
            .client()
            .run_task()
            .cluster(service.cluster_reference())
            .task_definition(revision.arn().unwrap_or_default())
            .count(1)
            .client_token(client_token())
            .started_by(STARTED_BY)
            .set_capacity_provider_strategy((!strategy.is_empty()).then(|| strategy.to_vec()))
            .set_launch_type(launch_type.cloned())
            .set_network_configuration(network.cloned())
            .set_overrides(overrides.clone())
            .set_placement_constraints((!constraints.is_empty()).then(|| constraints.to_vec()))
            .set_platform_version(description.platform_version().map(str::to_owned))
            .set_propagate_tags(is_propagated.then_some(PropagateTags::TaskDefinition))
            .set_volume_configurations(volumes(description, revision));
        let subject = *service;
        Attempts::Patient
            .make("RunTask", subject, || {
                let call = request.clone().send();
                async move {
                    let region = ecs.region();
                    call.await.map_err(|error| {
                        let tagged = format!("task/{}/*", subject.cluster());
                        let arn = revision.arn().unwrap_or_default();
                        let mut needs = vec![Need::new("ecs:RunTask", arn)];
                        needs.extend(Need::of_definition(&region, &tagged, revision.roles()));
                        let source = ApiFailure::new("RunTask", error);
                        Error::about_service("RunTask", subject, &region, needs, source)
                    })
                }
            })
            .await
    }

    /// Returns the ARN of the started task, or why ECS didn't place it.
    fn started(&self, output: RunTaskOutput) -> Result<Result<String, Placement>, Error> {
        let task = output.tasks.unwrap_or_default().into_iter().next();
        if let Some((arn, of)) = task.and_then(|it| Some((it.task_arn?, it.task_definition_arn))) {
            if of.is_none() || of.as_deref() == self.revision.arn() {
                return Ok(Ok(arn));
            }
            let (of, asked) = (of.unwrap_or_default(), self.revision.short());
            let problem = format!("its task is one of `{of}` instead of {asked}");
            return Err(Error::protocol("RunTask", problem));
        }
        let reasons = output.failures.unwrap_or_default().into_iter().map(|failure| {
            let reason = failure.reason.unwrap_or_else(|| "no reason given".to_owned());
            let more = [failure.detail, failure.arn].into_iter().flatten();
            more.fold(reason, |text, more| format!("{text} ({more})"))
        });
        let reasons: Vec<String> = reasons.collect();
        if reasons.is_empty() {
            return Err(Error::protocol("RunTask", "the task is missing".to_owned()));
        }
        Ok(Err(Placement::new(reasons.join("; "))))
    }
}

/// Returns 128 random bits: the standard library gives each hasher its own seed.
fn client_token() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// The time for which a task is started again that ECS can't place.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
