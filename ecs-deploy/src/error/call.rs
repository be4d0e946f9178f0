//! The conversion of the SDK's errors to [`Error`].

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_ecs::config::http::HttpResponse;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};

use crate::error::Error;
use crate::error::answer::ApiFailure;
use crate::error::kind::ErrorKind;
use crate::error::missing_statement::Need;
use crate::error::repr::Repr;
use crate::names::service::Service;

impl Error {
    pub(crate) fn protocol(operation: &'static str, problem: String) -> Self {
        Repr::Protocol { operation, problem }.into()
    }

    /// Converts an error of the SDK; no other place does so. `subject` is what the call is about.
    pub(crate) fn api<E>(
        operation: &'static str,
        subject: impl fmt::Display,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let subject = subject.to_string();
        let needs = vec![Need::of_call(operation, &subject)];
        Self::needing(operation, subject, needs, error)
    }

    /// Converts an error of a call that needs these actions on these resources.
    pub(crate) fn needing<E>(
        operation: &'static str,
        subject: impl fmt::Display,
        needs: Vec<Need>,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let (subject, source) = (subject.to_string(), ApiFailure::new(operation, error));
        Repr::Api { operation, subject, needs, source }.into()
    }

    /// Converts an error of a call about a service, and names a missing cluster or service.
    pub(crate) fn service_api<E>(
        operation: &'static str,
        service: &Service,
        region: &str,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let needs = Need::of_service(operation, &service.pattern(region));
        let source = ApiFailure::new(operation, error);
        Self::about_service(operation, service, region, needs, source)
    }

    /// Does the same for one of several services that share a response.
    pub(crate) fn about_service(
        operation: &'static str,
        service: &Service,
        region: &str,
        needs: Vec<Need>,
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
            _ => Repr::Api { operation, subject: service.to_string(), needs, source }.into(),
        }
    }

    /// Converts an error of a call about a task definition. ECS has no error code for a missing
    /// one; this message is reported, not documented.
    pub(crate) fn definition_api<E>(
        operation: &'static str,
        reference: &str,
        region: &str,
        error: SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let source = ApiFailure::new(operation, error);
        let reference = reference.to_owned();
        match source.message.as_deref() {
            Some(message) if message.contains("Unable to describe task definition") => {
                Repr::NoDefinition { reference, region: region.to_owned(), source }.into()
            }
            _ => {
                // IAM can't limit the action to a resource.
                let needs = vec![Need::of_call(operation, "*")];
                Repr::Api { operation, subject: reference, needs, source }.into()
            }
        }
    }

    /// Returns whether ECS refused a deployment because its revision is deregistered. The error has
    /// no code of its own; this message is reported, not documented.
    pub(crate) fn is_inactive_revision(&self) -> bool {
        match &*self.0 {
            Repr::Api { source, .. } => source
                .message
                .as_deref()
                .is_some_and(|message| message.contains("TaskDefinition is inactive")),
            _ => false,
        }
    }

    /// Returns whether ECS refused the registration because another one of the same family is in
    /// progress. The error has no code of its own; this message is reported, not documented. The
    /// SDK doesn't retry it.
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
