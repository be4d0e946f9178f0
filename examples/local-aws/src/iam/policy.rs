//! Identity-based policies: the JSON, and what it decides.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::iam::access::Access;
use crate::iam::pattern::covers;

/// A policy, ready to be asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

/// What a policy says of one access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    /// A statement denies it, which overrides every other.
    Denied,
    /// Nothing allows it.
    NotAllowed,
}

/// Why a policy was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPolicy(String);

impl std::fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the policy is not valid: {}", self.0)
    }
}

impl std::error::Error for InvalidPolicy {}

impl Policy {
    /// Strict: what would be ignored here and not by AWS is refused.
    pub(crate) fn parse(json: &str) -> Result<Self, InvalidPolicy> {
        let wire: Wire =
            serde_json::from_str(json).map_err(|error| InvalidPolicy(error.to_string()))?;
        if !["2012-10-17", "2008-10-17"].contains(&wire.version.as_str()) {
            return Err(InvalidPolicy(format!("unknown version `{}`", wire.version)));
        }
        let statements = wire.statement.into_vec();
        let statements: Result<Vec<_>, _> = statements.into_iter().map(Statement::read).collect();
        Ok(Self { statements: statements? })
    }

    /// Denials count before allowances, regardless of their order (IAM user guide, "Policy
    /// evaluation logic").
    pub(crate) fn decide(&self, access: &Access) -> Decision {
        let applies =
            |effect| self.statements.iter().any(|it| it.effect == effect && it.applies_to(access));
        if applies(Effect::Deny) {
            Decision::Denied
        } else if applies(Effect::Allow) {
            Decision::Allowed
        } else {
            Decision::NotAllowed
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wire {
    version: String,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<WireStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireStatement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: Option<OneOrMany<String>>,
    not_action: Option<OneOrMany<String>>,
    resource: Option<OneOrMany<String>>,
    not_resource: Option<OneOrMany<String>>,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, OneOrMany<String>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            OneOrMany::Many(many) => many,
            OneOrMany::One(one) => vec![one],
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Statement {
    effect: Effect,
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

impl Statement {
    fn read(wire: WireStatement) -> Result<Self, InvalidPolicy> {
        let actions = Patterns::read("Action", wire.action, wire.not_action)?;
        if let Some(odd) = actions.patterns.iter().find(|it| *it != "*" && !it.contains(':')) {
            let problem = format!("invalid action `{odd}`: expected SERVICE:NAME");
            return Err(InvalidPolicy(problem));
        }
        let conditions = wire.condition.into_iter().flat_map(|(operator, keys)| {
            keys.into_iter().map(move |(key, values)| (operator.clone(), key, values))
        });
        let conditions: Result<Vec<_>, _> = conditions
            .map(|(operator, key, values)| Condition::read(&operator, key, values.into_vec()))
            .collect();
        Ok(Self {
            effect: wire.effect,
            // Actions are the same in any case (IAM user guide, "Action").
            actions: actions.in_lower_case(),
            resources: Patterns::read("Resource", wire.resource, wire.not_resource)?,
            conditions: conditions?,
        })
    }

    fn applies_to(&self, access: &Access) -> bool {
        self.actions.contain(&access.action.to_ascii_lowercase())
            && self.resources.contain(&access.resource)
            && self.conditions.iter().all(|condition| condition.holds(access))
    }
}

/// Either all that the patterns cover, or all that they don't.
#[derive(Debug, Clone, PartialEq)]
struct Patterns {
    patterns: Vec<String>,
    except: bool,
}

impl Patterns {
    fn read(
        name: &str,
        these: Option<OneOrMany<String>>,
        all_but: Option<OneOrMany<String>>,
    ) -> Result<Self, InvalidPolicy> {
        let (patterns, except) = match (these, all_but) {
            (Some(these), None) => (these.into_vec(), false),
            (None, Some(all_but)) => (all_but.into_vec(), true),
            _ => {
                let problem = format!("a statement has either {name} or Not{name}");
                return Err(InvalidPolicy(problem));
            }
        };
        if patterns.is_empty() {
            return Err(InvalidPolicy(format!("{name} is empty")));
        }
        Ok(Self { patterns, except })
    }

    fn in_lower_case(mut self) -> Self {
        self.patterns.iter_mut().for_each(|pattern| pattern.make_ascii_lowercase());
        self
    }

    fn contain(&self, text: &str) -> bool {
        self.patterns.iter().any(|pattern| covers(pattern, text)) != self.except
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Condition {
    test: Test,
    negated: bool,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equals,
    EqualsIgnoringCase,
    Like,
}

impl Condition {
    fn read(operator: &str, key: String, values: Vec<String>) -> Result<Self, InvalidPolicy> {
        let (name, if_exists) = match operator.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (operator, false),
        };
        let (test, negated) = match name {
            "Bool" | "StringEquals" => (Test::Equals, false),
            "StringEqualsIgnoreCase" => (Test::EqualsIgnoringCase, false),
            "StringNotEquals" => (Test::Equals, true),
            "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoringCase, true),
            // ArnEquals and ArnLike are the same (IAM user guide, "Amazon Resource Name condition
            // operators").
            "ArnEquals" | "ArnLike" | "StringLike" => (Test::Like, false),
            "ArnNotEquals" | "ArnNotLike" | "StringNotLike" => (Test::Like, true),
            _ => {
                let problem = format!("the condition operator `{operator}` is not supported");
                return Err(InvalidPolicy(problem));
            }
        };
        Ok(Self { test, negated, if_exists, key: key.to_ascii_lowercase(), values })
    }

    fn holds(&self, access: &Access) -> bool {
        let Some(value) = access.condition(&self.key) else {
            // A key that the request lacks: a negated operator holds, another doesn't.
            return self.negated || self.if_exists;
        };
        let equal = |expected: &String| match self.test {
            Test::Equals => expected == value,
            Test::EqualsIgnoringCase => expected.eq_ignore_ascii_case(value),
            Test::Like => covers(expected, value),
        };
        self.values.iter().any(equal) != self.negated
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decide(statements: serde_json::Value, access: Access) -> Decision {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        Policy::parse(&policy.to_string()).unwrap().decide(&access)
    }

    const ARN: &str = "arn:aws:ecr:us-east-1:123456789012:repository/demo/web";

    #[test]
    fn nothing_is_allowed_that_no_statement_allows() {
        let statement = json!({ "Effect": "Allow", "Action": "ecr:PutImage", "Resource": ARN });
        assert_eq!(decide(statement.clone(), Access::new("ecr:PutImage", ARN)), Decision::Allowed);
        assert_eq!(
            decide(statement.clone(), Access::new("ecr:BatchGetImage", ARN)),
            Decision::NotAllowed
        );
        assert_eq!(decide(statement, Access::new("ecr:PutImage", "*")), Decision::NotAllowed);
    }

    #[test]
    fn a_denial_counts_whatever_is_allowed() {
        let statements = json!([
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": ["ecr:put*"], "Resource": [ARN] },
        ]);
        assert_eq!(decide(statements.clone(), Access::new("ecr:PutImage", ARN)), Decision::Denied);
        assert_eq!(decide(statements, Access::new("ecr:UploadLayerPart", ARN)), Decision::Allowed);
    }

    #[test]
    fn all_but_these() {
        let statement = json!({ "Effect": "Allow", "NotAction": "ecr:*", "NotResource": ARN });
        assert_eq!(decide(statement.clone(), Access::new("ecs:A", "*")), Decision::Allowed);
        assert_eq!(decide(statement.clone(), Access::new("ecr:A", "*")), Decision::NotAllowed);
        assert_eq!(decide(statement, Access::new("ecs:A", ARN)), Decision::NotAllowed);
    }

    #[test]
    fn conditions() {
        let pass_role = || Access::new("iam:PassRole", ARN);
        let passed_to = |service: &str| pass_role().with("iam:PassedToService", service);
        let allows = |operator: &str, access| {
            let statement = json!({
                "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
                "Condition": { operator: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
            });
            decide(statement, access) == Decision::Allowed
        };
        let ecs = "ecs-tasks.amazonaws.com";
        for operator in ["StringEquals", "StringLike", "StringEqualsIfExists", "ArnLike"] {
            assert!(allows(operator, passed_to(ecs)), "{operator}");
            assert!(!allows(operator, passed_to("ec2.amazonaws.com")), "{operator}");
        }
        assert!(allows("StringEqualsIgnoreCase", passed_to("ECS-tasks.amazonaws.com")));
        assert!(!allows("StringEquals", passed_to("ECS-tasks.amazonaws.com")));
        assert!(!allows("StringEquals", pass_role()), "the key is missing");
        assert!(allows("StringEqualsIfExists", pass_role()));
        assert!(allows("StringNotEquals", pass_role()));
        assert!(!allows("StringNotLike", passed_to(ecs)));
    }

    #[test]
    fn what_would_be_ignored_is_refused() {
        let problem = |json: serde_json::Value| Policy::parse(&json.to_string()).unwrap_err().0;
        let policy = |statement| json!({ "Version": "2012-10-17", "Statement": statement });
        let allow = |more: serde_json::Value| {
            let mut statement = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
            statement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            problem(policy(statement))
        };
        assert_eq!(
            problem(json!({ "Version": "2020-01-01", "Statement": [] })),
            "unknown version `2020-01-01`"
        );
        assert_eq!(
            allow(json!({ "NotAction": "*" })),
            "a statement has either Action or NotAction"
        );
        assert_eq!(allow(json!({ "Resource": [] })), "Resource is empty");
        assert_eq!(
            allow(json!({ "Action": "PutImage" })),
            "invalid action `PutImage`: expected SERVICE:NAME"
        );
        assert_eq!(
            allow(json!({ "Condition": { "IpAddress": { "aws:SourceIp": "::1" } } })),
            "the condition operator `IpAddress` is not supported"
        );
        // A principal belongs into a resource's policy.
        let error = Policy::parse(&policy(json!({ "Principal": "*" })).to_string()).unwrap_err();
        assert!(error.to_string().starts_with("the policy is not valid: "), "{error}");
    }
}
