//! The serialization of an error, for a program's report.

use std::error::Error as StdError;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::error::outcome::Outcome;
use crate::names::service::Service;

/// Serializes the `kind`, the `message`, the messages of the `causes`, and whether the error is
/// `retryable`. The other members appear if the error has them: `operation`, `requestId`,
/// `missingStatement`, `deployment`, `handle`, `progress`, `taskFailures`, `pause`, `rolledBackTo`,
/// `rollbackCause`, `supersededBy`, `findings`, `services`, `task`, `exitCodes`, `logs` and `deregistered`.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = Report { map: serializer.serialize_map(None)? };
        report.map.serialize_entry("kind", &self.kind())?;
        report.map.serialize_entry("message", &self.to_string())?;
        report.map.serialize_entry("causes", &Causes(self))?;
        report.map.serialize_entry("retryable", &self.is_retryable())?;
        report.known("operation", self.operation())?;
        report.known("requestId", self.request_id())?;
        report.known("missingStatement", self.missing_statement())?;
        report.known("deployment", self.deployment())?;
        report.known("handle", self.handle())?;
        report.known("progress", self.progress())?;
        report.all("taskFailures", self.task_failures())?;
        report.known("pause", self.pause())?;
        report.known("rolledBackTo", self.rolled_back_to())?;
        report.known("rollbackCause", self.rollback_cause())?;
        let takeover = self.superseded_by();
        let takeover = takeover.map(|(deployment, revision)| Takeover { deployment, revision });
        report.known("supersededBy", takeover)?;
        report.all("findings", self.findings())?;
        report.known("services", Some(Services(self.outcomes())).filter(|it| !it.0.is_empty()))?;
        report.known("task", self.task())?;
        let exit_codes: Vec<(&str, Option<i32>)> = self.exit_codes().collect();
        report.all("exitCodes", &exit_codes)?;
        report.all("logs", self.logs())?;
        report.all("deregistered", self.deregistered())?;
        report.map.end()
    }
}

struct Report<M> {
    map: M,
}

impl<M: SerializeMap> Report<M> {
    fn known(&mut self, name: &str, value: Option<impl Serialize>) -> Result<(), M::Error> {
        value.map_or(Ok(()), |it| self.map.serialize_entry(name, &it))
    }

    fn all<T: Serialize>(&mut self, name: &str, values: &[T]) -> Result<(), M::Error> {
        self.known(name, Some(values).filter(|it| !it.is_empty()))
    }
}

/// The messages of an error's sources.
struct Causes<'a>(&'a Error);

impl Serialize for Causes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut causes = serializer.serialize_seq(None)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            causes.serialize_element(&error.to_string())?;
            cause = error.source();
        }
        causes.end()
    }
}

/// The deployment that replaced this one, with its `FAMILY:REVISION`.
#[derive(Serialize)]
struct Takeover<'a> {
    deployment: &'a str,
    revision: &'a str,
}

/// The outcome of each service of a fleet.
struct Services<'a>(&'a [(Service, Outcome)]);

impl Serialize for Services<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct ServiceOutcome<'a> {
            service: &'a Service,
            #[serde(flatten)]
            outcome: &'a Outcome,
        }

        let mut services = serializer.serialize_seq(Some(self.0.len()))?;
        for (service, outcome) in self.0 {
            services.serialize_element(&ServiceOutcome { service, outcome })?;
        }
        services.end()
    }
}

#[cfg(test)]
mod tests;
