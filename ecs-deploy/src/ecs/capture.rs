//! The JSON of task definitions, as it is sent and received. The SDK's types drop unknown members,
//! so a copy through them would lose members that are newer than the SDK.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecs::config::http::HttpRequest;
use aws_sdk_ecs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;

use crate::error::Error;
use crate::json::value::{Json, Object};

/// An interceptor that keeps the body of the last response to an operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capture {
    body: Arc<Mutex<Vec<u8>>>,
}

impl Capture {
    /// Returns the response's JSON.
    pub(crate) fn json(&self, operation: &'static str) -> Result<Object, Error> {
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |why: String| Error::protocol(operation, format!("its body is invalid: {why}"));
        let text = str::from_utf8(&body).map_err(|error| none(error.to_string()))?;
        match Json::parse(text).map_err(|flaw| none(flaw.to_string()))? {
            Json::Object(object) => Ok(object),
            _ => Err(none("it isn't an object".to_owned())),
        }
    }
}

impl Intercept for Capture {
    fn name(&self) -> &'static str {
        "CaptureResponseBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // The body is in memory now; it may be a stream only before deserialization.
        if let Some(bytes) = context.response().body().bytes() {
            *self.body.lock().unwrap_or_else(PoisonError::into_inner) = bytes.to_vec();
        }
        Ok(())
    }
}

/// Returns a hook that sends `body` instead of the SDK's serialization. It runs before signing, so
/// that the signature covers the new body.
pub(crate) fn replace_body(body: String) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    move |request| {
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = body.as_str().into();
    }
}
