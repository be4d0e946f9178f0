//! [`TaskRun`]: the outcome of a one-off task that succeeded.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::logs::Logs;
use crate::model::saved::{self, Saved, seconds};
use crate::outside::Outside;

/// The outcome of a one-off task that succeeded. `Display` prints one line for people.
///
/// It implements serde both ways, so that it can be saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskRun(#[serde(with = "saved")] TaskRunRecord);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskRunRecord {
    pub(super) task: String,
    pub(super) container: String,
    pub(super) exit_codes: Vec<(String, Option<i32>)>,
    pub(super) logs: Vec<Logs>,
    /// Whether other containers still ran at the end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_running: bool,
    #[serde(rename = "elapsedSeconds", with = "seconds")]
    pub(super) elapsed: Duration,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Saved for TaskRunRecord {
    const NAME: &'static str = "outcome of a task";
}

impl TaskRun {
    pub(super) fn new(record: TaskRunRecord) -> Self {
        Self(record)
    }

    /// Returns the task's ARN.
    pub fn task(&self) -> &str {
        &self.0.task
    }

    /// Returns the watched container, which exited with 0.
    pub fn container(&self) -> &str {
        &self.0.container
    }

    /// Returns each container's exit code; `None` if the container never ran or still runs.
    pub fn exit_codes(&self) -> impl Iterator<Item = (&str, Option<i32>)> {
        self.0.exit_codes.iter().map(|(name, code)| (name.as_str(), *code))
    }

    /// Returns the locations of the containers' logs, as far as their definitions name them.
    pub fn logs(&self) -> &[Logs] {
        &self.0.logs
    }

    /// Returns whether other containers of the task still ran at the end: StopTask failed, or they
    /// took longer than two minutes to stop.
    pub fn is_running(&self) -> bool {
        self.0.is_running
    }

    /// Returns the time from the first call until ECS reported the task as stopped.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }
}

impl fmt::Display for TaskRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TaskRunRecord { task, container, logs, .. } = &self.0;
        let (shown, task) = (Outside::new(container), Outside::new(task));
        write!(f, "container {shown} of {task} exited with code 0")?;
        if self.is_running() {
            write!(f, ", but the task still runs")?;
        }
        match logs.iter().find(|logs| logs.container() == container) {
            Some(logs) => write!(f, "; its log: {logs}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_restored() {
        let saved = r#"{"version":1,"task":"arn:aws:ecs:eu-west-1:123456789012:task/prod/0a1b","container":"web","exitCodes":[["web",0],["log",null]],"logs":[{"container":"web","group":"/web","stream":"ecs/web/0a1b","region":"eu-west-1"}],"elapsedSeconds":12.5}"#;
        let run: TaskRun = serde_json::from_str(saved).unwrap();
        assert_eq!(run.exit_codes().collect::<Vec<_>>(), [("web", Some(0)), ("log", None)]);
        assert_eq!(run.elapsed(), Duration::from_millis(12_500));
        assert_eq!(serde_json::to_string(&run).unwrap(), saved);
        let newer = saved.replace(r#""version":1"#, r#""version":2"#);
        assert_eq!(
            serde_json::from_str::<TaskRun>(&newer).unwrap_err().to_string(),
            "unsupported version 2 of a saved outcome of a task: this build reads version 1"
        );
    }
}
