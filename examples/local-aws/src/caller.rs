//! Who calls, and where: read from the SigV4 `Authorization` header.

use http::{HeaderMap, StatusCode, header::AUTHORIZATION};

use crate::error::AwsError;

/// The account that every access key belongs to: the one AWS's own documentation uses.
pub(crate) const ACCOUNT: &str = "123456789012";

/// The identity and the region of one signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) access_key: String,
    pub(crate) region: String,
    /// The signing name: `ecr`, `ecs` or `sts`.
    pub(crate) service: String,
}

impl Caller {
    /// Reads the credential scope. The signature itself isn't checked: the emulator has no secret
    /// keys, so that any credentials work.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Self, AwsError> {
        let header = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| refused("MissingAuthenticationTokenException", MISSING))?;
        let scope = header
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .and_then(|rest| {
                rest.split(',').find_map(|part| part.trim().strip_prefix("Credential="))
            })
            .ok_or_else(|| refused("IncompleteSignatureException", INCOMPLETE))?;
        // KEY/20260102/us-east-1/ecr/aws4_request, and a key may not contain a slash.
        let mut fields = scope.split('/');
        match (fields.next(), fields.next(), fields.next(), fields.next(), fields.next()) {
            (Some(key), Some(_date), Some(region), Some(service), Some("aws4_request"))
                if !key.is_empty() && !region.is_empty() && fields.next().is_none() =>
            {
                Ok(Self {
                    account: ACCOUNT.to_owned(),
                    access_key: key.to_owned(),
                    region: region.to_owned(),
                    service: service.to_owned(),
                })
            }
            _ => Err(refused("IncompleteSignatureException", INCOMPLETE)),
        }
    }

    pub(crate) fn partition(&self) -> Partition {
        Partition::of_region(&self.region)
    }

    /// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Self { account, region, .. } = self;
        format!("arn:{}:{service}:{region}:{account}:{resource}", self.partition().name)
    }
}

/// What of AWS's partitions shows in ARNs and host names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) name: &'static str,
    pub(crate) dns_suffix: &'static str,
}

impl Partition {
    /// By the region's prefix, as the SDKs' partitions.json has it.
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

fn refused(code: &'static str, message: &str) -> AwsError {
    AwsError::new(code, message).status(StatusCode::FORBIDDEN)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn caller(authorization: &'static str) -> Result<Caller, AwsError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(authorization));
        Caller::from_headers(&headers)
    }

    #[test]
    fn scope_names_key_region_and_service() {
        let caller = caller(
            "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260102/eu-west-1/ecr/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=00",
        )
        .unwrap();
        assert_eq!(caller.access_key, "AKIAEXAMPLE");
        assert_eq!(caller.region, "eu-west-1");
        assert_eq!(caller.service, "ecr");
        assert_eq!(
            caller.arn("ecr", "repository/app"),
            "arn:aws:ecr:eu-west-1:123456789012:repository/app"
        );
    }

    #[test]
    fn an_unsigned_request_is_refused() {
        let error = Caller::from_headers(&HeaderMap::new()).unwrap_err();
        assert_eq!(error.code, "MissingAuthenticationTokenException");
        assert_eq!(error.status, StatusCode::FORBIDDEN);
    }

    #[test]
    fn a_scope_without_a_region_is_refused() {
        for header in [
            "Basic QVdTOng=",
            "AWS4-HMAC-SHA256 Signature=00",
            "AWS4-HMAC-SHA256 Credential=AKIA/20260102//ecr/aws4_request",
            "AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu-west-1/ecr",
        ] {
            assert_eq!(
                caller(header).unwrap_err().code,
                "IncompleteSignatureException",
                "{header}"
            );
        }
    }

    #[test]
    fn a_region_decides_the_partition() {
        assert_eq!(Partition::of_region("cn-north-1").dns_suffix, "amazonaws.com.cn");
        assert_eq!(Partition::of_region("us-gov-west-1").name, "aws-us-gov");
        assert_eq!(Partition::of_region("eu-west-1").name, "aws");
    }
}
