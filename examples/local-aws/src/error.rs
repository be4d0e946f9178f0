//! What the emulator answers when it refuses, in the shape that AWS uses on the wire.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// A modelled error of an AWS operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AwsError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Members beside the message, such as `lastValidByteReceived`.
    members: Map<String, Value>,
}

impl AwsError {
    /// A refusal that is the caller's doing: HTTP 400, as awsJson1.1 has for every client error.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into(), members: Map::new() }
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// What AWS answers for an operation that the service doesn't have.
    pub(crate) fn unknown_operation() -> Self {
        Self::new("UnknownOperationException", "")
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    /// The awsJson1.1 body.
    pub(crate) fn to_json(&self) -> Value {
        let mut body = self.members.clone();
        body.insert("__type".to_owned(), json!(self.code));
        body.insert("message".to_owned(), json!(self.message));
        Value::Object(body)
    }
}
