//! The advice for a denied call: the statement that is missing, or the policy that denies.
//!
//! The text of a denial comes from the server, so no advice repeats it. It only selects from our
//! own tables: which action of the operation is missing, and which policy lacks it.

use std::fmt;

use serde_json::json;

use crate::names::repository::Repository;

/// The advice for a denied call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// A policy of the caller lacks this statement, in JSON.
    Add(String),
    /// The key's ARN is unknown; the caller's policy lacks this action on it.
    AllowOnKey(&'static str),
    /// Another policy has to allow the action.
    Change { policy: Policy, action: String },
    /// A policy denies the action explicitly, so no statement helps.
    Denied(Policy),
    /// The server names an action that the operation doesn't need.
    Unknown,
}

/// The policy that decides, as IAM's messages name it (IAM user guide, "Troubleshoot access denied
/// error messages").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Boundary,
    Identity,
    Resource,
    ResourceControl,
    ServiceControl,
    Session,
    /// The message doesn't say.
    Unnamed,
    VpcEndpoint,
}

const POLICIES: [(&str, Policy); 7] = [
    ("permissions boundary", Policy::Boundary),
    ("identity-based policy", Policy::Identity),
    ("resource-based policy", Policy::Resource),
    ("resource control policy", Policy::ResourceControl),
    ("service control policy", Policy::ServiceControl),
    ("session policy", Policy::Session),
    ("VPC endpoint policy", Policy::VpcEndpoint),
];

/// The actions that an operation may need beside its own (service authorization reference of ECR).
/// A request of the registry's protocol may do the work of two operations.
const FURTHER: [(&str, &[&str]); 4] = [
    ("BatchCheckLayerAvailability", &["ecr:GetDownloadUrlForLayer"]),
    ("CompleteLayerUpload", &["ecr:UploadLayerPart"]),
    (
        "CreateRepository",
        &["ecr:TagResource", "kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"],
    ),
    ("PutImage", &["ecr:BatchGetImage"]),
];

/// Returns the advice for a denied operation on a repository, from the server's `text`. `key` is
/// the KMS key that the request named.
pub(crate) fn advice(
    operation: &str,
    repository: &Repository,
    key: Option<&str>,
    text: &str,
) -> Advice {
    let own = format!("ecr:{operation}");
    let further = FURTHER.iter().find(|(of, _)| *of == operation).map_or(&[][..], |(_, it)| it);
    let action = match named_action(text) {
        None => own,
        Some(named) if named == own => own,
        Some(named) => match further.iter().find(|action| **action == named) {
            Some(action) if action.starts_with("kms:") => {
                return match (deciding(text), key_arn(repository, key)) {
                    (None, Some(arn)) => Advice::Add(statement(action, &arn)),
                    (None, None) => Advice::AllowOnKey(action),
                    (Some(other), _) => other.into_advice(action),
                };
            }
            Some(action) => (*action).to_owned(),
            None => return Advice::Unknown,
        },
    };
    match deciding(text) {
        None => Advice::Add(statement(&action, &repository.arn())),
        Some(other) => other.into_advice(&action),
    }
}

/// Returns the advice for a denied operation that has no resource.
pub(crate) fn advice_without_resource(action: &str, text: &str) -> Advice {
    match deciding(text) {
        None => Advice::Add(statement(action, "*")),
        Some(other) => other.into_advice(action),
    }
}

impl Advice {
    /// Returns the missing statement, if one helps.
    pub(crate) fn statement(self) -> Option<String> {
        match self {
            Self::Add(statement) => Some(statement),
            _ => None,
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(statement) => write!(f, "add {statement} to the policy"),
            Self::AllowOnKey(action) => {
                write!(f, "add `{action}` on the repository's KMS key to the policy")
            }
            Self::Change { policy, action } => {
                write!(f, "{policy} doesn't allow `{action}`, and has to allow it, too")
            }
            Self::Denied(policy) => {
                write!(f, "{policy} denies it explicitly, which overrides every `Allow`")
            }
            Self::Unknown => f.write_str("AWS names an action that this operation doesn't need"),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boundary => "the caller's permissions boundary",
            Self::Identity => "an identity-based policy",
            Self::Resource => "the resource-based policy",
            Self::ResourceControl => "a resource control policy of the organization",
            Self::ServiceControl => "a service control policy of the organization",
            Self::Session => "the session policy",
            Self::Unnamed => "a policy",
            Self::VpcEndpoint => "the VPC endpoint policy",
        })
    }
}

/// A policy other than the caller's own decides, or an explicit `Deny`.
enum Deciding {
    Absent(Policy),
    Denies(Policy),
}

impl Deciding {
    fn into_advice(self, action: &str) -> Advice {
        match self {
            Self::Absent(policy) => Advice::Change { policy, action: action.to_owned() },
            Self::Denies(policy) => Advice::Denied(policy),
        }
    }
}

/// Returns what decides, unless the caller's own policy lacks the action.
fn deciding(text: &str) -> Option<Deciding> {
    let named = |rest: &str| {
        let mut policies = POLICIES.iter();
        policies.find(|(words, _)| rest.starts_with(words)).map(|(_, policy)| *policy)
    };
    if let Some((_, rest)) = text.split_once("with an explicit deny") {
        let rest = rest.trim_start();
        let rest = ["in an ", "in a "].iter().find_map(|words| rest.strip_prefix(words));
        return Some(Deciding::Denies(rest.and_then(named).unwrap_or(Policy::Unnamed)));
    }
    let (_, rest) = text.split_once("because no ")?;
    match named(rest) {
        None | Some(Policy::Identity) => None,
        Some(policy) => Some(Deciding::Absent(policy)),
    }
}

/// Returns the action that the server names. It is only compared.
fn named_action(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("is not authorized to perform: ")?;
    rest.split_whitespace().next().filter(|action| action.contains(':'))
}

/// Returns the ARN of the key that the request named by its ARN or its id. A policy can't name a
/// key by its alias.
fn key_arn(repository: &Repository, key: Option<&str>) -> Option<String> {
    let key = key?;
    if key.starts_with("arn:") {
        return key.contains(":key/").then(|| key.to_owned());
    }
    let is_id = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let (partition, region, account) =
        (repository.partition(), repository.region(), repository.account());
    is_id.then(|| format!("arn:{partition}:kms:{region}:{account}:key/{key}"))
}

fn statement(action: &str, resource: &str) -> String {
    // The members keep the order in which IAM's documentation writes them.
    format!(r#"{{"Effect":"Allow","Action":{},"Resource":{}}}"#, json!(action), json!(resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:ecr:us-east-1:123456789012:repository/demo/web";

    fn repository() -> Repository {
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web".parse().unwrap()
    }

    fn said(operation: &str, action: &str, rest: &str) -> Advice {
        let text = format!(
            "AccessDeniedException: User: arn:aws:iam::123456789012:user/local is not authorized \
             to perform: {action} on resource: {ARN} {rest}"
        );
        advice(operation, &repository(), None, &text)
    }

    #[test]
    fn each_policy_is_named() {
        let change = |words: &str| {
            said("PutImage", "ecr:PutImage", &format!("because no {words} allows the action"))
                .to_string()
        };
        let text = |policy: &str| {
            format!("{policy} doesn't allow `ecr:PutImage`, and has to allow it, too")
        };
        assert_eq!(change("VPC endpoint policy"), text("the VPC endpoint policy"));
        assert_eq!(change("permissions boundary"), text("the caller's permissions boundary"));
        assert_eq!(change("resource-based policy"), text("the resource-based policy"));
        assert_eq!(change("session policy"), text("the session policy"));
        let organization = text("a service control policy of the organization");
        assert_eq!(change("service control policy"), organization);
        let organization = text("a resource control policy of the organization");
        assert_eq!(change("resource control policy"), organization);
        let own = format!(
            r#"add {{"Effect":"Allow","Action":"ecr:PutImage","Resource":"{ARN}"}} to the policy"#
        );
        assert_eq!(change("identity-based policy"), own);
        assert_eq!(change("policy of a new kind"), own);
    }

    #[test]
    fn an_explicit_deny_names_its_policy() {
        for (words, policy) in [
            ("in a service control policy", "a service control policy of the organization"),
            ("in an identity-based policy", "an identity-based policy"),
            ("in a VPC endpoint policy", "the VPC endpoint policy"),
            ("", "a policy"),
            ("in a new kind of policy", "a policy"),
        ] {
            let advice =
                said("PutImage", "ecr:PutImage", &format!("with an explicit deny {words}"));
            let text = format!("{policy} denies it explicitly, which overrides every `Allow`");
            assert_eq!(advice.to_string(), text);
            assert_eq!(advice.statement(), None);
        }
    }

    #[test]
    fn no_action_and_no_resource_of_the_server_s_gets_into_a_statement() {
        for action in [
            "iam:*",
            "ecr:*",
            "s3:GetObject",
            "ecr:DeleteRepository",
            "ecr:TagResource",
            "ecr:PutImage\",\"ecr:*",
        ] {
            assert_eq!(said("PutImage", action, ""), Advice::Unknown, "{action}");
        }
        let text = "User: x is not authorized to perform: ecr:PutImage on resource: arn:aws:s3:::*";
        let statement = advice("PutImage", &repository(), None, text).statement().unwrap();
        let own = format!(r#"{{"Effect":"Allow","Action":"ecr:PutImage","Resource":"{ARN}"}}"#);
        assert_eq!(statement, own);
    }

    #[test]
    fn a_request_of_the_registry_s_may_need_two_actions() {
        for (operation, action) in [
            ("BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer"),
            ("CompleteLayerUpload", "ecr:UploadLayerPart"),
            ("PutImage", "ecr:BatchGetImage"),
        ] {
            let own = format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{ARN}"}}"#);
            assert_eq!(said(operation, action, ""), Advice::Add(own));
        }
    }

    #[test]
    fn a_new_repository_needs_its_tags_and_its_key() {
        let create = |action: &str, key| {
            let text = format!("User: x is not authorized to perform: {action} on resource: arn:x");
            advice("CreateRepository", &repository(), key, &text)
        };
        let on = |action: &str, resource: &str| {
            Advice::Add(format!(
                r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#
            ))
        };
        assert_eq!(create("ecr:CreateRepository", None), on("ecr:CreateRepository", ARN));
        assert_eq!(create("ecr:TagResource", None), on("ecr:TagResource", ARN));
        let key = "arn:aws:kms:us-east-1:123456789012:key/1";
        for named in ["1", key] {
            for action in ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"] {
                assert_eq!(create(action, Some(named)), on(action, key));
            }
        }
        let advice = create("kms:CreateGrant", Some("alias/x"));
        assert_eq!(
            advice.to_string(),
            "add `kms:CreateGrant` on the repository's KMS key to the policy"
        );
        assert_eq!(create("kms:Decrypt", Some("1")), Advice::Unknown);
        assert_eq!(
            Advice::Unknown.to_string(),
            "AWS names an action that this operation doesn't need"
        );
    }

    #[test]
    fn a_call_without_a_resource_has_its_own_statement() {
        let action = "ecr:GetAuthorizationToken";
        let statement = advice_without_resource(action, "x").statement().unwrap();
        assert_eq!(
            statement,
            format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"*"}}"#)
        );
        let text = "because no VPC endpoint policy allows the action";
        assert_eq!(
            advice_without_resource(action, text).to_string(),
            format!("the VPC endpoint policy doesn't allow `{action}`, and has to allow it, too")
        );
    }
}
