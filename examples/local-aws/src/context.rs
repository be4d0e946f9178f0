//! What every operation gets beside its input: who calls, when, the settings, and the source of ids.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::caller::Caller;
use crate::clock::Timestamp;
use crate::link::Link;
use crate::tokens::Tokens;

/// What an operation may know of the request beside its input.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
    pub(crate) ids: &'a mut Ids,
    pub(crate) settings: &'a Settings,
    pub(crate) tokens: &'a mut Tokens,
    /// What can be done after the state is unlocked, but before the answer goes out: hashing.
    pub(crate) deferred: &'a mut Deferred,
}

/// Work that needs no state of the core's.
#[derive(Default)]
pub(crate) struct Deferred(Vec<Box<dyn FnOnce() + Send>>);

impl Deferred {
    pub(crate) fn push(&mut self, work: Box<dyn FnOnce() + Send>) {
        self.0.push(work);
    }

    pub(crate) fn carry_out(self) {
        self.0.into_iter().for_each(|work| work());
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deferred({})", self.0.len())
    }
}

/// Identifiers, in a fixed order, so that a run of the emulator can be repeated exactly.
#[derive(Debug, Default)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    pub(crate) fn uuid(&mut self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.number())
    }
}

/// What can be set before or while the emulator runs.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The `partSize` that InitiateLayerUpload returns, and the registry cuts bodies to.
    pub(crate) part_size: u64,
    /// What every part but a layer's last must have, in bytes.
    pub(crate) min_part_size: u64,
    /// What every duration of a rollout is multiplied with.
    pub(crate) rollout_pace: f64,
    pub(crate) blobs: Blobs,
    pub(crate) link: Link,
    /// How long each operation takes, beside the way there and back.
    pub(crate) service_times: BTreeMap<String, Duration>,
    /// How long a body may stall before its connection is cut.
    pub(crate) body_timeout: Option<Duration>,
    /// The address at which the emulator listens, for URLs that it gives out.
    pub(crate) base_url: Option<String>,
}

/// What becomes of the content of layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blobs {
    /// It is hashed and counted, and not kept: enough for any push, however large.
    Count,
    /// It is kept in memory, and can be downloaded.
    #[default]
    Keep,
}

impl Settings {
    /// How long the operation takes.
    pub(crate) fn service_time(&self, operation: &str) -> Duration {
        self.service_times.get(operation).copied().unwrap_or_default()
    }
}

impl Default for Settings {
    fn default() -> Self {
        // 10 MiB is what ECR returns in AWS's own examples.
        Self {
            part_size: 10 * 1024 * 1024,
            min_part_size: MIN_PART_SIZE,
            rollout_pace: 1.0,
            blobs: Blobs::default(),
            link: Link::default(),
            service_times: BTreeMap::new(),
            body_timeout: None,
            base_url: None,
        }
    }
}

/// ECR's Service Quotas page: 5 MiB for every part but a layer's last.
pub(crate) const MIN_PART_SIZE: u64 = 5 * 1024 * 1024;
