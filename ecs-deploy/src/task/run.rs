//! The run of a one-off task: RunTask, and the wait until the task stops.

use std::hash::{BuildHasher, Hasher, RandomState};

use aws_sdk_ecs::operation::run_task::RunTaskOutput;
use aws_sdk_ecs::types::{
    ContainerOverride, KeyValuePair, PropagateTags, Service as Description, TaskOverride,
};
use tokio::time::Instant;

use crate::ecs::client::Ecs;
use crate::ecs::limit::{Limit, deadline};
use crate::ecs::patience::Attempts;
use crate::error::Error;
use crate::error::repr::Repr;
use crate::error::task::{OneOffTask, TaskRepr};
use crate::json::value::Json;
use crate::names::service::Service;
use crate::revision::Revision;
use crate::task::ending::failure;
use crate::task::logs::logs;
use crate::task::task_run::{TaskRun, TaskRunRecord};
use crate::task::watch::{STARTED_BY, TaskState, TaskWatch};
use crate::task::{Definition, OnTimeout, RunTask};

impl RunTask<'_> {
    pub(super) async fn run(self) -> Result<TaskRun, Error> {
        let began = Instant::now();
        let Self { ecs, service, definition, container, command, environment, .. } = self;
        let limit = Limit {
            what: "the task for",
            service: &service,
            deadline: deadline(began, self.timeout),
            timeout: self.timeout,
        };
        if let Definition::Given(revision) = &definition {
            which(revision, container.as_deref())?;
        }
        let description = limit.hold("DescribeServices", ecs.describe(&service)).await?;
        let described;
        let revision: &Revision = match definition {
            Definition::Given(revision) => {
                limit.hold("RegisterTaskDefinition", ecs.register(revision)).await?;
                revision
            }
            Definition::Named(reference) => {
                let describe = ecs.definition(&reference);
                described = limit.hold("DescribeTaskDefinition", describe).await?;
                &described
            }
        };
        let container = which(revision, container.as_deref())?;
        let overrides = overrides(&container, command, environment);
        let start = start(&ecs, &service, &description, revision, overrides);
        let output = limit.hold("RunTask", start).await?;
        let task = started(output, &service, revision)?;
        tracing::info!(%service, %task, "task started");
        let one_off = OneOffTask {
            service: service.clone(),
            revision: revision.short(),
            logs: logs(revision, &task, &ecs.region()),
            task,
        };
        let watch = TaskWatch { ecs: &ecs, one_off: &one_off, deadline: limit.deadline };
        let stopped = match watch.wait().await {
            Ok(TaskState::Stopped(task)) => task,
            Ok(TaskState::Open { status }) => {
                let remedy = match self.on_timeout {
                    OnTimeout::Leave => "it continues".to_owned(),
                    OnTimeout::Stop => watch.stop(self.timeout).await,
                };
                let after = self.timeout;
                return Err(TaskRepr::TimedOut { task: one_off, after, status, remedy }.into());
            }
            Err(source) => return Err(TaskRepr::Lost { task: one_off, source }.into()),
        };
        if let Some(failure) = failure(&stopped, &container, &essential(revision)) {
            let repr = match failure.has_run {
                true => TaskRepr::Failed { task: one_off, failure: failure.what },
                false => TaskRepr::NotStarted { task: one_off, failure: failure.what },
            };
            return Err(repr.into());
        }
        let exit_codes = stopped.containers().iter().map(|container| {
            (container.name().unwrap_or_default().to_owned(), container.exit_code())
        });
        Ok(TaskRun::new(TaskRunRecord {
            exit_codes: exit_codes.collect(),
            task: one_off.task,
            container,
            logs: one_off.logs,
            elapsed: began.elapsed(),
        }))
    }
}

/// Calls RunTask with the service's settings, and retries with the same client token.
async fn start(
    ecs: &Ecs,
    service: &Service,
    description: &Description,
    revision: &Revision,
    overrides: Option<TaskOverride>,
) -> Result<RunTaskOutput, Error> {
    let strategy = description.capacity_provider_strategy();
    // RunTask accepts either, not both (API reference).
    let launch_type = description.launch_type().filter(|_| strategy.is_empty());
    // DescribeServices returns NONE if tags aren't propagated, but RunTask refuses it (reported).
    let is_propagated =
        description.propagate_tags() == Some(&PropagateTags::TaskDefinition) && revision.has_tags();
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
        .set_overrides(overrides)
        .set_placement_constraints((!constraints.is_empty()).then(|| constraints.to_vec()))
        .set_platform_version(description.platform_version().map(str::to_owned))
        .set_propagate_tags(is_propagated.then_some(PropagateTags::TaskDefinition));
    Attempts::Patient
        .make("RunTask", service, || {
            let call = request.clone().send();
            async move {
                let result = call.await;
                result.map_err(|error| Error::service_api("RunTask", service, &ecs.region(), error))
            }
        })
        .await
}

/// Returns the ARN of the started task.
fn started(output: RunTaskOutput, service: &Service, revision: &Revision) -> Result<String, Error> {
    let task = output.tasks.unwrap_or_default().into_iter().next();
    if let Some(arn) = task.and_then(|task| task.task_arn) {
        return Ok(arn);
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
    let reason = reasons.join("; ");
    let (service, revision) = (service.clone(), revision.short());
    Err(TaskRepr::NotPlaced { service, revision, reason }.into())
}

/// Returns the watched container.
fn which(revision: &Revision, named: Option<&str>) -> Result<String, Error> {
    let all: Vec<String> = revision.images().map(|(name, _)| name.to_owned()).collect();
    match named {
        Some(name) if all.iter().any(|it| it == name) => Ok(name.to_owned()),
        Some(name) => {
            let (revision, unknown) = (revision.short(), vec![name.to_owned()]);
            Err(Repr::UnknownContainer { revision, unknown, known: all }.into())
        }
        None => essential(revision).into_iter().next().ok_or_else(|| {
            let problem = format!("{} has no essential container", revision.short());
            Error::protocol("DescribeTaskDefinition", problem)
        }),
    }
}

/// Returns the essential containers. A container is essential unless its definition says otherwise
/// (service model).
fn essential(revision: &Revision) -> Vec<String> {
    let essential = revision
        .containers()
        .filter(|it| it.get("essential").and_then(Json::as_bool).unwrap_or(true))
        .filter_map(|it| it.get("name")?.as_str());
    essential.map(str::to_owned).collect()
}

fn overrides(
    container: &str,
    command: Option<Vec<String>>,
    environment: Vec<(String, String)>,
) -> Option<TaskOverride> {
    if command.is_none() && environment.is_empty() {
        return None;
    }
    let environment = environment
        .into_iter()
        .map(|(name, value)| KeyValuePair::builder().name(name).value(value).build());
    let environment: Vec<KeyValuePair> = environment.collect();
    let of_container = ContainerOverride::builder()
        .name(container)
        .set_command(command)
        .set_environment((!environment.is_empty()).then_some(environment))
        .build();
    Some(TaskOverride::builder().container_overrides(of_container).build())
}

/// Returns 128 random bits: the standard library gives each hasher its own seed.
fn client_token() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}
