//! The locations of a task's logs, from its task definition.

use crate::model::logs::Logs;
use crate::revision::Revision;

/// Returns the logs of a task of `revision`, in the order of its containers.
pub(super) fn logs(revision: &Revision, task: &str, region: &str) -> Vec<Logs> {
    let id = task.rsplit('/').next().unwrap_or(task);
    let logs = revision.containers().filter_map(|container| {
        let name = container.get("name")?.as_str()?;
        let configuration = container.get("logConfiguration")?.as_object()?;
        if configuration.text("logDriver")? != "awslogs" {
            return None;
        }
        let option = |key| configuration.get("options")?.as_object()?.text(key);
        Some(Logs {
            container: name.to_owned(),
            group: option("awslogs-group")?.to_owned(),
            stream: format!("{}/{name}/{id}", option("awslogs-stream-prefix")?),
            region: option("awslogs-region").unwrap_or(region).to_owned(),
        })
    });
    logs.collect()
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
        let commands: Vec<String> =
            logs(&revision, task, "eu-west-1").iter().map(Logs::to_string).collect();
        assert_eq!(
            commands,
            [
                "`aws logs tail /web --log-stream-names ecs/web/0a1b --region us-east-1 --since \
                 1d`",
                "`aws logs tail /web --log-stream-names ecs/same-region/0a1b --region eu-west-1 \
                 --since 1d`",
            ]
        );
    }
}
