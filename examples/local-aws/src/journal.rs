//! What was asked of the emulator, for counting and for showing.

use crate::clock::Timestamp;

/// One call that reached the emulator.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// When it was answered.
    pub at: Timestamp,
    /// `ecr`, `ecs` or `sts`; empty if the request names no service.
    pub service: String,
    /// The API's name of the operation, such as `PutImage`, or `V2.PutManifest` and the like for
    /// those of the registry; empty if the request names no operation.
    pub operation: String,
    /// The error code of the answer; `None` if the call succeeded.
    pub error: Option<String>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
}

/// Every call so far, in the order in which they were answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Journal {
    calls: Vec<Call>,
}

impl Journal {
    /// The calls, oldest first.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// How often `operation` was called, successfully or not.
    pub fn count(&self, operation: &str) -> usize {
        self.calls.iter().filter(|call| call.operation == operation).count()
    }

    /// The operations in the order in which they were called.
    pub fn operations(&self) -> Vec<&str> {
        self.calls.iter().map(|call| call.operation.as_str()).collect()
    }

    pub(crate) fn record(&mut self, call: Call) {
        self.calls.push(call);
    }
}
