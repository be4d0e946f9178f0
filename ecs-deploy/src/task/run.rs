//! The run of a one-off task: RunTask, and the wait for the end of its watched container.

use std::time::Duration;

use aws_sdk_ecs::types::Task;
use tokio::time::Instant;

use crate::ecs::client::Ecs;
use crate::ecs::limit::{Limit, deadline};
use crate::error::Error;
use crate::error::repr::Repr;
use crate::error::task::{OneOffTask, TaskRepr};
use crate::json::value::Json;
use crate::revision::Revision;
use crate::task::ending::{EndingFailure, failure, own_failure};
use crate::task::logs::logs;
use crate::task::overrides::overrides;
use crate::task::start::Start;
use crate::task::task_run::{TaskRun, TaskRunRecord};
use crate::task::watch::{TaskState, TaskWatch};
use crate::task::{Definition, OnTimeout, RunTask};

impl RunTask<'_> {
    pub(super) async fn run(self) -> Result<TaskRun, Error> {
        let began = Instant::now();
        let Self { ecs, service, definition, container, command, environment, .. } = self;
        let limit = Limit {
            what: "the task for",
            service: &service,
            deadline: deadline(began, self.timeout.saturating_sub(self.spent)),
            timeout: self.timeout,
        };
        let overrides = |container: &str| overrides(&service, container, command, environment);
        let mut prepared = None;
        if let Definition::Given(revision) = &definition {
            let container = which(revision, container.as_deref())?;
            prepared = Some((overrides.clone()(&container)?, container));
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
        let (overrides, container) = match prepared {
            Some(prepared) => prepared,
            None => {
                let container = which(revision, container.as_deref())?;
                (overrides(&container)?, container)
            }
        };
        let start = Start {
            ecs: &ecs,
            service: &service,
            description: &description,
            revision,
            overrides,
            limit: &limit,
        };
        let task = start.run().await?;
        tracing::info!(%service, %task, "task started");
        let one_off = OneOffTask {
            service: service.clone(),
            revision: revision.short(),
            logs: logs(revision, &task, &ecs.region()),
            task,
            exit_codes: Vec::new(),
            is_stopped: true,
        };
        let essential = essential(revision);
        let (timeout, on_timeout) = (self.timeout, self.on_timeout);
        let started = StartedTask { ecs: &ecs, one_off, container, essential, timeout, on_timeout };
        let mut record = started.end(limit.deadline).await?;
        record.elapsed = began.elapsed();
        Ok(TaskRun::new(record))
    }
}

/// A one-off task that ECS has started.
struct StartedTask<'a> {
    ecs: &'a Ecs,
    one_off: OneOffTask,
    /// The watched container.
    container: String,
    essential: Vec<String>,
    timeout: Duration,
    on_timeout: OnTimeout,
}

impl StartedTask<'_> {
    /// Waits for the end of the task, and returns its outcome without the elapsed time.
    async fn end(self, deadline: Instant) -> Result<TaskRunRecord, Error> {
        let Self { ecs, mut one_off, container, essential, timeout, on_timeout } = self;
        let is_essential = essential.contains(&container);
        let watch =
            TaskWatch { ecs, one_off: &one_off, container: &container, is_essential, deadline };
        let (stopped, failure) = match watch.wait().await {
            Ok(TaskState::Stopped(task)) => {
                let failure = failure(&task, &container, &essential);
                (task, failure)
            }
            // What the others do afterwards doesn't count.
            Ok(TaskState::Ended(task)) => {
                let failure = own_failure(&task, &container);
                (watch.finish(task).await, failure)
            }
            Ok(TaskState::Open { status }) => {
                let remedy = match on_timeout {
                    OnTimeout::Leave => "it continues".to_owned(),
                    OnTimeout::Stop => watch.stop_late(timeout).await,
                };
                let after = timeout;
                return Err(TaskRepr::TimedOut { task: one_off, after, status, remedy }.into());
            }
            Err(source) => return Err(TaskRepr::Lost { task: one_off, source }.into()),
        };
        one_off.exit_codes = exit_codes(&stopped);
        one_off.is_stopped = stopped.last_status() == Some("STOPPED");
        match failure {
            Some(EndingFailure { what: failure, has_run: true }) => {
                Err(TaskRepr::Failed { task: one_off, failure }.into())
            }
            Some(EndingFailure { what: failure, has_run: false }) => {
                Err(TaskRepr::NotStarted { task: one_off, failure }.into())
            }
            None => Ok(TaskRunRecord {
                exit_codes: one_off.exit_codes,
                is_running: !one_off.is_stopped,
                task: one_off.task,
                container,
                logs: one_off.logs,
                elapsed: Duration::ZERO,
            }),
        }
    }
}

fn exit_codes(task: &Task) -> Vec<(String, Option<i32>)> {
    let codes = task
        .containers()
        .iter()
        .map(|container| (container.name().unwrap_or_default().to_owned(), container.exit_code()));
    codes.collect()
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
