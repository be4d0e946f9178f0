//! The missing IAM statement that caused a refusal.

use serde_json::Value;

/// The service that receives the roles of tasks. The principal is the same in every partition,
/// including China's (developer guide of Amazon Web Services in China, "Amazon ECS task IAM role").
pub(crate) const PASSED_TO: &str = "ecs-tasks.amazonaws.com";

/// AWS's words for a role of another account, which no statement allows. Reported by users:
/// serverless/serverless#3374.
pub(super) const CROSS_ACCOUNT: &str = "Cross-account pass role";

/// The IAM statement whose absence caused a refusal.
pub(super) struct MissingStatement {
    /// The statement in JSON.
    pub(super) statement: String,
    /// The kind of policy that lacks it, such as `session policy`.
    pub(super) policy: String,
}

impl MissingStatement {
    /// Derives the statement from AWS's text; `None` if no statement helps, because a policy denies
    /// the action explicitly or the role belongs to another account.
    ///
    /// AWS names the action and the resource, which are not always the operation's: registering a
    /// task definition also needs `iam:PassRole` on its roles. If AWS doesn't name them, as in an
    /// encoded message, the statement has the operation and `resource`. (IAM user guide,
    /// "Troubleshoot access denied error messages".)
    pub(super) fn from_refusal(operation: &str, resource: &str, text: &str) -> Option<Self> {
        if text.contains("with an explicit deny") || text.contains(CROSS_ACCOUNT) {
            return None;
        }
        let after = |words: &str| text.split_once(words)?.1.split_whitespace().next();
        let named = after("is not authorized to perform: ").filter(|action| action.contains(':'));
        let action = named.map_or_else(|| format!("ecs:{operation}"), str::to_owned);
        let resource = after(" on resource: ")
            .filter(|named| named.starts_with("arn:") || *named == "*")
            .unwrap_or(resource);
        let condition = match action.as_str() {
            "ecs:TagResource" => {
                format!(r#","Condition":{{"StringEquals":{{"ecs:CreateAction":"{operation}"}}}}"#)
            }
            "iam:PassRole" => format!(
                r#","Condition":{{"StringEquals":{{"iam:PassedToService":"{PASSED_TO}"}}}}"#
            ),
            _ => String::new(),
        };
        let (action, resource) = (Value::from(action), Value::from(lasting(resource)));
        let statement =
            format!(r#"{{"Effect":"Allow","Action":{action},"Resource":{resource}{condition}}}"#);
        let policy = text
            .split_once("because no ")
            .and_then(|(_, rest)| rest.split_once(" allows "))
            .map_or("policy", |(policy, _)| {
                policy.strip_prefix("identity-based ").unwrap_or(policy)
            });
        Some(Self { statement, policy: policy.to_owned() })
    }
}

/// Widens a revision, task or deployment to all of its parent, because the next one has another id.
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
