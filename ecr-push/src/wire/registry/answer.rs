//! The parser of a registry's responses: its errors, an upload's position and its next location.

use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use serde_json::Value;

use crate::aws::foreign::{describe_foreign, is_html};
use crate::aws::retries::first_error;
use crate::error::answer::Origin;
use crate::error::kind::ErrorKind;
use crate::outside::Outside;

/// A successful response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) upload_id: Option<String>,
    pub(crate) digest: Option<String>,
    /// The last byte that the upload holds, from the header `Range`.
    pub(crate) range: Option<u64>,
}

/// A response with any other status, and the registry's error. A response to HEAD has no error
/// text.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {status}")]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    metadata: ErrorMetadata,
    origin: Origin,
    /// The last byte that the upload holds, from the header `Range`.
    pub(crate) range: Option<u64>,
}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

pub(crate) type RequestError = SdkError<Refusal, HttpResponse>;

/// Parses the response to a request.
pub(crate) fn read(method: &str, response: &HttpResponse) -> Result<Answer, Refusal> {
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name).map(str::to_owned);
    // The header looks like `0-1023`.
    let range = header("range").and_then(|range| range.rsplit('-').next()?.parse().ok());
    if is_success(method, status) && !is_html(response) {
        return Ok(Answer {
            status,
            location: header("location"),
            upload_id: header("docker-upload-uuid"),
            digest: header("docker-content-digest"),
            range,
        });
    }
    let body = response.body().bytes().unwrap_or_default();
    let first = first_error(body);
    let text = |name| first.as_ref().and_then(|error| error.get(name)?.as_str());
    let mut metadata = ErrorMetadata::builder();
    // A registry answers in JSON, or without a body. A redirect comes from it only for a blob.
    let is_foreign = is_html(response)
        || (first.is_none() && !body.is_empty() && serde_json::from_slice::<Value>(body).is_err())
        || (first.is_none() && (300..400).contains(&status) && method != "HEAD");
    let origin = if is_foreign { Origin::Elsewhere } else { Origin::Aws };
    metadata = match text("code") {
        Some(code) => metadata.code(code),
        None if is_foreign => {
            let described = describe_foreign(response);
            metadata.code(format!("{described}, not an answer of the registry's"))
        }
        None => metadata.code(format!("HTTP {status}")),
    };
    if let Some(message) = text("message") {
        metadata = metadata.message(message);
    }
    Err(Refusal { status, metadata: metadata.build(), origin, range })
}

/// Returns whether the registry carried out the request. A redirect or a page from a proxy doesn't
/// count as success.
fn is_success(method: &str, status: u16) -> bool {
    match method {
        "HEAD" => status == 200,
        // A blob or a manifest that is only accepted isn't stored. Older registries answer 204.
        "PUT" => matches!(status, 201 | 204),
        // The specification uses 201 or 202 for each; ECR answers PATCH with 201 (users' reports).
        _ => matches!(status, 201 | 202 | 204),
    }
}

impl Refusal {
    /// Returns whether the registry may have rejected the token. Users report that ECR answers an
    /// expired token with HTTP 403 and "Your authorization token has expired. Reauthenticate and
    /// try again.", and an unknown token with HTTP 400. The response to a HEAD request has no text.
    pub(crate) fn is_of_token(&self) -> bool {
        self.is_surely_of_token()
            || (self.status == 403 && self.message().is_none() && self.origin == Origin::Aws)
    }

    /// Returns whether the registry says that it rejects the token. HTTP 403 without a text can also
    /// mean a missing permission.
    pub(crate) fn is_surely_of_token(&self) -> bool {
        (self.status == 401 && self.origin == Origin::Aws) || self.names_token()
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    fn names_token(&self) -> bool {
        let says_so = |text: &str| text.to_ascii_lowercase().contains("authorization token");
        matches!(self.status, 400 | 403) && self.message().is_some_and(says_so)
    }

    /// Returns whether the registry redirects to a blob's storage.
    pub(crate) fn is_redirect(&self) -> bool {
        self.status == 307 && self.origin == Origin::Aws
    }

    /// Returns whether the registry doesn't have the content.
    pub(crate) fn is_absence(&self) -> bool {
        self.status == 404 && self.origin == Origin::Aws
    }

    pub(crate) fn has_code(&self, codes: &[&str]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code))
    }

    /// Returns whether the registry doesn't know the upload, for example because it has expired.
    pub(crate) fn is_lost_upload(&self) -> bool {
        // A 404 without a code refers to the upload, because the request named it.
        self.has_code(&["BLOB_UPLOAD_UNKNOWN", "HTTP 404"])
    }

    /// Returns whether the received content has another digest. ECR uses the same code for chunks
    /// out of order; the text here is "None of the provided layer digests match the calculated
    /// layer digest" (users' reports).
    pub(crate) fn is_of_content(&self) -> bool {
        let says_so = || self.message().is_some_and(|message| message.contains("digest"));
        self.has_code(&["DIGEST_INVALID"]) || (self.has_code(&["BLOB_UPLOAD_INVALID"]) && says_so())
    }

    /// Returns the position of the upload after content arrived out of order, from ECR's "First
    /// byte of the layer part is 10485760 instead of 20971520". ECR's header `Range` isn't kept up
    /// to date (users' reports).
    pub(crate) fn expected_byte(&self) -> Option<u64> {
        let (_, expected) = self.message()?.split_once(" instead of ")?;
        let digits = expected.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match (self.code(), self.status) {
            (_, 429) => ErrorKind::Throttled,
            _ if self.origin == Origin::Elsewhere => ErrorKind::Network,
            (Some("NAME_UNKNOWN"), _) => ErrorKind::RepositoryNotFound,
            (_, 401) => ErrorKind::Credentials,
            _ if self.names_token() => ErrorKind::Credentials,
            // ECR uses one code for a denial by a policy, by a quota and by a key.
            (Some("DENIED"), _) | (_, 403) => match self.message().unwrap_or_default() {
                text if text.contains("KMS") => ErrorKind::EncryptionKey,
                text if text.contains(" limit") => ErrorKind::LimitExceeded,
                _ => ErrorKind::AccessDenied,
            },
            (Some("TOOMANYREQUESTS"), _) => ErrorKind::Throttled,
            _ => ErrorKind::Service,
        }
    }
}

/// Returns the path and query of a header `Location`. The location must be on one of `hosts`, so
/// that the token and the content are sent to no other host.
///
/// # Errors
/// Returns an error if the location has another host or is invalid.
pub(crate) fn path_of(location: &str, hosts: [&str; 2]) -> Result<String, String> {
    let path = match location.split_once("://") {
        Some(("http" | "https", rest)) => {
            let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(at);
            if !hosts.iter().any(|host| host.eq_ignore_ascii_case(authority)) {
                return Err(format!(
                    "the upload location has another host, `{}`: nothing was sent there",
                    Outside::new(authority)
                ));
            }
            path
        }
        _ => location,
    };
    // `//host/path` names another host, too.
    let is_sendable = path.bytes().all(|b| b.is_ascii_graphic());
    if !path.starts_with('/') || path.starts_with("//") || !is_sendable {
        return Err(format!("invalid upload location `{}`", Outside::new(location)));
    }
    Ok(path.split('#').next().unwrap_or(path).to_owned())
}

/// Returns the path with one more parameter.
pub(crate) fn with_parameter(path: &str, name: &str, value: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}{name}={value}")
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn refusal(status: u16, body: &'static str) -> Refusal {
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        read("PUT", &response).unwrap_err()
    }

    #[test]
    fn a_refusal_is_read_and_one_without_a_body_is_one() {
        let body = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such"},{"code":"DENIED"}]}"#;
        let known = refusal(404, body);
        assert_eq!((known.code(), known.message()), (Some("NAME_UNKNOWN"), Some("no such")));
        assert_eq!(known.kind(), ErrorKind::RepositoryNotFound);
        for body in ["", r#"{"errors":[]}"#, r#"{"errors":{"code":1}}"#] {
            let bare = refusal(404, body);
            assert_eq!((bare.code(), bare.message()), (Some("HTTP 404"), None));
            assert!(bare.is_lost_upload());
            assert_eq!(bare.kind(), ErrorKind::Service);
        }
        for status in [302, 401, 403, 404, 407, 413] {
            let foreign = refusal(status, "<html><title>No</title>");
            let code = format!("HTTP {status}: \"No\", not an answer of the registry's");
            assert_eq!((foreign.code(), foreign.message()), (Some(&*code), None));
            assert!(!foreign.is_lost_upload() && !foreign.is_of_token());
            assert_eq!(foreign.kind(), ErrorKind::Network);
        }
    }

    #[test]
    fn what_another_server_answers_is_no_success() {
        for (method, status, is_one) in [
            ("HEAD", 200, true),
            ("HEAD", 204, false),
            ("HEAD", 307, false),
            ("POST", 202, true),
            ("PATCH", 201, true),
            ("PUT", 201, true),
            ("PUT", 200, false),
            ("PUT", 202, false),
            ("PUT", 301, false),
        ] {
            let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
            assert_eq!(read(method, &response).is_ok(), is_one, "{method} {status}");
            let mut portal = response;
            portal.headers_mut().insert("content-type", "text/html");
            assert!(read(method, &portal).is_err(), "{method} {status}");
        }
    }

    #[test]
    fn a_token_is_renewed_for_what_a_new_one_may_heal() {
        let expired = r#"{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}"#;
        let invalid =
            r#"{"errors":[{"code":"DENIED","message":"Your Authorization Token is invalid."}]}"#;
        let limit = r#"{"errors":[{"code":"DENIED","message":"It would have exceeded a service limit for your account."}]}"#;
        let denied = r#"{"errors":[{"code":"DENIED","message":"not authorized"}]}"#;
        for (status, body, of_token, kind) in [
            (401, "", true, ErrorKind::Credentials),
            (403, expired, true, ErrorKind::Credentials),
            (403, "", true, ErrorKind::AccessDenied),
            (400, invalid, true, ErrorKind::Credentials),
            (403, denied, false, ErrorKind::AccessDenied),
            (403, limit, false, ErrorKind::LimitExceeded),
            (404, "", false, ErrorKind::Service),
            (429, "", false, ErrorKind::Throttled),
        ] {
            let refusal = refusal(status, body);
            assert_eq!((refusal.is_of_token(), refusal.kind()), (of_token, kind), "{status}");
        }
    }

    #[test]
    fn where_an_upload_stands_is_read_from_the_text() {
        let expected = |message: &str| {
            let body = serde_json::json!({ "errors": [{ "code": "X", "message": message }] });
            refusal(416, Box::leak(body.to_string().into_boxed_str())).expected_byte()
        };
        let text = "First byte of the layer part is 10485760 instead of 20971520";
        assert_eq!(expected(text), Some(20_971_520));
        assert_eq!(expected(&format!("{text}.")), Some(20_971_520));
        assert_eq!(expected("First byte is 1 instead of that"), None);
        assert_eq!(expected("99999999999999999999999 instead of 99999999999999999999999"), None);
    }

    #[test]
    fn refused_content_is_told_from_refused_pieces() {
        for (status, body, of_content) in [
            (400, r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#, true),
            (
                400,
                r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"None of the provided layer digests match the calculated layer digest"}]}"#,
                true,
            ),
            (
                416,
                r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"First byte of the layer part is 1 instead of 2"}]}"#,
                false,
            ),
            (400, r#"{"errors":[{"code":"SIZE_INVALID","message":"digest"}]}"#, false),
            (400, "", false),
        ] {
            assert_eq!(refusal(status, body).is_of_content(), of_content, "{body}");
        }
    }

    #[test]
    fn an_upload_goes_on_at_the_same_host() {
        let hosts = ["127.0.0.1:5000", "1.dkr.example"];
        for (location, path) in [
            ("/v2/a/blobs/uploads/1?_state=x", "/v2/a/blobs/uploads/1?_state=x"),
            ("http://127.0.0.1:5000/v2/1", "/v2/1"),
            ("https://1.DKR.example/v2/1#x", "/v2/1"),
        ] {
            assert_eq!(path_of(location, hosts).as_deref(), Ok(path));
        }
        for location in [
            "https://evil.example/v2/1",
            "http://127.0.0.1:5000@evil.example/v2/1",
            "http://127.0.0.1/v2/1",
            "//evil.example/v2/1",
            "ftp://127.0.0.1:5000/v2/1",
            "v2/1",
            "/v2/ 1",
            "/v2/1\r\nx: y",
            "",
        ] {
            assert!(path_of(location, hosts).is_err(), "{location}");
        }
    }

    #[test]
    fn a_parameter_joins_others() {
        assert_eq!(with_parameter("/a", "b", "c"), "/a?b=c");
        assert_eq!(with_parameter("/a?x=y", "b", "c"), "/a?x=y&b=c");
    }
}
