//! [`Logs`]: where a container's log is.

use std::fmt;

use crate::revision::Revision;

/// The stream of CloudWatch Logs that a container's log is in. `Display` is the command that shows
/// it.
///
/// Known where the container's log driver is `awslogs` and it has a prefix for its streams, as on
/// Fargate it must (ECS developer guide, "Send Amazon ECS logs to CloudWatch").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    container: String,
    group: String,
    stream: String,
    region: String,
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

    /// The logs of a task of `revision`, in the order of its containers.
    pub(super) fn of(revision: &Revision, task: &str, region: &str) -> Vec<Self> {
        let id = task.rsplit('/').next().unwrap_or(task);
        let logs = revision.containers().filter_map(|container| {
            let name = container.get("name")?.as_str()?;
            let configuration = container.get("logConfiguration")?.as_object()?;
            if configuration.text("logDriver")? != "awslogs" {
                return None;
            }
            let option = |key| configuration.get("options")?.as_object()?.text(key);
            Some(Self {
                container: name.to_owned(),
                group: option("awslogs-group")?.to_owned(),
                stream: format!("{}/{name}/{id}", option("awslogs-stream-prefix")?),
                region: option("awslogs-region").unwrap_or(region).to_owned(),
            })
        });
        logs.collect()
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_what_is_known_is_told() {
        let container = |name: &str, driver: &str, options: Value| json!({ "name": name, "logConfiguration": { "logDriver": driver, "options": options } });
        let definition = json!({
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
            "containerDefinitions": [
                container("web", "awslogs", json!({
                    "awslogs-group": "/web", "awslogs-region": "us-east-1",
                    "awslogs-stream-prefix": "ecs",
                })),
                container("same-region", "awslogs", json!({
                    "awslogs-group": "/web", "awslogs-stream-prefix": "ecs",
                })),
                container("no-prefix", "awslogs", json!({ "awslogs-group": "/web" })),
                container("no-group", "awslogs", json!({ "awslogs-stream-prefix": "ecs" })),
                container("splunk", "splunk", json!({})),
                { "name": "none" },
            ],
        });
        let revision = Revision::described(&definition.to_string(), "[]");
        let task = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0a1b";
        let logs: Vec<String> =
            Logs::of(&revision, task, "eu-west-1").iter().map(Logs::to_string).collect();
        assert_eq!(
            logs,
            [
                "`aws logs tail /web --log-stream-names ecs/web/0a1b --region us-east-1 --since \
                 1d`",
                "`aws logs tail /web --log-stream-names ecs/same-region/0a1b --region eu-west-1 \
                 --since 1d`",
            ]
        );
    }
}
