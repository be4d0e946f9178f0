//! The two wire formats: awsJson1.1 (ECR, ECS) and the query protocol with XML answers (STS).

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value;

use crate::error::AwsError;

/// Reads an operation's input. AWS answers a body of the wrong shape with `SerializationException`.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, AwsError> {
    // An operation without required members may be called with no body at all.
    let body = if body.is_empty() { b"{}" } else { body };
    // serde would take an array, too, as the members in their order.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(malformed("expected an object, found an array"));
    }
    serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))
}

/// The refusal of a body that isn't what the operation's input looks like.
pub(crate) fn malformed(message: impl Into<String>) -> AwsError {
    AwsError::new("SerializationException", message)
}

pub(crate) fn json_response(result: Result<Value, &AwsError>, request_id: &str) -> Response<Bytes> {
    let (status, body) = match result {
        Ok(output) => (StatusCode::OK, output),
        Err(error) => (error.status, error.to_json()),
    };
    respond(status, "application/x-amz-json-1.1", body.to_string(), request_id)
}

pub(crate) fn xml_response(
    operation: &str,
    result: Result<String, &AwsError>,
    request_id: &str,
) -> Response<Bytes> {
    const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
    let (status, body) = match result {
        Ok(inner) => (
            StatusCode::OK,
            format!(
                "<{operation}Response xmlns=\"{NAMESPACE}\">\
                 <{operation}Result>{inner}</{operation}Result>\
                 <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
                 </{operation}Response>"
            ),
        ),
        Err(error) => (
            error.status,
            format!(
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{}</Type>\
                 <Code>{}</Code><Message>{}</Message></Error>\
                 <RequestId>{request_id}</RequestId></ErrorResponse>",
                if error.status.is_server_error() { "Receiver" } else { "Sender" },
                query_code(error.code),
                escape_xml(&error.message)
            ),
        ),
    };
    respond(status, "text/xml", body, request_id)
}

/// The query protocol has names of its own for the errors that all services share: AWS's list of
/// common errors.
fn query_code(code: &'static str) -> &'static str {
    match code {
        "IncompleteSignatureException" => "IncompleteSignature",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "ServerException" => "InternalFailure",
        "ThrottlingException" => "Throttling",
        code => code,
    }
}

pub(crate) fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: String,
    request_id: &str,
) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // What never became a call has no id.
    if let Ok(id) = HeaderValue::from_str(request_id)
        && !id.is_empty()
    {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
