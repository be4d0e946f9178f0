//! The messages for AWS's rejections, with the fix for each.

use crate::error::kind::ErrorKind;
use crate::names::repository::Repository;
use crate::outside::{Outside, Quoted};

/// AWS's answer, or the reason why AWS didn't answer.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Cause {
    pub(crate) text: Outside,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<String>,
    #[source]
    pub(crate) source: Option<Quoted>,
}

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Cause {
    pub(crate) fn without_answer(reason: String) -> Self {
        Self { text: Outside::new(reason), status: None, request_id: None, source: None }
    }

    pub(crate) fn is_server_fault(&self) -> bool {
        self.status.is_some_and(|status| status >= 500)
    }
}

/// Returns the IAM statement whose absence caused a refusal; `None` if a policy denies the action
/// explicitly, because then no statement helps.
///
/// AWS names the action and the resource, which can differ from the operation's: creating a
/// repository with tags also needs `ecr:TagResource`, and one with its own key `kms:CreateGrant`.
pub(crate) fn missing_statement(
    operation: &str,
    repository: &Repository,
    source: &Cause,
) -> Option<String> {
    let text = source.text.raw();
    if text.contains("with an explicit deny") {
        return None;
    }
    let after = |words: &str| text.split_once(words)?.1.split_whitespace().next();
    let action = after("is not authorized to perform: ").filter(|action| action.contains(':'));
    let resource = after(" on resource: ").filter(|resource| resource.starts_with("arn:"));
    let action = action.map_or_else(|| format!("ecr:{operation}"), str::to_owned);
    let resource = resource.map_or_else(|| repository.arn(), str::to_owned);
    let statement = format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#);
    Some(statement)
}

pub(crate) fn describe_api(
    kind: ErrorKind,
    operation: &str,
    subject: Option<&str>,
    repository: &Repository,
    source: &Cause,
) -> String {
    let (name, account, region) = (repository.name(), repository.account(), repository.region());
    let call = call(operation, subject, repository);
    match kind {
        ErrorKind::AccessDenied => match missing_statement(operation, repository, source) {
            Some(statement) => format!("{call} is not allowed: add {statement} to the policy"),
            None => format!(
                "{call} is not allowed: a policy denies it explicitly, which overrides every `Allow`"
            ),
        },
        ErrorKind::Configuration => format!("{call} can't be sent"),
        ErrorKind::Credentials => format!("{call} was not accepted with these credentials"),
        ErrorKind::EncryptionKey => format!("{call} can't use the repository's KMS key"),
        ErrorKind::LimitExceeded => {
            format!("{call} exceeded a quota of account {account} in {region}")
        }
        ErrorKind::Network => format!("{call} got no answer from ECR"),
        ErrorKind::RepositoryNotFound => format!(
            "repository `{name}` not found in account {account}, region {region}: create it with `aws \
             ecr create-repository --repository-name {name} --region {region}`, or correct the URI"
        ),
        ErrorKind::Throttled => format!(
            "{call} was throttled: account {account} makes more requests in {region} than ECR \
             allows"
        ),
        _ => format!("{call} was refused"),
    }
}

/// Users report that ECR's registry breaks the connection in cases that other registries refuse.
pub(crate) fn describe_dropped(
    operation: &str,
    subject: Option<&str>,
    repository: &Repository,
) -> String {
    let call = call(operation, subject, repository);
    let actions = match operation {
        "PutImage" => "`ecr:PutImage`",
        // An upload of a layer in a single request needs the last two actions.
        _ => "`ecr:InitiateLayerUpload`, `ecr:UploadLayerPart` or `ecr:CompleteLayerUpload`",
    };
    format!(
        "{call} was cut off: if this happens each time, the repository may be missing, or the policy \
         may lack {actions} on {}; `Transport::Api` reports which",
        repository.arn()
    )
}

fn call(operation: &str, subject: Option<&str>, repository: &Repository) -> String {
    match subject {
        None => format!("{operation} on {repository}"),
        Some(subject) => format!("{operation} of {subject} on {repository}"),
    }
}
