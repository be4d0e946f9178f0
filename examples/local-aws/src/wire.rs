//! The two wire formats: awsJson1.1 (ECR, ECS) and the query protocol with XML answers (STS).

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::AwsError;

/// Reads an operation's input. AWS answers a body of the wrong shape with `SerializationException`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, AwsError> {
    // An operation without required members may be called with no body at all.
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| AwsError::new("SerializationException", error.to_string()))
}

pub(crate) fn json_response(result: Result<Value, &AwsError>, request_id: &str) -> Response<Bytes> {
    let (status, body) = match result {
        Ok(output) => (StatusCode::OK, output),
        Err(error) => (error.status, error.to_json()),
    };
    respond(
        status,
        "application/x-amz-json-1.1",
        body.to_string(),
        request_id,
    )
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
                "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type>\
                 <Code>{}</Code><Message>{}</Message></Error>\
                 <RequestId>{request_id}</RequestId></ErrorResponse>",
                error.code,
                escape_xml(&error.message)
            ),
        ),
    };
    respond(status, "text/xml", body, request_id)
}

pub(crate) fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
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
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
