//! The handle on an emulator: many at once in one process, each a world of its own.

mod ecr;
mod ecs;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::RANGE;
use http::{Method, Request};
use tokio::time::timeout;

use crate::caller::{ACCOUNT, Caller};
use crate::clock::{Clock, Timestamp};
use crate::context::Blobs;
use crate::core::{Core, Place, Reply, prepare};
use crate::ecr::downloads::{BlobPath, respond, whole};
use crate::ecs::Script;
use crate::faults::{Fault, When};
use crate::iam::{InvalidPolicy, Policy};
use crate::journal::Journal;
use crate::link::{Line, Link, Queue};

/// A body that stalled for longer than it may.
#[derive(Debug)]
pub(crate) struct Stalled;

/// An emulator. Clones are handles on the same one; it ends with its last handle.
///
/// Its clock is tokio's: under `tokio::time::pause` an hour of a rollout takes no time.
#[derive(Debug, Clone)]
pub struct LocalAws {
    core: Arc<Mutex<Core>>,
    shared_line: Queue,
    pub(crate) clock: Clock,
}

impl LocalAws {
    /// The account that every access key belongs to.
    pub const ACCOUNT: &'static str = ACCOUNT;

    /// The region of [`sdk_config`](Self::sdk_config), and of the demonstration.
    pub const REGION: &'static str = "us-east-1";

    /// The ARN of the user that every long-term access key belongs to.
    pub const USER: &'static str = "arn:aws:iam::123456789012:user/local";

    /// An empty emulator, without any socket.
    #[allow(clippy::new_without_default, reason = "each is a world of its own, none is a default")]
    pub fn new() -> Self {
        Self { core: Arc::default(), shared_line: Queue::default(), clock: Clock::new() }
    }

    /// Every call so far.
    pub fn journal(&self) -> Journal {
        self.lock().journal.clone()
    }

    /// Limits `principal` to what `policy` allows, from now on: an identity-based policy in IAM's
    /// JSON, for [`USER`](Self::USER) or for the ARN of a role that will be assumed. A principal
    /// without a policy may do everything.
    ///
    /// # Errors
    /// If it is not a valid policy, or uses a condition operator that isn't supported: no part of
    /// it is ignored.
    pub fn set_policy(&self, principal: &str, policy: &str) -> Result<(), InvalidPolicy> {
        let policy = Policy::parse(policy)?;
        self.lock().principals.set_policy(principal, policy);
        Ok(())
    }

    /// Lets calls meet a fault from now on. Of several that a call could meet, it meets the one
    /// that was injected first.
    pub fn inject(&self, when: When, fault: Fault) {
        self.lock().faults.add(when, fault, self.clock.now());
    }

    /// Takes back every fault: from now on, no call meets any.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Limits the requests per second to what ECR allows by default, for each account and region
    /// by itself. What is over it is throttled.
    pub fn enforce_quotas(&self) {
        self.lock().quotas.set_defaults();
    }

    /// Limits the requests per second of one operation.
    pub fn set_quota(&self, operation: &str, per_second: f64) {
        self.lock().quotas.set(operation, per_second);
    }

    /// Limits the requests of one operation to so many at once, and then to so many per second.
    pub fn set_quota_with_burst(&self, operation: &str, per_second: f64, at_once: f64) {
        self.lock().quotas.set_with_burst(operation, per_second, at_once);
    }

    /// Makes the line between the clients and the emulator as long and as narrow as `link`, for
    /// connections from now on.
    pub fn set_link(&self, link: Link) {
        self.lock().settings.link = link;
    }

    /// Lets every call of `operation` take so long, beside the way there and back: what a service
    /// needs for its work. By default, no time at all. Operations have the names of the journal.
    pub fn set_service_time(&self, operation: &str, time: Duration) {
        self.lock().settings.service_times.insert(operation.to_owned(), time);
    }

    /// Cuts the connection of a request whose body stalls for so long, as servers do. By default, a
    /// body may stall forever.
    pub fn set_body_timeout(&self, limit: Duration) {
        self.lock().settings.body_timeout = Some(limit);
    }

    /// Decides whether the content of layers is kept, from now on.
    pub fn set_blobs(&self, blobs: Blobs) {
        self.lock().settings.blobs = blobs;
    }

    /// Sets the `partSize` that InitiateLayerUpload answers with, in bytes: 10 MiB on ECR. The
    /// registry endpoint adds what it gets to an upload in parts of this size.
    pub fn set_part_size(&self, bytes: u64) {
        self.lock().settings.part_size = bytes;
    }

    /// Sets what every part of a layer but the last must have, in bytes: 5 MiB on ECR. A model of
    /// small parts shows the same faults as a layer of gigabytes, in no time.
    pub fn set_min_part_size(&self, bytes: u64) {
        self.lock().settings.min_part_size = bytes;
    }

    /// Multiplies every duration of a rollout with `factor`: 1 is as long as ECS takes, 0.01 is
    /// fit for a demonstration.
    pub fn set_rollout_pace(&self, factor: f64) {
        self.lock().settings.rollout_pace = factor;
    }

    /// Decides what the tasks of `service` do, from its next deployment on: in [`REGION`], by the
    /// names of the cluster and the service, which needn't exist yet.
    ///
    /// [`REGION`]: Self::REGION
    pub fn script(&self, cluster: &str, service: &str, script: Script) {
        self.in_region(Self::REGION, |place| place.ecs.set_script(cluster, service, script));
    }

    /// Makes what the demonstration works on, in [`REGION`](Self::REGION): the ECR repository
    /// `demo/web`, still empty, and the cluster `demo` with the service `web`, two tasks of the
    /// task definition `web:1` with the containers `web` and `log-router`, circuit breaker and
    /// rollback on, long since in a steady state.
    #[allow(clippy::missing_panics_doc, reason = "a constant input is valid or a test fails")]
    pub fn create_demo(&self) {
        let caller = Caller::local(Self::REGION);
        let now = self.clock.now();
        let mut core = self.lock();
        let (place, mut context) = core.at(&caller, now);
        place
            .ecr
            .create_demo(&mut context)
            .and_then(|()| place.ecs.create_demo(&mut context))
            .expect("the demonstration's inputs are valid");
    }

    /// Answers one request: what both fronts call.
    pub(crate) fn answer(&self, request: Request<Bytes>) -> Reply {
        if request.method() == Method::GET
            && let Some(path) = BlobPath::parse(request.uri().path())
        {
            let BlobPath { account, region, repository, digest } = path;
            let blob =
                self.in_place(&account, &region, |place| place.ecr.blob(&repository, &digest));
            // The answer is assembled here, after the emulator's state is unlocked.
            let answer = respond(blob.map(whole), request.headers().get(RANGE));
            return Reply::Answer(answer, Duration::ZERO);
        }
        // Decoding a part's megabytes must not hold up the other connections.
        let prepared = prepare(request);
        self.in_core(|core, now| core.answer(prepared, now))
    }

    /// Does something with the state, and afterwards what that left to be done without it.
    pub(crate) fn in_core<T>(&self, act: impl FnOnce(&mut Core, Timestamp) -> T) -> T {
        let mut core = self.lock();
        let done = act(&mut core, self.clock.now());
        let deferred = std::mem::take(&mut core.deferred);
        drop(core);
        deferred.carry_out();
        done
    }

    /// Whether the script breaks this request's connection while its body is on the way, and how
    /// long the body stalls before.
    pub(crate) fn breaks_mid_body(&self, target: &str, announced: u64) -> Option<Duration> {
        self.lock().break_mid_body(target, announced, self.clock.now())
    }

    /// The next piece of a body, unless it takes longer than a body may stall.
    pub(crate) async fn piece<F: Future>(&self, next: F) -> Result<F::Output, Stalled> {
        let limit = self.lock().settings.body_timeout;
        match limit {
            Some(limit) => timeout(limit, next).await.map_err(|_| Stalled),
            None => Ok(next.await),
        }
    }

    /// The line of a new connection.
    pub(crate) fn line(&self) -> Line {
        Line::new(self.lock().settings.link, self.shared_line.clone())
    }

    /// Reaches into one region of the default account.
    pub(crate) fn in_region<T>(&self, region: &str, act: impl FnOnce(&mut Place) -> T) -> T {
        self.in_place(ACCOUNT, region, act)
    }

    /// Reaches into one region of any account.
    pub(crate) fn in_place<T>(
        &self,
        account: &str,
        region: &str,
        act: impl FnOnce(&mut Place) -> T,
    ) -> T {
        act(self.lock().place(account, region))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // A panic in one test's call must not turn every later call into another.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
