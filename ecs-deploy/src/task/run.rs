//! From RunTask to the end of the task.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use aws_sdk_ecs::operation::run_task::RunTaskOutput;
use aws_sdk_ecs::types::{
    ContainerOverride, KeyValuePair, PropagateTags, Service as Description, Task, TaskOverride,
};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::ending::failure;
use super::{Definition, Logs, OnTimeout, Ran, RunTask};
use crate::deployer::Deployer;
use crate::ecs::limit::{Limit, deadline};
use crate::ecs::patience::patiently;
use crate::error::{Error, OneOff, Repr, TaskRepr};
use crate::json::value::Json;
use crate::names::service::Service;
use crate::revision::Revision;

impl RunTask<'_> {
    pub(super) async fn run(self) -> Result<Ran, Error> {
        let began = Instant::now();
        let Self { deployer, service, definition, container, command, environment, .. } = self;
        let limit = Limit {
            what: "the task beside",
            service: &service,
            deadline: deadline(began, self.timeout),
            timeout: self.timeout,
        };
        if let Definition::Given(revision) = &definition {
            which(revision, container.as_deref())?;
        }
        let description = limit.hold("DescribeServices", deployer.describe(&service)).await?;
        let described;
        let revision: &Revision = match definition {
            Definition::Given(revision) => {
                limit.hold("RegisterTaskDefinition", deployer.register(revision)).await?;
                revision
            }
            Definition::Named(reference) => {
                let describe = deployer.definition(&reference);
                described = limit.hold("DescribeTaskDefinition", describe).await?;
                &described
            }
        };
        let container = which(revision, container.as_deref())?;
        let overrides = overrides(&container, command, environment);
        let start = start(&deployer, &service, &description, revision, overrides);
        let output = limit.hold("RunTask", start).await?;
        let task = started(output, &service, revision)?;
        tracing::info!(%service, %task, "task started");
        let one_off = OneOff {
            service: service.clone(),
            revision: revision.short(),
            logs: Logs::of(revision, &task, &deployer.region()),
            task,
        };
        let watch = Watch { deployer: &deployer, one_off: &one_off, deadline: limit.deadline };
        let stopped = match watch.wait().await {
            Ok(Seen::Stopped(task)) => task,
            Ok(Seen::Status(status)) => {
                let remedy = match self.on_timeout {
                    OnTimeout::Leave => "it goes on".to_owned(),
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
        Ok(Ran {
            exit_codes: exit_codes.collect(),
            task: one_off.task,
            container,
            logs: one_off.logs,
            elapsed: began.elapsed(),
        })
    }
}

/// RunTask with the service's settings, once however often it takes.
async fn start(
    deployer: &Deployer,
    service: &Service,
    description: &Description,
    revision: &Revision,
    overrides: Option<TaskOverride>,
) -> Result<RunTaskOutput, Error> {
    let strategy = description.capacity_provider_strategy();
    // API reference: the one excludes the other.
    let launch_type = description.launch_type().filter(|_| strategy.is_empty());
    // Reported: NONE, which is what DescribeServices answers otherwise, is refused here.
    let is_propagated =
        description.propagate_tags() == Some(&PropagateTags::TaskDefinition) && revision.has_tags();
    // Reported: it is refused where the task has no network interface of its own.
    let network = description.network_configuration().filter(|_| revision.has_own_network());
    let constraints = description.placement_constraints();
    let request = deployer
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
    patiently("RunTask", service, || {
        let call = request.clone().send();
        async move {
            let result = call.await;
            result
                .map_err(|error| Error::service_api("RunTask", service, &deployer.region(), error))
        }
    })
    .await
}

/// The ARN of the task that was started.
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
        return Err(Error::protocol("RunTask", "there is no task in it".to_owned()));
    }
    let reason = reasons.join("; ");
    let (service, revision) = (service.clone(), revision.short());
    Err(TaskRepr::NotPlaced { service, revision, reason }.into())
}

/// Looks at a task that was started.
struct Watch<'a> {
    deployer: &'a Deployer,
    one_off: &'a OneOff,
    deadline: Instant,
}

/// What a look at it shows.
enum Seen {
    /// It hasn't stopped; empty before anything was seen of it.
    Status(String),
    Stopped(Box<Task>),
}

impl Watch<'_> {
    /// Until it has stopped or the time is up.
    async fn wait(&self) -> Result<Seen, Error> {
        let mut interval = SHORTEST;
        let mut missing_since = None;
        let mut last = String::new();
        loop {
            let next = Instant::now() + interval;
            sleep_until(next.min(self.deadline)).await;
            // The last look may take a moment more: what has stopped by now needn't be stopped.
            let is_last = next >= self.deadline;
            let now = Instant::now();
            let until = match is_last {
                true => now + LAST_CALL,
                false => self.deadline.min(now + LONGEST_CALL),
            };
            match timeout_at(until, self.look()).await {
                Ok(Ok(Some(task))) if task.last_status() == Some("STOPPED") => {
                    return Ok(Seen::Stopped(Box::new(task)));
                }
                Ok(Ok(Some(task))) => {
                    let status = task.last_status().unwrap_or_default();
                    interval =
                        if status == last { (interval + STEP).min(LONGEST) } else { SHORTEST };
                    status.clone_into(&mut last);
                    missing_since = None;
                }
                // API reference: DescribeTasks may know nothing yet of what RunTask has started.
                Ok(Ok(None)) => {
                    let since = *missing_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= MISSING_FOR {
                        let problem = format!("{} is missing", self.one_off.task);
                        return Err(Error::protocol("DescribeTasks", problem));
                    }
                }
                Ok(Err(error)) if error.is_retryable() => {
                    tracing::debug!(task = self.one_off.task, %error, "looking again later");
                    interval = (interval * 2).min(LONGEST_IN_TROUBLE);
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {}
            }
            if is_last {
                return Ok(Seen::Status(last));
            }
        }
    }

    async fn look(&self) -> Result<Option<Task>, Error> {
        let OneOff { service, task, .. } = self.one_off;
        let describe = self.deployer.client().describe_tasks();
        let output = describe.cluster(service.cluster_reference()).tasks(task).send().await;
        let output = output.map_err(|error| Error::api("DescribeTasks", task, error))?;
        Ok(output.tasks.unwrap_or_default().into_iter().next())
    }

    /// Stops it, and says what came of that.
    async fn stop(&self, after: Duration) -> String {
        let OneOff { service, task, .. } = self.one_off;
        let stop = self.deployer.client().stop_task().cluster(service.cluster_reference());
        let reason = format!("{STARTED_BY}: not done after {} s", after.as_secs());
        match timeout(LAST_CALL, stop.task(task).reason(reason).send()).await {
            Ok(Ok(_)) => "it is being stopped".to_owned(),
            Ok(Err(error)) => {
                format!("it couldn't be stopped: {}", Error::api("StopTask", task, error))
            }
            Err(_) => "it was to be stopped, but ECS didn't answer".to_owned(),
        }
    }
}

/// The container that counts.
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

/// Service model: a container is essential unless its definition says otherwise.
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

/// 128 bits by chance: the standard library seeds each of its hashers anew.
fn client_token() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// Up to 128 letters, digits, hyphens, slashes and underscores (API reference).
const STARTED_BY: &str = "ecs-deploy";
const SHORTEST: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5);
const LONGEST_IN_TROUBLE: Duration = Duration::from_secs(20);
const LONGEST_CALL: Duration = Duration::from_secs(30);
/// For a call after the deadline.
const LAST_CALL: Duration = Duration::from_secs(10);
const MISSING_FOR: Duration = Duration::from_secs(60);
