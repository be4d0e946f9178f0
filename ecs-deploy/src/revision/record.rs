//! [`RevisionRecord`]: a revision in the form of a saved plan.

use serde::{Deserialize, Serialize};

use crate::json::value::{Json, Object};
use crate::revision::document::check;
use crate::revision::{Base, Revision};

/// The whole content of a revision, for a later process. It contains the values of environment
/// variables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevisionRecord {
    /// The members as JSON in a string, because serde's data model keeps neither the members' order
    /// nor the numbers' spelling.
    members: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registered: Option<RegisteredRecord>,
}

/// The registered revision to compare with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegisteredRecord {
    arn: String,
    #[serde(default, skip_serializing_if = "is_false")]
    is_inactive: bool,
    members: String,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl From<&Revision> for RevisionRecord {
    fn from(revision: &Revision) -> Self {
        let registered = revision.base.as_ref().map(|base| RegisteredRecord {
            arn: base.arn.clone(),
            is_inactive: base.is_inactive,
            members: base.members.to_string(),
        });
        Self { members: revision.members.to_string(), registered }
    }
}

impl TryFrom<RevisionRecord> for Revision {
    type Error = String;

    fn try_from(record: RevisionRecord) -> Result<Self, String> {
        let members = object(&record.members)?;
        check(&members)?;
        let base = match record.registered {
            Some(registered) => {
                let RegisteredRecord { arn, is_inactive, members } = registered;
                Some(Base { arn, is_inactive, members: object(&members)? })
            }
            None => None,
        };
        Ok(Self { members, base, source: None })
    }
}

fn object(text: &str) -> Result<Object, String> {
    match Json::parse(text) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err("its task definition isn't an object".to_owned()),
        Err(flaw) => Err(format!("its task definition isn't JSON: {flaw}")),
    }
}
