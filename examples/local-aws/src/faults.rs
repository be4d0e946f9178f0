//! Faults by script: which call meets what.

use std::collections::HashMap;

use http::StatusCode;

use crate::error::AwsError;

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The call is carried out, and the connection breaks before the answer gets through.
    LoseResponse,
    /// HTTP 500 `ServerException`, and nothing is carried out.
    ServerError,
    /// HTTP 400 `ThrottlingException`, and nothing is carried out.
    Throttle,
}

impl Fault {
    /// The refusal that takes the place of the operation, where one does.
    pub(crate) fn refusal(&self) -> Option<AwsError> {
        match self {
            Fault::LoseResponse => None,
            Fault::ServerError => Some(
                AwsError::new("ServerException", "Service encountered an internal error.")
                    .status(StatusCode::INTERNAL_SERVER_ERROR),
            ),
            Fault::Throttle => Some(AwsError::new("ThrottlingException", "Rate exceeded")),
        }
    }
}

/// The script: the n-th call of an operation, counted from 1 over the emulator's whole life.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    script: HashMap<(String, usize), Fault>,
    calls: HashMap<String, usize>,
}

impl Faults {
    pub(crate) fn add(&mut self, operation: &str, nth: usize, fault: Fault) {
        self.script.insert((operation.to_owned(), nth), fault);
    }

    /// Counts a call of `operation`, and takes the fault that it meets.
    pub(crate) fn meet(&mut self, operation: &str) -> Option<Fault> {
        let count = self.calls.entry(operation.to_owned()).or_default();
        *count += 1;
        self.script.remove(&(operation.to_owned(), *count))
    }
}
