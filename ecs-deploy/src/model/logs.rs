//! [`Logs`]: where a container's log is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The stream of CloudWatch Logs that a container's log is in. `Display` is the command that shows
/// it.
///
/// Known where the container's log driver is `awslogs` and it has a prefix for its streams, as on
/// Fargate it must (ECS developer guide, "Send Amazon ECS logs to CloudWatch").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs {
    pub(crate) container: String,
    pub(crate) group: String,
    pub(crate) stream: String,
    pub(crate) region: String,
}

impl Logs {
    /// The container's name.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// The log group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The stream in the group: `PREFIX/CONTAINER/TASK`.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The region of the group, which may be another than the task's.
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl fmt::Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, stream, region, .. } = self;
        // Without a beginning, the command shows ten minutes.
        write!(
            f,
            "`aws logs tail {group} --log-stream-names {stream} --region {region} --since 1d`"
        )
    }
}
