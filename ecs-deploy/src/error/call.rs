//! From the SDK's errors to ours.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

use crate::error::Error;
use crate::error::answer::ApiFailure;
use crate::error::kind::ErrorKind;
use crate::error::repr::Repr;
use crate::names::service::Service;

impl Error {
    pub(crate) fn protocol(operation: &'static str, problem: String) -> Self {
        Repr::Protocol { operation, problem }.into()
    }

    /// The one place where the SDK's errors become ours. `subject` is what the call was about.
    pub(crate) fn api<E>(
        operation: &'static str,
        subject: impl fmt::Display,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let (subject, resource) = (subject.to_string(), "*".to_owned());
        Repr::Api { operation, subject, resource, source: ApiFailure::new(error) }.into()
    }

    /// The same, for a call about a service: what is missing is named.
    pub(crate) fn service_api<E>(
        operation: &'static str,
        service: &Service,
        region: &str,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        Self::about_service(operation, service, region, ApiFailure::new(error))
    }

    /// The same, where one answer is about several services.
    pub(crate) fn about_service(
        operation: &'static str,
        service: &Service,
        region: &str,
        source: ApiFailure,
    ) -> Self {
        let region = region.to_owned();
        match source.kind {
            ErrorKind::ClusterNotFound => {
                Repr::NoCluster { cluster: service.cluster().to_owned(), region, source }.into()
            }
            ErrorKind::ServiceNotFound => {
                Repr::NoService { service: service.clone(), region }.into()
            }
            _ => {
                let subject = service.to_string();
                let resource = match operation {
                    // It takes leave for the task definition.
                    "RunTask" => "*".to_owned(),
                    _ => service.pattern(&region),
                };
                Repr::Api { operation, subject, resource, source }.into()
            }
        }
    }

    /// The same, for a call about a task definition. That one is missing has no code of its own;
    /// reported with this text.
    pub(crate) fn definition_api<E>(
        operation: &'static str,
        reference: &str,
        region: &str,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let source = ApiFailure::new(error);
        let reference = reference.to_owned();
        match source.message.as_deref() {
            Some(message) if message.contains("Unable to describe task definition") => {
                Repr::NoDefinition { reference, region: region.to_owned(), source }.into()
            }
            _ => {
                let resource = "*".to_owned();
                Repr::Api { operation, subject: reference, resource, source }.into()
            }
        }
    }

    /// ECS refuses a second registration of a family while it works on the first, with an error
    /// that has no code of its own; reported with this text. The SDK doesn't retry it.
    pub(crate) fn is_concurrent_registration(&self) -> bool {
        match &*self.0 {
            Repr::Api { source, .. } => source
                .message
                .as_deref()
                .is_some_and(|message| message.contains("Too many concurrent attempts")),
            _ => false,
        }
    }
}
