//! Adjustments to the SDK's retries: reports each retry, and forbids one kind.

use std::sync::{Mutex, PoisonError};

use aws_sdk_ecr::config::interceptors::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef, InterceptorContext,
};
use aws_sdk_ecr::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_ecr::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecr::error::{BoxError, ProvideErrorMetadata as _};
use aws_sdk_ecr::operation::create_repository::CreateRepositoryError;
use aws_sdk_ecr::operation::put_image::PutImageError;
use aws_sdk_ecr::operation::upload_layer_part::UploadLayerPartError;
use serde_json::Value;

use crate::names::repository::Repository;
use crate::outside::quoted;
use crate::report::{Event, Reporter};

/// A retry classifier for `LimitExceededException`, which is a hard quota of ECR, such as images
/// per repository. The SDK treats it as throttling and would resend the same part repeatedly.
#[derive(Debug)]
pub(crate) struct QuotasAreFinal;

impl ClassifyRetry for QuotasAreFinal {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let code = error.and_then(|error| error.as_operation_error()).and_then(|error| {
            // The operations of a push that can return it, according to the service model.
            let upload = error.downcast_ref::<UploadLayerPartError>().and_then(|it| it.code());
            let put = || error.downcast_ref::<PutImageError>().and_then(|it| it.code());
            let create = || error.downcast_ref::<CreateRepositoryError>().and_then(|it| it.code());
            upload.or_else(put).or_else(create)
        });
        match code {
            Some("LimitExceededException") => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "quotas are final"
    }
}

/// Reports every attempt of a request after the first.
#[derive(Debug)]
pub(crate) struct Attempts {
    operation: &'static str,
    repository: Repository,
    reporter: Reporter,
    /// The number of attempts, and the reason why the last one failed.
    seen: Mutex<(u32, String)>,
}

impl Attempts {
    pub(crate) fn new(
        operation: &'static str,
        repository: &Repository,
        reporter: &Reporter,
    ) -> Self {
        let seen = Mutex::default();
        Self { operation, repository: repository.clone(), reporter: reporter.clone(), seen }
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "attempts"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0 += 1;
        if seen.0 > 1 {
            let (attempt, reason) = (seen.0, quoted(&std::mem::take(&mut seen.1)));
            let Self { operation, repository, .. } = self;
            tracing::debug!(operation, %repository, attempt, reason, "retrying the request");
            let repository = repository.clone();
            self.reporter.report(Event::RequestRetried { operation, repository, attempt, reason });
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let failed = context.output_or_error().is_some_and(|outcome| outcome.is_err());
        if failed {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).1 = reason(context);
        }
        Ok(())
    }
}

/// Returns a short reason why an attempt failed.
fn reason(context: &FinalizerInterceptorContextRef<'_>) -> String {
    let Some(response) = context.response() else { return "no response".to_owned() };
    let status = response.status().as_u16();
    let body = response.body().bytes().unwrap_or_default();
    let of_api = || {
        let body: Value = serde_json::from_slice(body).ok()?;
        Some(body.get("__type")?.as_str()?.rsplit('#').next()?.to_owned())
    };
    let of_registry = || Some(first_error(body)?.get("code")?.as_str()?.to_owned());
    match of_api().or_else(of_registry) {
        Some(code) => format!("HTTP {status}, {code}"),
        None => format!("HTTP {status}"),
    }
}

/// Returns the first error in a body such as `{"errors":[{"code":"NAME_UNKNOWN","message":"…"}]}`
/// (distribution specification, "Error Codes").
pub(crate) fn first_error(body: &[u8]) -> Option<Value> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get_mut("errors")?.get_mut(0)?.take())
}
