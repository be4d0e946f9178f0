//! STS: the caller's identity, and temporary credentials of a role.

use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use crate::caller::Caller;
use crate::clock::Timestamp;
use crate::context::Ids;
use crate::error::AwsError;
use crate::iam::{Access, Principals, Role, Temporary};
use crate::wire::escape_xml;

/// The operation that a body of the query protocol names: `Action=…` among `&`-separated pairs.
pub(crate) fn operation(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="))?;
    // Names of operations are letters, so that nothing is percent-encoded.
    action.chars().all(|c| c.is_ascii_alphanumeric()).then(|| action.to_owned())
}

/// The input of one operation, valid as far as that shows without any state.
#[derive(Debug)]
pub(crate) enum Input {
    AssumeRole(AssumeRole),
    GetCallerIdentity,
}

#[derive(Debug)]
pub(crate) struct AssumeRole {
    role: Role,
    session_name: String,
    lifetime: Duration,
}

impl Input {
    pub(crate) fn parse(operation: &str, body: &[u8]) -> Result<Self, AwsError> {
        match operation {
            "AssumeRole" => AssumeRole::parse(body).map(Self::AssumeRole),
            "GetCallerIdentity" => Ok(Self::GetCallerIdentity),
            // Users report the wording.
            _ => Err(AwsError::new(
                "InvalidAction",
                format!("Could not find operation {operation} for version 2011-06-15"),
            )),
        }
    }

    /// GetCallerIdentity needs no permission, and can't be denied (STS API reference).
    pub(crate) fn access(&self) -> Vec<Access> {
        match self {
            Self::AssumeRole(input) => vec![Access::new("sts:AssumeRole", input.role.arn())],
            Self::GetCallerIdentity => Vec::new(),
        }
    }
}

/// The inside of the `…Result` element.
pub(crate) fn call(
    input: Input,
    caller: &Caller,
    principals: &mut Principals,
    ids: &mut Ids,
    now: Timestamp,
) -> String {
    match input {
        Input::AssumeRole(input) => input.answer(principals, ids, now),
        Input::GetCallerIdentity => format!(
            "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
            escape_xml(&caller.identity.arn),
            escape_xml(&caller.identity.user_id),
            caller.account
        ),
    }
}

impl AssumeRole {
    /// The constraints are those of STS's API reference. Any principal with the permission can
    /// assume any role: trust policies are not emulated.
    fn parse(body: &[u8]) -> Result<Self, AwsError> {
        let mut role_arn = None;
        let mut session_name = None;
        let mut seconds = None;
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "DurationSeconds" => seconds = Some(value.into_owned()),
                "RoleArn" => role_arn = Some(value.into_owned()),
                "RoleSessionName" => session_name = Some(value.into_owned()),
                _ => {}
            }
        }
        let role_arn = role_arn.ok_or_else(|| invalid("roleArn", "Member must not be null"))?;
        // Users report the wording.
        let role = Role::parse(&role_arn)
            .ok_or_else(|| AwsError::new("ValidationError", format!("{role_arn} is invalid")))?;
        let session_name =
            session_name.ok_or_else(|| invalid("roleSessionName", "Member must not be null"))?;
        let is_name = (2..=64).contains(&session_name.len())
            && session_name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
        if !is_name {
            let constraint = "Member must satisfy regular expression pattern: [\\w+=,.@-]*";
            return Err(invalid("roleSessionName", constraint));
        }
        let seconds = match seconds.as_deref().map(str::parse) {
            None => 3600,
            Some(Ok(seconds)) if (900..=43_200).contains(&seconds) => seconds,
            Some(_) => {
                return Err(invalid("durationSeconds", "Member must be between 900 and 43200"));
            }
        };
        Ok(Self { role, session_name, lifetime: Duration::from_secs(seconds) })
    }

    fn answer(self, principals: &mut Principals, ids: &mut Ids, now: Timestamp) -> String {
        let Self { role, session_name, lifetime } = self;
        let Temporary { access_key, secret_key, token, expires, identity } =
            principals.assume(&role, &session_name, lifetime, ids.number(), now);
        let expiration = DateTime::from_secs_f64(expires.as_secs_f64());
        // A moment within any year that a clock shows can be written.
        let expiration = expiration.fmt(Format::DateTime).unwrap_or_default();
        format!(
            "<Credentials><AccessKeyId>{access_key}</AccessKeyId>\
             <SecretAccessKey>{secret_key}</SecretAccessKey><SessionToken>{token}</SessionToken>\
             <Expiration>{expiration}</Expiration></Credentials><AssumedRoleUser>\
             <Arn>{}</Arn><AssumedRoleId>{}</AssumedRoleId></AssumedRoleUser>",
            escape_xml(&identity.arn),
            escape_xml(&identity.user_id)
        )
    }
}

fn invalid(member: &str, constraint: &str) -> AwsError {
    AwsError::new(
        "ValidationError",
        format!(
            "1 validation error detected: Value at '{member}' failed to satisfy constraint: \
             {constraint}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_action_is_found_among_the_pairs() {
        let body = b"Version=2011-06-15&Action=GetCallerIdentity";
        assert_eq!(operation(body).as_deref(), Some("GetCallerIdentity"));
        assert_eq!(operation(b"Action=<script>"), None);
        assert_eq!(operation(b"{}"), None);
        assert_eq!(operation(&[0xff]), None);
    }
}
