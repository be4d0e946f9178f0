//! Principals: the one user, the roles that were assumed, and the policies upon them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::caller::{ACCOUNT, Caller, Identity, Signed};
use crate::clock::Timestamp;
use crate::error::AwsError;
use crate::iam::access::Access;
use crate::iam::policy::{Decision, Policy};

/// Who there is, and what they may do.
#[derive(Debug, Default)]
pub(crate) struct Principals {
    /// The policies by the ARN of the user or role.
    policies: BTreeMap<String, Policy>,
    /// The sessions by the access key of their temporary credentials.
    sessions: HashMap<String, Session>,
}

#[derive(Debug, Clone)]
struct Session {
    account: String,
    identity: Identity,
    token: String,
    expires: Timestamp,
}

/// Temporary credentials, as AssumeRole returns them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Temporary {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) token: String,
    pub(crate) expires: Timestamp,
    pub(crate) identity: Identity,
}

impl Principals {
    pub(crate) fn set_policy(&mut self, principal: &str, policy: Policy) {
        self.policies.insert(principal.to_owned(), policy);
    }

    /// Any long-term key is the one user's; a temporary one has to be one that AssumeRole returned.
    pub(crate) fn identify(&self, signed: &Signed, now: Timestamp) -> Result<Caller, AwsError> {
        let region = signed.region.clone();
        let Some(session) = self.sessions.get(&signed.access_key) else {
            // The prefixes of keys: IAM user guide, "Understanding unique ID prefixes".
            if signed.access_key.starts_with(TEMPORARY) || signed.session_token.is_some() {
                return Err(invalid_token(signed));
            }
            let identity = Identity::user(signed.partition().name, &signed.access_key);
            return Ok(Caller { account: ACCOUNT.to_owned(), region, identity });
        };
        if signed.session_token.as_ref() != Some(&session.token) {
            return Err(invalid_token(signed));
        }
        if now >= session.expires {
            let code =
                if signed.service == "sts" { "ExpiredToken" } else { "ExpiredTokenException" };
            return Err(refused(code, "The security token included in the request is expired"));
        }
        let Session { account, identity, .. } = session.clone();
        Ok(Caller { account, region, identity })
    }

    /// Makes a session of a role in another account or the same one.
    pub(crate) fn assume(
        &mut self,
        role: &Role,
        session_name: &str,
        lifetime: Duration,
        number: u64,
        now: Timestamp,
    ) -> Temporary {
        let Role { partition, account, name } = role;
        let identity = Identity {
            arn: format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}"),
            user_id: format!("AROA{number:016}:{session_name}"),
            principal: role.arn(),
        };
        let access_key = format!("{TEMPORARY}{number:016}");
        let token = format!("local-aws-session-{number}");
        let expires = now + lifetime;
        let session = Session {
            account: account.clone(),
            identity: identity.clone(),
            token: token.clone(),
            expires,
        };
        self.sessions.insert(access_key.clone(), session);
        Temporary {
            access_key,
            secret_key: format!("local-aws-secret-{number}"),
            token,
            expires,
            identity,
        }
    }

    /// Checks that the caller's policy allows all of `needed`. Without a policy, everything is
    /// allowed.
    pub(crate) fn authorize(&self, caller: &Caller, needed: &[Access]) -> Result<(), AwsError> {
        let Some(policy) = self.policies.get(&caller.identity.principal) else { return Ok(()) };
        needed.iter().try_for_each(|access| match policy.decide(access) {
            Decision::Allowed => Ok(()),
            Decision::Denied => {
                Err(denied(caller, access, "with an explicit deny in an identity-based policy"))
            }
            Decision::NotAllowed => {
                let action = &access.action;
                let why = format!("because no identity-based policy allows the {action} action");
                Err(denied(caller, access, &why))
            }
        })
    }
}

/// The parts of a role's ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    partition: String,
    account: String,
    name: String,
}

impl Role {
    /// `arn:PARTITION:iam::ACCOUNT:role/NAME`, and the name may have a path in front.
    pub(crate) fn parse(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let name = resource.strip_prefix("role/")?;
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let is_role = (scheme, service, region) == ("arn", "iam", "") && is_account;
        let owned = str::to_owned;
        (is_role && !name.is_empty()).then(|| Self {
            partition: owned(partition),
            account: owned(account),
            name: owned(name),
        })
    }

    pub(crate) fn arn(&self) -> String {
        let Self { partition, account, name } = self;
        format!("arn:{partition}:iam::{account}:role/{name}")
    }
}

const TEMPORARY: &str = "ASIA";

/// Users report the words; IAM's user guide explains them ("Troubleshoot access denied error
/// messages").
fn denied(caller: &Caller, access: &Access, why: &str) -> AwsError {
    let Access { action, resource, .. } = access;
    let arn = &caller.identity.arn;
    let message =
        format!("User: {arn} is not authorized to perform: {action} on resource: {resource} {why}");
    refused(
        if action.starts_with("sts:") { "AccessDenied" } else { "AccessDeniedException" },
        &message,
    )
}

fn invalid_token(signed: &Signed) -> AwsError {
    // STS's query protocol has other names for the common errors.
    let code = if signed.service == "sts" {
        "InvalidClientTokenId"
    } else {
        "UnrecognizedClientException"
    };
    refused(code, "The security token included in the request is invalid.")
}

fn refused(code: &'static str, message: &str) -> AwsError {
    let status = if code.ends_with("Exception") {
        http::StatusCode::BAD_REQUEST
    } else {
        http::StatusCode::FORBIDDEN
    };
    AwsError::new(code, message).status(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arns() {
        let role = Role::parse("arn:aws-cn:iam::123456789012:role/ci/push").unwrap();
        assert_eq!(
            (role.partition.as_str(), role.account.as_str(), role.name.as_str()),
            ("aws-cn", "123456789012", "ci/push")
        );
        assert_eq!(role.arn(), "arn:aws-cn:iam::123456789012:role/ci/push");
        for bad in [
            "",
            "push",
            "arn:aws:iam::123456789012:user/push",
            "arn:aws:iam::12345678901:role/push",
            "arn:aws:iam:us-east-1:123456789012:role/push",
            "arn:aws:iam::123456789012:role/",
        ] {
            assert_eq!(Role::parse(bad), None, "{bad}");
        }
    }
}
