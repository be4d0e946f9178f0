//! The messages for AWS's rejections, with the fix for each.

use crate::error::denial::advice;
use crate::error::kind::ErrorKind;
use crate::names::repository::Repository;
use crate::outside::{Outside, Quoted};

/// AWS's answer, or the reason why AWS didn't answer.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Cause {
    pub(crate) text: Outside,
    pub(crate) status: Option<u16>,
    pub(crate) origin: Origin,
    pub(crate) request_id: Option<String>,
    #[source]
    pub(crate) source: Option<Quoted>,
}

/// The sender of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    #[default]
    Aws,
    /// A proxy, a firewall or a portal on the way.
    Elsewhere,
}

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Cause {
    pub(crate) fn without_answer(reason: String) -> Self {
        let (text, origin) = (Outside::new(reason), Origin::Aws);
        Self { text, status: None, origin, request_id: None, source: None }
    }

    pub(crate) fn is_server_fault(&self) -> bool {
        self.status.is_some_and(|status| status >= 500)
    }
}

pub(crate) fn describe_api(
    kind: ErrorKind,
    operation: &str,
    subject: Option<&str>,
    repository: &Repository,
    key: Option<&str>,
    source: &Cause,
) -> String {
    let (name, account, region) = (repository.name(), repository.account(), repository.region());
    let call = call(operation, subject, repository);
    match kind {
        ErrorKind::AccessDenied => {
            let advice = advice(operation, repository, key, source.text.raw());
            format!("{call} is not allowed: {advice}")
        }
        ErrorKind::Configuration => format!("{call} can't be sent"),
        ErrorKind::Credentials => format!("{call} was not accepted with these credentials"),
        ErrorKind::EncryptionKey => format!("{call} can't use the repository's KMS key"),
        ErrorKind::LimitExceeded => {
            format!("{call} exceeded a quota of account {account} in {region}")
        }
        ErrorKind::Network if source.origin == Origin::Elsewhere => {
            format!("{call} {ELSEWHERE}")
        }
        ErrorKind::Network => format!("{call} got no answer from ECR"),
        ErrorKind::Protocol => format!("{call} got an answer that can't be used"),
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

/// What an answer from elsewhere means.
pub(crate) const ELSEWHERE: &str = "did not reach AWS: a proxy, a firewall or a portal on the way \
                                    answered, so check the network's settings";

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
