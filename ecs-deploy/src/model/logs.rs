//! [`Logs`]: the location of a container's log.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::outside::Outside;

/// The stream of a container's log in CloudWatch Logs. `Display` is the command that shows it.
///
/// It is known if the container's log driver is `awslogs` with a prefix for its streams, which
/// Fargate requires (ECS developer guide, "Send Amazon ECS logs to CloudWatch").
///
/// `Display` quotes the names for a shell. The methods return them unquoted.
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
        let [group, stream, region] =
            [&self.group, &self.stream, &self.region].map(|it| argument(it));
        // Without `--since`, the command shows the last ten minutes only.
        write!(
            f,
            "`aws logs tail {group} --log-stream-names {stream} --region {region} --since 1d`"
        )
    }
}

/// Returns the text as one argument of a shell, because people copy the command into one.
fn argument(text: &str) -> String {
    let shown = Outside::new(text).to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !shown.is_empty() && shown.chars().all(is_plain) && !shown.starts_with('-') {
        true => shown,
        // A backtick would end the command in the message.
        false => format!("'{}'", shown.replace('\'', "'\\''").replace('`', "\\u{60}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_t_be_a_command() {
        let shown = |group: &str| {
            let [container, stream, region] = ["web", "ecs/web/1", "eu-west-1"].map(str::to_owned);
            let logs = Logs { container, group: group.to_owned(), stream, region }.to_string();
            logs.split(" --log").next().map(|it| it.replace("`aws logs tail ", "")).unwrap()
        };
        for (group, expected) in [
            ("/web", "/web"),
            ("/w eb", "'/w eb'"),
            ("x; rm -rf ~", "'x; rm -rf ~'"),
            ("$(id)", "'$(id)'"),
            ("a'b", r"'a'\''b'"),
            ("a`id`", r"'a\u{60}id\u{60}'"),
            ("--profile=x", "'--profile=x'"),
            ("a\nb", r"'a\nb'"),
            ("", "''"),
        ] {
            assert_eq!(shown(group), expected);
        }
    }
}
