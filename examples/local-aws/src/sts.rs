//! STS: who am I.

use crate::caller::Caller;
use crate::error::AwsError;
use crate::wire::escape_xml;

/// The operation that a body of the query protocol names: `Action=…` among `&`-separated pairs.
pub(crate) fn operation(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="))?;
    // Names of operations are letters, so that nothing is percent-encoded.
    action.chars().all(|c| c.is_ascii_alphanumeric()).then(|| action.to_owned())
}

/// The inside of the `…Result` element.
pub(crate) fn call(operation: &str, caller: &Caller) -> Result<String, AwsError> {
    match operation {
        "GetCallerIdentity" => {
            let Caller { account, access_key, .. } = caller;
            let partition = caller.partition().name;
            Ok(format!(
                "<Arn>arn:{partition}:iam::{account}:user/local</Arn><UserId>{}</UserId>\
                 <Account>{account}</Account>",
                escape_xml(access_key)
            ))
        }
        // Users report the wording.
        _ => Err(AwsError::new(
            "InvalidAction",
            format!("Could not find operation {operation} for version 2011-06-15"),
        )),
    }
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
