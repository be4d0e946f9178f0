//! [`Logs`]: the location of a container's log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The stream of a container's log in CloudWatch Logs. `Display` is the command that shows it.
///
/// It is known if the container's log driver is `awslogs` with a prefix for its streams, which
/// Fargate requires (ECS developer guide, "Send Amazon ECS logs to CloudWatch").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs {
    pub(crate) container: String,
    pub(crate) group: String,
    pub(crate) stream: String,
    pub(crate) region: String,
}

impl Logs {
    /// Returns the container's name.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Returns the log group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Returns the stream in the group: `PREFIX/CONTAINER/TASK`.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Returns the region of the group, which may differ from the task's.
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl fmt::Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, stream, region, .. } = self;
        // Without `--since`, the command shows the last ten minutes only.
        write!(
            f,
            "`aws logs tail {group} --log-stream-names {stream} --region {region} --since 1d`"
        )
    }
}
