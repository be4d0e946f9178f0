//! A shared DescribeServices: one call describes up to ten services of a cluster.
//!
//! Each watcher queues its service and then waits for either of two things: its answer, or the
//! lead. The watcher that holds the lead makes the calls for all queued services, until its own
//! answer arrives; then the next waiting watcher takes the lead. At most one shared call is in
//! flight.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use aws_sdk_ecs::types::Service as Description;
use tokio::sync::{self, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::ecs::client::Ecs;
use crate::error::Error;
use crate::names::service::Service;

/// The watchers of services in one account and region. Clones share their state.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    queue: Arc<LookupQueue>,
}

#[derive(Debug)]
struct LookupQueue {
    ecs: Ecs,
    members: AtomicUsize,
    lookups: Mutex<Vec<Lookup>>,
    /// The holder makes the calls for all watchers. The content is the time of the next call.
    lead: sync::Mutex<Instant>,
}

/// A service in the queue, with the channel for its answer.
#[derive(Debug)]
struct Lookup {
    service: Service,
    answer: oneshot::Sender<Result<Option<Description>, Error>>,
}

/// The membership of one watcher.
#[derive(Debug)]
pub(crate) struct Member {
    batch: Batch,
    /// Whether this watcher makes its own calls. ECS refuses a whole call for several services if
    /// the policy doesn't allow one of them.
    is_alone: bool,
}

impl Batch {
    pub(crate) fn new(ecs: &Ecs) -> Self {
        let queue = LookupQueue {
            ecs: ecs.clone(),
            members: AtomicUsize::default(),
            lookups: Mutex::default(),
            lead: sync::Mutex::new(Instant::now()),
        };
        Self { queue: Arc::new(queue) }
    }

    pub(crate) fn is_of(&self, ecs: &Ecs) -> bool {
        self.queue.ecs.is_same(ecs)
    }

    pub(crate) fn member(&self) -> Member {
        self.queue.members.fetch_add(1, Ordering::Relaxed);
        Member { batch: self.clone(), is_alone: false }
    }
}

impl Member {
    /// Returns the service's description; `None` if it is missing. It waits for the next common
    /// call: at most [`ROUND`] unless many services are watched.
    pub(crate) async fn find(&mut self, service: &Service) -> Result<Option<Description>, Error> {
        let queue = &self.batch.queue;
        if self.is_alone {
            return queue.ecs.find(service).await;
        }
        let found = loop {
            let (answer, answered) = oneshot::channel();
            queue.lookups().push(Lookup { service: service.clone(), answer });
            let mut answered = pin!(answered);
            let mut lead = pin!(queue.lead());
            let answered = poll_fn(|context| match answered.as_mut().poll(context) {
                Poll::Pending => lead.as_mut().poll(context).map(|never| match never {}),
                answered => answered,
            });
            // The channel closes without an answer if the leader is dropped during the call.
            if let Ok(found) = answered.await {
                break found;
            }
        };
        match found {
            Err(error) if !error.is_retryable() => {
                self.is_alone = true;
                queue.ecs.find(service).await
            }
            found => found,
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.batch.queue.members.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LookupQueue {
    /// Makes the calls until it is dropped, which happens when the caller's own answer arrives. The
    /// next waiting watcher then takes the lead.
    async fn lead(&self) -> Infallible {
        let mut next = self.lead.lock().await;
        loop {
            sleep_until(*next).await;
            let lookups = self.take();
            if lookups.is_empty() {
                // All are answered. The caller's own answer is ready and ends this future.
                pending::<()>().await;
            }
            *next = Instant::now() + self.pace();
            let services: Vec<Service> = lookups.iter().map(|it| it.service.clone()).collect();
            for (lookup, found) in lookups.into_iter().zip(self.ecs.find_all(&services).await) {
                // A watcher that stopped waiting has dropped its receiver.
                let _ = lookup.answer.send(found);
            }
        }
    }

    /// Returns the time between two calls: all watchers share one budget.
    fn pace(&self) -> Duration {
        let calls = self.members.load(Ordering::Relaxed).div_ceil(Ecs::AT_ONCE).max(1);
        (ROUND / u32::try_from(calls).unwrap_or(u32::MAX)).max(SHORTEST)
    }

    /// Takes up to ten waiting services of one cluster, longest wait first.
    fn take(&self) -> Vec<Lookup> {
        let mut lookups = self.lookups();
        lookups.retain(|it| !it.answer.is_closed());
        let Some(cluster) = lookups.first().map(|it| it.service.cluster_reference()) else {
            return Vec::new();
        };
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for lookup in lookups.drain(..) {
            let fits = taken.len() < Ecs::AT_ONCE && lookup.service.cluster_reference() == cluster;
            if fits { taken.push(lookup) } else { left.push(lookup) }
        }
        *lookups = left;
        taken
    }

    fn lookups(&self) -> MutexGuard<'_, Vec<Lookup>> {
        // A panic leaves no partial change behind.
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time in which up to ten services are each described once; more if the pace allows.
const ROUND: Duration = Duration::from_secs(2);
/// The shortest time between two calls for any number of services: two calls a second.
const SHORTEST: Duration = Duration::from_millis(500);
