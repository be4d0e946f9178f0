//! Who calls, and where: read from the SigV4 `Authorization` header.

use http::{HeaderMap, HeaderValue, StatusCode, header::AUTHORIZATION};

use crate::error::AwsError;

/// The account that every access key belongs to: the one AWS's own documentation uses.
pub(crate) const ACCOUNT: &str = "123456789012";

/// What a request's signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) access_key: String,
    pub(crate) region: String,
    /// The signing name: `ecr`, `ecs` or `sts`.
    pub(crate) service: String,
    /// The token of temporary credentials.
    pub(crate) session_token: Option<String>,
}

impl Signed {
    /// Reads the credential scope. The signature itself isn't checked: the emulator has no secret
    /// keys, so that any credentials work.
    pub(crate) fn from_headers(headers: &HeaderMap, host: &str) -> Result<Self, AwsError> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let header = text(AUTHORIZATION.as_str())
            .ok_or_else(|| refused("MissingAuthenticationTokenException", MISSING))?;
        let scope = header
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .and_then(|rest| {
                rest.split(',').find_map(|part| part.trim().strip_prefix("Credential="))
            })
            .ok_or_else(|| refused("IncompleteSignatureException", INCOMPLETE))?;
        // KEY/20260102/us-east-1/ecr/aws4_request, and a key may not contain a slash.
        let mut fields = scope.split('/');
        let (key, region, service) =
            match (fields.next(), fields.next(), fields.next(), fields.next(), fields.next()) {
                (Some(key), Some(_date), Some(region), Some(service), Some("aws4_request"))
                    if !key.is_empty() && is_region(region) && fields.next().is_none() =>
                {
                    (key, region, service)
                }
                _ => return Err(refused("IncompleteSignatureException", INCOMPLETE)),
            };
        // A region's endpoint takes no signature for another one. A loopback address has none.
        if let Some(of_host) = host.split('.').find(|label| is_region(label))
            && of_host != region
        {
            let message = format!("Credential should be scoped to a valid region, not '{region}'.");
            return Err(refused("InvalidSignatureException", &message));
        }
        Ok(Self {
            access_key: key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            session_token: text("x-amz-security-token").map(str::to_owned),
        })
    }

    pub(crate) fn partition(&self) -> Partition {
        Partition::of_region(&self.region)
    }
}

/// Who calls, and in which region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) identity: Identity,
}

impl Caller {
    /// The one user, for what the emulator does itself.
    pub(crate) fn local(region: &str) -> Self {
        let identity = Identity::user(Partition::of_region(region).name, "AIDALOCALAWSEXAMPLE");
        Self { account: ACCOUNT.to_owned(), region: region.to_owned(), identity }
    }

    pub(crate) fn partition(&self) -> Partition {
        Partition::of_region(&self.region)
    }

    /// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Self { account, region, .. } = self;
        let partition = self.partition().name;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// A principal, as requests and messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The ARN that GetCallerIdentity and refusals show.
    pub(crate) arn: String,
    pub(crate) user_id: String,
    /// The user or role whose policy counts.
    pub(crate) principal: String,
}

impl Identity {
    /// The one user, by any of its keys.
    pub(crate) fn user(partition: &str, user_id: &str) -> Self {
        let arn = format!("arn:{partition}:iam::{ACCOUNT}:user/local");
        Self { principal: arn.clone(), arn, user_id: user_id.to_owned() }
    }
}

/// What of AWS's partitions shows in ARNs and host names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) name: &'static str,
    pub(crate) dns_suffix: &'static str,
}

impl Partition {
    /// The prefix of the region decides, as in the SDKs' partitions.json.
    pub(crate) fn of_region(region: &str) -> Self {
        let (name, dns_suffix) = match region {
            r if r.starts_with("cn-") => ("aws-cn", "amazonaws.com.cn"),
            r if r.starts_with("us-gov-") => ("aws-us-gov", "amazonaws.com"),
            r if r.starts_with("eusc-") => ("aws-eusc", "amazonaws.eu"),
            r if r.starts_with("us-iso-") => ("aws-iso", "c2s.ic.gov"),
            r if r.starts_with("us-isob-") => ("aws-iso-b", "sc2s.sgov.gov"),
            r if r.starts_with("eu-isoe-") => ("aws-iso-e", "cloud.adc-e.uk"),
            r if r.starts_with("us-isof-") => ("aws-iso-f", "csp.hci.ic.gov"),
            _ => ("aws", "amazonaws.com"),
        };
        Self { name, dns_suffix }
    }
}

const MISSING: &str = "Missing Authentication Token";
const INCOMPLETE: &str = "Authorization header requires a 'Credential' of the form KEY/DATE/REGION/SERVICE/aws4_request.";

/// Whether the text has the form of `us-east-1` and `us-gov-west-1`: words, then a number.
fn is_region(text: &str) -> bool {
    let mut parts = text.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && words.len() >= 2
        && words.iter().all(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_lowercase()))
}

fn refused(code: &'static str, message: &str) -> AwsError {
    AwsError::new(code, message).status(StatusCode::FORBIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed_for(host: &str, authorization: &'static str) -> Result<Signed, AwsError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(authorization));
        Signed::from_headers(&headers, host)
    }

    const GOOD: &str = "AWS4-HMAC-SHA256 \
                        Credential=AKIAEXAMPLE/20260102/eu-west-1/ecr/aws4_request, \
                        SignedHeaders=host;x-amz-date, Signature=00";

    #[test]
    fn scope_names_key_region_and_service() {
        let signed = signed_for("127.0.0.1", GOOD).unwrap();
        assert_eq!(signed.access_key, "AKIAEXAMPLE");
        assert_eq!(signed.region, "eu-west-1");
        assert_eq!(signed.service, "ecr");
        assert_eq!(signed.session_token, None);
    }

    #[test]
    fn a_region_s_endpoint_takes_no_signature_for_another() {
        assert!(signed_for("api.ecr.eu-west-1.amazonaws.com", GOOD).is_ok());
        assert!(signed_for("sts.amazonaws.com", GOOD).is_ok());
        let error = signed_for("api.ecr.us-east-1.amazonaws.com", GOOD).unwrap_err();
        assert_eq!(error.code, "InvalidSignatureException");
        assert_eq!(
            error.message,
            "Credential should be scoped to a valid region, not 'eu-west-1'."
        );
    }

    #[test]
    fn an_unsigned_request_is_refused() {
        let error = Signed::from_headers(&HeaderMap::new(), "").unwrap_err();
        assert_eq!(error.code, "MissingAuthenticationTokenException");
        assert_eq!(error.status, StatusCode::FORBIDDEN);
    }

    #[test]
    fn a_scope_without_a_region_is_refused() {
        for header in [
            "Basic QVdTOng=",
            "AWS4-HMAC-SHA256 Signature=00",
            "AWS4-HMAC-SHA256 Credential=AKIA/20260102//ecr/aws4_request",
            "AWS4-HMAC-SHA256 Credential=AKIA/20260102/anywhere/ecr/aws4_request",
            "AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu-west-1/ecr",
        ] {
            let error = signed_for("", header).unwrap_err();
            assert_eq!(error.code, "IncompleteSignatureException", "{header}");
        }
    }

    #[test]
    fn a_region_decides_the_partition() {
        assert_eq!(Partition::of_region("cn-north-1").dns_suffix, "amazonaws.com.cn");
        assert_eq!(Partition::of_region("us-gov-west-1").name, "aws-us-gov");
        assert_eq!(Partition::of_region("eu-west-1").name, "aws");
        let arn = Caller::local("eu-west-1").arn("ecr", "repository/app");
        assert_eq!(arn, "arn:aws:ecr:eu-west-1:123456789012:repository/app");
    }
}
