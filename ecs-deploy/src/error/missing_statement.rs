//! The missing IAM statement that caused a refusal. It is put together from our own table: AWS's
//! text only selects an entry, and completes an account that we don't know.

use serde_json::Value;

use crate::names::ecr_host::partition;

/// The service that receives the roles of tasks. The principal is the same in every partition,
/// including China's (developer guide of Amazon Web Services in China, "Amazon ECS task IAM role").
pub(crate) const PASSED_TO: &str = "ecs-tasks.amazonaws.com";

/// AWS's words for a role of another account, which no statement allows. Reported by users:
/// serverless/serverless#3374.
const CROSS_ACCOUNT: &str = "Cross-account pass role";

/// An action that a call needs, and the resource on which it needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    action: String,
    /// An ARN, a pattern of ARNs, or `*`.
    resource: String,
}

/// The advice for a refusal.
#[derive(Debug, PartialEq)]
pub(super) enum Advice {
    /// The caller's policy of this kind lacks the statement.
    Add { statement: String, policy: &'static str },
    /// A policy of this kind has to allow the action too. A statement for the caller doesn't help.
    Allow { action: String, policy: &'static str },
    /// A policy of this kind denies the action explicitly, so no statement helps.
    Denied { policy: &'static str },
    /// The role belongs to another account, so no statement helps.
    OtherAccount,
    /// AWS names an action that the call doesn't need.
    Unknown,
}

impl Need {
    pub(crate) fn new(action: &str, resource: &str) -> Self {
        let resource = if is_plain(resource) { lasting(resource) } else { "*".to_owned() };
        Self { action: action.to_owned(), resource }
    }

    /// Returns the action of the call itself, on the resource with this ARN; on all resources if
    /// `subject` isn't an ARN.
    pub(super) fn of_call(operation: &str, subject: &str) -> Self {
        let action = action(operation);
        match (operation, subject.split_once(":cluster/")) {
            // In the Service Authorization Reference, these actions don't have the resource cluster.
            ("DescribeServices", Some((prefix, name))) => {
                Self::new(&action, &format!("{prefix}:service/{name}/*"))
            }
            ("DescribeTasks", Some((prefix, name))) => {
                Self::new(&action, &format!("{prefix}:task/{name}/*"))
            }
            (_, None) if subject.starts_with("arn:") => Self::new(&action, subject),
            _ => Self::new(&action, "*"),
        }
    }

    /// Returns the action of a call about the service with this ARN or pattern. For actions on a
    /// service deployment or a service revision, the Service Authorization Reference requires two
    /// resources.
    pub(crate) fn of_service(operation: &str, service: &str) -> Vec<Self> {
        let action = action(operation);
        let kind = match operation {
            "ContinueServiceDeployment"
            | "DescribeServiceDeployments"
            | "StopServiceDeployment" => Some("service-deployment"),
            "DescribeServiceRevisions" => Some("service-revision"),
            _ => None,
        };
        let also = kind.map(|kind| service.replace(":service/", &format!(":{kind}/")) + "/*");
        let mut needs = vec![Self::new(&action, service)];
        needs.extend(also.map(|it| Self::new(&action, &it)));
        needs
    }

    /// Returns the actions that a call with a task definition needs besides its own: on the tagged
    /// resource, and on the roles, which RegisterTaskDefinition also accepts as names.
    pub(crate) fn of_definition<'a>(
        region: &str,
        tagged: &str,
        roles: impl Iterator<Item = &'a str>,
    ) -> Vec<Self> {
        let partition = partition(region);
        let mut needs = vec![Self::new(TAG, &format!("arn:{partition}:ecs:{region}:*:{tagged}"))];
        for role in roles.filter(|role| is_plain(role)) {
            needs.push(match role.starts_with("arn:") {
                true => Self::new(PASS_ROLE, role),
                false => Self::new(PASS_ROLE, &format!("arn:{partition}:iam::*:role/{role}")),
            });
        }
        needs
    }

    /// Returns the resource of this entry if AWS's name of a resource fits it.
    fn resource_as(&self, named: &str) -> Option<String> {
        let fields = |arn| -> Vec<&str> { str::splitn(arn, 6, ':').collect() };
        let (mut ours, theirs) = (fields(&self.resource), fields(named));
        if ours.len() != theirs.len() || theirs.is_empty() {
            return None;
        }
        for (at, (ours, theirs)) in ours.iter_mut().zip(theirs).enumerate() {
            let rest = ours.strip_suffix('*').and_then(|start| theirs.strip_prefix(start));
            match rest {
                _ if *ours == theirs => {}
                Some(account) if at == ACCOUNT && is_account(account) => *ours = theirs,
                Some(rest) if at > ACCOUNT && is_id(rest) => {}
                _ => return None,
            }
        }
        Some(ours.join(":"))
    }
}

impl Advice {
    /// Advises on AWS's message `text`. If a policy's kind isn't named, it is the caller's.
    pub(super) fn from_refusal(operation: &str, needs: &[Need], text: &str) -> Self {
        if let Some((_, rest)) = text.split_once("with an explicit deny") {
            let of_kind = POLICIES.iter().find(|(name, _)| rest.contains(name));
            return Self::Denied { policy: of_kind.map_or("a policy", |(_, policy)| policy) };
        }
        if text.contains(CROSS_ACCOUNT) {
            return Self::OtherAccount;
        }
        let after = |words: &str| text.split_once(words)?.1.split_whitespace().next();
        let own = action(operation);
        let named = after("is not authorized to perform: ").filter(|action| action.contains(':'));
        let named = named.unwrap_or(&own);
        let needs: Vec<&Need> = needs.iter().filter(|need| need.action == named).collect();
        let Some(Need { action, .. }) = needs.first() else {
            return Self::Unknown;
        };
        let not_allowing = text.split_once("because no ").and_then(|(_, rest)| {
            POLICIES.iter().find(|(name, _)| rest.starts_with(name)).copied()
        });
        let policy = match not_allowing {
            None | Some(("identity-based policy", _)) => "policy",
            Some((name @ "session policy", _)) => name,
            Some((_, policy)) => return Self::Allow { action: action.clone(), policy },
        };
        let exact = after(" on resource: ")
            .and_then(|named| needs.iter().find_map(|need| need.resource_as(named)));
        let resource = match (exact, &needs[..]) {
            (Some(exact), _) => Value::from(exact),
            (None, [need]) => Value::from(need.resource.as_str()),
            (None, all) => all.iter().map(|need| need.resource.as_str()).collect(),
        };
        let condition = match action.as_str() {
            TAG => {
                format!(r#","Condition":{{"StringEquals":{{"ecs:CreateAction":"{operation}"}}}}"#)
            }
            PASS_ROLE => format!(
                r#","Condition":{{"StringEquals":{{"iam:PassedToService":"{PASSED_TO}"}}}}"#
            ),
            _ => String::new(),
        };
        let statement =
            format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":{resource}{condition}}}"#);
        Self::Add { statement, policy }
    }
}

/// The kinds of policies, as AWS's messages name them, and each with its article.
const POLICIES: [(&str, &str); 7] = [
    ("identity-based policy", "an identity-based policy"),
    ("permissions boundary", "a permissions boundary"),
    ("resource control policy", "a resource control policy"),
    ("resource-based policy", "a resource-based policy"),
    ("service control policy", "a service control policy"),
    ("session policy", "a session policy"),
    ("VPC endpoint policy", "a VPC endpoint policy"),
];

const PASS_ROLE: &str = "iam:PassRole";
const TAG: &str = "ecs:TagResource";

/// The field of an ARN that holds the account, counted from 0.
const ACCOUNT: usize = 4;

fn action(operation: &str) -> String {
    let service = match operation {
        "BatchGetImage" | "GetDownloadUrlForLayer" => "ecr",
        _ => "ecs",
    };
    format!("{service}:{operation}")
}

/// Returns whether a text has only characters of ARNs.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_:/.*+=,@".contains(c))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit())
}

/// Returns whether a text is the end of an ARN, such as a task's id, or AWS's own pattern for it.
fn is_id(text: &str) -> bool {
    text == "*" || text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
}

/// Replaces an ARN's last part with a pattern if each call has a different one: the revision of a
/// task definition, the id of a task, of a service deployment or of a service revision.
fn lasting(resource: &str) -> String {
    let mut fields = resource.splitn(6, ':');
    let (end, kind) = match fields.nth(5).and_then(|it| it.split_once('/')) {
        Some(("task-definition", _)) => (resource.rfind(':'), "task-definition"),
        Some((kind @ ("service-deployment" | "service-revision" | "task"), _)) => {
            (resource.rfind('/'), kind)
        }
        _ => (None, ""),
    };
    match end {
        // A family without a revision has no part to replace.
        Some(end) if !resource[end..].contains(kind) => format!("{}*", &resource[..=end]),
        _ => resource.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_covers_the_next_one_too() {
        let arn = |resource: &str| format!("arn:aws:ecs:eu-west-1:123456789012:{resource}");
        for (asked, allowed) in [
            ("task-definition/web:7", "task-definition/web:*"),
            ("task-definition/web:*", "task-definition/web:*"),
            ("task-definition/web", "task-definition/web"),
            ("task/prod/0a1b", "task/prod/*"),
            ("task/0a1b", "task/*"),
            ("service-deployment/prod/web/0a1b", "service-deployment/prod/web/*"),
            ("service-revision/prod/web/1", "service-revision/prod/web/*"),
            ("service/prod/web", "service/prod/web"),
            ("task", "task"),
        ] {
            assert_eq!(Need::of_call("A", &arn(asked)), Need::new("ecs:A", &arn(allowed)));
        }
        let service = arn("service/prod/*");
        let in_cluster = Need::of_call("DescribeServices", &arn("cluster/prod"));
        assert_eq!(in_cluster, Need::new("ecs:DescribeServices", &service));
        let listed = Need::of_call("ListTasks", &arn("cluster/prod"));
        assert_eq!(listed, Need::new("ecs:ListTasks", "*"));
        assert_eq!(Need::of_call("A", "arn:a\n").resource, "*");
    }

    #[test]
    fn aws_s_name_only_completes_the_account() {
        let need = Need::new("ecs:A", "arn:aws:ecs:eu-west-1:*:task-definition/web:*");
        let ours = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:*";
        for named in [ours, "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"] {
            assert_eq!(need.resource_as(named).as_deref(), Some(ours));
        }
        for other in [
            "*",
            "",
            "arn:aws:ecs:eu-west-1:1:task-definition/web:7",
            "arn:aws:ecs:eu-west-1:*x:task-definition/web:7",
            "arn:aws:ecs:eu-west-2:123456789012:task-definition/web:7",
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/other:7",
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7\",\"Action\":\"*",
            "arn:aws:iam::123456789012:role/admin",
        ] {
            assert_eq!(need.resource_as(other), None, "{other}");
        }
    }
}
